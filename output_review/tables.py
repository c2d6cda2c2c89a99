"""The tables of output review."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from governance.tables import Base, Chosen
from output_review.domain import Status


class FileState(StrEnum):
    """How far one file of a request is."""

    ANNOUNCED = "announced"  # described, its bytes not here yet
    FROZEN = "frozen"  # its bytes are in the store
    READY = "ready"  # it has a canonical copy and a view
    REFUSED = "refused"  # it has no canonical form; `refusal` says why and what to do


class ReleaseRequest(Base):
    """One request for release, by one person from one room."""

    __tablename__ = "release_requests"
    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    room_id: Mapped[str] = mapped_column(ForeignKey("rooms.id"))
    title: Mapped[str] = mapped_column(String(200))
    round: Mapped[int]
    """1 at first; each time a returned request is taken up again a new round begins, with files of its own."""
    status: Mapped[Status] = mapped_column(Chosen(Status), index=True)
    words: Mapped[str | None] = mapped_column(Text)
    """What the checker or the inspection said with the last decision."""
    policy_version: Mapped[str] = mapped_column(String(40))
    data_versions: Mapped[list[dict[str, str]]] = mapped_column(JSON)
    """(name, sha256) of the project's data when it was submitted."""
    image: Mapped[str | None] = mapped_column(String(71))
    """The digest of what its room ran when it was submitted."""
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class EarlierRound(Base):
    """A round that ended with the request being returned. Its files and votes stay where they are."""

    __tablename__ = "earlier_rounds"
    request_id: Mapped[int] = mapped_column(ForeignKey("release_requests.id"), primary_key=True)
    round: Mapped[int] = mapped_column(primary_key=True)
    words: Mapped[str | None] = mapped_column(Text)
    data_versions: Mapped[list[dict[str, str]]] = mapped_column(JSON)
    image: Mapped[str | None] = mapped_column(String(71))
    returned_at: Mapped[datetime]


class RequestFile(Base):
    """One file of a request: what the author says of it, the frozen original, and the canonical copy."""

    __tablename__ = "request_files"
    __table_args__ = (UniqueConstraint("request_id", "round", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    request_id: Mapped[int] = mapped_column(ForeignKey("release_requests.id"), index=True)
    round: Mapped[int]
    name: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text)
    purpose: Mapped[str] = mapped_column(Text)
    population: Mapped[str] = mapped_column(Text)
    data_sets: Mapped[list[str]] = mapped_column(JSON)
    """The names of the project's data sets it describes, as its author says."""
    persons: Mapped[int | None] = mapped_column(BigInteger)
    state: Mapped[FileState] = mapped_column(Chosen(FileState))
    size: Mapped[int | None] = mapped_column(BigInteger)
    original_sha256: Mapped[str | None] = mapped_column(String(64))
    kind: Mapped[str | None] = mapped_column(String(20))
    canonical_sha256: Mapped[str | None] = mapped_column(String(64))
    canonical_size: Mapped[int | None] = mapped_column(BigInteger)
    view_sha256: Mapped[str | None] = mapped_column(String(64))
    dropped: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    findings: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    refusal: Mapped[dict[str, Any] | None] = mapped_column(JSON)


class FileVote(Base):
    """A vote, bound to the hash of what was seen. Never changed: a person's latest on a file counts."""

    __tablename__ = "file_votes"
    id: Mapped[int] = mapped_column(primary_key=True)
    file_id: Mapped[int] = mapped_column(ForeignKey("request_files.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    canonical_sha256: Mapped[str] = mapped_column(String(64))
    approve: Mapped[bool]
    answered: Mapped[list[str]] = mapped_column(JSON)
    """The checks whose findings an approval answers."""
    reason: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime]


class Release(Base):
    """A bundle that left."""

    __tablename__ = "releases"
    request_id: Mapped[int] = mapped_column(ForeignKey("release_requests.id"), primary_key=True)
    bundle_sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
    released_at: Mapped[datetime]
