"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from fast_style.errors import ConfigError
from fast_style.inference.options import DEVICE_CHOICES, ENGINE_CHOICES
from fast_style.models.artifact import DEFAULT_MODEL
from fast_style.models.precision import PRECISIONS

DEFAULT_MODELS = [DEFAULT_MODEL]
LONGEST_CHOICES = 17
"""Letters up to which all values of an option stand beside it in the help."""
ENCODERS = ("embedded", "vgg16", "vgg19", "random")


def _only_one(models: list[str]) -> list[str]:
    # As a list, so that a second --model is refused: click would let the last one win.
    if len(models) > 1:
        raise ConfigError(
            "only one at a time here",
            setting="model",
            remedy=f"run the command once for each of {', '.join(models)}",
        )
    return models


def choice(text: str, values: tuple[str, ...], *names: str) -> Any:  # Typer's own return type
    """Returns an option with a few possible values, which `--help` and completion show.

    The help shows them beside the option where they are short, else behind the text.

    The value is checked where it is used, so that Python callers and the command get the same error of one line.

    Args:
        text: Help, a sentence.
        values: The possible values.
        names: Names of the option, where they are not the parameter's.
    """
    metavar = "|".join(values)
    if len(metavar) > LONGEST_CHOICES:
        metavar, text = "NAME", f"{text.removesuffix('.')}: {', '.join(values[:-1])} or {values[-1]}."
    return typer.Option(*names, metavar=metavar, help=text, autocompletion=lambda: list(values))


ModelName = Annotated[
    list[str],
    typer.Option("--model", "-m", metavar="NAME", callback=_only_one, help="Name or path of a model."),
]
Engine = Annotated[str, choice("Engine that runs the model.", ENGINE_CHOICES)]
Device = Annotated[str, choice("Device to compute on.", DEVICE_CHOICES)]
TorchDevice = Annotated[str, choice("Device to compute on.", ("auto", "cpu", "cuda", "mps"), "--device")]
Precision = Annotated[str, choice("Precision of the torch engine.", PRECISIONS)]
Strength = Annotated[
    float | None,
    typer.Option(metavar="0…1.5", help="Strength of the style, 1 by default; only for models that take one."),
]
Style = Annotated[
    str | None,
    typer.Option(
        metavar="NAME[:WEIGHT,…]",
        help="Style of a model that holds several: wave, or a blend such as wave:0.5,monet:0.5; by default its first.",
    ),
]
KeepColor = Annotated[bool, typer.Option("--keep-color", help="Paint in the original's own colors.")]
Stroke = Annotated[float, typer.Option(metavar="0.5…2", help="Size of the brush strokes, relative to the model's own.")]
EncoderName = Annotated[str, choice("Encoder to compare with.", ENCODERS)]
Weights = Annotated[Path | None, typer.Option(help="File with the encoder's weights; by default its own.")]
StyleSize = Annotated[
    int | None,
    typer.Option(
        min=32,
        help="Longer side of the style image in pixels; larger means larger brush strokes. By default what suits the "
        "encoder: 384 for vgg16, 512 for the others.",
    ),
]
ImageQuality = Annotated[
    int, typer.Option("--quality", min=1, max=100, help="Quality of JPEG, WebP and AVIF results, 1 to 100.")
]
Overwrite = Annotated[
    bool | None,
    typer.Option(
        "--overwrite/--no-overwrite",
        help="Replace files that are there: all of them, or none. By default only those that fast-style made.",
    ),
]
Parents = Annotated[bool, typer.Option("--parents", help="Make folders that are missing above the result.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
JsonReport = Annotated[
    bool, typer.Option("--json", help="Print one JSON object: results, sizes, seconds, device, time of each stage.")
]
NoBar = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress bar.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress bar and no summary.")]
