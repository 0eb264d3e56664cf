"""`fast-style models`: lists the models that are known by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from fast_style.cli.consoles import stderr, stdout
from fast_style.cli.options import Json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from fast_style.models.card import ModelSummary


def models(as_json: Json = False) -> None:
    """List the models that `--model` knows by name, with their measurements.

    Style left: the style term, as a fraction of that of the untouched photos.

    Iterations: how many L-BFGS iterations, begun at the photo and at noise, reach what the model reaches.
    """
    from fast_style.models.artifact import list_models
    from fast_style.models.card import summary

    known = list_models()
    rows = [summary(files) for files in known]
    if as_json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    if not known:
        stderr.print("no models yet: train one with fast-style train")
        return
    stdout.print(_table(rows))
    for folder in dict.fromkeys(files.folder.parent for files in known):
        names = ", ".join(files.name for files in known if files.folder.parent == folder)
        stdout.print(f"\nin {_shown(folder)}: {names}", highlight=False, soft_wrap=True)


def _table(rows: Sequence[ModelSummary]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for header in ("name", "network", "MB", "style left", "content", "iterations", "style"):
        table.add_column(header, no_wrap=header != "style")
    for row in rows:
        measured = [row["style_left"], row["content"]]
        iterations = [row["iterations_from_photo"], row["iterations_from_noise"]]
        table.add_row(
            row["name"], row["network"], f"{row['bytes'] / 1e6:.1f}",
            *("" if value is None else f"{value:.3f}" for value in measured),
            "" if None in iterations else ", ".join(f"{value:g}" for value in iterations), row["style"],
        )  # fmt: skip
    return table


def _shown(folder: Path) -> str:
    """Returns the path relative to the current folder where it lies below that."""
    here = Path.cwd()
    return str(folder.relative_to(here) if folder.is_relative_to(here) else folder)
