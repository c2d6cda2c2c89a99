"""The release worker: the only reader of the signing key. It trusts no status: votes and bytes are asked again."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from sqlalchemy import select
from sqlalchemy.orm import Session

from governance import stops
from governance.database import Database
from governance.errors import NotAllowed
from governance.heartbeat import Beat
from governance.settings import Settings
from governance.tables import AuditHead, Project
from output_review import bundle, domain, frozen, heads, service, store
from output_review.domain import Actor, Status
from output_review.files import write_whole
from output_review.frozen import Tampered
from output_review.tables import ReleaseRequest

log = logging.getLogger("release")

Clock = Callable[[], datetime]
ROUND = timedelta(minutes=1)
"""A request of 100 MB is released in two seconds of processor time."""
SIGN_EVERY = timedelta(hours=1)
"""What is changed or cut from the chain within it, and before a release, is not seen."""


class VotesLost(Exception):
    """The votes once approved these very bytes, and as they count now they do not."""


def folder(settings: Settings) -> Path:
    """Where bundles lie; the release worker writes it, the portal reads it."""
    return settings.state / "releases"


def path(settings: Settings, request_id: int) -> Path:
    """A request's bundle."""
    return folder(settings) / f"{request_id}.zip"


def run(settings: Settings, database: Database, clock: Clock, beat: Beat) -> None:
    """Release what is approved, and sign the audit chain's head each hour, for ever."""
    key = signing_key(settings)
    signed_at = None
    while True:
        try:
            if signed_at is None or clock() - signed_at >= SIGN_EVERY:
                sign_head(settings, database, key)
                signed_at = clock()
            with database.read() as tx:
                waiting = store.with_status(tx, Status.APPROVED)
            for request_id in waiting:
                beat("releases", ROUND)
                release(settings, database, request_id, key, clock)
            beat("releases", ROUND)
        except Exception as e:
            log.exception("this round failed and is tried again")
            beat("releases", ROUND, wrong=f"a round failed: {type(e).__name__}")
            time.sleep(5)
        time.sleep(0.3)


def release(settings: Settings, database: Database, request_id: int, key: Ed25519PrivateKey, clock: Clock) -> None:
    """Release one request, quarantine it, or give it back to the checkers.

    Done again after a crash at any point it comes to the same. The bundle is built and written first, outside any lock;
    it can be downloaded only when the last transaction, which asks for the approvals once more, has marked the request
    released.
    """
    try:
        with database.read() as tx:
            row, project = _approved(tx, request_id)
            files = store.files(tx, request_id)
            told = manifest(tx, row, project)
        canonical = frozen.canonical(settings.state)
        contents = [(file.name, canonical.read(file.canonical_sha256 or "")) for file in files]
        made = bundle.build(told, contents, key)
        write_whole(path(settings, request_id), made)
        with database.write() as tx:
            row, _ = _approved(tx, request_id)
            service.released(tx, row, hashlib.sha256(made).hexdigest(), len(made), clock())
    except NotAllowed:
        return  # such as a stopped project: it waits, and is asked again
    except VotesLost:
        with database.write() as tx:
            row = store.request(tx, request_id)
            if not service.approved(tx, row, tx.get_one(Project, row.project_id)):  # else it is released next time
                log.warning("request %s needs a vote again: one that it rests on counts no longer", request_id)
                service.review_again(tx, row, clock())
        return
    except Tampered as e:
        log.error("request %s is held back: %s", request_id, e)
        with database.write() as tx:
            service.quarantine(tx, store.request(tx, request_id), Actor.RELEASE_WORKER, clock(), str(e))
        return
    sign_head(settings, database, key)


def sign_head(settings: Settings, database: Database, key: Ed25519PrivateKey) -> None:
    """Sign the audit chain's head as it is now; a chain without events has none."""
    with database.read() as tx:
        head = tx.scalars(select(AuditHead)).one()
        number, sha256 = head.number, head.sha256
    if number:
        heads.sign(settings, number, sha256, key)


def _approved(tx: Session, request_id: int) -> tuple[ReleaseRequest, Project]:
    """The request, if the votes themselves approve it and nothing stops its project.

    Raises:
        NotAllowed: the project or the site is stopped, or the request is not approved.
        Tampered: only its status says that it is approved, or a file is not the one that was voted on.
        VotesLost: it was approved, and somebody who approved it may not decide any more.
    """
    row = store.request(tx, request_id)
    project = tx.get_one(Project, row.project_id)
    stopped = stops.refusal(tx, project)
    if stopped:
        raise stopped
    domain.check_move(row.status, Status.RELEASED, Actor.RELEASE_WORKER)
    if not service.was_approved(tx, row, project):
        raise Tampered("The votes do not approve every file. The request is held back: tell the operator.")
    if not service.approved(tx, row, project):
        raise VotesLost
    return row, project


def manifest(tx: Session, row: ReleaseRequest, project: Project) -> dict[str, Any]:
    """Who approved what and when, by the votes that count, under which rules, from which data.

    People appear by internal id.
    """
    files = store.files(tx, row.id)
    deciders = store.deciders(tx, row, project)
    votes = [vote for vote in store.latest_votes(tx, [file.id for file in files]) if vote.person_id in deciders]
    names = {file.id: file.name for file in files}
    return {
        "request": row.id,
        "title": row.title,
        "round": row.round,
        "project": project.key,
        "permit": project.permit,
        "author": row.person_id,
        "approved_at": row.changed_at.isoformat(),
        "policy": row.policy_version,
        "data": row.data_versions,
        "image": row.image,
        "approvals": [
            {
                "file": names[vote.file_id],
                "sha256": vote.canonical_sha256,
                "checker": vote.person_id,
                "at": vote.at.isoformat(),
            }
            for vote in votes
        ],
    }


def signing_key(settings: Settings) -> Ed25519PrivateKey:
    """The key that releases and heads are signed with."""
    key = load_pem_private_key((settings.keys / "release.key").read_bytes(), None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError("release.key is not an Ed25519 key")
    return key
