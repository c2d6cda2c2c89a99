from __future__ import annotations

import copy
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from docker import APIClient

from governance.settings import Settings
from hub import container
from hub.plan import ClusterPlan, RoomPlan, plan_room


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
            host = container.host_config(docker, wanted)
            assert host["CapDrop"] == ["ALL"]
            assert "/proc/locks" in host["MaskedPaths"]
            assert "/proc/sys" in host["ReadonlyPaths"]
            assert host["ReadonlyRootfs"] is True
            assert "no-new-privileges" in host["SecurityOpt"]
            assert host["Dns"] == ["127.0.0.1"]
            assert wanted["user"] not in ("", "0:0")


def test_a_room_has_no_word_of_people_but_ids(settings: Settings) -> None:
    wanted = container.room(plan(settings), "image", "secret-token")
    assert set(wanted["labels"].values()) == {"unit", "room", "abcdefghij", "7", "9"}
    assert set(wanted["environment"]) == {"HOME", "JUPYTER_TOKEN", "LANG", "ASSETS"}


def worker(settings: Settings, *gpus: str) -> dict[str, Any]:
    cluster = ClusterPlan(plan(settings), "c" * 32, "token", "certificate", "key", IPv4Address("10.1.0.4"))
    member = cluster.member_worker("w" * 32, IPv4Address("10.1.0.5"), 1, 1 << 30, Path("/scratch"), gpus)
    return container.member(member, "image")


def test_a_worker_has_the_gpus_of_its_lease_and_no_other(settings: Settings) -> None:
    gpu = "GPU-00000000-0000-0000-0000-000000000001"
    with APIClient(base_url="http://127.0.0.1:1", version="1.41") as docker:
        [asked] = container.host_config(docker, worker(settings, gpu))["DeviceRequests"]
        assert "DeviceRequests" not in container.host_config(docker, worker(settings))
    assert (asked["Driver"], asked["DeviceIDs"], asked["Count"]) == ("nvidia", [gpu], 0)


def as_the_engine_says(docker: APIClient, wanted: dict[str, Any]) -> dict[str, Any]:
    """What an engine that does as it is told says of a container; it fills in what was not asked for."""
    host = container.host_config(docker, wanted)
    mounts = [bind.split(":") for bind in wanted["host_config"]["binds"]]
    return {
        "Image": wanted["image"],
        "Config": {"User": wanted["user"], "Labels": wanted["labels"] | {"of": "the image"}},
        "HostConfig": copy.deepcopy(host) | {"RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}, "CapAdd": None},
        "Mounts": [{"Source": s, "Destination": d, "RW": mode == "rw"} for s, d, mode in mounts],
        "NetworkSettings": {
            "Networks": {
                name: {"IPAddress": endpoint["IPAMConfig"]["IPv4Address"]}
                for name, endpoint in wanted["networking_config"].items()
            }
        },
    }


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda found: found["HostConfig"].update(ReadonlyRootfs=False), "ReadonlyRootfs"),
        (lambda found: found["HostConfig"].update(CapDrop=[]), "CapDrop"),
        (lambda found: found["HostConfig"].update(CapAdd=["CAP_SYS_ADMIN"]), "CapAdd"),
        (lambda found: found["HostConfig"]["SecurityOpt"].pop(), "SecurityOpt"),
        (lambda found: found["HostConfig"].update(MaskedPaths=["/proc/kcore"]), "MaskedPaths"),
        (lambda found: found["HostConfig"]["MaskedPaths"].remove("/proc/locks"), "MaskedPaths"),
        (lambda found: found["HostConfig"].pop("MaskedPaths"), "MaskedPaths"),
        (lambda found: found["HostConfig"]["ReadonlyPaths"].clear(), "ReadonlyPaths"),
        (lambda found: found["HostConfig"].update(Memory=0), "Memory"),
        (lambda found: found["HostConfig"].update(DeviceRequests=[{"Driver": "nvidia"}]), "DeviceRequests"),
        (lambda found: found["HostConfig"].update(PidMode="host"), "PidMode"),
        (lambda found: found["HostConfig"].update(PortBindings={"8888/tcp": [{"HostPort": "1"}]}), "PortBindings"),
        (lambda found: found["Mounts"].append({"Source": "/v", "Destination": "/x", "RW": True}), "mounts"),
        (lambda found: found["Mounts"][-1].update(RW=not found["Mounts"][-1]["RW"]), "mounts"),
        (lambda found: found["NetworkSettings"]["Networks"].update(bridge={"IPAddress": "172.17.0.2"}), "networks"),
        (lambda found: found["Config"].update(User="0:0"), "user"),
        (lambda found: found["Config"]["Labels"].pop("datasluse.room"), "labels"),
        (lambda found: found.update(Image="sha256:other"), "image"),
    ],
)
def test_a_container_that_is_not_as_asked_is_seen(
    settings: Settings, change: Callable[[dict[str, Any]], object], named: str
) -> None:
    with APIClient(base_url="http://127.0.0.1:1", version="1.41") as docker:
        for wanted in (
            container.room(plan(settings), "image", "token"),
            container.gate(plan(settings), "image", Path("/gate")),
            worker(settings),
        ):
            host = container.host_config(docker, wanted)
            found = as_the_engine_says(docker, wanted)
            assert container.differences(found, wanted, host) == []
            change(found)
            assert container.differences(found, wanted, host) == [named]
