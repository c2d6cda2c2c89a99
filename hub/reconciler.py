"""The reconciler: makes what is equal to what the rows want, at each event and every few seconds.

It alone drives the hub. A start that was asked for survives the death of the process that asked, and losing a role or
a permit closes a running room at the next look.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

from docker import APIClient
from docker.errors import DockerException, NotFound
from fastapi import FastAPI
from sqlalchemy import func, select

from governance import clusters, egress, rooms
from governance.database import Database
from governance.errors import Refused, Unavailable
from governance.rooms import Standing
from governance.settings import Settings
from governance.tables import Admission, Room, RoomState
from hub import certificates, container, edge, gate, storage, walls
from hub.client import Hub, Server

LOOK_EVERY = timedelta(seconds=15)
GRACE = timedelta(minutes=5)
"""How long rooms may be used while the rows cannot be asked who may be in them."""
COUNT_EVERY = timedelta(seconds=5)
"""HAProxy itself adds up what an open websocket has sent every 5 s: the budget is overdrawn by 10 s at most."""
BUSY = 0.1
"""Of one core, between two looks: more is computing. An idle JupyterLab with an open page uses about 0.01."""
START_WITHIN = timedelta(minutes=3)
"""A room that was asked for and has not come within this time has failed."""

log = logging.getLogger("reconciler")
Clock = Callable[[], datetime]


class Reconciler:
    """Looks at rows, hub, gates and walls, and mends the difference."""

    def __init__(self, settings: Settings, database: Database, hub: Hub, docker: APIClient, clock: Clock) -> None:
        self.settings, self.database, self.hub, self.docker, self.clock = settings, database, hub, docker, clock
        self._one_at_a_time: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._asked_at = clock()
        self._used: dict[str, tuple[int, datetime]] = {}
        self._counted: dict[str, gate.Counted] = {}

    async def look(self) -> None:
        """Look at everything. What cannot be reached now is looked at again next time."""
        await self.guard("walls", asyncio.to_thread(self._mend_walls))
        with self.database.write() as tx:
            rooms.free_slots(tx, self.clock())
            here = [s.room.id for s in rooms.every(tx)]
        self._asked_at = self.clock()
        await asyncio.gather(*(self.look_at(room) for room in here))
        await self.guard("strangers", self._remove_strangers(set(here)))
        await self.guard("volumes", asyncio.to_thread(storage.close_unused, self.settings, self.database))

    async def look_without_rows(self) -> None:
        """The database does not answer. After a while of grace every door is shut: nobody can say who may be in.

        Rooms go on behind their doors; the hub starts the gates of those that are still granted when the rows are back.
        """
        if self.clock() - self._asked_at > GRACE:
            log.error("the database cannot be asked since %s: every door is shut", self._asked_at)
            await asyncio.to_thread(self._shut_every_door)

    def _shut_every_door(self) -> None:
        for host in edge.routes(self.settings):
            edge.route(self.settings, host, None)
        labels = [f"datasluse.installation={self.settings.installation}", "datasluse.part=gate"]
        for found in self.docker.containers(filters={"label": labels}):
            self._remove_container("gate", found["Labels"]["datasluse.room"])

    async def look_at(self, room: str) -> None:
        """Look at one room: start it, close it, or let in exactly those who are admitted."""
        async with self._one_at_a_time[room]:
            await self.guard(room, self._look_at(room))

    async def _look_at(self, room: str) -> None:
        with self.database.read() as tx:
            here = rooms.standing(tx, room)
            refused = rooms.access_refused(tx, here, self.settings, self.clock())
        if refused is None and here.room.actual == RoomState.OPEN:
            refused = await asyncio.to_thread(self._idle, room)
        if refused is None:
            await self._open(here)
            await asyncio.to_thread(self.admit, room)
        elif here.room.wanted != RoomState.CLOSED or here.room.actual not in rooms.ENDED:
            await self._close(here, refused)

    def admit(self, room: str) -> bool:
        """Tell a room's gate whom the rows admit now; returns whether a running gate was told."""
        with self.database.read() as tx:
            sids = rooms.admissions(tx, room, self.clock())
        return gate.of_room(self.settings, room).admit_only(sids)

    async def admit_now(self, room: str) -> bool:
        """`admit`, not beside another one: of two that read the rows at different times the older must not win."""
        async with self._one_at_a_time[room]:
            return await asyncio.to_thread(self.admit, room)

    async def count(self) -> None:
        """Take in what every gate has counted, and tell it how much its person may still be shown."""
        with self.database.read() as tx:
            here = [s.room.id for s in rooms.every(tx) if s.room.actual == RoomState.OPEN]
        await asyncio.gather(*(self.guard(room, asyncio.to_thread(self._count, room)) for room in here))

    def _count(self, room: str) -> None:
        door = gate.of_room(self.settings, room)
        said = door.counted()
        if said is None:
            return
        now = self.clock()
        with self.database.read() as tx:
            row = tx.get(Room, room)
            if row is None:
                return
            # Another room of the person, a grant or a new day may have changed it.
            day = egress.today(tx, row.person_id, self.settings, now)
        if self._counted.get(room) != said:
            with self.database.write() as tx:
                day = egress.counted(tx, tx.get_one(Room, room), said.gate, said.bytes, said.acts, self.settings, now)
            self._counted[room] = said
        door.allow(said, day.left)

    def _idle(self, room: str) -> Refused | None:
        """Why a room in which nothing happens is closed; None while something does. Its own word is not asked for."""
        limit = timedelta(minutes=self.settings.idle_minutes)
        if self._computes(room):
            with self.database.write() as tx:
                egress.active(tx, tx.get_one(Room, room), self.clock())
            return None
        with self.database.read() as tx:
            if self.clock() - egress.active_at(tx, tx.get_one(Room, room)) < limit:
                return None
        return rooms.closed_idle(self.settings.idle_minutes)

    def _computes(self, room: str) -> bool:
        """Whether the room's container used the processor since the last look, by the engine's count of its cgroup."""
        name = f"sluse-{self.settings.installation}-room-{room}"
        try:
            said = self.docker.stats(name, stream=False, one_shot=True)
            used = int(said["cpu_stats"]["cpu_usage"]["total_usage"])
        except (DockerException, KeyError):
            return False  # no word of computing: the person's own acts still count
        now = self.clock()
        before, since = self._used.get(room, (used, now))
        self._used[room] = (used, now)
        seconds = (now - since).total_seconds()
        return seconds > 0 and (used - before) / 1e9 / seconds > BUSY

    async def _open(self, here: Standing) -> None:
        room = here.room
        if room.actual == RoomState.STARTING and self.clock() - room.changed_at > START_WITHIN:
            await self._fail(here, "not within the time a start may take")
            return
        servers = await self.hub.servers()
        server = servers.get(room.id, Server.NONE)
        if server is Server.READY:
            self._became(room.id, RoomState.OPEN)
        elif room.actual == RoomState.OPEN and server is Server.NONE:
            await self._end(here, rooms.ENDED_BY_ITSELF)
        elif room.actual == RoomState.STARTING and server is Server.NONE:
            cause = await self.hub.failure(room.id) if room.id in servers else None
            if cause:
                await self._fail(here, cause)
            else:
                await self.hub.start(room.id)

    async def _fail(self, here: Standing, cause: str) -> None:
        """The person is told at once, even while the hub is away; it stops what it may still have when it is back."""
        log.warning("room %s did not start: %s", here.room.id, cause)
        with self.database.write() as tx:
            rooms.want_closed(tx, rooms.standing(tx, here.room.id).room, self.clock(), reason=rooms.DID_NOT_START)
        self._became(here.room.id, RoomState.FAILED, reason=rooms.DID_NOT_START)
        await self._end(here, rooms.DID_NOT_START, RoomState.FAILED)

    async def _close(self, here: Standing, why: Refused) -> None:
        await self._end(here, why)
        log.info("room %s closed: %s", here.room.id, why)

    async def _end(self, here: Standing, why: Refused, state: RoomState = RoomState.CLOSED) -> None:
        """End a room: row, edge, gate, server, principal. Whatever of it fails is done at the next look."""
        room = here.room.id
        with self.database.write() as tx:
            rooms.want_closed(tx, rooms.standing(tx, room).room, self.clock(), reason=why)
        await asyncio.to_thread(self._shut_door, room)
        await self.hub.stop(room)
        await asyncio.to_thread(self._remove_rest, room)
        self._became(room, state, reason=why)
        await self.guard("volumes", asyncio.to_thread(storage.close_unused, self.settings, self.database))

    def _shut_door(self, room: str) -> None:
        edge.route(self.settings, self.settings.room_host(room), None)
        try:
            self._count(room)
            self._keep_log(room)
        finally:
            self._remove_container("gate", room)
        with self.database.write() as tx:
            clusters.ended_with_room(tx, room, self.clock(), clusters.ENDED_WITH_ROOM)
        container.remove_members(self.docker, self.settings.installation, room)

    def _keep_log(self, room: str) -> None:
        """The engine forgets what a gate logged with its container."""
        name = f"sluse-{self.settings.installation}-gate-{room}"
        with contextlib.suppress(NotFound):
            logged = self.docker.logs(name)
            kept = self.settings.log / "gates" / f"{room}.log"
            kept.touch(mode=0o640)
            with kept.open("ab") as file:
                file.write(logged)

    def _remove_rest(self, room: str) -> None:
        """What is left when the hub knew nothing of the room any more."""
        self._remove_container("room", room)
        container.remove_network(self.docker, f"sluse-{self.settings.installation}-net-{room}")
        gate.of_room(self.settings, room).remove()

    def _remove_container(self, part: str, room: str) -> None:
        labels = {
            "datasluse.installation": self.settings.installation,
            "datasluse.part": part,
            "datasluse.room": room,
        }
        container.remove(self.docker, f"sluse-{self.settings.installation}-{part}-{room}", labels)

    def _became(self, room: str, state: RoomState, reason: Refused | None = None) -> None:
        with self.database.write() as tx:
            row = rooms.standing(tx, room).room
            if state != RoomState.OPEN and row.wanted == RoomState.OPEN:  # wanted again while it was being closed
                state, reason = RoomState.STARTING, None
            rooms.became(tx, row, state, self.clock(), reason=reason)

    async def _remove_strangers(self, ours: set[str]) -> None:
        """Stop what the hub runs and no row wants: the rows are the truth."""
        for room in set(await self.hub.servers()) - ours:
            async with self._one_at_a_time[room]:
                if not self._wanted(room):
                    await asyncio.to_thread(self._shut_door, room)
                    await self.hub.stop(room)

    def _wanted(self, room: str) -> bool:
        """As the rows are now: they may have changed since the round began."""
        with self.database.read() as tx:
            row = tx.get(Room, room)
            return row is not None and row.wanted == RoomState.OPEN

    def _mend_walls(self) -> None:
        wrong = walls.broken(self.settings)
        if wrong:
            log.error("walls put up again: %s", wrong)
            walls.apply(self.settings, self.docker)

    def renew_certificate(self) -> None:
        """See that the edge has a good certificate and shows it."""
        if certificates.keep(self.settings, self.clock()):
            log.info("the edge has a new certificate")
        edge.show_certificate(self.settings)

    async def guard(self, what: str, work: object) -> None:
        """One thing that cannot be done now must not keep the others from being done."""
        try:
            await work  # type: ignore[misc]
        except Unavailable as e:
            log.warning("%s: %s", what, e)
        except (Refused, DockerException, OSError):
            log.exception("%s: not done, tried again at the next look", what)

    def next_look(self) -> float:
        """Seconds until the next look: sooner when a ticket ends before, so that its connections are cut then."""
        now = self.clock()
        with self.database.read() as tx:
            first = tx.scalar(select(func.min(Admission.ends_at)))
        soon = min(LOOK_EVERY, first - now) if first else LOOK_EVERY
        return max(soon.total_seconds(), 0.2)


def create_app(reconciler: Reconciler) -> FastAPI:
    """The reconciler's own small API, on a unix socket that `web` may use: it takes ids, and believes only the rows."""

    @contextlib.asynccontextmanager
    async def run(_: FastAPI) -> AsyncIterator[None]:
        loops = (_keep_looking, _keep_counting, _keep_certificate)
        working = [asyncio.create_task(loop(reconciler)) for loop in loops]
        yield
        for task in working:
            task.cancel()

    app = FastAPI(lifespan=run, docs_url=None, redoc_url=None, openapi_url=None)
    background: set[asyncio.Task[None]] = set()

    @app.post("/look", status_code=202)
    async def look() -> None:
        task = asyncio.create_task(reconciler.look())
        background.add(task)
        task.add_done_callback(background.discard)

    @app.post("/rooms/{room}/look", status_code=202)
    async def look_at(room: str) -> None:
        task = asyncio.create_task(_follow(reconciler, room))
        background.add(task)
        task.add_done_callback(background.discard)

    @app.post("/rooms/{room}/admit")
    async def admit(room: str) -> dict[str, bool]:
        return {"told": await reconciler.admit_now(room)}

    @app.get("/health")
    async def health() -> dict[str, bool]:
        return {"hub": await reconciler.hub.alive()}

    return app


async def _follow(reconciler: Reconciler, room: str) -> None:
    """Look at a room until it is no longer starting: a start takes seconds, the next round may be 15 s away."""
    wait = 0.1
    while wait < LOOK_EVERY.total_seconds():
        await reconciler.look_at(room)
        with reconciler.database.read() as tx:
            if rooms.standing(tx, room).room.actual != RoomState.STARTING:
                return
        await asyncio.sleep(wait)
        wait *= 1.05  # about five minutes in all, then the rounds go on alone


async def _keep_looking(reconciler: Reconciler) -> None:
    while True:
        try:
            await reconciler.look()
            await asyncio.sleep(reconciler.next_look())
        except Exception:
            log.exception("this look failed")
            with contextlib.suppress(DockerException, OSError):
                await reconciler.look_without_rows()
            await asyncio.sleep(LOOK_EVERY.total_seconds())


async def _keep_counting(reconciler: Reconciler) -> None:
    while True:
        try:
            await reconciler.count()
        except Exception:
            log.exception("gates were not counted")
        await asyncio.sleep(COUNT_EVERY.total_seconds())


async def _keep_certificate(reconciler: Reconciler) -> None:
    while True:
        await reconciler.guard("certificate", asyncio.to_thread(reconciler.renew_certificate))
        await asyncio.sleep(60)
