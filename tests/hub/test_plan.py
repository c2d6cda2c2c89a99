from __future__ import annotations

from pathlib import Path

from docker import APIClient

from governance.settings import Settings
from hub import container
from hub.plan import RoomPlan, plan_room


def plan(settings: Settings, slot: int = 3) -> RoomPlan:
    return plan_room("abcdefghij", 7, 9, slot, "small", [("registers", "f" * 64)], settings)


def test_a_room_sees_its_home_its_projects_folder_and_its_data(settings: Settings) -> None:
    assert {(m.target, m.read_only) for m in plan(settings).mounts} == {
        ("/home/researcher", False),
        ("/project", False),
        ("/data/registers", True),
    }


def test_no_two_rooms_share_a_network_an_address_or_a_name(settings: Settings) -> None:
    one = plan(settings)
    two = plan_room("bbbbbbbbbb", 8, 9, 4, "small", [], settings)
    assert not one.subnet.overlaps(two.subnet)
    assert one.front != two.front
    assert one.bridge != two.bridge
    assert not {m.source for m in one.mounts if "homes" in str(m.source)} & {m.source for m in two.mounts}


def test_docker_is_asked_for_every_wall(settings: Settings) -> None:
    with APIClient(base_url="http://127.0.0.1:1", version="1.41") as docker:
        for wanted in (
            container.room(plan(settings), "image", "token"),
            container.gate(plan(settings), "image", Path("/gate")),
        ):
            host = docker.create_host_config(**wanted["host_config"])
            assert host["CapDrop"] == ["ALL"]
            assert host["ReadonlyRootfs"] is True
            assert "no-new-privileges" in host["SecurityOpt"]
            assert host["Dns"] == ["127.0.0.1"]
            assert wanted["user"] not in ("", "0:0")


def test_a_room_has_no_word_of_people_but_ids(settings: Settings) -> None:
    wanted = container.room(plan(settings), "image", "secret-token")
    assert set(wanted["labels"].values()) == {"unit", "room", "abcdefghij", "7", "9"}
    assert set(wanted["environment"]) == {"HOME", "JUPYTER_TOKEN", "LANG", "ASSETS"}
