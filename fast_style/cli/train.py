"""`fast-style train`: trains one style and exports it."""

from __future__ import annotations

import typer


def train(context: typer.Context) -> None:
    """Train one style and export it: a Hydra application, `fast-style train style.image=PATH data.dir=PATH`.

    `fast-style train --help` shows every setting.
    """
    from fast_style.cli.settings_help import TRAIN_HELP, show_settings, without_help

    help_wanted, overrides = without_help(context.args)
    if help_wanted:
        from fast_style.config.compose import groups
        from fast_style.config.schema import TrainConfig

        show_settings(TRAIN_HELP, overrides, TrainConfig, groups())
        return
    from fast_style.cli.hydra_app import run

    run(overrides)
