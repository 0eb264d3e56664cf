"""`fast-style models`: lists the models that are known by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fast_style.cli.consoles import print_json, stderr, stdout
from fast_style.cli.options import Json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from fast_style.models.card import ModelSummary


COLUMNS = {
    "network": "lite is small and fast, johnson large and finer",
    "MB": "size of the model's file",
    "style": "style term, as a fraction of that of the untouched photo: less is more style",
    "content": "content term: less stays closer to the photo",
    "iterations": "of L-BFGS that reach as much, begun at the photo and at noise: more is better",
    "painting": "what the model was trained with",
}
"""Columns of the table behind the name, and what they say."""


def models(as_json: Json = False) -> None:
    """List the models that `--model` knows by name, with their measurements, and what each of these means."""
    from fast_style.models.artifact import list_models
    from fast_style.models.card import summary

    known = list_models()
    rows = [summary(files) for files in known]
    if as_json:
        print_json(rows)
        return
    if not known:
        stderr.print("no models yet: train one with fast-style train")
        return
    stdout.print(_table(rows))
    stdout.print(_legend(), "")
    folders = list(dict.fromkeys(files.folder.parent for files in known))
    for folder in folders:
        names = ", ".join(files.name for files in known if files.folder.parent == folder)
        stdout.print(f"in {_shown(folder)}" + (f": {names}" if len(folders) > 1 else ""), highlight=False)


def _table(rows: Sequence[ModelSummary]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("name", no_wrap=True)
    for header in COLUMNS:
        table.add_column(header, no_wrap=header != "painting", justify="right" if header == "MB" else "left")
    for row in rows:
        measured = [row["style_left"], row["content"]]
        iterations = [row["iterations_from_photo"], row["iterations_from_noise"]]
        table.add_row(
            row["name"], row["network"], f"{row['bytes'] / 1e6:.1f}",
            *("" if value is None else f"{value:.3f}" for value in measured),
            "" if None in iterations else ", ".join(f"{value:g}" for value in iterations), row["style"],
        )  # fmt: skip
    return table


def _legend() -> Table:
    """Returns what the columns of the table say."""
    from rich.table import Table

    legend = Table(box=None, pad_edge=False, show_header=False, padding=(0, 1))
    legend.add_column(no_wrap=True)
    legend.add_column()
    legend.add_row("")
    for column, meaning in COLUMNS.items():
        legend.add_row(column, meaning)
    return legend


def _shown(folder: Path) -> str:
    """Returns the path relative to the current folder where it lies below that."""
    here = Path.cwd()
    return str(folder.relative_to(here) if folder.is_relative_to(here) else folder)
