"""`fast-style train`: trains one style and exports it."""

from __future__ import annotations

import typer

from fast_style import __version__
from fast_style.system.optional import require_extra


def train(context: typer.Context) -> None:
    """Train one style and export it: a Hydra application, `fast-style train style.image=PATH data.dir=PATH`.

    `fast-style train --help` shows every setting.
    """
    if "--version" in context.args:  # which Hydra, and so the program, would answer with its own
        print(__version__)
        return
    require_extra("train")
    from fast_style.cli.settings_help import TRAIN_HELP, show_settings, without_help

    help_wanted, overrides = without_help(context.args)
    if help_wanted:
        from fast_style.config.choices import groups
        from fast_style.config.schema import TrainConfig

        show_settings(TRAIN_HELP, overrides, TrainConfig, groups())
        return
    from fast_style.cli.hydra_app import run

    run(overrides)
