"""`fast-style distill`: makes a perceptual encoder from a VGG."""

from __future__ import annotations

import typer

from fast_style import __version__
from fast_style.system.optional import require_extra


def distill(context: typer.Context) -> None:
    """Make an encoder of your own from a VGG: `fast-style distill photos=DIR teacher.weights=FILE output=FILE`.

    `fast-style distill --help` shows every setting.
    """
    if "--version" in context.args:  # which Hydra, and so the program, would answer with its own
        print(__version__)
        return
    require_extra("train")
    from fast_style.cli.settings_help import DISTILL_HELP, show_settings, without_help

    help_wanted, overrides = without_help(context.args)
    if help_wanted:
        from fast_style.config.schema import DistillConfig

        show_settings(DISTILL_HELP, overrides, DistillConfig)
        return
    from fast_style.config.entry import compose_distillation
    from fast_style.distillation.distill import distill as run
    from fast_style.training.interruption import Interrupted

    try:
        print(run(compose_distillation(overrides)))
    except Interrupted as interrupted:
        raise typer.Exit(128 + interrupted.number) from interrupted
