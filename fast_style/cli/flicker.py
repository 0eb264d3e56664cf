"""`fast-style flicker`: measures how much stylized videos flicker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fast_style.cli.consoles import print_json, stderr, stdout
from fast_style.cli.options import Json, NoBar


def flicker(
    original: Annotated[Path, typer.Argument(metavar="ORIGINAL", help="The video before it was stylized.")],
    stylized: Annotated[list[Path], typer.Argument(metavar="STYLIZED…", help="Videos that were made from it.")],
    start: Annotated[
        str,
        typer.Option(metavar="TIME", help="Time in the original at which the stylized videos begin: 90 or 00:01:30."),
    ] = "0",
    max_size: Annotated[
        int | None, typer.Option(min=16, help="Measure at this longer side in pixels; by default the videos' own.")
    ] = None,
    as_json: Json = False,
    quiet: NoBar = False,
) -> None:
    """Measure how much stylized videos flicker: what changes along the original's optical flow."""
    from fast_style.video.media import parse_seconds
    from fast_style.video.warping_error import measure_videos, table

    begins = parse_seconds(start, "start")
    result = measure_videos(original, stylized, start=begins, max_side=max_size, console=stderr, quiet=quiet)
    if as_json:
        print_json(result)
        return
    shown = table(result)
    shown.caption = f"{shown.caption}; a part of the original: --start"
    stdout.print(shown)
