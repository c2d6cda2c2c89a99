"""What a look and a count of many open rooms cost the reconciler, and how long somebody who goes in waits meanwhile.

    .venv/bin/python -m benchmarks.rooms     (needs PostgreSQL's programs; a minute)

Rows are real, on SQLite and PostgreSQL; gates, hub and engine pretend (`tests/hub/pretended.py`), and the engine takes
a second for statistics, as Debian 12's does. The control is the same with 30 rooms, in the same run: ratios of
processor seconds. Goals: 2 s of processor time for a look at 300 rooms, 0.5 s for an admission during it. Result:
docs/results/rooms.json.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from governance import settings as settings_module
from governance.database import Database
from governance.settings import Settings, proposed
from hub import storage
from hub.reconciler import Reconciler
from tests.drills.results import keep
from tests.hub.pretended import PretendedEngine, PretendedGates, PretendedHub, open_rooms, pretended_gates
from tests.postgresql import created, server

FEW, MANY = 30, 300
ROUNDS = 7


@contextmanager
def house(
    database: Database, settings: Settings, number: int
) -> Iterator[tuple[Reconciler, list[str], PretendedGates]]:
    """A reconciler with this many open rooms."""
    now = datetime.now(UTC)
    rooms = open_rooms(database, settings, number, now)
    engine = PretendedEngine([f"sluse-{settings.installation}-room-{room}" for room in rooms])
    with pretended_gates(database, settings, rooms, now) as gates:
        hub: Any = PretendedHub(rooms)
        reconciler = Reconciler(settings, database, hub, engine, lambda: datetime.now(UTC))  # type: ignore[arg-type]
        reconciler._mend_walls = lambda: None  # type: ignore[method-assign]
        yield reconciler, rooms, gates


def processor(work: Callable[[], object]) -> float:
    """Seconds of processor time, the thread that answers for all gates among them; the least of some rounds."""
    took = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        work()
        took.append(time.process_time() - begun)
    return min(took)


def admission(reconciler: Reconciler, room: str) -> float:
    """Seconds, by the clock, that an admission takes which begins in the midst of a look and a count; the median."""

    async def once() -> float:
        at_work = [asyncio.create_task(reconciler.look()), asyncio.create_task(reconciler.count())]
        await asyncio.sleep(0.05)
        begun = time.monotonic()
        await reconciler.admit_now(room)
        waited = time.monotonic() - begun
        await asyncio.gather(*at_work)
        return waited

    return statistics.median(asyncio.run(once()) for _ in range(ROUNDS))


def measured(url: Callable[[], str], number: int) -> dict[str, float]:
    """Seconds at one size on one database."""
    settings = proposed("bench", [], demo=False)
    with tempfile.TemporaryDirectory(prefix="sluse-") as state:
        settings_module.STATE = Path(state)
        (settings.state / "volumes").mkdir(parents=True)
        (settings.state / "db").mkdir()
        database = Database(url() or settings.database)
        database.migrate()
        with house(database, settings, number) as (reconciler, rooms, gates):

            def busy() -> None:
                for room in rooms:
                    gates.shown[room] += 1000
                asyncio.run(reconciler.count())

            asyncio.run(reconciler.look())
            figures = {
                "look": processor(lambda: asyncio.run(reconciler.look())),
                "count, nobody does anything": processor(lambda: asyncio.run(reconciler.count())),
                "count, all do": processor(busy),
                "admission meanwhile": admission(reconciler, rooms[0]),
            }
        database.engine.dispose()
    return {what: round(seconds, 3) for what, seconds in figures.items()}


def main() -> None:
    """Measure, print and keep."""
    storage.close_unused = lambda *_: None
    results: dict[str, object] = {"goals": {"look": 2.0, "admission meanwhile": 0.5}, "rounds": ROUNDS}
    with server() as postgresql:
        for kind, url in (("sqlite", lambda: ""), ("postgresql", lambda: created(postgresql))):
            few, many = measured(url, FEW), measured(url, MANY)
            ratios = {what: round(many[what] / max(few[what], 0.001), 1) for what in many}
            results[kind] = {str(FEW): few, str(MANY): many, "ratio": ratios}
            print(kind, results[kind])
    keep("rooms", results)


if __name__ == "__main__":
    main()
