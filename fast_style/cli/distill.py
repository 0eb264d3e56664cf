"""`fast-style distill`: makes a perceptual encoder from a VGG."""

from __future__ import annotations

import typer


def distill(context: typer.Context) -> None:
    """Make an encoder of your own from a VGG: `fast-style distill photos=DIR teacher.weights=FILE output=FILE`.

    `fast-style distill --help` shows every setting.
    """
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
