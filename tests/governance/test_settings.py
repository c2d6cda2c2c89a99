from __future__ import annotations

from pathlib import Path

import pytest

from governance import settings as module
from governance.errors import Invalid
from governance.settings import GATES, Settings, installed, load, proposed, write


@pytest.fixture
def etc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "CONFIGURATION", tmp_path / "etc")
    return tmp_path / "etc"


def test_installations_do_not_share_names_ports_or_networks(etc: Path) -> None:
    for name in ("test", "main", "third"):
        write(proposed(name, installed(), demo=True))
    here = installed()
    for attribute in ("number", "portal_host", "rooms_domain", "content_host", "edge_port", "hub_port", "network"):
        assert len({getattr(s, attribute) for s in here}) == 3, attribute
    assert load("main").portal_origin == "http://portal.localhost:8080"
    assert load("test").portal_host == "portal-test.localhost"


def test_every_slot_has_addresses_of_its_own(settings: Settings) -> None:
    fronts = {settings.front_address(slot) for slot in range(GATES)}
    networks = [settings.room_network(slot) for slot in range(GATES)]
    assert len(fronts) == len(set(networks)) == GATES
    assert all(address in settings.front for address in fronts)
    assert all(n.subnet_of(settings.network) and not n.overlaps(settings.front) for n in networks)
    assert settings.front_host not in fronts


@pytest.mark.parametrize(
    ("free_gib", "home_mib", "project_mib"),
    [(0, 512, 512), (20, 512, 2560), (62, 1536, 7680), (400, 10 << 10, 50 << 10), (8000, 10 << 10, 50 << 10)],
)
def test_a_small_disk_gets_small_quotas(free_gib: int, home_mib: int, project_mib: int) -> None:
    chosen = proposed("main", [], demo=True, free=free_gib << 30)
    assert (chosen.home_mib, chosen.project_mib) == (home_mib, project_mib)


def test_an_interface_name_fits_into_linux(settings: Settings) -> None:
    assert len(settings.room_bridges + "a" * 10) <= 15
    assert not settings.front_bridge.startswith(settings.room_bridges)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("portal = 1", "portal: Extra inputs"),
        ("nonsense", "not TOML"),
        ("direct_person_level = 12", "direct_person_level"),
        ('address = "0.0.0.0"', "main.toml: the edge would speak to 0.0.0.0 without TLS"),
        ('address = "::"', "without TLS"),
        ('certificate = "acme"', "needs acme_email and acme_dns"),
        ('certificate = "acme"\nacme_server = "http://ca.example"', "acme_server"),
        ('certificate = "yes"', "certificate"),
    ],
)
def test_a_broken_file_says_what_is_wrong(etc: Path, line: str, message: str) -> None:
    write(proposed("main", [], demo=False))
    file = etc / "main.toml"
    assert load("main")
    kept = [row for row in file.read_text().splitlines() if row.split(" =")[0] not in line]
    file.write_text("\n".join([*kept, line]))
    with pytest.raises(Invalid, match=message):
        load("main")


def test_a_missing_installation_says_what_to_do(etc: Path) -> None:
    with pytest.raises(Invalid, match=r"run \./up"):
        load("main")


def test_beyond_loopback_every_address_is_https(etc: Path) -> None:
    write(proposed("main", [], demo=False))
    file = etc / "main.toml"
    kept = [row for row in file.read_text().splitlines() if not row.startswith(("address", "edge_port"))]
    file.write_text("\n".join([*kept, 'address = "0.0.0.0"', "edge_port = 443", 'certificate = "files"']))
    settings = load("main")
    assert settings.portal_origin == "https://portal.localhost"
    assert settings.content_origin == "https://content.localhost"
    assert settings.room_origin("abcdefghij") == "https://abcdefghij.rooms.localhost"
    assert settings.model_copy(update={"edge_port": 8443}).portal_origin == "https://portal.localhost:8443"
