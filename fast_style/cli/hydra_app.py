"""The Hydra application behind `fast-style train`.

Lightning starts the further processes of a run on several devices as `python FILE OVERRIDES…`, where FILE is
`sys.argv[0]`: this file, which can therefore be run as a script.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
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

from fast_style.cli.consoles import print_json
from fast_style.config.compose import register, to_config
from fast_style.config.entry import normalized
from fast_style.config.hydra_errors import as_config_error
from fast_style.config.sweep import MULTIRUN, compose_sweep
from fast_style.errors import UNSET, ConfigError, FastStyleError
from fast_style.models.artifact import MODEL_FILES, PREVIEW, find_model
from fast_style.perceptual.style_image import load_styles
from fast_style.system.paths import resource
from fast_style.system.results import record_results
from fast_style.training.interruption import Interrupted
from fast_style.training.session import is_leader
from fast_style.training.train import TrainResult, train

SWITCHES = ("--multirun", "--run", "--shell-completion", "--resolve", "--hydra-help")
"""Hydra's own flags that take no value, as `fast-style train --hydra-help` lists them."""
CHOICES = {
    "--cfg": ("job", "hydra", "all"),
    "--info": ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath"),
}
"""Those that take one of these; `--info` may also stand alone, for the first of them."""
VALUED = ("--package", "--config-path", "--config-name", "--config-dir", "--experimental-rerun")
"""Those that take any value."""
JSON_FLAG = "--json"
"""A flag of our own: prints one JSON object on stdout."""
SHORT = {
    "-m": "--multirun", "-r": "--run", "-sc": "--shell-completion", "-c": "--cfg", "-i": "--info", "-p": "--package",
    "-cp": "--config-path", "-cn": "--config-name", "-cd": "--config-dir",
}  # fmt: skip
"""Short names of flags."""

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
    _reports.add(result)


def run(overrides: list[str]) -> None:
    """Runs `fast-style train OVERRIDES`.

    Raises:
        ConfigError: An override cannot be parsed, the schema refuses it, or a job of a sweep is impossible.
        ImageError: A style image of a sweep cannot be used.
        SystemExit: With status 2, after an error was printed.
    """
    _reports.results, _reports.as_json = [], JSON_FLAG in overrides
    flags, overrides = split_flags([argument for argument in overrides if argument != JSON_FLAG])
    sweep = [flag for flag in flags if flag in MULTIRUN]
    overrides = normalized([*sweep, *overrides])
    for config in {
        (job.style.image, job.style.images, job.style.size): job for job in compose_sweep([*flags, *overrides])
    }.values():
        load_styles(config)  # a bad image should stop the sweep now rather than when its turn comes
    os.environ["HYDRA_FULL_ERROR"] = "1"  # makes Hydra raise, rather than print a traceback and exit with 1
    # Hydra's parser takes its flags before the overrides or after them, but not in between.
    sys.argv = [__file__, *flags, *(override for override in overrides if override not in MULTIRUN)]
    try:
        main()
    except (HydraException, OmegaConfBaseException) as error:
        raise as_config_error(error) from error
    except FastStyleError as error:  # from a job of a sweep, which has printed it
        raise SystemExit(2) from error
    finally:
        _reports.finish(sweep=bool(sweep))


def split_flags(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Returns Hydra's own flags among the arguments, each with its value in one, as `--cfg=job`, and the overrides.

    Raises:
        ConfigError: A flag is unknown, or has no value or another than it takes.
    """
    flags: list[str] = []
    overrides: list[str] = []
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if not argument.startswith("-"):
            overrides.append(argument)
            continue
        name, equals, value = argument.partition("=")
        name = SHORT.get(name, name)
        if name in SWITCHES and not equals:
            flags.append(name)
            continue
        if name not in (*CHOICES, *VALUED):
            raise ConfigError(
                "settings are written NAME=VALUE, like style.image=painting.jpg data.dir=photos/",
                setting=argument,
                remedy="fast-style train --help shows them all",
            )
        choices = CHOICES.get(name, ())
        if not equals and rest and (rest[0] in choices or name != "--info"):
            value = rest.pop(0)
        elif not equals and name == "--info":
            value = choices[0]
        if not value or (choices and value not in choices):
            wanted = f"one of {', '.join(choices)}" if choices else "a value"
            raise ConfigError(f"takes {wanted}", setting=name, value=value or UNSET)
        flags.append(f"{name}={value}")
    return flags, overrides


class _Reports:
    """What the runs of a command came to, printed as each is done or, as JSON, after the last one."""

    def __init__(self) -> None:
        self.as_json = False
        self.results: list[TrainResult] = []

    def add(self, result: TrainResult) -> None:
        self.results.append(result)
        record_results(result.model_dir / name for name in MODEL_FILES)
        if not self.as_json:
            _report(result)

    def finish(self, *, sweep: bool) -> None:
        """Prints the JSON: an object for the run, or one that lists the runs of a sweep."""
        if self.as_json and self.results and is_leader():
            runs = [_to_json(result) for result in self.results]
            print_json({"runs": runs} if sweep else runs[0])


_reports = _Reports()


def _to_json(result: TrainResult) -> dict[str, object]:
    return {
        "model": str(result.model_dir), "bytes": find_model(result.model_dir).size(), "run": str(result.run_dir),
        "preview": str(result.model_dir / PREVIEW), "steps": result.steps, "device": result.device,
        "seconds": sum(result.stages.values()), "stages": result.stages, "metrics": result.metrics,
        "skipped": result.skipped,
    }  # fmt: skip


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
