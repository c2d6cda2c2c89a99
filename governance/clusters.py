"""Dask clusters as rows: what each may use, why more is refused, and why one ended.

A container of a cluster is claimed here, in one transaction with the limits of its person and its project, before it is
made; its address comes from its row. Nothing that a scheduler says is kept here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from governance import audit, egress, rooms
from governance.audit import Event
from governance.compute import GIB, Limits, Profile
from governance.errors import Invalid, NotAllowed, NotFound, Refused, Unavailable
from governance.rooms import Size, Standing
from governance.settings import Settings
from governance.tables import Cluster, ClusterContainer, ClusterPart, GpuLease, Person, Project, Room

FIRST_PLACE, LAST_PLACE = 4, 62
"""In a room's /26, behind its gate (2) and the room (3); 63 is everybody's."""
SCHEDULER = Size(memory=2 * GIB, cpus=1, processes=512)
HOUR = timedelta(hours=1)

STOPPED = Refused("You stopped this cluster.")
NO_PROFILE = Refused("There are no clusters with this room's programs. Open the room with others.")
ENDED_WITH_ROOM = Refused("The cluster ended with its room.")
OUT_OF_MEMORY = Refused(
    "The cluster's scheduler used up its memory, so the cluster ended. Keep large data on the workers: "
    "do not send it from the notebook, and use fewer and larger tasks."
)
SCHEDULER_ENDED = Refused("The cluster's scheduler ended by itself, so the cluster ended. Start a new one.")
DID_NOT_START = Refused("The cluster did not start. The operator finds the cause in the log of `clusters`.")
SILENT = Refused("The cluster's scheduler no longer answered, so the cluster was stopped. Start a new one.")
NOT_RUNNING = Refused("The cluster does not run.")
NO_ANSWER = Refused("The cluster's scheduler does not answer. It may be busy: try again, or stop the cluster.")
LOST = Refused("The cluster was lost when a part of the installation started anew. Start a new one.")
WORKER_ENDED = Refused("A worker ended by itself and was replaced; its tasks ran again.")


OWN = {STOPPED.message, ENDED_WITH_ROOM.message}
"""What a person did, or is told otherwise."""


def worker_out_of_memory(memory: int) -> Refused:
    """Why a worker was killed; `memory` in bytes."""
    return Refused(
        "A worker used up its {gib} GiB of memory and was replaced; its tasks ran again. If it happens again, use "
        "smaller partitions or a profile with more memory.",
        gib=_gib(memory),
    )


def disk_full(fit: int) -> NotAllowed:
    """Why more workers are refused that the limits would give."""
    return NotAllowed(
        "The platform's disk has place for the scratch of {fit} more workers: ask for fewer, or ask the operator.",
        fit=fit,
    )


def idle(minutes: int) -> Refused:
    """Why a cluster in which nothing happened ended."""
    return Refused("The cluster computed nothing for {minutes} minutes, so it was stopped.", minutes=minutes)


@dataclass(frozen=True, slots=True)
class Use:
    """What is in use, or asked for."""

    cores: int = 0
    memory: int = 0
    """bytes"""
    clusters: int = 0
    starts: int = 0
    """containers within an hour"""
    gpus: int = 0


def begin(
    tx: Session,
    here: Standing,
    name: str,
    profile: str,
    workers: Iterable[str],
    settings: Settings,
    now: datetime,
) -> Cluster:
    """Claim a cluster: its scheduler, which is called as the cluster is, and its first workers.

    It is made from what its room was made from, to the digest: another version could not read what a notebook sends.

    Raises:
        NotAllowed: this room may have no cluster, not now, or not one as large as this.
        Invalid: there is no such profile, or it does not reach that far.
        Unavailable: every address of the room's network is in use.
    """
    names = list(workers)
    given = _profile(tx, here, profile, len(names), settings, now)
    more = Use(
        SCHEDULER_CORES + given.threads * len(names),
        SCHEDULER.memory + given.memory * len(names),
        clusters=1,
        starts=1 + len(names),
        gpus=given.gpus * len(names),
    )
    wrong = _too_much(tx, here, more, settings, now)
    if wrong:
        raise wrong
    image = here.room.image_digest
    if image is None:
        raise NotAllowed("This room was opened by an earlier version. Close it and open it again for clusters.")
    cluster = Cluster(name=name, room_id=here.room.id, profile=profile, image=image, started_at=now, active_at=now)
    tx.add(cluster)
    tx.flush()
    _add(tx, cluster, name, ClusterPart.SCHEDULER, SCHEDULER_CORES, SCHEDULER.memory, now)
    for worker in names:
        _add_worker(tx, cluster, worker, settings, now)
    detail: dict[str, str | int | None] = {"room": here.room.id, "cluster": name, "profile": profile, "image": image}
    audit.append(tx, Event("cluster.begun", here.person.id, here.project.id, detail), now)
    return cluster


def _profile(tx: Session, here: Standing, profile: str, workers: int, settings: Settings, now: datetime) -> Profile:
    """The profile of this name, if this room may have a cluster of it with so many workers, whatever is in use."""
    refused = rooms.access_refused(tx, here, settings, now)
    if refused:
        raise refused
    if not here.project.clusters:
        raise NotAllowed("This project has no clusters. Ask the operator for them, with the work they are for.")
    given = settings.every_profile.get(profile)
    if given is None:
        known = ", ".join(settings.every_profile)
        raise Invalid("There is no profile {profile}: choose one of {known}.", profile=profile, known=known)
    if given.image != here.room.image:
        raise Invalid(
            "The profile {profile} is for rooms of the image {image}: open the room with it.",
            profile=profile,
            image=given.image,
        )
    if workers > given.most_workers:
        raise Invalid(
            "A cluster of the profile {profile} has at most {most} workers.", profile=profile, most=given.most_workers
        )
    return given


SCHEDULER_CORES = int(SCHEDULER.cpus)


def claim_worker(tx: Session, cluster: str, worker: str, settings: Settings, now: datetime) -> ClusterContainer:
    """The claim of a worker: the one it has, or a new one.

    Raises:
        NotAllowed, Unavailable: as `begin`.
        NotFound: the cluster has ended.
    """
    claimed = tx.get(ClusterContainer, worker)
    if claimed is not None and claimed.ended_at is None and claimed.cluster == cluster:
        return claimed
    free, wrong = more_workers(tx, cluster, settings, now)
    if not free and wrong:
        raise wrong
    return _add_worker(tx, running(tx, cluster), worker, settings, now)


def more_workers(
    tx: Session, cluster: str, settings: Settings, now: datetime, *, wanted: int = 1
) -> tuple[int, NotAllowed | None]:
    """How many of the wanted workers a cluster may still claim, and why not more. For a transaction that writes.

    Raises:
        NotFound: the cluster has ended.
    """
    row = running(tx, cluster)
    here = rooms.standing(tx, row.room_id)
    given = settings.every_profile[row.profile]

    def refused(number: int) -> NotAllowed | None:
        more = Use(given.threads * number, given.memory * number, 0, number, given.gpus * number)
        return _too_much(tx, here, more, settings, now)

    wrong = refused(wanted)
    if wrong is None:
        return wanted, None
    # A scheduler may ask at each heartbeat, and everybody's writing waits meanwhile: a few questions, not one a worker.
    return bisect_left(range(1, wanted), True, key=lambda number: refused(number) is not None), wrong


def running(tx: Session, name: str) -> Cluster:
    """A cluster that has not ended; raises NotFound."""
    row = tx.get(Cluster, name)
    if row is None or row.ended_at is not None:
        raise NotFound("The cluster has ended. Start a new one.")
    return row


def every(tx: Session) -> list[Cluster]:
    """Every cluster that has not ended."""
    return list(tx.scalars(select(Cluster).where(Cluster.ended_at.is_(None))))


def every_container(tx: Session) -> list[ClusterContainer]:
    """The containers that all clusters have now."""
    return list(tx.scalars(select(ClusterContainer).where(ClusterContainer.ended_at.is_(None))))


def containers(tx: Session, cluster: str) -> list[ClusterContainer]:
    """The containers that a cluster has now."""
    mine = (ClusterContainer.cluster == cluster, ClusterContainer.ended_at.is_(None))
    return list(tx.scalars(select(ClusterContainer).where(*mine)))


def scheduler_place(tx: Session, cluster: str) -> int:
    """Where a cluster's scheduler is in its room's network."""
    return tx.get_one(ClusterContainer, cluster).place


def workers(tx: Session) -> list[tuple[str, str]]:
    """(name, profile) of every worker that is claimed now."""
    mine = (ClusterContainer.part == ClusterPart.WORKER, ClusterContainer.ended_at.is_(None))
    rows = tx.execute(select(ClusterContainer.name, Cluster.profile).join(Cluster).where(*mine))
    return [(name, profile) for name, profile in rows]


def claimed(tx: Session) -> set[str]:
    """The names of all containers that clusters have now."""
    return set(tx.scalars(select(ClusterContainer.name).where(ClusterContainer.ended_at.is_(None))))


def worker_ended(tx: Session, name: str, now: datetime, why: Refused | None = None) -> None:
    """Give a worker's claim back."""
    row = tx.get(ClusterContainer, name)
    if row is not None and row.ended_at is None:
        row.ended_at, row.why = now, why.as_json() if why else None


def ended(tx: Session, name: str, now: datetime, why: Refused) -> None:
    """Give back all that a cluster has; the first reason stays."""
    cluster = tx.get(Cluster, name)
    if cluster is None or cluster.ended_at is not None:
        return
    cluster.ended_at, cluster.why = now, why.as_json()
    mine = (ClusterContainer.cluster == name, ClusterContainer.ended_at.is_(None))
    tx.execute(update(ClusterContainer).where(*mine).values(ended_at=now))
    room = tx.get_one(Room, cluster.room_id)
    audit.append(tx, Event("cluster.ended", room.person_id, room.project_id, {"room": room.id, "cluster": name}), now)


def ended_with_room(tx: Session, room_id: str, now: datetime, why: Refused) -> None:
    """End every cluster of a room."""
    for cluster in tx.scalars(select(Cluster).where(Cluster.room_id == room_id, Cluster.ended_at.is_(None))):
        ended(tx, cluster.name, now, why)


def active(tx: Session, name: str, now: datetime) -> None:
    """A cluster is asked for something."""
    tx.execute(update(Cluster).where(Cluster.name == name).values(active_at=now))


def computed(tx: Session, names: Collection[str], now: datetime) -> None:
    """These clusters compute, and so do their rooms. One that has ended meanwhile stays as it is."""
    running = (Cluster.name.in_(names), Cluster.ended_at.is_(None))
    room_ids = set(tx.scalars(select(Cluster.room_id).where(*running)))
    tx.execute(update(Cluster).where(*running).values(active_at=now))
    egress.active(tx, room_ids, now)


def told(tx: Session, room_id: str, since: datetime) -> list[tuple[str, datetime, Refused]]:
    """What happened to a room's clusters that its person did not do: (name, when, why), oldest first."""
    mine = Cluster.room_id == room_id
    whole = tx.execute(select(Cluster.name, Cluster.ended_at, Cluster.why).where(mine, Cluster.ended_at > since))
    parts = tx.execute(
        select(ClusterContainer.name, ClusterContainer.ended_at, ClusterContainer.why)
        .join(Cluster)
        .where(mine, ClusterContainer.ended_at > since)
    )
    found = [(name, at, Refused.of_json(why)) for name, at, why in [*whole, *parts] if at is not None and why]
    return sorted(((n, at, why) for n, at, why in found if why.message not in OWN), key=lambda row: row[1])


def used(tx: Session, whose: ColumnElement[bool], now: datetime) -> tuple[Use, dict[str, Use]]:
    """What clusters use now, in all, and by each (person, project)."""
    each: dict[str, Use] = {}
    rows = tx.execute(
        select(
            Person.name,
            Project.key,
            func.count(Cluster.name.distinct()),
            func.sum(ClusterContainer.cores),
            func.sum(ClusterContainer.memory),
            func.sum(ClusterContainer.gpus),
        )
        .select_from(ClusterContainer)
        .join(Cluster, ClusterContainer.cluster == Cluster.name)
        .join(Room, Cluster.room_id == Room.id)
        .join(Person, Room.person_id == Person.id)
        .join(Project, Room.project_id == Project.id)
        .where(whose, ClusterContainer.ended_at.is_(None))
        .group_by(Person.name, Project.key)
    )
    for person, project, clusters, cores, memory, gpus in rows:
        each[f"{person} ({project})"] = Use(cores, int(memory), clusters, gpus=gpus)
    starts = tx.scalar(
        select(func.count())
        .select_from(ClusterContainer)
        .join(Cluster, ClusterContainer.cluster == Cluster.name)
        .join(Room, Cluster.room_id == Room.id)
        .where(whose, ClusterContainer.started_at > now - HOUR)
    )
    total = Use(
        sum(u.cores for u in each.values()),
        sum(u.memory for u in each.values()),
        sum(u.clusters for u in each.values()),
        starts or 0,
        sum(u.gpus for u in each.values()),
    )
    return total, each


Words = Callable[[dict[str, object]], NotAllowed]
PERSON: dict[str, Words] = {
    "cores": lambda v: NotAllowed(
        "Your clusters may use {limit} cores at once. In use: {who}. {more} more were asked for: stop a cluster, or "
        "ask for fewer workers.", **v),
    "memory": lambda v: NotAllowed(
        "Your clusters may use {limit} GiB of memory at once. In use: {who}. {more} GiB more were asked for: stop a "
        "cluster, or ask for fewer workers.", **v),
    "clusters": lambda v: NotAllowed(
        "You may have {limit} clusters at once. You have: {who}. Stop one, or use it.", **v),
    "gpus": lambda v: NotAllowed(
        "Your clusters may use {limit} GPUs at once. In use: {who}. {more} more were asked for: stop a cluster, or ask "
        "for fewer workers.", **v),
    "starts": lambda v: NotAllowed(
        "Your clusters may start {limit} containers in an hour, and started {used}. Wait a while, and keep a cluster "
        "instead of starting it anew.", **v),
}  # fmt: skip
PROJECT: dict[str, Words] = {
    "cores": lambda v: NotAllowed(
        "All clusters of this project may use {limit} cores at once. In use: {who}. {more} more were asked for: ask "
        "for fewer workers, or ask them.", **v),
    "memory": lambda v: NotAllowed(
        "All clusters of this project may use {limit} GiB of memory at once. In use: {who}. {more} GiB more were "
        "asked for: ask for fewer workers, or ask them.", **v),
    "clusters": lambda v: NotAllowed(
        "This project may have {limit} clusters at once. It has: {who}. Ask them to stop one.", **v),
    "gpus": lambda v: NotAllowed(
        "All clusters of this project may use {limit} GPUs at once. In use: {who}. {more} more were asked for: ask for "
        "fewer workers, or ask them.", **v),
    "starts": lambda v: NotAllowed(
        "All clusters of this project may start {limit} containers in an hour, and started {used}. Wait a while.", **v),
}  # fmt: skip


def _too_much(tx: Session, here: Standing, more: Use, settings: Settings, now: datetime) -> NotAllowed | None:
    """Why these cannot be had beside what is in use; None when they can."""
    for whose, limits, words in (
        (Room.person_id == here.person.id, settings.clusters_per_person, PERSON),
        (Room.project_id == here.project.id, settings.clusters_per_project, PROJECT),
    ):
        total, each = used(tx, whose, now)
        for kind, limit, have, want in _compared(limits, total, more):
            if want and have + want > limit:
                shown = {name: _shown(kind, use) for name, use in each.items()}
                values: dict[str, object] = {
                    "limit": _number(kind, limit),
                    "used": _number(kind, have),
                    "more": _number(kind, want),
                    "who": ", ".join(f"{name}: {number}" for name, number in shown.items()) or "0",
                }
                return words[kind](values)
    free = len(_free_gpus(tx, settings))
    if more.gpus > free:
        return NotAllowed(
            "Of the platform's {all} GPUs {free} are free: ask for fewer workers, or try again later.",
            all=len(settings.gpus),
            free=free,
        )
    return None


def _compared(limits: Limits, total: Use, more: Use) -> list[tuple[str, int, int, int]]:
    """(kind, limit, in use, asked for) of each limit."""
    return [
        ("clusters", limits.clusters, total.clusters, more.clusters),
        ("cores", limits.cores, total.cores, more.cores),
        ("memory", limits.memory_gib * GIB, total.memory, more.memory),
        ("starts", limits.starts_per_hour, total.starts, more.starts),
        ("gpus", limits.gpus, total.gpus, more.gpus),
    ]


def _shown(kind: str, use: Use) -> str:
    shown = {"clusters": use.clusters, "cores": use.cores, "memory": use.memory, "gpus": use.gpus}
    return _number(kind, shown.get(kind, 0))


def _number(kind: str, value: int) -> str:
    return _gib(value) if kind == "memory" else str(value)


def _gib(memory: int) -> str:
    return f"{memory / GIB:.1f}".removesuffix(".0")


def _free_place(tx: Session, room_id: str) -> int:
    """The one that was free for longest: the engine may hold an address for some seconds after its container's end."""
    in_room = select(ClusterContainer.place).join(Cluster).where(Cluster.room_id == room_id)
    taken = set(tx.scalars(in_room.where(ClusterContainer.ended_at.is_(None))))
    last = func.max(ClusterContainer.ended_at)
    by_end = list(tx.scalars(in_room.group_by(ClusterContainer.place).order_by(last)))
    free = [place for place in range(FIRST_PLACE, LAST_PLACE + 1) if place not in taken]
    if not free:
        raise Unavailable("The room's network has no address left: stop a cluster, or ask for fewer workers.")
    return min(free, key=lambda place: by_end.index(place) if place in by_end else -1)


def _add_worker(tx: Session, cluster: Cluster, name: str, settings: Settings, now: datetime) -> ClusterContainer:
    given = settings.every_profile[cluster.profile]
    row = _add(tx, cluster, name, ClusterPart.WORKER, given.threads, given.memory, now)
    row.gpus = given.gpus
    free = _free_gpus(tx, settings)
    for _ in range(given.gpus):
        tx.add(GpuLease(gpu=free.pop(0), container=name))
    tx.flush()
    return row


def _free_gpus(tx: Session, settings: Settings) -> list[str]:
    """Those that no container has."""
    if not settings.gpus:
        return []
    leased = set(tx.scalars(select(GpuLease.gpu)))
    return [gpu for gpu in settings.gpus if gpu not in leased]


def gpus(tx: Session, container: str) -> list[str]:
    """Which GPUs a container has."""
    return list(tx.scalars(select(GpuLease.gpu).where(GpuLease.container == container).order_by(GpuLease.gpu)))


def leases_over(tx: Session) -> set[str]:
    """Containers that ended by their rows and still have GPUs."""
    ended = (ClusterContainer.name == GpuLease.container, ClusterContainer.ended_at.is_not(None))
    return set(tx.scalars(select(GpuLease.container).join(ClusterContainer).where(*ended)))


def give_gpus_back(tx: Session, gone: set[str]) -> None:
    """Of containers that the engine no longer has."""
    tx.execute(delete(GpuLease).where(GpuLease.container.in_(gone)))


def _add(
    tx: Session, cluster: Cluster, name: str, part: ClusterPart, cores: int, memory: int, now: datetime
) -> ClusterContainer:
    row = ClusterContainer(
        name=name,
        cluster=cluster.name,
        part=part,
        place=_free_place(tx, cluster.room_id),
        cores=cores,
        memory=memory,
        started_at=now,
    )
    tx.add(row)
    tx.flush()
    return row
