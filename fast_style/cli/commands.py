"""How every command of `fast-style` describes itself in `--help`: usage, a text, and two columns in 80 letters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from rich.panel import Panel

WIDEST_NAME = 30
"""Letters of the widest column of names; a longer name runs over into lines of its own."""

_METAVARS = ((int, "N"), (float, "NUMBER"), (Path, "PATH"), (str, "TEXT"))


class _ReadableHelp:
    """Shows no types, and usage without braces."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Returns the parameters of a command, as Typer builds them, with a word for the value of each option."""
        params: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for param in params:
            if param.metavar is None and param.param_type_name == "option":
                param.metavar = "" if getattr(param, "is_flag", False) else _metavar(param)
        return params

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Returns what stands behind the command in its usage: `[OPTIONS] IN… [OUT]`."""
        pieces: list[str] = super().collect_usage_pieces(ctx)  # type: ignore[misc]
        return [re.sub(r"\{(.*)\}|(\[.*\])", r"\1\2", piece.removesuffix("...")) for piece in pieces]


def _metavar(param: Any) -> str:
    annotation = str(getattr(getattr(param, "type_descriptor", None), "annotation", str))
    return next((word for kind, word in _METAVARS if kind.__name__ in annotation), "TEXT")


class Command(_ReadableHelp, TyperCommand):
    """A command of `fast-style`."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Prints usage, text, arguments and options."""
        from rich.console import Console
        from rich.padding import Padding
        from rich.text import Text

        console = Console()
        console.print(Padding(Text(" ".join(self.get_usage(ctx).split()), "bold"), (1, 1)))
        for paragraph in (self.help or "").strip().split("\n\n"):
            console.print(Padding(Text(" ".join(paragraph.split())), (0, 1, 1, 1)))
        params = [param for param in self.get_params(ctx) if not getattr(param, "hidden", False)]
        for title, kind in (("Arguments", "argument"), ("Options", "option")):
            shown = [param for param in params if param.param_type_name == kind]
            if shown:
                console.print(_panel(title, shown, ctx))


class Group(_ReadableHelp, TyperGroup):
    """A command that has commands of its own."""


def _panel(title: str, params: Sequence[Any], ctx: Any) -> Panel:
    """Returns a frame with a row for each parameter: how it is written, and what it means."""
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    rows = [(_name(param, ctx), _meaning(param, ctx)) for param in params]
    table = Table(box=None, show_header=False, pad_edge=False, expand=True, padding=(0, 1, 0, 0))
    table.add_column(style="bold cyan", width=min(WIDEST_NAME, max(len(name) for name, _ in rows)))
    table.add_column(ratio=1)
    for name, meaning in rows:
        table.add_row(Text(name), Text(meaning))
    return Panel(table, title=title, title_align="left", border_style="dim")


def _name(param: Any, ctx: Any) -> str:
    if param.param_type_name == "argument":
        return str(param.metavar or param.name)
    names, _ = param.get_help_record(ctx)
    return str(names).replace(" / ", ", ").strip()


def _meaning(param: Any, ctx: Any) -> str:
    """Returns the help of a parameter, and in brackets its default, its limits and whether it must be given."""
    _, text = param.get_help_record(ctx)
    help_text, bracket, extra = text.rpartition("  [")
    if not bracket:
        return str(text)
    found = []
    for part in extra.removesuffix("]").split("; "):
        part = re.sub(r"^(\S+)<=x<=(\S+)$", r"\1 to \2", part)
        part = re.sub(r"^x>=(\S+)$", r"at least \1", part)
        if param.param_type_name == "option" and param.secondary_opts:
            part = part.replace("default: ", "default: --")
        if part not in ("at least 0", "at least 1") and part not in help_text:
            found.append(part)
    return f"{help_text} [{'; '.join(found)}]" if found else str(help_text)
