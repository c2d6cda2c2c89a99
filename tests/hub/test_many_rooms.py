"""What a look and a count cost at the stated scale, in questions, and that nobody who goes in or out waits for them."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from governance import rooms
from governance.database import Database
from governance.settings import Settings
from governance.tables import EgressDay, Meter, Room
from hub.gate import Gate
from hub.reconciler import Reconciler
from tests.conftest import NOW
from tests.hub.pretended import PretendedEngine, PretendedGates, PretendedHub, open_rooms, pretended_gates, statements

MANY, FEW = 300, 20
LOOK = 6
"""Questions to the rows: leftovers, rooms, stops, admissions, and what the volumes need (rooms, workers)."""


@dataclass
class House:
    database: Database
    reconciler: Reconciler
    hub: PretendedHub
    engine: PretendedEngine
    gates: PretendedGates
    rooms: list[str]
    now: datetime = NOW

    def look(self) -> None:
        self.now += timedelta(minutes=1)  # so that what this process itself computes is not what a busy room does
        asyncio.run(self.reconciler.look())

    def count(self) -> None:
        asyncio.run(self.reconciler.count())


@pytest.fixture(params=[MANY])
def house(
    request: pytest.FixtureRequest, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[House]:
    with tempfile.TemporaryDirectory(prefix="sluse-") as state:
        monkeypatch.setattr("governance.settings.STATE", Path(state))
        (settings.state / "volumes").mkdir(parents=True)
        made = open_rooms(database, settings, request.param, NOW)
        hub, engine = PretendedHub(made), PretendedEngine([f"sluse-{settings.installation}-room-{r}" for r in made])
        with pretended_gates(database, settings, made, NOW) as gates:
            house = House(database, None, hub, engine, gates, made)  # type: ignore[arg-type]
            house.reconciler = Reconciler(settings, database, hub, engine, lambda: house.now)  # type: ignore[arg-type]
            monkeypatch.setattr(house.reconciler, "_mend_walls", lambda: None)
            yield house


def test_a_look_and_a_count_of_many_rooms_ask_each_part_once(house: House) -> None:
    house.look()
    house.hub.calls.clear()
    house.engine.calls.clear()
    with statements(house.database) as said:
        house.look()
    assert said.total() == LOOK
    assert set(said) == {"SELECT"}
    assert house.hub.calls == {"servers": 1}
    assert house.engine.calls == {"containers": 1}  # each container's control group was found before
    assert not house.gates.told
    count_is_one_transaction(house)


@pytest.mark.parametrize("house", [FEW], indirect=True)
def test_rooms_that_compute_are_kept_in_one_transaction(house: House) -> None:
    house.look()
    before = dict.fromkeys(house.reconciler._used, 0.0)
    house.reconciler._used, house.reconciler._used_at = before, NOW - timedelta(seconds=1)
    with statements(house.database) as said:
        house.look()
    assert said["INSERT"] == 1  # a meter for each, all in one
    with house.database.read() as tx:
        assert tx.query(Meter).count() == len(house.rooms)


def count_is_one_transaction(house: House) -> None:
    house.count()
    with statements(house.database) as said:
        house.count()
    assert said == {"SELECT": 2}
    for room in house.rooms:
        house.gates.shown[room] += 5000
    with statements(house.database) as said:
        house.count()
    assert said.total() - said["SELECT"] <= 3
    assert said["SELECT"] <= 8
    with house.database.read() as tx:
        assert {row.shown for row in tx.query(EgressDay)} == {5000}


@pytest.mark.parametrize("house", [FEW], indirect=True)
def test_a_gate_that_differs_is_told_and_no_other(house: House, settings: Settings) -> None:
    house.look()
    with house.database.write() as tx:
        late = tx.get_one(Room, house.rooms[7])
        admission = rooms.admit(tx, late, None, house.now)
    house.gates.sids[house.rooms[8]].add("stranger")
    house.look()
    assert admission.sid in house.gates.sids[late.id]
    assert "stranger" not in house.gates.sids[house.rooms[8]]
    assert house.gates.told == {"add map": 1, "del map": 1, "shutdown sessions": 1}


@pytest.mark.parametrize("house", [FEW], indirect=True)
def test_who_goes_in_waits_for_no_look_and_no_count(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every gate but the one hangs, and so does the engine: an admission is told all the same."""
    go_on = threading.Event()
    usual = {"admitted": Gate.admitted, "counted": Gate.counted}
    for verb, ask in usual.items():
        monkeypatch.setattr(Gate, verb, lambda self, ask=ask: go_on.wait(60) and ask(self))
    monkeypatch.setattr(house.engine, "containers", lambda **_: go_on.wait(60) and [])

    async def go_in() -> bool:
        loop = asyncio.get_running_loop()
        at_work = [asyncio.create_task(house.reconciler.look()), asyncio.create_task(house.reconciler.count())]
        at_work += [asyncio.ensure_future(asyncio.to_thread(go_on.wait, 60)) for _ in range(64)]
        await asyncio.sleep(0.5)
        assert not any(task.done() for task in at_work[:2])
        try:
            return await asyncio.wait_for(house.reconciler.admit_now(house.rooms[0]), 30)
        finally:
            go_on.set()
            await asyncio.gather(*at_work)
            await loop.shutdown_default_executor()

    assert asyncio.run(go_in()) is True
