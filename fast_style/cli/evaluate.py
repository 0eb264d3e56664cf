"""`fast-style evaluate`: measures models on photos."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fast_style.cli.consoles import print_json, stderr, stdout
from fast_style.cli.options import EncoderName, Json, NoBar, StyleSize, TorchDevice, Weights, choice
from fast_style.system.optional import require_extra
from fast_style.system.results import record_results

Models = Annotated[list[str], typer.Argument(metavar="MODEL…", help="Names or paths of models.")]
Photos = Annotated[Path, typer.Option(metavar="DIR", help="Folder of photos that the models never saw.")]
Style = Annotated[Path, typer.Option(metavar="IMG", help="The style image.")]
MaxSize = Annotated[int, typer.Option(min=136, help="Shrink larger photos to this longer side in pixels first.")]
Count = Annotated[
    int | None, typer.Option(min=1, help="Number of photos to use, evenly spread; by default all of them.")
]
Equivalent = Annotated[
    int,
    typer.Option(min=0, help="Number of photos on which to count equivalent L-BFGS iterations: minutes for each."),
]
Limit = Annotated[int, typer.Option(min=1, help="Largest number of equivalent iterations to search for.")]
Convention = Annotated[str | None, choice("Input of .onnx files that are not this project's.", ("nchw-255", "nchw-1"))]
Save = Annotated[bool, typer.Option("--save", help="Write each scorecard into its model's card.")]


def evaluate(
    models: Models,
    photos: Photos,
    style: Style,
    encoder: EncoderName = "embedded",
    weights: Weights = None,
    style_size: StyleSize = None,
    max_size: MaxSize = 1024,
    count: Count = None,
    equivalent: Equivalent = 0,
    limit: Limit = 200,
    convention: Convention = None,
    device: TorchDevice = "auto",
    save: Save = False,
    as_json: Json = False,
    quiet: NoBar = False,
) -> None:
    """Measure models on photos they never saw, under one reference loss."""
    require_extra("train")
    from fast_style.evaluation.evaluate import EvaluateOptions, evaluate_models, table
    from fast_style.models.artifact import CARD_JSON, CARD_MD, find_model

    options = EvaluateOptions(
        encoder=encoder, weights=weights, style_size=style_size, max_size=max_size, count=count, equivalent=equivalent,
        limit=limit, convention=convention, device=device, save=save,
    )  # fmt: skip
    cards = evaluate_models(models, photos, style, options, console=stderr, quiet=quiet)
    if save:
        record_results(find_model(model).folder / name for model in models for name in (CARD_JSON, CARD_MD))
    if as_json:
        print_json(cards)
    else:
        stdout.print(table(cards))
