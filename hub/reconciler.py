"""The reconciler: makes what is equal to what the rows want, at each event and every few seconds.

It alone drives the hub. A start that was asked for survives the death of the process that asked, and losing a role or
a permit closes a running room at the next look.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TypeVar

from docker import APIClient
from docker.errors import DockerException, NotFound
from fastapi import FastAPI
from sqlalchemy import func, select
from starlette.responses import JSONResponse, Response

from governance import clusters, egress, rooms
from governance.database import Database
from governance.egress import Reading, Shown
from governance.errors import STATUS, Refused, Unavailable
from governance.rooms import Standing, Watched
from governance.settings import Settings
from governance.tables import Admission, Room, RoomState
from hub import certificates, container, edge, gate, storage, walls
from hub.client import Hub, Server
from hub.gate import Gate
from hub.processor import ProcessorTime

LOOK_EVERY = timedelta(seconds=15)
LONGEST_LOOK = timedelta(minutes=2)
"""Between the ends of two looks: more, and they hang."""
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
Answer = TypeVar("Answer")


class Reconciler:
    """Looks at rows, hub, gates and walls, and mends the difference."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        hub: Hub,
        docker: APIClient,
        clock: Clock,
        processor: ProcessorTime | None = None,
    ) -> None:
        self.settings, self.database, self.hub, self.docker, self.clock = settings, database, hub, docker, clock
        self.processor = processor or ProcessorTime(
            docker, f"datasluse.installation={settings.installation}", "datasluse.part=room"
        )
        self.looked_at: datetime | None = None
        """When a look last came to its end."""
        self._one_at_a_time: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._admitting: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        # Whoever goes in or logs out waits for none of the others: neither Docker's threads nor what is counted.
        self._admissions = ThreadPoolExecutor(4, "admissions")
        self._gates = ThreadPoolExecutor(8, "gates")
        self._asked_at = self._begun_at = clock()
        self._used: dict[str, float] = {}
        self._used_at = clock()
        self._read: dict[str, Reading] = {}
        self._allowed: dict[str, tuple[str, int]] = {}
        """What each gate was last told: which start of it, and how many KiB."""

    async def look(self) -> None:
        """Look at everything. What cannot be reached now is looked at again next time.

        A room that is as it should be costs no question to the rows or the hub of its own.
        """
        await self.guard("walls", asyncio.to_thread(self._mend_walls))
        watched = await asyncio.to_thread(self._ask_the_rows)
        self._asked_at = self.clock()
        await self.guard("rooms", self._look_at_all(watched))
        await self.guard("volumes", asyncio.to_thread(storage.close_unused, self.settings, self.database))
        self.looked_at = self.clock()

    def _ask_the_rows(self) -> list[Watched]:
        with self.database.read() as tx:
            leftovers = rooms.leftovers(tx, self.clock())
            watched = rooms.watched(tx, self.settings, self.clock())
        if leftovers:
            with self.database.write() as tx:
                rooms.free_slots(tx, self.clock())
        return watched

    async def _look_at_all(self, watched: list[Watched]) -> None:
        try:
            servers = await self.hub.servers()
        except Unavailable as e:
            log.warning("looked without the hub: %s", e)
            servers = None
        computing = await asyncio.to_thread(self._computing, [w.room.id for w in watched])
        idle_since = self.clock() - timedelta(minutes=self.settings.idle_minutes)
        settled, idle, others = [], [], []
        for w in watched:
            if w.refused or w.room.actual != RoomState.OPEN or not _ready(servers, w.room.id):
                others.append(w.room.id)
            elif w.active_at <= idle_since and w.room.id not in computing:
                idle.append(w.room.id)
            else:
                settled.append(w)
        await asyncio.gather(
            *(self.look_at(room) for room in others),
            *(self._close_idle(room) for room in idle),
            self._admit_where_it_differs(settled),
        )
        if servers is not None:
            await self.guard("strangers", self._remove_strangers(set(servers) - {w.room.id for w in watched}))

    def _computing(self, watched: list[str]) -> set[str]:
        """The rooms that used the processor since the last look; the rows know it then. Their own word is not asked."""
        names = {self._name("room", room): room for room in watched}
        try:
            used = {names[name]: seconds for name, seconds in self.processor.used(names).items()}
        except DockerException as e:
            log.warning("what rooms compute is not counted now: %s", e)  # what people do in them still is
            return set()
        now = self.clock()
        enough = BUSY * (now - self._used_at).total_seconds()
        computing = {room for room, seconds in used.items() if seconds - self._used.get(room, seconds) > enough}
        self._used, self._used_at = used, now
        if computing:
            with self.database.write() as tx:
                egress.active(tx, computing, self.clock())
        return computing

    async def _admit_where_it_differs(self, settled: list[Watched]) -> None:
        admitted = await self._of_each_gate([w.room.id for w in settled], Gate.admitted)
        # The rows may have changed since they were asked: they are asked again before a gate is told.
        differ = [w.room.id for w in settled if admitted[w.room.id] not in (None, w.sids)]
        await asyncio.gather(*(self.guard(room, self.admit_now(room)) for room in differ))

    async def _of_each_gate(self, room_ids: Collection[str], ask: Callable[[Gate], Answer]) -> dict[str, Answer]:
        loop = asyncio.get_running_loop()
        gates = [gate.of_room(self.settings, room) for room in room_ids]
        answers = await asyncio.gather(*(loop.run_in_executor(self._gates, ask, door) for door in gates))
        return dict(zip(room_ids, answers, strict=True))

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
        here, refused = await asyncio.to_thread(self._stands, room)
        if refused is None:
            await self._open(here)
            await self.admit_now(room)
        elif here.room.wanted != RoomState.CLOSED or here.room.actual not in rooms.ENDED:
            await self._close(here, refused)

    def _stands(self, room: str) -> tuple[Standing, Refused | None]:
        with self.database.read() as tx:
            here = rooms.standing(tx, room)
            return here, rooms.access_refused(tx, here, self.settings, self.clock())

    async def admit_now(self, room: str) -> bool:
        """Tell a room's gate whom the rows admit now; returns whether a running gate was told.

        Not beside another one: of two that read the rows at different times the older must not win.
        """
        async with self._admitting[room]:
            return await asyncio.get_running_loop().run_in_executor(self._admissions, self._admit, room)

    def _admit(self, room: str) -> bool:
        with self.database.read() as tx:
            sids = rooms.admissions(tx, room, self.clock())
        return gate.of_room(self.settings, room).admit_only(sids)

    async def _close_idle(self, room: str) -> None:
        async with self._one_at_a_time[room]:
            await self.guard(room, self._close_if_idle(room))

    async def _close_if_idle(self, room: str) -> None:
        here, refused = await asyncio.to_thread(self._stands, room)
        if refused is None and await asyncio.to_thread(self._is_idle, here):
            await self._close(here, rooms.closed_idle(self.settings.idle_minutes))

    def _is_idle(self, here: Standing) -> bool:
        with self.database.read() as tx:
            idle_for = self.clock() - egress.active_at(tx, here.room)
        return idle_for >= timedelta(minutes=self.settings.idle_minutes)

    async def count(self) -> None:
        """Take in what every gate has counted, and tell it how much its person may still be shown."""
        people = await asyncio.to_thread(self._people_in_open_rooms)
        said = await self._of_each_gate(people, Gate.counted)
        readings = {room: reading for room, reading in said.items() if reading is not None}
        days = await asyncio.to_thread(self._take_in, readings, set(people.values()))
        loop = asyncio.get_running_loop()
        allow = [
            self.guard(room, loop.run_in_executor(self._gates, self._allow, room, reading, days[people[room]].left))
            for room, reading in readings.items()
        ]
        await asyncio.gather(*allow)

    def _people_in_open_rooms(self) -> dict[str, int]:
        """The person of each open room, by the room's id."""
        with self.database.read() as tx:
            return {s.room.id: s.person.id for s in rooms.every(tx) if s.room.actual == RoomState.OPEN}

    def _take_in(self, readings: Mapping[str, Reading], people: Collection[int]) -> dict[int, Shown]:
        """Each person's day: another room of theirs, a grant or midnight may have changed it, too."""
        more = {room: reading for room, reading in readings.items() if self._read.get(room) != reading}
        if not more:
            with self.database.read() as tx:
                return egress.days(tx, people, self.settings, self.clock())
        with self.database.write() as tx:
            egress.take_in(tx, more, self.settings, self.clock())
            days = egress.days(tx, people, self.settings, self.clock())
        self._read = {room: self._read[room] for room in readings.keys() & self._read.keys()} | more
        return days

    def _allow(self, room: str, reading: Reading, left: int) -> None:
        door = gate.of_room(self.settings, room)
        allowed = (reading.gate, (reading.bytes + left) >> 10)
        if self._allowed.get(room) != allowed:
            door.allow(allowed[1])
            self._allowed[room] = allowed
        if left <= 0:
            door.cut()

    async def _open(self, here: Standing) -> None:
        room = here.room
        if room.actual == RoomState.STARTING and self.clock() - room.changed_at > START_WITHIN:
            await self._fail(here, "not within the time a start may take")
            return
        server = await self.hub.server(room.id)
        if server is Server.READY:
            if room.actual != RoomState.OPEN:
                await asyncio.to_thread(self._became, room.id, RoomState.OPEN)
        elif room.actual == RoomState.OPEN and server in (None, Server.NONE):
            await self._end(here, rooms.ENDED_BY_ITSELF)
        elif room.actual == RoomState.STARTING and server in (None, Server.NONE):
            cause = await self.hub.failure(room.id) if server is not None else None
            if cause:
                await self._fail(here, cause)
            else:
                await self.hub.start(room.id)

    async def _fail(self, here: Standing, cause: str) -> None:
        """The person is told at once, even while the hub is away; it stops what it may still have when it is back."""
        log.warning("room %s did not start: %s", here.room.id, cause)
        await asyncio.to_thread(self._unwant, here.room.id, rooms.DID_NOT_START)
        await asyncio.to_thread(self._became, here.room.id, RoomState.FAILED, rooms.DID_NOT_START)
        await self._end(here, rooms.DID_NOT_START, RoomState.FAILED)

    async def _close(self, here: Standing, why: Refused) -> None:
        await self._end(here, why)
        log.info("room %s closed: %s", here.room.id, why)

    async def _end(self, here: Standing, why: Refused, state: RoomState = RoomState.CLOSED) -> None:
        """End a room: row, edge, gate, server, principal. Whatever of it fails is done at the next look.

        Each step waits for a thread: of many rooms that end at once nobody is let in any more before the first is gone.
        """
        room = here.room.id
        await asyncio.to_thread(self._unwant, room, why)
        await asyncio.to_thread(self._lead_nowhere, room)
        await asyncio.to_thread(self._shut_door, room)
        await self.hub.stop(room)
        await asyncio.to_thread(self._remove_rest, room)
        await asyncio.to_thread(self._became, room, state, why)
        await self.guard("volumes", asyncio.to_thread(storage.close_unused, self.settings, self.database))

    def _unwant(self, room: str, why: Refused) -> None:
        with self.database.write() as tx:
            rooms.want_closed(tx, rooms.standing(tx, room).room, self.clock(), reason=why)

    def _lead_nowhere(self, room: str) -> None:
        edge.route(self.settings, self.settings.room_host(room), None)

    def _shut_door(self, room: str) -> None:
        try:
            if reading := gate.of_room(self.settings, room).counted():
                self._take_in_last(room, reading)
            self._keep_log(room)
        finally:
            self._remove_container("gate", room)
        with self.database.write() as tx:
            clusters.ended_with_room(tx, room, self.clock(), clusters.ENDED_WITH_ROOM)
        container.remove_members(self.docker, self.settings.installation, room)

    def _take_in_last(self, room: str, reading: Reading) -> None:
        with self.database.write() as tx:
            egress.take_in(tx, {room: reading}, self.settings, self.clock())

    def _keep_log(self, room: str) -> None:
        """The engine forgets what a gate logged with its container."""
        name = self._name("gate", room)
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
        container.remove(self.docker, self._name(part, room), labels)

    def _name(self, part: str, room: str) -> str:
        return f"sluse-{self.settings.installation}-{part}-{room}"

    def _became(self, room: str, state: RoomState, reason: Refused | None = None) -> None:
        with self.database.write() as tx:
            row = rooms.standing(tx, room).room
            if state != RoomState.OPEN and row.wanted == RoomState.OPEN:  # wanted again while it was being closed
                state, reason = RoomState.STARTING, None
            rooms.became(tx, row, state, self.clock(), reason=reason)

    async def _remove_strangers(self, strangers: set[str]) -> None:
        """Stop what the hub runs and no row wants: the rows are the truth."""
        for room in strangers:
            async with self._one_at_a_time[room]:
                if not await asyncio.to_thread(self._wanted, room):
                    await asyncio.to_thread(self._lead_nowhere, room)
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

    async def guard(self, what: str, work: Awaitable[object]) -> None:
        """One thing that cannot be done now must not keep the others from being done."""
        try:
            await work
        except Unavailable as e:
            log.warning("%s: %s", what, e)
        except (Refused, DockerException, OSError):
            log.exception("%s: not done, tried again at the next look", what)

    async def wrong(self) -> str | None:
        """What keeps rooms from being looked after; None when nothing does."""
        silent = self.clock() - (self.looked_at or self._begun_at)
        if silent > LONGEST_LOOK:
            return f"no look at the rooms came to its end for {silent.total_seconds():.0f} s"
        return None if await self.hub.alive() else "the hub does not answer"

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
    async def health() -> Response:
        wrong = await reconciler.wrong()
        return JSONResponse({"part": "reconciler", "wrong": wrong}, STATUS[Unavailable] if wrong else 200)

    return app


async def _follow(reconciler: Reconciler, room: str) -> None:
    """Look at a room until it is no longer starting: a start takes seconds, the next round may be 15 s away."""
    wait = 0.1
    while wait < LOOK_EVERY.total_seconds():
        await reconciler.look_at(room)
        if not await asyncio.to_thread(_is_starting, reconciler, room):
            return
        await asyncio.sleep(wait)
        wait *= 1.05  # about five minutes in all, then the rounds go on alone


def _is_starting(reconciler: Reconciler, room: str) -> bool:
    with reconciler.database.read() as tx:
        return rooms.standing(tx, room).room.actual == RoomState.STARTING


def _ready(servers: Mapping[str, Server] | None, room: str) -> bool:
    """Whether the hub says that a room's server is ready; a hub that does not answer ends no room."""
    return servers is None or servers.get(room) is Server.READY


async def _keep_looking(reconciler: Reconciler) -> None:
    while True:
        try:
            await reconciler.look()
            await asyncio.sleep(await asyncio.to_thread(reconciler.next_look))
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
