"""dask-gateway for rooms: its own engine and API, with containers of ours, behind the rooms' gates.

A scheduler is its researcher's program. So nothing here speaks dask's protocol to one, follows where it points, or
believes an address, a count or an idleness that it reports: addresses come from `governance.clusters`, ends from the
engine, and the one call that goes to a scheduler passes its room's gate, which lets nothing of the answer through but
yes or no.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from ipaddress import IPv4Address
from typing import Any, cast

import aiohttp
from aiohttp import web
from dask_gateway_server import models
from dask_gateway_server.app import DaskGateway
from dask_gateway_server.backends.base import PublicException
from dask_gateway_server.backends.db_base import Cluster, DBBackendBase, JobStatus, Worker, timestamp
from dask_gateway_server.options import Integer, Options, Select
from docker.errors import DockerException, NotFound
from sqlalchemy.orm import Session
from traitlets.config import Config, catch_config_error

from governance import clusters, rooms
from governance.errors import NotFound as Ended
from governance.errors import Refused
from governance.tables import ClusterPart, Person, Room
from hub import container, masks, storage
from hub.cluster_calls import Given, RoomAuthenticator, from_a_room
from hub.grants import granted
from hub.plan import (
    CLUSTERS_PORT,
    COMMANDS_PORT,
    DASHBOARD_PORT,
    OUT_PORT,
    ROOM_UID,
    SCHEDULER_PORT,
    ClusterPlan,
    MemberPlan,
)
from hub.processor import ProcessorTime

LOOK_EVERY = 2.0
"""Seconds between looks at which containers still run: a person is told of an end within 10."""
ORPHANS_EVERY = timedelta(minutes=1)
COMPUTES = 0.05
"""Of one core, in a cluster between two counts: more is work. An idle scheduler with four workers uses about 0.02."""
COUNT_EVERY = timedelta(seconds=30)
MOST_WORKERS = 58

log = logging.getLogger("clusters")


class Shown(models.Cluster):
    """A cluster as its room is told of it: where its scheduler is, by the address that we gave it."""

    address = ""

    def to_dict(self, full: bool = True) -> dict[str, Any]:
        said: dict[str, Any] = super().to_dict(full)
        running = self.status == models.ClusterStatus.RUNNING and self.address
        return said | {
            "scheduler_address": f"tls://{self.address}:{SCHEDULER_PORT}" if running else None,
            "dashboard_route": f"/proxy/{self.address}:{DASHBOARD_PORT}/status" if running else None,
        }


# -- the engine --------------------------------------------------------------------------------------------------------
class ContainerBackend(DBBackendBase):
    """dask-gateway's engine, with a room's containers as schedulers and workers."""

    @property
    def given(self) -> Given:
        return cast(ClusterGateway, self.parent).given

    async def setup(self, app: web.Application) -> None:
        """Called at the start: clusters that run are taken up again."""
        app.middlewares.append(from_a_room)
        await super().setup(app)

    async def do_setup(self) -> None:
        self._looked_for_orphans = self._counted_at = self.looked_at = self.given.clock()
        self._used: dict[str, float] = {}
        self.processor = ProcessorTime(
            self.given.docker, f"datasluse.installation={self.given.settings.installation}", "datasluse.cluster"
        )
        self.task_pool.spawn(self._keep_looking())

    async def get_cluster_options(self, user: models.User) -> Options:
        """What a researcher may choose; everything else comes from the rows."""
        names = await asyncio.to_thread(self._profiles, user.name)
        return Options(
            Select("profile", names, default=names[0], label="Profile"),
            Integer("workers", default=1, min=0, max=MOST_WORKERS, label="Workers at the start"),
            handler=self._configuration,
        )

    def _profiles(self, room: str) -> list[str]:
        """Those of the room's image: what a notebook sends to a worker must be there."""
        with self.given.database.read() as tx:
            image = rooms.standing(tx, room).room.image
        found = [name for name, given in self.given.settings.every_profile.items() if given.image == image]
        if not found:
            raise clusters.NO_PROFILE
        return found

    def _configuration(self, options: Any, _user: models.User) -> dict[str, Any]:
        given = self.given.settings.every_profile[options.profile]
        return {
            "worker_cores": given.threads,
            "worker_memory": given.memory,
            "cluster_max_workers": given.most_workers,
        }

    async def get_cluster(self, cluster_name: str, wait: bool = False) -> models.Cluster | None:
        """As dask-gateway has it, with the address that we gave."""
        model = await super().get_cluster(cluster_name, wait)
        return model and self._shown(model)

    async def list_clusters(self, username: str | None = None, statuses: Any = None) -> list[models.Cluster]:
        return [self._shown(model) for model in await super().list_clusters(username, statuses)]

    def _shown(self, model: models.Cluster) -> Shown:
        shown = Shown(**vars(model))
        shown.address = self.db.get_cluster(model.name).state.get("address", "")
        return shown

    async def start_cluster(self, user: models.User, cluster_options: dict[str, Any]) -> str:
        """Claim a cluster with its first workers, and begin to start them all at once."""
        options, config = await self.process_cluster_options(user, cluster_options)
        cluster = self.db.create_cluster(user.name, options, config.to_dict())
        workers = [self.db.create_worker(cluster) for _ in range(options["workers"])]
        try:
            address = await asyncio.to_thread(self._claim, cluster, options["profile"], [w.name for w in workers])
        except BaseException as e:
            self._forget(cluster)
            if isinstance(e, Refused):
                raise PublicException(await asyncio.to_thread(self._in_words, user.name, e)) from e
            raise
        self.db.update_cluster(cluster, count=len(workers), state={"address": str(address)})
        for part in (cluster, *workers):
            self.queue.put(part)
        return str(cluster.name)

    def _claim(self, cluster: Cluster, profile: str, workers: list[str]) -> IPv4Address:
        given = self.given
        with given.database.write() as tx:
            here = rooms.standing(tx, cluster.username)
            now, fit = given.clock(), self._fit(tx, profile)
            clusters.begin(tx, here, cluster.name, profile, workers, given.settings, now)
            if len(workers) > fit:  # said after the limits, and nothing is claimed
                raise clusters.disk_full(fit)
            plan = granted(tx, here.room.id, given.settings, now)
            return plan.address(clusters.scheduler_place(tx, cluster.name))

    def _fit(self, tx: Session, profile: str) -> int:
        """How many more workers' scratch the disk holds. Told before one is started: a start that fails is counted."""
        known = self.given.settings.every_profile
        if profile not in known:
            return MOST_WORKERS
        coming = [(name, known[of].scratch_mib) for name, of in clusters.workers(tx) if of in known]
        return storage.scratches_that_fit(self.given.settings, known[profile].scratch_mib, coming)

    def _forget(self, cluster: Cluster) -> None:
        now = timestamp()
        ended = {"status": JobStatus.FAILED, "target": JobStatus.FAILED, "stop_time": now}
        self.db.update_workers([(w, ended) for w in cluster.workers.values()])
        self.db.update_cluster(cluster, **ended)
        cluster.ready.set()
        cluster.shutdown.set()

    async def stop_cluster(self, cluster_name: str, failed: bool = False) -> None:
        """Called when a person stops a cluster."""
        await self._end(cluster_name, clusters.STOPPED, failed=failed)

    async def _end(self, name: str, why: Refused, *, failed: bool = True) -> None:
        await asyncio.to_thread(self._record_end, name, why)
        await super().stop_cluster(name, failed)

    def _record_end(self, name: str, why: Refused) -> None:
        with self.given.database.write() as tx:
            clusters.ended(tx, name, self.given.clock(), why)

    async def forward_message_to_scheduler(self, cluster: models.Cluster, msg: dict[str, Any]) -> None:
        """Tell a scheduler how many workers are wanted, through its room's gate. That it does not listen ends nothing.

        Raises:
            PublicException: it cannot be told, or more is wanted than its person may have.
        """
        if cluster.status != models.ClusterStatus.RUNNING:
            raise PublicException(await asyncio.to_thread(self._in_words, cluster.username, clusters.NOT_RUNNING))
        front = await asyncio.to_thread(self._asked, cluster.name, cluster.username, int(msg.get("count") or 0))
        try:
            async with self.session.post(
                f"http://{front}:{COMMANDS_PORT}/api/comm",
                json=msg,
                headers={"Authorization": f"token {cluster.token}", "Scheduler": cast(Shown, cluster).address},
                timeout=aiohttp.ClientTimeout(total=4),
                allow_redirects=False,
            ) as answer:
                if answer.status == 200:
                    return
        except (aiohttp.ClientError, TimeoutError):
            pass
        raise PublicException(await asyncio.to_thread(self._in_words, cluster.username, clusters.NO_ANSWER))

    def _asked(self, name: str, room: str, count: int) -> IPv4Address:
        """Somebody wants this many workers; returns the front address of the room's gate."""
        given = self.given
        with given.database.write() as tx:
            now = given.clock()
            clusters.active(tx, name, now)
            have = sum(c.part == ClusterPart.WORKER for c in clusters.containers(tx, name))
            wanted = count - have
            if wanted > 0:
                _, refused = clusters.more_workers(tx, name, given.settings, now, wanted=wanted)
                fit = self._fit(tx, clusters.running(tx, name).profile)
                if refused is None and wanted > fit:
                    refused = clusters.disk_full(fit)
                if refused:
                    raise PublicException(self._words(tx, room, refused))
            return granted(tx, room, given.settings, now).front

    def _in_words(self, room: str, refused: Refused) -> str:
        with self.given.database.read() as tx:
            return self._words(tx, room, refused)

    def _words(self, tx: Any, room: str, refused: Refused) -> str:
        person = tx.get(Person, tx.get(Room, room).person_id)
        return self.given.speak(person.language).refusal(refused)

    async def on_cluster_heartbeat(self, cluster_name: str, msg: dict[str, Any]) -> None:
        """A scheduler's word on which workers it knows and how many it wants, as far as it may want them."""
        cluster = self.db.get_cluster(cluster_name)
        if cluster is None or cluster.target > JobStatus.RUNNING:
            return
        have = {w.name for w in cluster.workers.values() if w.is_active()}
        count = min(msg["count"], cluster.config.cluster_max_workers)
        if count > len(have):
            count = len(have) + await asyncio.to_thread(self._free, cluster_name, count - len(have), have)
        # No waiting from here on: dask-gateway asserts that what is said fits the states that it has.
        ours = {w.name: w for w in cluster.workers.values() if w.status < JobStatus.STOPPED}
        said = {key: set(msg[key]) & set(ours) for key in ("active_workers", "closing_workers", "closed_workers")}
        # One that runs and is not spoken of runs: its end is the engine's to say.
        silent = {n for n, w in ours.items() if w.status == JobStatus.RUNNING} - set().union(*said.values())
        address = cluster.state["address"]
        believed = {
            "scheduler_address": f"tls://{address}:{SCHEDULER_PORT}",
            "dashboard_address": "",
            "api_address": "",
            "count": count,
            **said,
            "active_workers": said["active_workers"] | silent,
        }
        await super().on_cluster_heartbeat(cluster_name, believed)

    def _free(self, name: str, wanted: int, have: set[str]) -> int:
        """How many of the wanted workers it may have, beside those that it has and that may not be claimed yet."""
        given = self.given
        try:
            with given.database.write() as tx:
                unclaimed = len(have - clusters.claimed(tx))
                fit = self._fit(tx, clusters.running(tx, name).profile)
                more = clusters.more_workers(tx, name, given.settings, given.clock(), wanted=wanted + unclaimed)[0]
                return max(0, min(fit, more) - unclaimed)
        except Refused:
            return 0

    # -- containers ----------------------------------------------------------------------------------------------------
    async def do_start_cluster(self, cluster: Cluster) -> AsyncIterator[dict[str, Any]]:
        """Start the scheduler."""
        yield await asyncio.to_thread(self._start_scheduler, cluster)

    def _start_scheduler(self, cluster: Cluster) -> dict[str, str]:
        plan, image = self._plan(cluster)
        with self.given.database.read() as tx:
            first_workers = len(clusters.containers(tx, cluster.name)) - 1
        self._start_member(plan.member_scheduler(first_workers), image)
        return {"address": str(plan.scheduler)}

    async def do_start_worker(self, worker: Worker) -> AsyncIterator[dict[str, Any]]:
        """Start a worker, whose scheduler may not answer yet."""
        try:
            await asyncio.to_thread(self._start_worker, worker)
        except Refused as e:  # its person is told; after three the engine gives the cluster up
            await asyncio.to_thread(self._worker_ended, worker.name, e)
            raise
        yield worker.state

    def _start_worker(self, worker: Worker) -> None:
        given = self.given
        with given.database.write() as tx:
            claim = clusters.claim_worker(tx, worker.cluster.name, worker.name, given.settings, given.clock())
            profile = given.settings.every_profile[clusters.running(tx, worker.cluster.name).profile]
            gpus = clusters.gpus(tx, worker.name)
        plan, image = self._plan(worker.cluster)
        owner = container.id_on_host(given.docker, ROOM_UID)
        scratch = storage.prepare_scratch(given.settings, worker.name, profile.scratch_mib, owner)
        address = plan.room.address(claim.place)
        member = plan.member_worker(worker.name, address, claim.cores, claim.memory, scratch, gpus)
        self._start_member(member, image)

    def _start_member(self, member: MemberPlan, image: str) -> None:
        masks.prepare(self.given.settings, member.size)
        container.start(self.given.docker, container.member(member, image))

    def _plan(self, cluster: Cluster) -> tuple[ClusterPlan, str]:
        given = self.given
        with given.database.read() as tx:
            row = clusters.running(tx, cluster.name)
            room = granted(tx, row.room_id, given.settings, given.clock())
            address = room.address(clusters.scheduler_place(tx, cluster.name))
        certificate, key = cluster.tls_cert.decode(), cluster.tls_key.decode()
        return ClusterPlan(room, cluster.name, cluster.token, certificate, key, address), row.image

    async def do_stop_cluster(self, cluster: Cluster) -> None:
        await asyncio.to_thread(self._remove, ClusterPart.SCHEDULER, cluster.name)
        why = clusters.SILENT if cluster.last_heartbeat else clusters.DID_NOT_START
        await asyncio.to_thread(self._record_end, cluster.name, why)  # unless it has a reason

    async def do_stop_worker(self, worker: Worker) -> None:
        await asyncio.to_thread(self._remove, ClusterPart.WORKER, worker.name)
        await asyncio.to_thread(self._worker_ended, worker.name, None)
        await asyncio.to_thread(self._remove_scratch, worker.name)

    def _remove(self, part: ClusterPart, member: str) -> None:
        installation = self.given.settings.installation
        labels = {"datasluse.installation": installation, "datasluse.part": part.value, "datasluse.member": member}
        container.remove(self.given.docker, self._name(part, member), labels)

    def _worker_ended(self, name: str, why: Refused | None) -> None:
        with self.given.database.write() as tx:
            clusters.worker_ended(tx, name, self.given.clock(), why)

    def _give_gpus_back(self, gone: set[str]) -> None:
        with self.given.database.write() as tx:
            clusters.give_gpus_back(tx, gone)

    def _remove_scratch(self, worker: str) -> None:
        try:
            storage.remove_scratch(self.given.settings, worker)
        except (OSError, Refused) as e:
            log.warning("scratch of %s is not removed, tried again within %s: %s", worker, ORPHANS_EVERY, e)

    async def do_check_clusters(self, clusters: Iterable[Cluster]) -> list[bool]:
        """Which of these still start: all, until a look at the engine says otherwise (`_look`)."""
        return [True for _ in clusters]

    async def do_check_workers(self, workers: Iterable[Worker]) -> list[bool]:
        return [True for _ in workers]

    # -- looking -------------------------------------------------------------------------------------------------------
    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                await self._look()
                self.looked_at = self.given.clock()
            except (DockerException, OSError, Refused):
                log.exception("not looked at, tried again at the next look")
            except Exception:
                log.exception("this look failed")

    async def _look(self) -> None:
        """Take in which containers ended, by the engine's word; an engine that does not answer has said nothing."""
        # First what should be there, then what is: nothing that begins meanwhile is missed.
        here = [c for c in self.db.active_clusters() if c.state]
        begun = (JobStatus.SUBMITTED, JobStatus.RUNNING)
        parts = {p for c in here for p in (c, *c.workers.values()) if p.status in begun}
        states = await asyncio.to_thread(self._states)
        with self.given.database.read() as tx:
            wanted = {c.name for c in clusters.every(tx)}
            claimed = clusters.claimed(tx)
            gone = clusters.leases_over(tx) - set(states)
        if gone:
            await asyncio.to_thread(self._give_gpus_back, gone)
        for cluster in here:
            if cluster.name not in wanted:
                await super().stop_cluster(cluster.name, failed=True)
            elif cluster in parts:
                await self._look_at(cluster, [w for w in cluster.workers.values() if w in parts], states)
        for name in wanted - set(self.db.name_to_cluster):
            await asyncio.to_thread(self._record_end, name, clusters.LOST)
        known = {c.name for c in self.db.active_clusters()}
        now = self.given.clock()
        if now - self._looked_for_orphans > ORPHANS_EVERY:
            await asyncio.to_thread(self._remove_orphans, set(states) - claimed)
            await asyncio.to_thread(self._remove_orphaned_scratch)
            self._looked_for_orphans = now
        if now - self._counted_at > COUNT_EVERY:
            seconds, self._counted_at = (now - self._counted_at).total_seconds(), now
            await self._count(wanted & known, {m for m, state in states.items() if state == "running"}, seconds)

    def _states(self) -> dict[str, str]:
        """The engine's word on each container of a cluster, by dask's name of it."""
        labels = [f"datasluse.installation={self.given.settings.installation}", "datasluse.cluster"]
        found = self.given.docker.containers(all=True, filters={"label": labels})
        return {c["Labels"]["datasluse.member"]: c["State"] for c in found}

    async def _look_at(self, cluster: Cluster, workers: list[Worker], states: dict[str, str]) -> None:
        if states.get(cluster.name) != "running":
            memory = await asyncio.to_thread(self._was_out_of_memory, ClusterPart.SCHEDULER, cluster.name)
            why = clusters.OUT_OF_MEMORY if memory else clusters.SCHEDULER_ENDED
            log.warning("cluster %s ended: %s", cluster.name, why)
            await self._end(cluster.name, why)
            return
        for worker in workers:
            if worker.target == JobStatus.RUNNING and states.get(worker.name) != "running":
                await self._lose(worker)

    async def _lose(self, worker: Worker) -> None:
        """A worker is gone; the engine starts another while the scheduler wants it."""
        why: Refused | None = None
        if not worker.close_expected:
            memory = await asyncio.to_thread(self._was_out_of_memory, ClusterPart.WORKER, worker.name)
            why = (
                clusters.worker_out_of_memory(worker.cluster.config.worker_memory) if memory else clusters.WORKER_ENDED
            )
        await asyncio.to_thread(self._worker_ended, worker.name, why)
        if worker.status == JobStatus.SUBMITTED:
            worker.cluster.worker_start_failure_count += 1
        self.db.update_worker(worker, target=JobStatus.STOPPED if worker.close_expected else JobStatus.FAILED)
        self.queue.put(worker)

    def _was_out_of_memory(self, part: ClusterPart, member: str) -> bool:
        try:
            state = self.given.docker.inspect_container(self._name(part, member))["State"]
        except NotFound:
            return False
        return bool(state["OOMKilled"])

    def _remove_orphans(self, orphans: Iterable[str]) -> None:
        """Containers that no row claims: of a crash between two steps."""
        labels = [f"datasluse.installation={self.given.settings.installation}"]
        for member in orphans:
            log.warning("container of %s removed: no row claims it", member)
            for found in self.given.docker.containers(
                all=True, filters={"label": [*labels, f"datasluse.member={member}"]}
            ):
                self.given.docker.remove_container(found["Id"], force=True, v=True)

    def _remove_orphaned_scratch(self) -> None:
        """What no row claims. While a container has it, its container's end comes first."""
        for worker in storage.unclaimed_scratch(self.given.settings, self.given.database) - set(self._states()):
            self._remove_scratch(worker)

    async def _count(self, here: Iterable[str], running: set[str], seconds: float) -> None:
        """What clusters compute, by the kernel's count; one that computes keeps its room open, an idle one ends."""
        counted = await asyncio.to_thread(self._counted, set(here), running)
        computing = {name for name, used in counted.items() if used > COMPUTES * seconds}
        idle = await asyncio.to_thread(self._idle, counted.keys(), computing)
        for name in idle:
            try:
                await self._end(name, clusters.idle(self.given.settings.cluster_idle_minutes), failed=False)
            except Ended:  # meanwhile, which keeps no other from its end
                continue

    def _counted(self, here: set[str], running: set[str]) -> dict[str, float]:
        """Seconds of a core that each cluster used since the last count."""
        with self.given.database.read() as tx:
            members = {self._name(c.part, c.name): c.cluster for c in clusters.every_container(tx) if c.name in running}
        members = {name: cluster for name, cluster in members.items() if cluster in here}
        used = self.processor.used(members)
        more = dict.fromkeys(here, 0.0)
        for name, seconds in used.items():
            more[members[name]] += seconds - self._used.get(name, seconds)
        self._used = used
        return more

    def _idle(self, here: Iterable[str], computing: set[str]) -> list[str]:
        """Those in which nothing happened for too long; that the others compute is kept."""
        given = self.given
        if computing:
            with given.database.write() as tx:
                clusters.computed(tx, computing, given.clock())
        with given.database.read() as tx:
            since = given.clock() - timedelta(minutes=given.settings.cluster_idle_minutes)
            return [c.name for c in clusters.every(tx) if c.name in here and c.active_at < since]

    def _name(self, part: ClusterPart, member: str) -> str:
        return f"sluse-{self.given.settings.installation}-{part.value}-{member}"


# -- the process -------------------------------------------------------------------------------------------------------
class ClusterGateway(DaskGateway):
    """The process `clusters`. No file and no argument configures it."""

    def __init__(self, given: Given) -> None:
        settings = given.settings
        self.given = given
        config = Config()
        config.DaskGateway.address = f"{settings.front_host}:{CLUSTERS_PORT}"
        config.DaskGateway.authenticator_class = RoomAuthenticator
        config.DaskGateway.backend_class = ContainerBackend
        config.ContainerBackend.db_url = f"sqlite:///{settings.state / 'clusters' / 'clusters.db'}"
        config.ContainerBackend.db_encrypt_keys = [(settings.keys / "clusters.key").read_text().strip()]
        config.ContainerBackend.stop_clusters_on_shutdown = False
        config.ContainerBackend.api_url = f"http://gate:{OUT_PORT}/api"
        config.ContainerBackend.cluster_heartbeat_period = 5
        config.ContainerBackend.cluster_heartbeat_timeout = 60
        config.Proxy.externally_managed = True  # the client goes straight to its scheduler
        super().__init__(config=config)

    def load_config_file(self, *_: Any, **__: Any) -> None:
        """None is read."""

    @catch_config_error
    def initialize(self, argv: list[str] | None = None) -> None:
        """Build the application; its log goes where ours goes."""
        super().initialize([])
        self.log.handlers = []
        self.log.setLevel(logging.WARNING)  # a line a heartbeat otherwise
        self.log.propagate = True
