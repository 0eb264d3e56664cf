"""`fast-style visualize`: shows what excites a unit of an encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fast_style.cli.consoles import stderr
from fast_style.cli.options import ENCODERS, NoBar, Overwrite, Parents, Weights, choice
from fast_style.system.optional import require_extra


def visualize(
    layer: Annotated[str, typer.Option(help="Layer of the encoder, such as relu3_2.")],
    unit: Annotated[int, typer.Option(min=0, help="Channel of the layer, counted from 0.")],
    photos: Annotated[Path, typer.Option(metavar="DIR", help="Folder of photos to search.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="The picture to write.")],
    encoder: Annotated[str, choice("Encoder to look into.", ENCODERS)] = "embedded",
    weights: Weights = None,
    count: Annotated[int, typer.Option(min=1, help="Largest number of patches to draw.")] = 9,
    overwrite: Overwrite = None,
    parents: Parents = False,
    quiet: NoBar = False,
) -> None:
    """Draw the patches of photos that excite a unit of an encoder most (Zeiler and Fergus 2014)."""
    require_extra("train")
    from fast_style.evaluation.visualize import VisualizeOptions, visualize_unit
    from fast_style.system.results import ResultPolicy

    options = VisualizeOptions(layer=layer, unit=unit, encoder=encoder, weights=weights, count=count)
    policy = ResultPolicy(overwrite, parents=parents)
    policy.check_file(output)
    with policy.guard(lambda: [output]):
        patches = visualize_unit(photos, output, options, console=stderr, quiet=quiet)
    for patch in patches:
        print(f"{patch.activation:.4g}\t{patch.photo}\t{patch.left},{patch.top}")
