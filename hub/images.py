"""The images that gates and rooms are made from: built here, named by the hash of everything that goes into them.

There is no registry. Debian's base comes by debootstrap, Python wheels are fetched on the host from the lock file's
versions with their hashes, and a build sees no network but Debian's packages.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from docker import APIClient
from docker.errors import APIError, ImageNotFound
from servestatic.compress import Compressor

from governance.errors import Invalid, Unavailable
from governance.settings import STATE, Settings
from hub import sbom

SUITE = "bookworm"
MIRROR = os.environ.get("SLUSE_DEBIAN_MIRROR", "http://deb.debian.org")
SOURCES = f"""deb {MIRROR}/debian {SUITE} main
deb {MIRROR}/debian {SUITE}-updates main
deb {MIRROR}/debian-security {SUITE}-security main
"""
PYTHON = "3.11.2"
"""Debian 12's: wheels are taken for the image's Python, not for the host's."""

LAB_FILES = "/opt/room/share/jupyter/lab/static"
FIRST = "first.json"
"""Beside JupyterLab's files: those that it loads first."""
ALWAYS = ("gate", "base", "sandbox")
PYTORCH = os.environ.get("SLUSE_PYTORCH_INDEX", "https://download.pytorch.org/whl/cpu")
"""Where torch is fetched without CUDA; the wheel's hash is in the image's folder."""
MADE = {"__pycache__", "node_modules", "lib", "labextension"}
"""Folders in a checkout that tools make; they are no input."""
Say = Callable[[str], None]


def tags(settings: Settings) -> dict[str, str]:
    """The images the installation runs, by name; raises Invalid before they were built."""
    try:
        found: dict[str, str] = json.loads(_record(settings).read_text())
    except FileNotFoundError:
        raise Invalid("the images of {name} are not built: run ./up", name=settings.installation) from None
    return found


def build(settings: Settings, source: Path, tools: Path, docker: APIClient, say: Say) -> dict[str, str]:
    """Build what is missing, and return the tags of what this version runs, by name. What runs now keeps its own.

    Args:
        source: the checkout's root, with `images/` and `uv.lock`.
        tools: the `bin` of the environment with uv, which turns the lock file into a list of wheels, and pip.
        say: told each step as it begins.
    """
    debian = _tag("debian", SUITE, SOURCES)
    if not _there(docker, debian):
        say(f"Debian base by debootstrap ({debian})")
        _debian(debian)
    known = {folder.name for folder in (source / "images").iterdir() if folder.is_dir()} - set(ALWAYS)
    for name in settings.images:
        if name not in known:
            raise Invalid("there is no image {name}: choose of {known}", name=name, known=", ".join(sorted(known)))
    built: dict[str, str] = {}
    for name in (*ALWAYS, *settings.images):
        base = built.get("base", "")
        built[name] = _build(name, debian, base, source / "images" / name, source, tools, docker, say)
    for name, tag in settings.own_images.items():
        if not _there(docker, tag):
            raise Invalid("the image {tag} of {name} is not on this engine: build or load it", tag=tag, name=name)
        built[name] = docker.inspect_image(tag)["Id"]  # type: ignore[no-untyped-call]  # a tag moves
    for name in settings.room_images:
        publish(settings, built[name], docker, say)
    for name, tag in built.items():
        _list(settings, name, tag, say)
    return built


def record(settings: Settings, tags: dict[str, str]) -> None:
    """Say which images the installation runs from now on."""
    partial = _record(settings).with_suffix(".partial")
    partial.write_text(json.dumps(tags, indent=1))
    partial.rename(_record(settings))


def remove_old(settings: Settings, docker: APIClient) -> list[str]:
    """Remove images of earlier versions that no installation here runs and no container has; returns their tags.

    The files that the pages of this installation's rooms loaded from them go, too.
    """
    _forget_published(settings, tags(settings).values(), docker)
    kept = {_tag("debian", SUITE, SOURCES)}
    for record in STATE.glob("*/images.json"):
        kept |= set(json.loads(record.read_text()).values())
    others = (image for image in docker.images() if image["Id"] not in kept)  # an operator's own is kept by its digest
    ours = (tag for image in others for tag in image["RepoTags"] or () if tag.startswith("datasluse/"))
    removed = []
    for tag in sorted(set(ours) - kept):
        with contextlib.suppress(APIError):  # a room that is open since before the upgrade has it
            docker.remove_image(tag)
            removed.append(tag)
    return removed


def publish(settings: Settings, tag: str, docker: APIClient, say: Say) -> None:
    """Copy JupyterLab's own files out of an image of rooms, to be served outside them, with compressed twins."""
    folder = settings.assets / tag.rsplit(":", 1)[-1]
    if not folder.exists():
        say(f"JupyterLab's files out of {tag}")
        settings.assets.mkdir(mode=0o755, exist_ok=True)
        partial = folder.with_name(f".partial-{folder.name}")
        shutil.rmtree(partial, ignore_errors=True)
        container = _run(["docker", "create", tag]).strip()
        try:
            _run(["docker", "cp", f"{container}:{LAB_FILES}", str(partial)])
        finally:
            _run(["docker", "rm", container])
        compressor = Compressor(use_brotli=False, use_zstd=False, quiet=True)
        for path in [partial, *partial.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
            if path.is_file() and compressor.should_compress(path.name):
                compressor.compress(str(path))
        partial.rename(folder)
    if not (folder / FIRST).exists():
        (folder / FIRST).write_text(json.dumps(_first(folder)))


def _first(files: Path) -> list[str]:
    """What JupyterLab loads before it can be used, as its pages name it: its own program first.

    A page that waits for a room loads these meanwhile. Another version's that are not there are left out.
    """
    listed = (Path(__file__).parent / "jupyterlab-first.txt").read_text().splitlines()
    found = (next(files.glob(f"{name}.*.js"), None) for name in listed if not name.startswith("#"))
    return [f"{file.name}?v={file.name.split('.')[-2]}" for file in found if file is not None]


def _list(settings: Settings, name: str, tag: str, say: Say) -> None:
    """Keep a list of what an image holds (`hub.sbom`), for as long as the installation is there."""
    kept = settings.state / "sboms" / f"{name}-{tag.rsplit(':', 1)[-1]}.json"
    if not kept.exists():
        say(f"image {name}: what it holds")
        kept.parent.mkdir(mode=0o755, exist_ok=True)
        partial = kept.with_suffix(".partial")
        partial.write_text(json.dumps(sbom.of(tag), indent=1))
        partial.rename(kept)


def _forget_published(settings: Settings, built: Iterable[str], docker: APIClient) -> None:
    """Remove what no image that is used, or that a container still has, needs any more."""
    needed = {tag.rsplit(":", 1)[-1] for tag in (*built, *(c["Image"] for c in docker.containers(all=True)))}
    for old in settings.assets.iterdir():
        if old.name not in needed:
            shutil.rmtree(old)


def _build(
    name: str, debian: str, base: str, folder: Path, source: Path, tools: Path, docker: APIClient, say: Say
) -> str:
    wheels = _wheels_of(name, folder, tools, source)
    code, own = ([source / line for line in _names(folder / listed)] for listed in ("code", "own"))
    dockerfile = next(path for path in (folder / "Dockerfile", folder.parent / "Dockerfile") if path.exists())
    inputs = (part for path in (folder, dockerfile, *code, *own) for part in _contents(path))
    tag = _tag(name, debian, base if name not in ALWAYS else "", wheels, *inputs)
    if _there(docker, tag):
        return tag
    say(f"image {name} ({tag})")
    unverified = f"{tag}-unverified"
    with tempfile.TemporaryDirectory(dir=_cache(), prefix="image-") as work:
        context = Path(work) / "context"
        shutil.copytree(folder, context)
        shutil.copy(dockerfile, context / "Dockerfile")
        if code:
            (context / "code").unlink()
        for path in code:
            _copy(path, context / "code" / path.relative_to(source))
        if own:
            (context / "own").unlink()
        for path in own:
            say(f"image {name}: {path.relative_to(source)}")
            _wheel(tools, path, Path(work) / path.name, context / "own")
        (context / "own").mkdir(exist_ok=True)
        if wheels:
            ready, sources = _apart(wheels, _names(folder / "sdists"))
            (context / "requirements.txt").write_text(ready)
            fetch(tools, ready, context / "wheels")
            if sources:
                _from_source(tools, sources, context / "own")
        given = {"DEBIAN": debian}
        if name not in ALWAYS:
            given |= {"BASE": base, "PACKAGES": " ".join(_names(folder / "debian"))}
        arguments = [word for key, value in given.items() for word in ("--build-arg", f"{key}={value}")]
        _run(["docker", "build", "-q", "--force-rm", *arguments, "-t", unverified, str(context)])
    say(f"image {name}: verify")
    _run(["docker", "run", "--rm", "--network=none", "--entrypoint=/verify", unverified])
    _run(["docker", "tag", unverified, tag])
    _run(["docker", "rmi", unverified])
    return tag


def _debian(tag: str) -> None:
    with tempfile.TemporaryDirectory(dir=_cache(), prefix="debian-") as work:
        root = Path(work) / "root"
        _run(["debootstrap", "--variant=minbase", "--include=ca-certificates", SUITE, str(root), f"{MIRROR}/debian"])
        (root / "etc/apt/sources.list").write_text(SOURCES)
        for cached in (root / "var/cache/apt/archives").glob("*.deb"):
            cached.unlink()
        with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as tar:
            _run(["docker", "import", "-", tag], stdin=tar.stdout)


def _wheels_of(name: str, folder: Path, tools: Path, source: Path) -> str:
    """What an image installs: its group of the lock file, for a profile without what `base` has, and torch.

    Raises:
        Invalid: the lock file gives a profile another version of something than `base`.
    """
    if name == "gate":
        return ""
    wheels = wheel_list(tools, source, f"image-{name}")
    if name not in ALWAYS:
        entries = {entry.split("==")[0]: entry for entry in _entries(wheels)}
        below = {entry.split("==")[0]: entry for entry in _entries(wheel_list(tools, source, "image-base"))}
        for package, entry in below.items():
            if entries.get(package) != entry:
                raise Invalid("{name} has another {package} than base: lock it again", name=name, package=package)
        wheels = "".join(entry for package, entry in entries.items() if package not in below)
    torch = folder / "torch.txt"
    return wheels + (torch.read_text() if torch.exists() else "")


def wheel_list(tools: Path, source: Path, group: str) -> str:
    """Every wheel of a dependency group with its version and hashes, from the lock file."""
    command = [
        str(tools / "uv"),
        "export",
        "-q",
        "--frozen",
        "--only-group",
        group,
        "--no-emit-project",
        "--no-header",
        "--no-annotate",
    ]
    return _run([*command, "--project", str(source)])


def fetch(tools: Path, wheels: str, to: Path) -> None:
    """Fetch wheels for the images' Python, each compared with its hash."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirements:
        requirements.write(wheels)
        requirements.flush()
        cache = str(_cache() / "wheels")
        command = [
            str(tools / "python"),
            "-m",
            "pip",
            "download",
            "-q",
            "--require-hashes",
            "--no-deps",
            "--only-binary=:all:",
        ]
        if "torch==" in wheels:
            command += ["--extra-index-url", PYTORCH, "--retries", "1"]
        _run([*command, "--python-version", PYTHON, "--cache-dir", cache, "-d", str(to), "-r", requirements.name])


def _apart(requirements: str, names: list[str]) -> tuple[str, str]:
    """The requirements without, and only with, the packages named; each is a line with its hashes on lines after it."""
    entries = _entries(requirements)
    named = [entry for entry in entries if entry.split("==")[0] in names]
    return "".join(entry for entry in entries if entry not in named), "".join(named)


def _entries(requirements: str) -> list[str]:
    return [entry for entry in re.split(r"^(?=[A-Za-z0-9])", requirements, flags=re.MULTILINE) if entry]


def _from_source(tools: Path, requirements: str, to: Path) -> None:
    """Build wheels of packages of which there is only source, each compared with its hash."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as listed:
        listed.write(requirements)
        listed.flush()
        plain = ("--require-hashes", "--no-deps", "--no-build-isolation", "--no-binary=:all:")
        _run([str(tools / "python"), "-m", "pip", "wheel", "-q", *plain, "-w", str(to), "-r", listed.name])


def _names(listed: Path) -> list[str]:
    """The lines of a file that an image's folder may have."""
    return listed.read_text().split() if listed.exists() else []


def _wheel(tools: Path, project: Path, work: Path, to: Path) -> None:
    """Build a project of the checkout as a wheel, its JavaScript first, in a copy: the checkout stays as it is."""
    shutil.copytree(project, work, ignore=shutil.ignore_patterns(*MADE))
    if (work / "package-lock.json").exists():
        _run([str(tools / "npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"], tools=tools, cwd=work)
        _run([str(tools / "npm"), "run", "build"], tools=tools, cwd=work)
    _run([str(tools / "uv"), "build", "-q", "--wheel", "--cache-dir", str(_cache() / "uv"), "-o", str(to), str(work)])


def _copy(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, to, ignore=shutil.ignore_patterns(*MADE))
    else:
        shutil.copy(path, to)


def _contents(folder: Path) -> Iterator[str]:
    """Everything in a folder, or a file, that an image's name is a hash of."""
    files = [folder] if folder.is_file() else [p for p in folder.rglob("*") if p.is_file()]
    for path in sorted(p for p in files if not MADE & set(p.relative_to(folder).parts)):
        yield f"{path.relative_to(folder)}\0{path.stat().st_mode & 0o111}\0{path.read_text()}"


def _tag(name: str, *inputs: str) -> str:
    digest = hashlib.sha256("\0\0".join(inputs).encode()).hexdigest()
    return f"datasluse/{name}:{digest[:16]}"


def _there(docker: APIClient, tag: str) -> bool:
    try:
        docker.inspect_image(tag)  # type: ignore[no-untyped-call]
    except ImageNotFound:
        return False
    return True


def _cache() -> Path:
    """Where builds work: /tmp may be small, or mounted without devices, which debootstrap needs."""
    cache = Path("/var/cache/datasluse")
    cache.mkdir(mode=0o755, exist_ok=True)
    return cache


def _record(settings: Settings) -> Path:
    return settings.images_record


def _run(command: list[str], stdin: object = None, tools: Path | None = None, cwd: Path | None = None) -> str:
    env = os.environ | {"DOCKER_BUILDKIT": "0", "DEBIAN_FRONTEND": "noninteractive"}
    if tools:
        env["PATH"] = f"{tools}:{env['PATH']}"
    done = subprocess.run(command, stdin=stdin, capture_output=True, text=True, env=env, cwd=cwd, check=False)  # type: ignore[call-overload]
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise Unavailable("{command} failed:\n{tail}", command=" ".join(command[:3]), tail=tail)
    return str(done.stdout)
