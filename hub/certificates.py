"""The certificate that the edge shows beyond loopback: made here, fetched by ACME, or taken from the operator's files.

`keep` is called by `./up` and every minute by the reconciler: it renews what is due and looks at what comes before it
takes its place, so that the edge never shows one that browsers would refuse.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from dotenv import dotenv_values

from governance.errors import Unavailable
from governance.settings import CONFIGURATION, CertificateFrom, Settings

LIFE = timedelta(days=90)
"""Of a certificate of our own authority: what ACME servers issue, too."""
AUTHORITY_LIFE = timedelta(days=3650)
RENEW_AT = 2 / 3
"""Of a certificate's life: what clients of Let's Encrypt do (letsencrypt.org/docs/integration-guide)."""
TRY_AGAIN = timedelta(hours=1)
"""After an ACME server refused: Let's Encrypt allows five failures an hour."""
ACME_WITHIN = 600
"""Seconds: names of a challenge take minutes to be known everywhere."""
LEGO = "/usr/bin/lego"
SLACK = timedelta(minutes=5)
"""For browsers whose clock is late."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with what vouches for it, and its key (PKCS#8): PEM without blank lines."""

    chain: bytes
    key: bytes

    @property
    def leaf(self) -> x509.Certificate:
        return x509.load_pem_x509_certificates(self.chain)[0]

    @property
    def names(self) -> set[str]:
        """The host names it is good for."""
        try:
            named = self.leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            return set()
        return set(named.get_values_for_type(x509.DNSName))

    def wrong(self, settings: Settings, now: datetime) -> str | None:
        """Why browsers would refuse it; None when they would not, as far as can be seen here."""
        try:
            key = serialization.load_pem_private_key(self.key, None)
            leaf = self.leaf
        except (ValueError, TypeError, IndexError):
            return "these are not a PEM certificate and its PEM key without a password"
        encoded = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        if key.public_key().public_bytes(*encoded) != leaf.public_key().public_bytes(*encoded):
            return "the key is not this certificate's"
        if not leaf.not_valid_before_utc <= now < leaf.not_valid_after_utc:
            return f"it is good from {leaf.not_valid_before_utc:%F} until {leaf.not_valid_after_utc:%F %T} UTC"
        missing = [name for name in names(settings) if not {name, f"*.{name.partition('.')[2]}"} & self.names]
        return f"it is not for {', '.join(missing)}" if missing else None

    def is_due(self, now: datetime) -> bool:
        """Whether it should be renewed."""
        begun, ends = self.leaf.not_valid_before_utc, self.leaf.not_valid_after_utc
        return now >= begun + RENEW_AT * (ends - begun)

    def as_pem(self) -> bytes:
        """Chain and key in one, as HAProxy reads it. (A blank line would end it on HAProxy's socket.)"""
        return self.chain + self.key


def names(settings: Settings) -> list[str]:
    """The host names of an installation. Rooms come and go under a wildcard, and stay out of public logs by it."""
    return [settings.portal_host, settings.content_host, f"*.{settings.rooms_domain}"]


def shown(settings: Settings) -> Path:
    """The file that the edge reads: one for each that vouches, so that another one is asked when that is changed."""
    by = settings.certificate
    name = urlsplit(settings.acme_server).hostname if by is CertificateFrom.ACME else by
    return settings.certificates / f"edge-{name}.pem"


def authority(settings: Settings) -> Path:
    """The certificate of the installation's own authority: what browsers are told to trust."""
    return settings.certificates / "authority.pem"


def fingerprint(settings: Settings) -> str:
    """SHA-256 of our authority's certificate, as browsers write it."""
    made = x509.load_pem_x509_certificate(authority(settings).read_bytes())
    return made.fingerprint(hashes.SHA256()).hex(":").upper()


def files(settings: Settings) -> tuple[Path, Path]:
    """Where an operator puts a certificate of their own: chain and key."""
    folder = CONFIGURATION / f"{settings.installation}.certificate"
    return folder / "chain.pem", folder / "key.pem"


def acme_environment(settings: Settings) -> Path:
    """What lego's DNS provider needs to know, NAME=value a line; root's alone."""
    return settings.keys / "acme.env"


def current(settings: Settings) -> Certificate | None:
    """What the edge shows; None before there is one."""
    try:
        pem = shown(settings).read_bytes()
    except FileNotFoundError:
        return None
    chain, mark, key = pem.partition(b"-----BEGIN PRIVATE KEY-----")
    return Certificate(chain, mark + key)


def wrong(settings: Settings, now: datetime) -> str | None:
    """Why browsers would refuse what the edge shows; None when they would not, or TLS is not asked for."""
    if settings.certificate is None:
        return None
    here = current(settings)
    return here.wrong(settings, now) if here else "there is none"


def keep(settings: Settings, now: datetime, *, at_once: bool = False) -> bool:
    """Renew the edge's certificate when that is due; returns whether there is a new one.

    Args:
        at_once: ask an ACME server even if it refused a moment ago.

    Raises:
        Unavailable: a new one is due and cannot be had, or would be refused by browsers; the old one stays.
    """
    if settings.certificate is None:
        return False
    here = current(settings)
    fresh: Certificate | None
    if settings.certificate is CertificateFrom.FILES:
        fresh = _from_files(settings)
    elif here and not here.wrong(settings, now) and not here.is_due(now):
        return False
    elif settings.certificate is CertificateFrom.INTERNAL:
        fresh = _issued(settings, now)
    else:
        fresh = _from_acme(settings, now, at_once=at_once)
    if fresh is None or fresh == here:
        return False
    refused = fresh.wrong(settings, now)
    if refused:
        raise Unavailable("the new certificate is not used: {why}", why=refused)
    _write(shown(settings), fresh.as_pem(), 0o600)
    return True


def _from_files(settings: Settings) -> Certificate:
    chain, key = files(settings)
    try:
        if key.stat().st_mode & 0o077:
            raise Unavailable("{key} can be read by others: chmod 600 it, and think about who has read it", key=key)
        return _read(chain.read_bytes(), key.read_bytes())
    except OSError as e:
        raise Unavailable(
            "put the certificate into {chain} and its key into {key}: {why}", chain=chain, key=key, why=e.strerror
        ) from None


def _read(chain: bytes, key: bytes) -> Certificate:
    """In the one form that `current` finds again; raises Unavailable when it is not PEM."""
    try:
        certificates = x509.load_pem_x509_certificates(chain)
        private = serialization.load_pem_private_key(key, None)
    except (ValueError, TypeError):
        raise Unavailable("these are not a PEM certificate and its PEM key without a password") from None
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Certificate(
        b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates), private.private_bytes(*plain)
    )


# -- our own authority -------------------------------------------------------------------------------------------------
def _issued(settings: Settings, now: datetime) -> Certificate:
    """A certificate by the installation's own authority, which is made when there is none for these names."""
    issuer, issuer_key = _authority(settings, now)
    key = ec.generate_private_key(ec.SECP256R1())
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, settings.portal_host[:64])])
    leaf = (
        _signed_by(issuer.subject, issuer_key, named, key, now, LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names(settings)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(_key_usage(digital_signature=True), critical=True)
        .sign(issuer_key, hashes.SHA256())
    )
    pem = leaf.public_bytes(serialization.Encoding.PEM) + issuer.public_bytes(serialization.Encoding.PEM)
    return _read(pem, _pem(key))


def _authority(settings: Settings, now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """The authority: for this installation's names alone (RFC 5280, 4.2.1.10), so that trusting it costs little."""
    trees = [settings.portal_host, settings.content_host, settings.rooms_domain]
    limits = x509.NameConstraints([x509.DNSName(tree) for tree in trees], None)
    key_file = settings.certificates / "authority.key"
    if key_file.exists():
        here = x509.load_pem_x509_certificate(authority(settings).read_bytes())
        said = here.extensions.get_extension_for_class(x509.NameConstraints).value
        if said == limits and now + LIFE < here.not_valid_after_utc:
            key = serialization.load_pem_private_key(key_file.read_bytes(), None)
            return here, cast(ec.EllipticCurvePrivateKey, key)
    key = ec.generate_private_key(ec.SECP256R1())
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Datasluse {settings.portal_host} {now:%F}"[:64])])
    made = (
        _signed_by(named, key, named, key, now, AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(limits, critical=True)
        .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write(authority(settings), made.public_bytes(serialization.Encoding.PEM), 0o644)
    _write(key_file, _pem(key), 0o600)
    return made, key


def _signed_by(
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
    life: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SLACK)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )


def _key_usage(**used: bool) -> x509.KeyUsage:
    every = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**dict.fromkeys(every, False) | used)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*plain)


# -- ACME --------------------------------------------------------------------------------------------------------------
def _from_acme(settings: Settings, now: datetime, *, at_once: bool) -> Certificate | None:
    """Ask the ACME server by lego, with a DNS-01 challenge: no other one gives wildcards (RFC 8555; lego's manual).

    None when it refused a moment ago and is not to be asked again yet.
    """
    folder = settings.certificates / "acme"
    tried = folder / "tried"
    if not at_once and tried.exists() and now.timestamp() - tried.stat().st_mtime < TRY_AGAIN.total_seconds():
        return None
    folder.mkdir(mode=0o700, exist_ok=True)
    tried.touch()
    os.utime(tried, (now.timestamp(), now.timestamp()))
    domains = [part for name in names(settings) for part in ("--domains", name)]
    account = ("--server", settings.acme_server, "--email", str(settings.acme_email), "--accept-tos")
    blind = () if settings.acme_wait_for_dns else ("--dns.disable-cp",)
    how = ("--dns", str(settings.acme_dns), *blind, "--key-type", "ec256", "--path", str(folder))
    told = {name: value or "" for name, value in dotenv_values(acme_environment(settings)).items()}
    try:
        done = subprocess.run(
            [LEGO, *account, *how, *domains, "run"], env={"PATH": os.environ["PATH"]} | told,
            capture_output=True, text=True, timeout=ACME_WITHIN, check=False, cwd=folder,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as e:
        raise Unavailable("no certificate by ACME: {why}", why=e) from None
    if done.returncode:
        raise Unavailable("no certificate by ACME: {why}", why=done.stderr.strip()[-1000:])
    kept = folder / "certificates" / settings.portal_host
    return _read(kept.with_name(f"{kept.name}.crt").read_bytes(), kept.with_name(f"{kept.name}.key").read_bytes())


def _write(path: Path, content: bytes, mode: int) -> None:
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    partial.chmod(mode)
    partial.rename(path)
