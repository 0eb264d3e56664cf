"""The `fast-style` command: registers every command, and turns errors into one line and a status."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from fast_style import __version__
from fast_style.cli import (
    bench,
    data,
    distill,
    evaluate,
    export,
    flicker,
    models,
    optimize,
    sheet,
    similarity,
    stylize,
    train,
    video,
    visualize,
    web,
    webcam,
)
from fast_style.cli.commands import Command, Group
from fast_style.cli.consoles import LogLines, complain, show_any_name
from fast_style.cli.ray import RayCommand
from fast_style.cli.rendering import ErrorsInLogs, Parameter, spelling
from fast_style.errors import FastStyleError, Spelling, reason_of

app = typer.Typer(
    name="fast-style",
    cls=Group,
    help="Train one small network per style, then stylize any picture in one pass.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Train one small network per style, then stylize any picture in one pass."""


SHOW, MAKE, STUDY = "Stylize", "Train and measure", "Research"
"""Panels of `fast-style --help`, in order."""


def _takes_settings(command: Callable[..., None], panel: str) -> None:
    """Registers a command whose arguments are settings, and whose `--help` depends on them."""
    app.command(
        cls=Command,
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
        add_help_option=False,
        rich_help_panel=panel,
    )(command)


def _takes_options(command: Callable[..., None], panel: str, kind: type[Command] = Command) -> None:
    app.command(cls=kind, rich_help_panel=panel)(command)


_takes_options(stylize.stylize, SHOW, RayCommand)
_takes_options(sheet.sheet, SHOW)
_takes_options(video.video, SHOW)
_takes_options(webcam.webcam, SHOW)
_takes_options(web.web, SHOW)
_takes_options(models.models, SHOW)
_takes_settings(train.train, MAKE)
_takes_options(optimize.optimize, MAKE)
_takes_options(evaluate.evaluate, MAKE)
_takes_options(export.export, MAKE)
_takes_options(bench.bench, MAKE)
app.add_typer(data.app, name="data", rich_help_panel=MAKE, cls=Group)
_takes_options(similarity.similarity, STUDY)
_takes_options(visualize.visualize, STUDY)
_takes_options(flicker.flicker, STUDY)
_takes_settings(distill.distill, STUDY)


def command_name(arguments: list[str]) -> str:
    """Returns the command among the arguments of the program: `stylize`, or `data coco`; empty if there is none."""
    words = [argument for argument in arguments if not argument.startswith("-")]
    return " ".join(words[: 2 if words[:1] == ["data"] else 1])


def command_spelling(command: str) -> Spelling:
    """Returns how a command, `stylize` or `data coco`, writes settings in its errors."""
    found: object = typer.main.get_command(app)
    for word in command.split():
        found = getattr(found, "commands", {}).get(word)
    parameters: list[Parameter] = getattr(found, "params", [])
    return spelling(command, parameters)


def main() -> None:
    """Runs the console script: what a user did wrong is one line on stderr and status 2, never a traceback."""
    # Read now, because `train` replaces sys.argv for Hydra.
    command = command_name(sys.argv[1:])
    spell = command_spelling(command)
    show_any_name()
    handler = LogLines()
    handler.addFilter(ErrorsInLogs(spell))
    logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[handler])
    try:
        app()
    except FastStyleError as error:
        complain(command, error.render(spell))
        raise SystemExit(2) from error
    except OSError as error:  # the system's own: a full disk, a folder that no one may enter
        where = f"{error.filename}: " if error.filename else ""
        complain(command, f"{where}{reason_of(error)}")
        if not error.filename and sys.stdout is not None:
            # What stdout could not take is flushed once more at the end, which would be an error of its own.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(2) from error
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
