"""The same way into a room from another machine: beyond loopback, by TLS, with the installation's own authority."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Error, Playwright, expect

from governance.settings import CertificateFrom, file_of, load
from hub import certificates
from tests.browser import OPTIONS, Visitor
from tests.conftest import ROOT, Stack
from tests.escapes.conftest import ipv4_addresses

REACHES = """
import socket, sys
for address in sys.argv[2:]:
    with socket.socket() as s:
        s.settimeout(2)
        print(address, s.connect_ex((address, int(sys.argv[1]))) == 0)
"""


@pytest.fixture(scope="module")
def reachable(stack: Stack) -> Iterator[Stack]:
    """The installation, made reachable from other machines as an operator does it, and put back."""
    file = file_of("test")
    before = file.read_text()
    lines = [line for line in before.splitlines() if not re.match(r"(address|\w+_host|rooms_domain) =", line)]
    lines += [
        'address = "0.0.0.0"',
        'certificate = "internal"',
        'portal_host = "portal.sluse.example"',
        'content_host = "sluse-content.example"',
        'rooms_domain = "rooms.sluse.example"',
    ]
    try:
        file.write_text("\n".join(lines) + "\n")
        subprocess.run([ROOT / "up"], check=True)
        yield replace(stack, settings=load("test"))
    finally:
        file.write_text(before)
        subprocess.run([ROOT / "up"], check=True)


@pytest.fixture
def elsewhere(reachable: Stack, playwright: Playwright, tmp_path: Path) -> Iterator[Callable[[bool], Browser]]:
    """Makes browsers on another machine: names lead to this host's address; with or without trust in the authority."""
    address = _outward_address()
    with ExitStack() as ending:

        def make(trusts: bool) -> Browser:
            home = tmp_path / str(trusts)
            store = home / ".pki" / "nssdb"
            store.mkdir(parents=True)
            subprocess.run(["certutil", "-N", "-d", f"sql:{store}", "--empty-password"], check=True)
            if trusts:
                authority = str(certificates.authority(reachable.settings))
                wanted = ["-A", "-n", "datasluse", "-t", "C,,", "-i", authority, "-d", f"sql:{store}"]
                subprocess.run(["certutil", *wanted], check=True)
            browser = playwright.chromium.launch(
                executable_path="/usr/bin/chromium",
                args=[*OPTIONS, f"--host-resolver-rules=MAP *.example {address}"],
                env={"HOME": str(home)},
            )
            ending.callback(browser.close)
            return browser

        yield make


def _outward_address() -> str:
    """This host's address towards others."""
    route = json.loads(
        subprocess.run(["ip", "-j", "route", "get", "192.0.2.99"], capture_output=True, check=True).stdout
    )
    return str(route[0]["prefsrc"])


def test_a_researcher_on_another_machine_works_by_tls(reachable: Stack, elsewhere: Callable[[bool], Browser]) -> None:
    settings = reachable.settings
    assert settings.portal_origin == f"https://portal.sluse.example:{settings.edge_port}"
    with pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"):
        elsewhere(False).new_page().goto(settings.portal_origin)

    person = reachable.person("ada")
    reachable.project(person)
    ada = Visitor(elsewhere(True).new_page())
    ada.log_in(reachable, person.name, person.password)
    page = ada.page
    page.get_by_role("button", name="Open room").click()
    ada.arrives(settings.portal_origin, "https://*.rooms.sluse.example:*/lab**")
    page.get_by_role("button", name="New notebook").click()
    expect(page.get_by_role("button", name="Python 3 (ipykernel) | Idle")).to_be_visible(timeout=60_000)
    page.locator(".jp-CodeCell .cm-content").first.click()
    page.keyboard.type("print(6 * 7)")
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".jp-OutputArea-output", has_text="42").first).to_be_visible(timeout=60_000)
    ada.photograph("tls")
    assert ada.complaints == []
    assert all(cookie["secure"] and cookie["name"].startswith("__Host-") for cookie in page.context.cookies())


def test_nothing_answers_in_clear_and_the_operator_sees_the_certificate(reachable: Stack) -> None:
    settings = reachable.settings
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://{_outward_address()}:{settings.edge_port}/login", trust_env=False)
    assert settings.certificate is CertificateFrom.INTERNAL
    said = reachable.sluse("status")
    assert certificates.fingerprint(settings) in said
    assert "certificate" in reachable.sluse("doctor", "--quick")


def test_a_room_does_not_reach_the_edge_that_others_reach(reachable: Stack) -> None:
    """The edge listens on every address of the host now, and on none for rooms; an ordinary container reaches it."""
    person = reachable.person("ada")
    project = reachable.project(person)
    room = json.loads(reachable.sluse("room", "open", project, person.name, "--json"))["room"]
    docker, addresses = reachable.docker, sorted(ipv4_addresses())
    port = str(reachable.settings.edge_port)
    container = f"sluse-test-room-{room}"
    command = docker.exec_create(container, ["python", "-c", REACHES, port, *addresses], user="64000:64000")
    inside = docker.exec_start(command["Id"]).decode()
    image = docker.inspect_container(container)["Config"]["Image"]
    outside = subprocess.run(
        ["docker", "run", "--rm", image, "python", "-c", REACHES, port, *addresses], capture_output=True, text=True
    ).stdout
    reachable.sluse("room", "close", room)
    assert inside.split() == [word for address in addresses for word in (address, "False")]
    assert f"{_outward_address()} True" in outside
