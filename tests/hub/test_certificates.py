"""Certificates, as a TLS client sees them at a real edge; ACME with a real server (Let's Encrypt's Pebble)."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from governance import settings as settings_module
from governance.errors import Unavailable
from governance.settings import CertificateFrom, Settings
from hub import certificates, edge
from hub.certificates import LIFE, keep
from tests import http2
from tests.hub.test_gate_answers import free_port

NOW = datetime.now(UTC)


@pytest.fixture
def here(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An installation beyond loopback, under a folder of this test's."""
    monkeypatch.setattr(settings_module, "STATE", tmp_path)
    monkeypatch.setattr(certificates, "CONFIGURATION", tmp_path / "etc")
    changes = {"certificate": CertificateFrom.INTERNAL, "edge_port": free_port(), "address": IPv4Address("127.0.0.1")}
    made = settings.model_copy(update=changes)
    for folder in (made.certificates, made.keys, made.run / "edge" / "socket"):
        folder.mkdir(parents=True)
    return made


def until(done: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def listens(port: int) -> bool:
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def running() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts edges, whose portal is away, with a line of their configuration left out; they end with the test."""
    with ExitStack() as ending:

        def start(settings: Settings, without: str = "") -> subprocess.Popen[bytes]:
            edge.write(settings)
            file = edge.folder(settings) / "haproxy.cfg"
            assert without in file.read_text()
            file.write_text(file.read_text().replace(settings.user("edge"), "root").replace(without, ""))
            process = ending.enter_context(subprocess.Popen(["/usr/sbin/haproxy", "-db", "-f", file]))
            ending.callback(process.terminate)
            until(lambda: listens(settings.edge_port))
            return process

        yield start


def trusting(settings: Settings) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificates.authority(settings))


def presented(settings: Settings, host: str, trust: ssl.SSLContext | None = None) -> x509.Certificate:
    """What the edge shows to a client that asks for this host and refuses what browsers refuse."""
    with (
        socket.create_connection(("127.0.0.1", settings.edge_port), timeout=5) as plain,
        (trust or trusting(settings)).wrap_socket(plain, server_hostname=host) as s,
    ):
        der = s.getpeercert(binary_form=True)
        assert der
        return x509.load_der_x509_certificate(der)


def test_our_own_authority_is_trusted_for_our_names_and_no_others(
    here: Settings, running: Callable[[Settings], object]
) -> None:
    assert keep(here, NOW)
    assert not keep(here, NOW)
    running(here)
    for host in (here.portal_host, here.content_host, here.room_host("a" * 10), here.room_host("b" * 10)):
        assert presented(here, host)
    with pytest.raises(ssl.SSLCertVerificationError, match=r"self-signed|unable to get"):
        presented(here, here.portal_host, ssl.create_default_context())
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        presented(here, "evil.example")
    assert certificates.shown(here).stat().st_mode & 0o777 == 0o600
    assert (here.certificates / "authority.key").stat().st_mode & 0o777 == 0o600


def test_whoever_steals_the_authority_gets_no_other_name(here: Settings, running: Callable[[Settings], object]) -> None:
    """The authority's own limits are looked at by clients: a certificate by it for another name is refused."""
    keep(here, NOW)
    stolen = here.model_copy(update={"portal_host": "bank.example"})
    issuer = x509.load_pem_x509_certificate(certificates.authority(here).read_bytes())
    issuer_key = serialization.load_pem_private_key((here.certificates / "authority.key").read_bytes(), None)
    assert isinstance(issuer_key, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    good = certificates.current(here)
    assert good
    builder = (
        x509.CertificateBuilder()
        .issuer_name(issuer.subject)
        .subject_name(x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "bank.example")]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(minutes=5))
        .not_valid_after(NOW + LIFE)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("bank.example")]), critical=False)
    )
    evil = builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    certificates.shown(here).write_bytes(evil + certificates._pem(key))
    running(stolen)
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree"):
        presented(here, "bank.example")


def test_a_certificate_is_renewed_and_shown_without_a_restart(
    here: Settings, running: Callable[[Settings], subprocess.Popen[bytes]]
) -> None:
    long_ago = NOW - LIFE * 0.7
    keep(here, long_ago)
    process = running(here)
    old = presented(here, here.portal_host)
    assert certificates.authority(here).exists()
    trust = trusting(here)
    assert keep(here, NOW)
    edge.show_certificate(here)
    fresh = presented(here, here.portal_host, trust)  # by the same authority: nobody has to trust anew
    assert fresh.serial_number != old.serial_number
    assert fresh.not_valid_after_utc > NOW + timedelta(days=80)
    assert process.poll() is None
    assert not keep(here, NOW)
    edge.show_certificate(here)
    assert presented(here, here.portal_host) == fresh


def test_other_names_make_another_authority(here: Settings) -> None:
    keep(here, NOW)
    before = certificates.authority(here).read_bytes()
    moved = here.model_copy(update={"portal_host": "data.example.org"})
    assert keep(moved, NOW)
    assert certificates.authority(here).read_bytes() != before
    assert certificates.wrong(moved, NOW) is None
    assert "not for portal-unit.localhost" in str(certificates.wrong(here, NOW))


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_nothing_speaks_in_clear_or_in_an_old_tongue(here: Settings, running: Callable[[Settings], object]) -> None:
    keep(here, NOW)
    running(here)
    url = f"https://127.0.0.1:{here.edge_port}"
    with httpx.Client(base_url=url, verify=trusting(here), trust_env=False) as http:
        for host in (here.portal_host, here.room_host("a" * 10), "evil.example"):
            sni = {"sni_hostname": here.portal_host}
            answer = http.get("/", headers={"Host": host}, extensions=sni)
            assert answer.headers["strict-transport-security"] == "max-age=63072000", (host, answer.status_code)
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://127.0.0.1:{here.edge_port}/", headers={"Host": here.portal_host}, trust_env=False)
    for version, welcome in ((ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_1, False)):
        trust = trusting(here)
        trust.set_ciphers("DEFAULT:@SECLEVEL=0")
        trust.minimum_version = trust.maximum_version = version
        if welcome:
            assert presented(here, here.portal_host, trust)
        else:
            with pytest.raises(ssl.SSLError, match=r"PROTOCOL_VERSION|NO_PROTOCOLS|UNSUPPORTED_PROTOCOL"):
                presented(here, here.portal_host, trust)


def test_without_a_certificate_the_edge_speaks_plain_http_on_loopback(
    here: Settings, running: Callable[[Settings], object]
) -> None:
    plain = here.model_copy(update={"certificate": None})
    assert not keep(plain, NOW)
    running(plain)
    answer = httpx.get(
        f"http://127.0.0.1:{plain.edge_port}/",
        headers={"Host": plain.authority(plain.room_host("a" * 10))},
        trust_env=False,
    )
    assert answer.status_code == 404
    assert "strict-transport-security" not in answer.headers


@pytest.mark.parametrize("certificate", [None, CertificateFrom.INTERNAL])
@pytest.mark.parametrize(
    ("without", "answered"),
    [("", ("HTTP/1.1", 400)), ("  option disable-h2-upgrade\n", ("HTTP/2", 404))],
    ids=["as it is", "control"],
)
def test_the_edge_speaks_no_http2(
    here: Settings,
    running: Callable[..., object],
    certificate: CertificateFrom | None,
    without: str,
    answered: tuple[str, int],
) -> None:
    """Without the one line it would, also where TLS offers HTTP/1.1 alone: a client begins as it likes."""
    made = here.model_copy(update={"certificate": certificate})
    keep(made, NOW)
    running(made, without)
    host = made.room_host("a" * 10)
    asked = {":method": "GET", ":scheme": "http", ":path": "/", ":authority": made.authority(host)}
    with ExitStack() as ending:
        s = ending.enter_context(socket.create_connection(("127.0.0.1", made.edge_port), timeout=5))
        if certificate:
            s = ending.enter_context(trusting(made).wrap_socket(s, server_hostname=host))
        assert http2.ask(s, asked) == answered


# -- an operator's own files -------------------------------------------------------------------------------------------
@dataclass
class Own:
    """An operator's files, and ways to fill them."""

    settings: Settings

    def put(self, certificate: certificates.Certificate, mode: int = 0o600) -> None:
        chain, key = certificates.files(self.settings)
        chain.parent.mkdir(parents=True, exist_ok=True)
        chain.write_bytes(certificate.chain)
        key.write_bytes(certificate.key)
        key.chmod(mode)


@pytest.fixture
def own(here: Settings) -> Own:
    return Own(here.model_copy(update={"certificate": CertificateFrom.FILES}))


def issued(settings: Settings, now: datetime = NOW) -> certificates.Certificate:
    return certificates._issued(settings, now)


def test_an_operators_files_are_taken_up(own: Own, running: Callable[[Settings], object]) -> None:
    own.put(issued(own.settings))
    assert keep(own.settings, NOW)
    assert not keep(own.settings, NOW)
    running(own.settings)
    old = presented(own.settings, own.settings.portal_host)
    own.put(issued(own.settings))
    assert keep(own.settings, NOW)
    edge.show_certificate(own.settings)
    assert presented(own.settings, own.settings.portal_host).serial_number != old.serial_number


def test_files_that_browsers_would_refuse_do_not_take_the_place_of_good_ones(own: Own) -> None:
    settings = own.settings
    with pytest.raises(Unavailable, match=r"put the certificate into .*chain\.pem"):
        keep(settings, NOW)
    good = issued(settings)
    own.put(good)
    keep(settings, NOW)
    other = settings.model_copy(update={"rooms_domain": "elsewhere.example"})
    bad = {
        "not this certificate's": certificates.Certificate(issued(settings).chain, good.key),
        "good from .* until": issued(settings, NOW - LIFE - timedelta(days=1)),
        "good from": issued(settings, NOW + timedelta(days=1)),
        rf"not for \*\.{settings.rooms_domain}": issued(other),
        "not a PEM certificate": certificates.Certificate(b"nonsense", good.key),
        "not a PEM": certificates.Certificate(good.chain, b"nonsense"),
    }
    for why, certificate in bad.items():
        own.put(certificate)
        with pytest.raises(Unavailable, match=why):
            keep(settings, NOW)
        assert certificates.current(settings) == good, why
    own.put(issued(settings), mode=0o644)
    with pytest.raises(Unavailable, match="can be read by others"):
        keep(settings, NOW)
    own.put(issued(settings))
    assert keep(settings, NOW)


# -- ACME --------------------------------------------------------------------------------------------------------------
@dataclass
class AcmeServer:
    """Pebble, with a DNS server that it asks."""

    directory: str
    management: str
    dns: str
    trust: Path


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[AcmeServer]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "localhost")])
    made = (
        certificates._signed_by(name, key, name, key, NOW, LIFE)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, pem_key = tmp_path / "pebble.pem", tmp_path / "pebble.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem_key.write_bytes(certificates._pem(key))
    directory, management, names, say = (free_port() for _ in range(4))
    configuration = tmp_path / "pebble.json"
    told = {
        "listenAddress": f"127.0.0.1:{directory}",
        "managementListenAddress": f"127.0.0.1:{management}",
        "certificate": str(pem),
        "privateKey": str(pem_key),
        "httpPort": 9,
        "tlsPort": 9,
        "ocspResponderURL": "",
        "externalAccountBindingRequired": False,
    }
    configuration.write_text(json.dumps({"pebble": told}))
    quick = os.environ | {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"}
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    challenges = ["-dns01", f"127.0.0.1:{names}", "-management", f"127.0.0.1:{say}"]
    nothing_else = ["-http01", "", "-https01", "", "-tlsalpn01", ""]
    with (
        subprocess.Popen(["pebble-challtestsrv", *challenges, *nothing_else], **silent) as dns,  # type: ignore[call-overload]
        subprocess.Popen(
            ["pebble", "-config", configuration, "-dnsserver", f"127.0.0.1:{names}"], env=quick, **silent
        ) as pebble,  # type: ignore[call-overload]
    ):
        try:
            until(lambda: listens(directory) and listens(management) and listens(say))
            yield AcmeServer(
                f"https://localhost:{directory}/dir", f"https://localhost:{management}", f"http://127.0.0.1:{say}", pem
            )
        finally:
            pebble.terminate()
            dns.terminate()


def test_an_acme_server_issues_a_wildcard_by_dns_and_renews_it(
    here: Settings, acme: AcmeServer, tmp_path: Path, running: Callable[[Settings], object]
) -> None:
    settings = here.model_copy(
        update={
            "portal_host": "portal.sluse.example",
            "content_host": "sluse-content.example",
            "rooms_domain": "rooms.sluse.example",
            "certificate": CertificateFrom.ACME,
            "acme_server": acme.directory,
            "acme_email": "operator@sluse.example",
            "acme_dns": "exec",
            "acme_wait_for_dns": False,
        }
    )
    provider = tmp_path / "provider"
    provider.write_text(
        f"""#!/usr/bin/python3
import json, sys, urllib.request
what, host, value = sys.argv[1:4]
told = {{"host": host, "value": value}}
where = {{"present": "set-txt", "cleanup": "clear-txt"}}[what]
urllib.request.urlopen("{acme.dns}/" + where, json.dumps(told).encode())
"""
    )
    provider.chmod(0o755)
    certificates.acme_environment(settings).write_text(f"EXEC_PATH={tmp_path / 'nothing'}\n")
    with pytest.raises(Unavailable, match="no certificate by ACME"):
        keep(settings, NOW)
    certificates.acme_environment(settings).write_text(
        f"EXEC_PATH={provider}\nLEGO_CA_CERTIFICATES={acme.trust}\nEXEC_SEQUENCE_INTERVAL=1\n"
    )
    assert not keep(settings, NOW + timedelta(minutes=30))  # it is not asked again at once …
    assert keep(settings, NOW + timedelta(minutes=31), at_once=True)  # … but by a person who says so
    running(settings)
    with httpx.Client(verify=ssl.create_default_context(cafile=acme.trust), trust_env=False) as http:
        root = http.get(f"{acme.management}/roots/0").text
    trust = ssl.create_default_context(cadata=root)
    first = presented(settings, settings.portal_host, trust)
    assert presented(settings, settings.room_host("a" * 10), trust) == first
    assert presented(settings, settings.content_host, trust) == first
    with pytest.raises(ssl.SSLCertVerificationError):
        presented(settings, "bank.example", trust)
    assert not keep(settings, NOW + timedelta(hours=2))
    due = first.not_valid_before_utc + 0.7 * (first.not_valid_after_utc - first.not_valid_before_utc)
    assert keep(settings, due)
    edge.show_certificate(settings)
    assert presented(settings, settings.portal_host, trust).serial_number != first.serial_number
