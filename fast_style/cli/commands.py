"""How every command of `fast-style` describes itself in `--help`."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand, TyperGroup


class _UntypedFlags:
    """Shows no type beside options that take no value."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Returns the parameters of a command, as Typer builds them."""
        params: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for param in params:
            if getattr(param, "is_flag", False) and param.metavar is None:
                param.metavar = ""
        return params


class Command(_UntypedFlags, TyperCommand):
    """A command of `fast-style`."""


class Group(_UntypedFlags, TyperGroup):
    """A command that has commands of its own."""
