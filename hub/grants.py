"""What the rows grant a room now, as a plan."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from governance import data, rooms
from governance.errors import NotAllowed
from governance.settings import Settings
from hub.plan import RoomPlan, plan_room


def granted(tx: Session, room: str, settings: Settings, now: datetime) -> RoomPlan:
    """The plan of a room that may run; raises NotAllowed when the rows do not grant it."""
    here = rooms.standing(tx, room)
    refused = rooms.access_refused(tx, here, settings, now)
    if refused or here.room.slot is None:
        raise NotAllowed("the room {room} is not granted: {reason}", room=room, reason=refused)
    snapshots = [(d.name, d.sha256) for d in data.of_project(tx, here.project.id)]
    row = here.room
    ids = room, here.person.id, here.project.id, here.room.slot
    return plan_room(*ids, row.size, snapshots, settings, row.image, clusters=here.project.clusters)
