"""What clusters may use, claimed in rows; on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy.orm import Session

from governance import clusters, people, projects, rooms
from governance.compute import GIB, Limits, Profile
from governance.database import Database
from governance.errors import Invalid, NotAllowed, NotFound, Unavailable
from governance.settings import Settings
from governance.tables import ClusterPart, ProjectRole
from governance.tiers import Tier

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)


@pytest.fixture
def limited(settings: Settings) -> Settings:
    person = Limits(cores=4, memory_gib=20, clusters=2, starts_per_hour=10)
    return settings.model_copy(
        update={"clusters_per_person": person, "clusters_per_project": Limits(**person.model_dump() | {"cores": 6})}
    )


@pytest.fixture
def open_rooms(database: Database, limited: Settings) -> list[str]:
    """Ada's and Bob's rooms in one project."""
    found = []
    with database.write() as tx:
        project = projects.add(tx, "hearts", "Hearts", Tier.SYNTHETIC, "C", "P", date(2099, 1, 1), NOW)
        projects.allow_clusters(tx, project, NOW, allowed=True)
        for name in ("ada", "bob"):
            person = people.add(tx, name, name, NOW, password="x" * 12, training_until=date(2099, 1, 1))
            people.accept_terms(tx, person, NOW)
            projects.add_member(tx, project, person, ProjectRole.ANALYST, NOW)
            found.append(rooms.want_open(tx, person, project, "small", limited, NOW).id)
            rooms.ran(tx, found[-1], "datasluse/base:0", "sha256:" + "0" * 64, NOW)
    return found


def name() -> str:
    return uuid4().hex


def begin(
    tx: Session, room: str, settings: Settings, workers: int = 1, profile: str = "base", now: datetime = NOW
) -> str:
    begun = name()
    clusters.begin(tx, rooms.standing(tx, room), begun, profile, [name() for _ in range(workers)], settings, now)
    return begun


def test_a_cluster_claims_addresses_that_no_other_container_of_the_room_has(
    database: Database, limited: Settings, open_rooms: list[str]
) -> None:
    with database.write() as tx:
        one, two = begin(tx, open_rooms[0], limited, 1), begin(tx, open_rooms[0], limited, 1)
        places = [c.place for cluster in (one, two) for c in clusters.containers(tx, cluster)]
    assert sorted(places) == [4, 5, 6, 7]


def test_limits_of_a_person_say_what_is_in_use_and_where(
    database: Database, limited: Settings, open_rooms: list[str]
) -> None:
    with database.write() as tx:
        begin(tx, open_rooms[0], limited, 2)
    with (
        pytest.raises(NotAllowed, match=r"4 cores at once. In use: ada \(hearts\): 3. 2 more") as refused,
        database.write() as tx,
    ):
        begin(tx, open_rooms[0], limited, 1)
    assert refused.value.values["limit"] == "4"
    with database.write() as tx:
        begin(tx, open_rooms[0], limited, 0)  # the same, where it fits


def test_limits_of_a_project_say_who_uses_it(database: Database, limited: Settings, open_rooms: list[str]) -> None:
    with database.write() as tx:
        begin(tx, open_rooms[0], limited, 3)
    with (
        pytest.raises(NotAllowed, match=r"clusters of this project may use 6 cores.*ada \(hearts\): 4"),
        database.write() as tx,
    ):
        begin(tx, open_rooms[1], limited, 2)
    with database.write() as tx:
        begin(tx, open_rooms[1], limited, 1)


def test_memory_clusters_and_starts_are_limited_too(
    database: Database, settings: Settings, open_rooms: list[str]
) -> None:
    def under(**changed: int) -> Settings:
        limits = Limits(**{"cores": 99, "memory_gib": 99, "clusters": 9, "starts_per_hour": 99} | changed)
        return settings.model_copy(update={"clusters_per_person": limits, "clusters_per_project": limits})

    for tight, words in (
        (under(memory_gib=5), r"5 GiB of memory at once. In use: 0. 6 GiB more"),
        (under(clusters=0), r"You may have 0 clusters"),
        (under(starts_per_hour=2), r"may start 2 containers in an hour, and started 0"),
    ):
        with pytest.raises(NotAllowed, match=words), database.write() as tx:
            begin(tx, open_rooms[0], tight, 2)
    with database.write() as tx:
        begin(tx, open_rooms[0], under(memory_gib=6, clusters=1, starts_per_hour=3), 2)


def test_starts_count_for_an_hour_whatever_became_of_them(
    database: Database, settings: Settings, open_rooms: list[str]
) -> None:
    limits = Limits(cores=99, memory_gib=99, clusters=9, starts_per_hour=4)
    tight = settings.model_copy(update={"clusters_per_person": limits})
    with database.write() as tx:
        clusters.ended(tx, begin(tx, open_rooms[0], tight, 2), NOW, clusters.STOPPED)
    with pytest.raises(NotAllowed, match="in an hour"), database.write() as tx:
        begin(tx, open_rooms[0], tight, 2)
    with database.write() as tx:
        begin(tx, open_rooms[0], tight, 2, now=NOW + timedelta(minutes=61))


def test_of_two_that_ask_for_the_last_cores_at_once_one_gets_them(
    database: Database, limited: Settings, open_rooms: list[str]
) -> None:
    """T10: exactly one of them, on both databases."""
    both, outcomes = threading.Barrier(2), []

    def ask() -> None:
        both.wait()
        try:
            with database.write() as tx:
                begin(tx, open_rooms[0], limited, 3)
            outcomes.append("begun")
        except NotAllowed:
            outcomes.append("refused")

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["begun", "refused"]


def test_more_workers_are_as_many_as_fit(database: Database, limited: Settings, open_rooms: list[str]) -> None:
    with database.write() as tx:
        cluster = begin(tx, open_rooms[0], limited, 1)
        assert clusters.more_workers(tx, cluster, limited, NOW, wanted=2) == (2, None)
        free, refused = clusters.more_workers(tx, cluster, limited, NOW, wanted=9)
        assert (free, str(refused).startswith("Your clusters may use 4 cores")) == (2, True)


def test_a_worker_is_claimed_once_and_its_place_is_given_back_for_others_first(
    database: Database, limited: Settings, open_rooms: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine may hold the address of a container that ended for some seconds."""
    monkeypatch.setattr(clusters, "LAST_PLACE", clusters.FIRST_PLACE + 2)
    with database.write() as tx:
        cluster, worker = begin(tx, open_rooms[0], limited, 0), name()
        first = clusters.claim_worker(tx, cluster, worker, limited, NOW).place
        assert clusters.claim_worker(tx, cluster, worker, limited, NOW).place == first
        clusters.worker_ended(tx, worker, NOW)
        other = name()
        second = clusters.claim_worker(tx, cluster, other, limited, NOW).place
        assert second != first
        clusters.worker_ended(tx, other, NOW + timedelta(seconds=1))
        assert clusters.claim_worker(tx, cluster, name(), limited, NOW).place == first
        assert clusters.claim_worker(tx, cluster, name(), limited, NOW).place == second
        with pytest.raises(Unavailable, match="no address left"):
            clusters.claim_worker(tx, cluster, name(), limited, NOW)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (
            lambda tx: projects.allow_clusters(tx, projects.keyed(tx, "hearts"), NOW, allowed=False),
            NotAllowed,
            "no clus",
        ),
        (
            lambda tx: projects.remove_member(tx, projects.keyed(tx, "hearts"), people.named(tx, "ada"), NOW),
            NotAllowed,
            "not a m",
        ),
    ],
)
def test_a_room_that_may_have_none_gets_none(
    database: Database, limited: Settings, open_rooms: list[str], change: Callable[[Session], None],
    error: type[Exception], words: str,
) -> None:  # fmt: skip
    with database.write() as tx:
        begin(tx, open_rooms[0], limited)
        change(tx)
    with pytest.raises(error, match=words), database.write() as tx:
        begin(tx, open_rooms[0], limited)


def test_unknown_profiles_and_too_many_workers_are_refused(
    database: Database, settings: Settings, open_rooms: list[str]
) -> None:
    for profile, workers, words in (("gold", 1, "choose one of base"), ("base", 17, "at most 16")):
        with pytest.raises(Invalid, match=words), database.write() as tx:
            begin(tx, open_rooms[0], settings, workers, profile)


def test_what_a_person_is_told_is_what_they_did_not_do(
    database: Database, limited: Settings, open_rooms: list[str]
) -> None:
    with database.write() as tx:
        one, two = begin(tx, open_rooms[0], limited, 1), begin(tx, open_rooms[0], limited, 1)
        worker = next(c.name for c in clusters.containers(tx, one) if c.part == "worker")
        clusters.worker_ended(tx, worker, NOW, clusters.worker_out_of_memory(2 * GIB))
        clusters.ended(tx, one, NOW + timedelta(seconds=1), clusters.OUT_OF_MEMORY)
        clusters.ended(tx, one, NOW + timedelta(seconds=2), clusters.STOPPED)  # the first reason stays
        clusters.ended(tx, two, NOW, clusters.STOPPED)
        said = [str(why) for _, _, why in clusters.told(tx, open_rooms[0], NOW - timedelta(minutes=1))]
        assert said == [str(clusters.worker_out_of_memory(2 * GIB)), str(clusters.OUT_OF_MEMORY)]
        assert not clusters.told(tx, open_rooms[1], NOW - timedelta(minutes=1))
        assert not clusters.claimed(tx)
        with pytest.raises(NotFound):
            clusters.running(tx, one)


GPUS = [f"GPU-00000000-0000-0000-0000-00000000000{number}" for number in (1, 2)]


@pytest.fixture
def with_gpus(settings: Settings) -> Settings:
    wide = Limits(cores=99, memory_gib=99, clusters=9, starts_per_hour=99, gpus=9)
    profile = Profile(title="GPU", threads=1, memory_gib=2, gpus=1, most_workers=4)
    return settings.model_copy(
        update={
            "gpus": GPUS, "profiles": {"gpu": profile}, "clusters_per_person": wide, "clusters_per_project": wide,
        }
    )  # fmt: skip


def test_a_gpu_belongs_to_one_container_until_that_is_gone(
    database: Database, with_gpus: Settings, open_rooms: list[str]
) -> None:
    with database.write() as tx:
        first = begin(tx, open_rooms[0], with_gpus, 2, "gpu")
        workers = [c.name for c in clusters.containers(tx, first) if c.part == ClusterPart.WORKER]
        assert sorted(gpu for worker in workers for gpu in clusters.gpus(tx, worker)) == GPUS
    with pytest.raises(NotAllowed, match="Of the platform's 2 GPUs 0 are free"), database.write() as tx:
        begin(tx, open_rooms[1], with_gpus, 1, "gpu")
    with database.write() as tx:
        clusters.ended(tx, first, NOW, clusters.STOPPED)
        assert clusters.leases_over(tx) == set(workers)
    with pytest.raises(NotAllowed, match="GPUs 0 are free"), database.write() as tx:  # the engine has not said so
        begin(tx, open_rooms[1], with_gpus, 1, "gpu")
    with database.write() as tx:
        clusters.give_gpus_back(tx, set(workers))
        begin(tx, open_rooms[1], with_gpus, 2, "gpu")


def test_gpus_are_limited_as_cores_are(database: Database, with_gpus: Settings, open_rooms: list[str]) -> None:
    one = with_gpus.clusters_per_person.model_copy(update={"gpus": 1})
    tight = with_gpus.model_copy(update={"clusters_per_person": one})
    with pytest.raises(NotAllowed, match=r"may use 1 GPUs at once. In use: 0. 2 more"), database.write() as tx:
        begin(tx, open_rooms[0], tight, 2, "gpu")
    with database.write() as tx:
        cluster = begin(tx, open_rooms[0], tight, 1, "gpu")
        assert clusters.more_workers(tx, cluster, tight, NOW)[0] == 0
        assert clusters.more_workers(tx, cluster, with_gpus, NOW, wanted=3)[0] == 1  # of the platform's two


def test_a_profile_with_more_gpus_than_the_host_has_is_not_there(with_gpus: Settings) -> None:
    assert "gpu" in with_gpus.every_profile
    assert "gpu" not in with_gpus.model_copy(update={"gpus": []}).every_profile


def test_of_two_projects_that_ask_for_the_last_gpu_at_once_one_gets_it(
    database: Database, with_gpus: Settings, open_rooms: list[str]
) -> None:
    with database.write() as tx:
        project = projects.add(tx, "lungs", "Lungs", Tier.SYNTHETIC, "C", "Q", date(2099, 1, 1), NOW)
        projects.allow_clusters(tx, project, NOW, allowed=True)
        person = people.named(tx, "bob")
        projects.add_member(tx, project, person, ProjectRole.ANALYST, NOW)
        other = rooms.want_open(tx, person, project, "small", with_gpus, NOW).id
        rooms.ran(tx, other, "datasluse/base:0", "sha256:" + "0" * 64, NOW)
        begin(tx, open_rooms[1], with_gpus, 1, "gpu")
    both, outcomes = threading.Barrier(2), []

    def ask(room: str) -> None:
        both.wait()
        try:
            with database.write() as tx:
                begin(tx, room, with_gpus, 1, "gpu")
            outcomes.append("begun")
        except NotAllowed:
            outcomes.append("refused")

    threads = [threading.Thread(target=ask, args=(room,)) for room in (open_rooms[0], other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["begun", "refused"]


def test_a_room_of_an_earlier_version_is_opened_again_for_clusters(
    database: Database, limited: Settings, open_rooms: list[str]
) -> None:
    with database.write() as tx:
        rooms.standing(tx, open_rooms[0]).room.image_digest = None
    with pytest.raises(NotAllowed, match="opened by an earlier version"), database.write() as tx:
        begin(tx, open_rooms[0], limited)
