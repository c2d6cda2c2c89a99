"""JupyterHub's spawner: hands a room's plan to Docker and decides nothing."""

from __future__ import annotations

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import httpx
from docker.errors import NotFound
from dockerspawner import DockerSpawner
from traitlets import Unicode

from governance import egress, rooms
from governance.database import Database
from governance.errors import NotAllowed, Refused, Unavailable
from governance.settings import load
from hub import container, doctor, edge, gate, masks
from hub.grants import granted
from hub.images import tags
from hub.plan import DOOR_PORT, GATE_UID, PROBE_PORT, ROOM_UID, RoomPlan
from hub.storage import prepare_home, prepare_project

ASK_EVERY = 0.03
"""Seconds between questions whether Jupyter answers: somebody waits, and the gate answers a no by itself."""
READY_WITHIN = 120.0
"""Seconds a room may take until Jupyter answers. 1.4 s is usual on an idle machine."""


class ProjectSpawner(DockerSpawner):
    """One room: its network, its gate and its container. The hub's user name is the room's id.

    What DockerSpawner lets a configuration add to a container (volumes, mounts, extra_host_config and the like) is not
    read: `hub.container` gives the whole configuration.
    """

    installation = Unicode(config=True, help="The installation's name, e.g. `main`.")

    _pool: ThreadPoolExecutor | None = None

    @property
    def executor(self) -> ThreadPoolExecutor:
        """Threads for Docker calls, for all rooms together; DockerSpawner has one for the whole hub."""
        cls = type(self)
        if cls._pool is None:
            cls._pool = ThreadPoolExecutor(8)
        return cls._pool

    @cached_property
    def settings(self) -> Any:
        return load(self.installation)

    @cached_property
    def database(self) -> Database:
        return Database(self.settings.database)

    @property
    def room(self) -> str:
        return str(self.user.name)

    @property
    def gate(self) -> gate.Gate:
        return gate.of_room(self.settings, self.room)

    def _image(self, name: str) -> str:
        found = tags(self.settings).get(name)
        if found is None:
            raise Unavailable("the image {name} is not built: run ./up", name=name)
        return found

    def _name(self, part: str) -> str:
        return f"sluse-{self.installation}-{part}-{self.room}"

    def _object_name_default(self) -> str:
        return self._name("room")

    def get_state(self) -> dict[str, Any]:
        """What the hub keeps over a restart: the room's token, which a new gate needs."""
        state: dict[str, Any] = super().get_state()
        return state | {"room_token": getattr(self, "room_token", "")}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take up a room after the hub's restart."""
        super().load_state(state)
        self.room_token = state.get("room_token", "")

    def get_env(self) -> dict[str, str]:
        """Nothing: no word of the hub goes into a room."""
        return {}

    def _granted(self) -> RoomPlan:
        """The plan from the rows as they are now; raises NotAllowed when they do not grant this room."""
        with self.database.read() as tx:
            return granted(tx, self.room, self.settings, datetime.now(UTC))

    async def in_thread(self, function: Any, *arguments: Any) -> Any:
        """Run something that waits for the disk, the database or Docker."""
        return await asyncio.get_running_loop().run_in_executor(self.executor, function, *arguments)

    async def start(self) -> tuple[str, int]:
        """Called by the hub: start network, room and gate, and return when Jupyter answers through the gate."""
        plan = await self.in_thread(self._granted)
        self.room_token = secrets.token_hex(24)
        try:
            await asyncio.gather(  # no container before both
                self.in_thread(doctor.demand, self.settings, self.client),
                self.in_thread(container.ensure_network, self.client, container.network(plan)),
            )
            await asyncio.gather(self.in_thread(self._start_room, plan), self.in_thread(self._start_gate, plan))
            await self._until_ready(plan)
            await self.in_thread(self._granted)  # the rows may have changed while this took its time
        except BaseException as e:
            await self.stop()
            if isinstance(e, Refused) or not isinstance(e, Exception):
                raise
            self.log.exception("room %s did not start", self.room)
            raise Unavailable("{kind}, in the hub's log", kind=type(e).__name__) from e
        return str(plan.front), DOOR_PORT

    def _start_room(self, plan: RoomPlan) -> None:
        owner = container.id_on_host(self.client, ROOM_UID)
        prepare_home(self.settings, plan.room, plan.project_id, owner)
        prepare_project(self.settings, plan.project_id, owner)
        for mount in plan.mounts:
            if not mount.source.is_dir():
                raise Unavailable("the folder {path} is missing: restore it from a backup", path=mount.source)
        masks.prepare(self.settings, plan.size)
        image = self._image(plan.image)
        digest = str(self.client.inspect_image(image)["Id"])
        with self.database.write() as tx:
            rooms.mounted(tx, plan.room, plan.data, datetime.now(UTC))
            rooms.ran(tx, plan.room, image, digest, datetime.now(UTC))
        self.object_id = container.start(self.client, container.room(plan, image, self.room_token))

    def _start_gate(self, plan: RoomPlan) -> None:
        with self.database.read() as tx:
            now = datetime.now(UTC)
            sids = rooms.admissions(tx, plan.room, now)
            left = egress.today(tx, plan.person_id, self.settings, now).left
        reader = container.id_on_host(self.client, GATE_UID)
        self.gate.prepare(plan, self.settings, self.room_token, sids, left, reader)
        container.start(self.client, container.gate(plan, self._image("gate"), self.gate.folder))

    async def _until_ready(self, plan: RoomPlan) -> None:
        """Ask the gate whether Jupyter answers; the gate passes on nothing but yes or no."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + READY_WITHIN
        async with httpx.AsyncClient(timeout=5, trust_env=False) as http:
            while loop.time() < deadline:
                try:
                    if (await http.get(f"http://{plan.front}:{PROBE_PORT}/ready")).status_code == httpx.codes.OK:
                        return
                except httpx.TransportError:
                    pass
                for part in ("room", "gate"):
                    if not await self.in_thread(self._runs, part):
                        raise Unavailable("the {part}'s container ended while it started", part=part)
                await asyncio.sleep(ASK_EVERY)
        raise Unavailable("the room did not answer within {seconds} seconds", seconds=int(READY_WITHIN))

    def _runs(self, part: str) -> bool:
        try:
            return bool(self.client.inspect_container(self._name(part))["State"]["Running"])
        except NotFound:
            return False

    async def stop(self, now: bool = False) -> None:
        """Called by the hub: the way in goes first, so that nobody is in while the rest goes."""
        await self.in_thread(self._remove)
        self.clear_state()

    def _remove(self) -> None:
        try:
            edge.route(self.settings, self.settings.room_host(self.room), None)
        finally:
            self._remove_containers()

    def _remove_containers(self) -> None:
        labels = {"datasluse.installation": self.installation, "datasluse.room": self.room}
        for part in ("gate", "room"):
            container.remove(self.client, self._name(part), labels | {"datasluse.part": part})
        container.remove_members(self.client, self.installation, self.room)
        container.remove_network(self.client, self._name("net"))
        self.gate.remove()

    async def poll(self) -> int | str | None:
        """Called by the hub: None while the room runs.

        A room whose gate died is not dead: the gate is started again while the rows grant the room. (A hub that
        restarts beside a dead gate would stop the room otherwise.) One that they do not grant any more is ended here:
        a hub that starts would wait for its answer for minutes, and give no answer itself meanwhile.
        """
        state: int | str | None = await super().poll()
        if state is None:
            try:
                await self.in_thread(self._mend_gate)
            except NotAllowed:
                await self.in_thread(self._remove)
                return 0
            except Exception as e:  # a gate that cannot be mended now must not make the hub stop the room
                self.log.warning("gate of %s not mended: %s", self.room, e)
        return state

    def _mend_gate(self) -> None:
        if self._runs("gate"):
            return
        self._start_gate(self._granted())
        self.log.info("gate of %s started again", self.room)
