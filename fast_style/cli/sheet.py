"""`fast-style sheet`: one photo in every style, on one sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fast_style.cli.consoles import stderr
from fast_style.cli.options import ImageQuality, Overwrite, Parents, Quiet, Strength

Photo = Annotated[Path, typer.Argument(metavar="PHOTO", help="The photo.")]
Output = Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="The picture to write.")]
Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model", "-m", metavar="NAME",
        help="Name or path of a model; repeatable. By default every model that has a name.",
    ),
]  # fmt: skip
Size = Annotated[int, typer.Option(min=64, help="Longer side of each picture in pixels.")]
Columns = Annotated[
    int | None, typer.Option(min=1, help="Pictures in a row; by default the sheet is a little wider than high.")
]


def sheet(
    photo: Photo,
    output: Output,
    model: Models = None,
    size: Size = 384,
    columns: Columns = None,
    strength: Strength = None,
    quality: ImageQuality = 92,
    overwrite: Overwrite = None,
    parents: Parents = False,
    quiet: Quiet = False,
) -> None:
    """Show a photo in every style that there is, on one labeled sheet."""
    from fast_style.errors import ModelError
    from fast_style.images.decode import load_rgb
    from fast_style.images.encode import save_rgb
    from fast_style.images.formats import format_of
    from fast_style.inference.sheet import SheetOptions, style_sheet
    from fast_style.models.artifact import list_models
    from fast_style.system.progress import ProgressDisplay
    from fast_style.system.results import ResultPolicy

    format_of(str(output))
    policy = ResultPolicy(overwrite, parents=parents)
    policy.check_file(output)
    models = model or [files.name for files in list_models()]
    if not models:
        raise ModelError("no models yet", remedy="train one with fast-style train")
    options = SheetOptions(size, columns, strength)
    picture = load_rgb(photo)
    with policy.guard(lambda: [output]):
        with ProgressDisplay(stderr, quiet=quiet) as display:
            task = display.add("painting", len(models))
            made = style_sheet(picture, models, options, lambda done: task.update(completed=done * len(models)))
        save_rgb(made, output, quality=quality)
    print(output)
