"""The Hydra application behind `fast-style train`.

Lightning starts the further processes of a run on several devices as `python FILE OVERRIDES…`, where FILE is
`sys.argv[0]`: this file, which can therefore be run as a script.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    # Python puts the folder of a script first on the path, where `data.py` and `models.py` of this package would stand
    # in for modules of those names.
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).resolve().parent]

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console

from fast_style.config.compose import register, to_config
from fast_style.config.entry import normalized
from fast_style.config.hydra_errors import as_config_error
from fast_style.config.sweep import MULTIRUN, compose_sweep
from fast_style.errors import ConfigError, FastStyleError
from fast_style.models.artifact import PREVIEW
from fast_style.perceptual.style_image import load_styles
from fast_style.system.paths import resource
from fast_style.training.interruption import Interrupted
from fast_style.training.session import is_leader
from fast_style.training.train import TrainResult, train

HYDRA_FLAGS = (
    "-m", "--multirun", "-r", "--run", "-c", "--cfg", "-i", "--info", "-p", "--package", "-cp", "--config-path",
    "-cn", "--config-name", "-cd", "--config-dir", "-sc", "--shell-completion", "--resolve", "--hydra-help",
    "--experimental-rerun",
)  # fmt: skip
"""Hydra's own flags, as `fast-style train --hydra-help` lists them."""

register()


@hydra.main(version_base="1.3", config_path=str(resource("conf")), config_name="train")
def main(composed: DictConfig) -> None:
    """Trains with the settings that Hydra composed, in this process or for one job of a sweep."""
    try:
        result = train(to_config(composed))
    except FastStyleError as error:
        # Printed here rather than by the command: Hydra would print a line of its own on the way there.
        print(f"fast-style train: {error}", file=sys.stderr)
        sys.stdout.flush()
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            raise  # exiting would end the sweep's other jobs too; Hydra raises the error again after them
        raise SystemExit(2) from error
    except Interrupted as interrupted:
        raise SystemExit(128 + interrupted.number) from interrupted
    _report(result)


def run(overrides: list[str]) -> None:
    """Runs `fast-style train OVERRIDES`.

    Raises:
        ConfigError: An override cannot be parsed, the schema refuses it, or a job of a sweep is impossible.
        ImageError: A style image of a sweep cannot be used.
        SystemExit: With status 2, after an error was printed.
    """
    for argument in overrides:
        if argument.startswith("-") and argument.split("=")[0] not in HYDRA_FLAGS:
            raise ConfigError(
                "settings are written NAME=VALUE, like style.image=painting.jpg data.dir=photos/",
                setting=argument,
                remedy="fast-style train --help shows them all",
            )
    overrides = normalized(overrides)
    for config in {
        (job.style.image, job.style.images, job.style.size): job for job in compose_sweep(overrides)
    }.values():
        load_styles(config)  # a bad image should stop the sweep now rather than when its turn comes
    os.environ["HYDRA_FULL_ERROR"] = "1"  # makes Hydra raise, rather than print a traceback and exit with 1
    # Hydra's parser takes its flags before the overrides or after them, but not in between.
    sys.argv = [__file__, *sorted(overrides, key=lambda argument: argument not in MULTIRUN)]
    try:
        main()
    except (HydraException, OmegaConfBaseException) as error:
        raise as_config_error(error) from error
    except FastStyleError as error:  # from a job of a sweep, which has printed it
        raise SystemExit(2) from error


def _report(result: TrainResult) -> None:
    """Prints the last validation, and where the run, the model and its preview are."""
    console = Console(markup=False, quiet=not is_leader())
    terms = ", ".join(f"{key} {result.metrics[f'val/{key}']:.3f}" for key in ("style", "content", "total"))
    console.print(f"validation: {terms}", highlight=False)
    console.print(f"run:   {result.run_dir}", highlight=False, soft_wrap=True)
    console.print(f"model: {result.model_dir}", highlight=False, soft_wrap=True)
    console.print(f"sample: {result.model_dir / PREVIEW}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
