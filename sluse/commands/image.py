"""Images of rooms."""

from __future__ import annotations

import typer

from governance.settings import load
from sluse.command_line import fail

app = typer.Typer(help="Images of rooms.", no_args_is_help=True)


@app.command("check")
def check(tag: str) -> None:
    """Try an image of your own as a room would be; see docs/operator.md for what it must hold."""
    from docker import APIClient

    from hub import images, own_images

    settings = load()
    with APIClient(timeout=120) as docker:
        found = own_images.check(settings, docker, tag, images.tags(settings)["base"])
    for one in found:
        print(f"{'WRONG' if one.wrong else 'well':<6} {one.what}{f': {one.wrong}' if one.wrong else ''}")
    if any(one.wrong for one in found):
        fail(f"{tag} cannot be a room yet")
    print(f"{tag} can be a room: name it under [own_images] in the settings, then run ./up")
