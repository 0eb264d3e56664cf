"""The `--help` of commands that take settings: every one of them, as the arguments beside it leave it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fast_style.cli.consoles import stdout

if TYPE_CHECKING:
    from fast_style.config.schema import DistillConfig, TrainConfig

TRAIN_HELP = """\
fast-style train [NAME=VALUE …]: one style in, one model out.

fast-style train                               a style of our own, in minutes
fast-style train style.image=painting.jpg data.dir=photos/
fast-style train -m style.image=a.jpg,b.jpg    one model for each
fast-style train … resume=runs/painting        continues after an interruption
fast-style train … --json                      prints one JSON object at the end
fast-style train … --cfg job                   prints the settings, and ends
fast-style train experiment=release --help     shows what a recipe sets

It is a Hydra application; `--hydra-help` shows Hydra's own flags. Ready-made
groups of settings:
"""

DISTILL_HELP = """\
fast-style distill [NAME=VALUE …]: an encoder of your own, learned from a VGG.

fast-style distill photos=photos/ 'styles=[data/styles,paintings/]'
fast-style distill … output=own.safetensors    where the encoder goes
fast-style distill … resume=runs/distill       continues after an interruption
"""


def without_help(arguments: list[str]) -> tuple[bool, list[str]]:
    """Returns whether `--help` is among the arguments, and the others."""
    others = [argument for argument in arguments if argument not in ("--help", "-h")]
    return len(others) < len(arguments), others


def show_settings(
    about: str,
    overrides: list[str],
    schema: type[TrainConfig] | type[DistillConfig],
    groups: dict[str, list[str]] | None = None,
) -> None:
    """Prints every setting with its value under these overrides and what it means.

    Args:
        about: What the command does, to print above.
        overrides: The settings on the command line.
        schema: The settings that the command takes.
        groups: Groups of ready-made settings, and the choices in each.

    Raises:
        ConfigError: An unknown setting, or an override that Hydra cannot parse.
    """
    from omegaconf import MISSING
    from rich.table import Table

    from fast_style.config.entry import described

    settings = described(overrides, schema)
    stdout.print(about, highlight=False, soft_wrap=True)
    if groups:
        choices = Table(box=None, pad_edge=False, show_header=False)
        choices.add_column(no_wrap=True)
        choices.add_column()
        for group, names in groups.items():
            choices.add_row(f"{group}=", ", ".join(names))
        stdout.print(choices, "")
    table = Table(box=None, pad_edge=False)
    table.add_column("setting", no_wrap=True)
    for header in ("value", "what it is"):
        table.add_column(header, overflow="fold")
    for name, value, meaning in settings:
        table.add_row(name, "required" if value == MISSING else value, meaning)
    stdout.print(table)
