"""Tickets into rooms: an ES256 JWT that a room's gate verifies by itself (`hub/templates/gate.cfg`)."""

from __future__ import annotations

from datetime import datetime

import jwt

from governance.settings import Settings
from governance.tables import Admission


def mint(settings: Settings, room: str, admission: Admission, now: datetime) -> str:
    """A ticket for one admission to one room, good until the admission ends and while its row is there.

    Raises:
        ValueError: the admission has ended already; the gate must never see a time that is not ahead.
    """
    expires = int(admission.ends_at.timestamp())
    if expires <= now.timestamp():
        raise ValueError("this admission has ended")
    claims = {
        "iss": settings.portal_origin,
        "aud": settings.room_host(room),
        "sub": room,
        "sid": admission.sid,
        "exp": expires,
    }
    return jwt.encode(claims, (settings.keys / "ticket.key").read_text(), algorithm="ES256")
