"""A process that may write every row plays the attacker: what was signed elsewhere shows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import select, text

from governance import audit, settings
from governance.audit import Event, Verdict
from governance.database import Database
from governance.errors import Invalid
from governance.settings import Settings, proposed
from governance.tables import AuditEvent, AuditHead
from output_review import heads
from tests.conftest import NOW
from tests.governance.test_audit import TRIGGERS_OFF, fill, tamper

KEY = Ed25519PrivateKey.generate()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(settings, "STATE", tmp_path)
    here = proposed("unit", [], demo=False)
    (here.state / "releases" / "heads").mkdir(parents=True)
    here.keys.mkdir()
    public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (here.keys / "release.pem").write_bytes(public)
    return here


def sign(database: Database, here: Settings) -> None:
    with database.read() as tx:
        head = tx.scalars(select(AuditHead)).one()
        heads.sign(here, head.number, head.sha256, KEY)


def verdict(database: Database, here: Settings) -> Verdict:
    with database.read() as tx:
        return audit.verify(tx, heads.signed_heads(here))


def chained_anew(database: Database, kinds: list[str]) -> None:
    """Write the whole chain again, right in itself."""
    with database.engine.begin() as connection:
        for off in TRIGGERS_OFF[connection.dialect.name]:
            connection.execute(text(off))
        connection.execute(text("DELETE FROM audit_events"))
        connection.execute(text(f"UPDATE audit_head SET number = 0, latest_at = NULL, sha256 = '{audit.START}'"))
    for kind in kinds:
        with database.write() as tx:
            audit.append(tx, Event(kind), NOW)


def test_an_honest_chain_agrees_with_its_signed_heads(database: Database, here: Settings) -> None:
    fill(database, 3)
    sign(database, here)
    fill(database, 2)
    assert verdict(database, here) == Verdict(5)


def test_a_chain_that_was_written_anew_is_seen(database: Database, here: Settings) -> None:
    fill(database, 3)
    sign(database, here)
    chained_anew(database, ["a", "b", "c", "d"])
    with database.read() as tx:
        assert audit.verify(tx) == Verdict(4)  # the control: without the signed heads nothing shows
    assert verdict(database, here) == Verdict(2, 3, "the event is not the one whose hash was signed")


def test_a_removed_tail_is_seen(database: Database, here: Settings) -> None:
    fill(database, 5)
    sign(database, here)
    with database.read() as tx:
        third = tx.get_one(AuditEvent, 3).sha256
    tamper(database, "DELETE FROM audit_events WHERE number > 3")
    with database.engine.begin() as connection:
        latest = "(SELECT max(at) FROM audit_events)"
        connection.execute(text(f"UPDATE audit_head SET number = 3, latest_at = {latest}, sha256 = '{third}'"))
    with database.read() as tx:
        assert audit.verify(tx) == Verdict(3)
    assert verdict(database, here) == Verdict(3, 4, "events after this one were signed and are gone")


def test_a_forged_head_is_refused(database: Database, here: Settings) -> None:
    fill(database, 3)
    heads.sign(here, 2, "0" * 64, Ed25519PrivateKey.generate())
    with pytest.raises(Invalid, match="not a head that was signed here"):
        verdict(database, here)
