"""The tables of governance. One database holds everything of ours; each table is owned by one package."""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, ForeignKey, MetaData, String, TypeDecorator, UniqueConstraint
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from governance.tiers import Tier


class Instant(TypeDecorator[datetime]):
    """A moment in UTC; SQLite forgets the zone, so it is given back on the way out and demanded on the way in."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


class Chosen(TypeDecorator[Any]):
    """One word of an enumeration, kept as text."""

    impl = String(32)
    cache_ok = True

    def __init__(self, words: type[StrEnum]) -> None:
        super().__init__()
        self.words = words

    def process_bind_param(self, value: StrEnum | str | None, dialect: Dialect) -> str | None:
        return None if value is None else self.words(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        return None if value is None else self.words(value)


class Base(DeclarativeBase):
    """Every table's base; constraints are named so that both databases can change them later."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: Instant, dict[str, Any]: JSON}  # noqa: RUF012 (SQLAlchemy's)


class ProjectRole(StrEnum):
    """What a member is in a project. Any of them bars every decision on its requests."""

    LEAD = "lead"
    ANALYST = "analyst"
    DATA_MANAGER = "data_manager"


class PlatformRole(StrEnum):
    """What a person is for a data controller, never for a project."""

    CHECKER = "checker"
    LEAD_CHECKER = "lead_checker"
    OPERATOR = "operator"
    AUDITOR = "auditor"


class RoomState(StrEnum):
    """`web` writes what is wanted (open or closed), the reconciler what is."""

    CLOSED = "closed"
    STARTING = "starting"
    OPEN = "open"
    FAILED = "failed"


class Person(Base):
    """Somebody with an account. Elsewhere a person appears by `id`, never by name."""

    __tablename__ = "persons"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(32), unique=True)
    full_name: Mapped[str] = mapped_column(String(200))
    password_hash: Mapped[str | None] = mapped_column(String(255))
    language: Mapped[str | None] = mapped_column(String(2))
    terms_version: Mapped[int | None]
    training_until: Mapped[date | None]
    disabled_at: Mapped[datetime | None]


class PersonRole(Base):
    """A platform role of a person for one data controller."""

    __tablename__ = "person_roles"
    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    role: Mapped[PlatformRole] = mapped_column(Chosen(PlatformRole), primary_key=True)
    controller: Mapped[str] = mapped_column(String(100), primary_key=True)


class Project(Base):
    """An approved purpose with its permit, members and data."""

    __tablename__ = "projects"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(40), unique=True)
    title: Mapped[str] = mapped_column(String(200))
    purpose: Mapped[str] = mapped_column(String(2000), default="")
    """What the permit is for, in the words of whoever added the project; empty where nobody said."""
    tier: Mapped[Tier] = mapped_column(Chosen(Tier))
    controller: Mapped[str] = mapped_column(String(100))
    permit: Mapped[str] = mapped_column(String(100))
    permit_until: Mapped[date]
    clusters: Mapped[bool] = mapped_column(default=False)
    """Whether its rooms may start clusters."""


class Member(Base):
    """A person's role in a project."""

    __tablename__ = "members"
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    role: Mapped[ProjectRole] = mapped_column(Chosen(ProjectRole))


class FormerMember(Base):
    """Somebody whose role in a project ended: who had one while a request was under way does not decide on it."""

    __tablename__ = "former_members"
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    until: Mapped[datetime]
    """When it ended last; whoever was a member again meanwhile was one all the longer."""


class DataVersion(Base):
    """A read-only snapshot of data, named by the hash of its contents, that one project's rooms see."""

    __tablename__ = "data_versions"
    __table_args__ = (UniqueConstraint("project_id", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    name: Mapped[str] = mapped_column(String(40))
    sha256: Mapped[str] = mapped_column(String(64))
    files: Mapped[int]
    size: Mapped[int] = mapped_column(BigInteger)
    added_at: Mapped[datetime]


class Room(Base):
    """The room of one person in one project, running or not."""

    __tablename__ = "rooms"
    __table_args__ = (UniqueConstraint("person_id", "project_id"),)
    id: Mapped[str] = mapped_column(String(10), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    size: Mapped[str] = mapped_column(String(20))
    image: Mapped[str] = mapped_column(String(31), default="base")
    """What it is called in the settings."""
    image_digest: Mapped[str | None] = mapped_column(String(71))
    """What it was last started from, by the engine's digest."""
    slot: Mapped[int | None] = mapped_column(unique=True)
    """Its place in the address plan (`Settings.front_address`, `room_network`); kept for an hour after closing."""
    wanted: Mapped[RoomState] = mapped_column(Chosen(RoomState))
    actual: Mapped[RoomState] = mapped_column(Chosen(RoomState))
    reason: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    changed_at: Mapped[datetime]


class Cluster(Base):
    """A Dask cluster of a room, while it runs and after."""

    __tablename__ = "clusters"
    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    """dask-gateway's name of it."""
    room_id: Mapped[str] = mapped_column(ForeignKey("rooms.id"), index=True)
    profile: Mapped[str] = mapped_column(String(40))
    image: Mapped[str] = mapped_column(String(71))
    """The digest of its room's."""
    started_at: Mapped[datetime]
    active_at: Mapped[datetime]
    """When it last computed, or was last asked for something."""
    ended_at: Mapped[datetime | None]
    why: Mapped[dict[str, Any] | None] = mapped_column(JSON)


class ClusterPart(StrEnum):
    """What a container of a cluster is."""

    SCHEDULER = "scheduler"
    WORKER = "worker"


class ClusterContainer(Base):
    """One container of a cluster: claimed here, within the limits, before it is made."""

    __tablename__ = "cluster_containers"
    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    cluster: Mapped[str] = mapped_column(ForeignKey("clusters.name"), index=True)
    part: Mapped[ClusterPart] = mapped_column(Chosen(ClusterPart))
    place: Mapped[int]
    """Its place among the addresses of its room's network."""
    cores: Mapped[int]
    memory: Mapped[int] = mapped_column(BigInteger)
    gpus: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]
    why: Mapped[dict[str, Any] | None] = mapped_column(JSON)


class GpuLease(Base):
    """A GPU of the host that a container has; until the engine says that the container is gone."""

    __tablename__ = "gpu_leases"
    gpu: Mapped[str] = mapped_column(String(40), primary_key=True)
    """As the driver names it."""
    container: Mapped[str] = mapped_column(ForeignKey("cluster_containers.name"), index=True)


class Login(Base):
    """A session: one login of one person. Only the hash of its cookie is kept."""

    __tablename__ = "logins"
    cookie_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    started_at: Mapped[datetime]
    ends_at: Mapped[datetime]


class LoginFailure(Base):
    """A wrong password, counted against the name that was tried."""

    __tablename__ = "login_failures"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(32), index=True)
    at: Mapped[datetime]


class Admission(Base):
    """A ticket's `sid` that a room's gate lets in, until it ends or its login does."""

    __tablename__ = "admissions"
    sid: Mapped[str] = mapped_column(String(32), primary_key=True)
    room_id: Mapped[str] = mapped_column(ForeignKey("rooms.id"), index=True)
    login: Mapped[str | None] = mapped_column(ForeignKey("logins.cookie_sha256", ondelete="CASCADE"), index=True)
    ends_at: Mapped[datetime]


class EgressDay(Base):
    """What rooms have shown a person on one day in Copenhagen, all rooms together, in bytes."""

    __tablename__ = "egress_days"
    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    shown: Mapped[int] = mapped_column(BigInteger, default=0)
    granted: Mapped[int] = mapped_column(BigInteger, default=0)
    """Beyond what everybody may be shown in a day."""


class Meter(Base):
    """How far a room's gate had counted when it was last read, and when anybody last did anything in the room."""

    __tablename__ = "meters"
    room_id: Mapped[str] = mapped_column(ForeignKey("rooms.id"), primary_key=True)
    gate: Mapped[str] = mapped_column(String(32))
    """One start of the gate; another start counts from nothing."""
    bytes: Mapped[int] = mapped_column(BigInteger)
    acts: Mapped[int] = mapped_column(BigInteger)
    active_at: Mapped[datetime]


class StopKind(StrEnum):
    """Both close every room at once; only a pause can be lifted."""

    PAUSE = "pause"
    END = "end"


class Stop(Base):
    """A project, or without one the whole site, is stopped: no room opens and nothing is released."""

    __tablename__ = "stops"
    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int | None] = mapped_column(ForeignKey("projects.id"), index=True)
    kind: Mapped[StopKind] = mapped_column(Chosen(StopKind))
    by: Mapped[int | None] = mapped_column(ForeignKey("persons.id"))
    """Whoever pressed the button; None for a command on the host."""
    at: Mapped[datetime]
    lifted_at: Mapped[datetime | None]


class Job(Base):
    """Work to be done once (`governance.jobs`)."""

    __tablename__ = "jobs"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(40), index=True)
    key: Mapped[str] = mapped_column(String(100), unique=True)
    payload: Mapped[dict[str, Any]]
    whose: Mapped[str] = mapped_column(String(40), index=True)
    """For whom it is done; they take turns."""
    taken_at: Mapped[datetime | None]
    attempts: Mapped[int]
    ready_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    why: Mapped[str | None] = mapped_column(String(500))


class AuditEvent(Base):
    """One link of the chain (`governance.audit`). Triggers refuse to change or delete it."""

    __tablename__ = "audit_events"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(40))
    person_id: Mapped[int | None]
    project_id: Mapped[int | None]
    detail: Mapped[dict[str, Any]]
    sha256: Mapped[str] = mapped_column(String(64))


class AuditHead(Base):
    """The one row that every append changes: the last event's number and hash, and the latest time of all."""

    __tablename__ = "audit_head"
    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    latest_at: Mapped[datetime | None]
    """Since the clock was last confirmed (`audit.confirm_clock`)."""
