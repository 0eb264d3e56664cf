"""`fast-style export`: exports the network of a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fast_style.cli.options import Overwrite, Parents
from fast_style.system.optional import require_extra


def export(
    checkpoint: Annotated[Path, typer.Argument(metavar="CKPT", help="A .ckpt file of a training run.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="The model folder to write.")],
    full_weights: Annotated[
        bool, typer.Option("--full-weights", help="Store the weights in float32 instead of float16.")
    ] = False,
    overwrite: Overwrite = None,
    parents: Parents = False,
) -> None:
    """Export the network of a training checkpoint."""
    require_extra("train")
    from fast_style.models.artifact import MODEL_FILES
    from fast_style.system.results import ResultPolicy
    from fast_style.training.export import export_checkpoint

    policy = ResultPolicy(overwrite, parents=parents)
    policy.check_folder(output)
    with policy.guard(lambda: [output / name for name in MODEL_FILES]):
        files = export_checkpoint(checkpoint, output, name=output.resolve().name, half_weights=not full_weights)
    print(files.folder)
