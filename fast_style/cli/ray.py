"""Options of the commands that run on Ray."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from fast_style.cli.commands import Command

LOCAL = "local"
_ADDRESS = re.compile(r"auto|local|ray://.+|[\w.-]+:\d+|\[[0-9a-fA-F:]+\]:\d+")

Ray = Annotated[
    str | None,
    typer.Option(
        "--ray", metavar="[ADDRESS]",
        help="Work on a Ray cluster: auto, HOST:PORT or ray://HOST:PORT; without an address on a Ray of this machine.",
    ),
]  # fmt: skip
PerWorker = Annotated[
    float | None,
    typer.Option(
        metavar="NUMBER", help="With --ray, CPU threads of each worker, 1 by default; with --device cuda, GPUs: 0.5."
    ),
]


class RayCommand(Command):
    """A command with the option `--ray`, whose address may be left out."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parses the arguments of the command."""
        parsed: list[str] = super().parse_args(ctx, with_address(args))
        return parsed


def with_address(arguments: Sequence[str]) -> list[str]:
    """Returns the arguments with an address behind each `--ray`: the word that follows, if it is one, or `local`."""
    given: list[str] = []
    words = iter(arguments)
    pending = next(words, None)
    while pending is not None:
        word, pending = pending, next(words, None)
        if word == "--":
            return [*given, word, *([] if pending is None else [pending]), *words]
        if word != "--ray":
            given.append(word)
        elif pending is not None and _ADDRESS.fullmatch(pending):
            given.append(f"--ray={pending}")
            pending = next(words, None)
        else:
            given.append(f"--ray={LOCAL}")
    return given
