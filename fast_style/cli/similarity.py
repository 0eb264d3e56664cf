"""`fast-style similarity`: measures how far pictures are from one another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fast_style.cli.consoles import print_json, stdout
from fast_style.cli.options import EncoderName, Json, Weights
from fast_style.system.optional import require_extra


def similarity(
    images: Annotated[list[Path], typer.Argument(metavar="IMG…", help="Two or more pictures.")],
    encoder: EncoderName = "embedded",
    weights: Weights = None,
    max_size: Annotated[
        int, typer.Option(min=32, help="Shrink larger pictures to this longer side in pixels first.")
    ] = 512,
    as_json: Json = False,
) -> None:
    """Print how far pictures are from one another in style and in content."""
    require_extra("train")
    from fast_style.evaluation.similarity import similarity as measure
    from fast_style.evaluation.similarity import tables

    result = measure(images, encoder=encoder, weights=weights, max_size=max_size)
    if as_json:
        print_json(result)
        return
    for table in tables(result):
        stdout.print(table)
