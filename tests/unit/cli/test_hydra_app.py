"""The Hydra application behind `fast-style train`; whole training runs are in `tests/e2e/test_train.py`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hydra.errors import HydraException

from fast_style.cli import hydra_app
from fast_style.errors import ConfigError, DataError, ImageError


@pytest.fixture
def arguments(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The arguments that Hydra's application is run with, in place of training."""
    found: list[str] = []
    monkeypatch.setattr(sys, "argv", ["fast-style", "train"])
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    monkeypatch.setattr(hydra_app, "main", lambda: found.extend(sys.argv))
    return found


def test_lightning_can_start_further_processes_from_the_file(arguments: list[str]) -> None:
    hydra_app.run(["style=flow", "-m", "model.dial=true,false"])
    assert arguments[0] == hydra_app.__file__
    assert arguments[1] == "-m"
    assert set(arguments[2:]) >= {"style=flow", "model.strength=true,false"}


def test_the_file_runs_as_a_script(tmp_path: Path) -> None:
    command = [sys.executable, hydra_app.__file__, "trainer.max_steps=0"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr == "fast-style train: trainer.max_steps=0: must be at least 1\n"


def test_options_are_refused_with_an_example(arguments: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"^--style-image: settings are written NAME=VALUE, like style\.image="):
        hydra_app.run(["--style-image", "a.jpg"])
    assert arguments == []


def test_a_bad_image_ends_a_sweep_before_it_begins(arguments: list[str], tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"nowhere\.png"):
        hydra_app.run(["-m", f"style.image={tmp_path / 'nowhere.png'}", "seed=1,2"])
    assert arguments == []


def test_errors_of_hydra_are_explained(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise HydraException("something\n  is wrong")

    monkeypatch.setattr(hydra_app, "main", fail)
    with pytest.raises(ConfigError, match=r"^something is wrong$"):
        hydra_app.run([])


def test_an_error_of_a_job_was_printed_there(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise DataError("no photos")

    monkeypatch.setattr(hydra_app, "main", fail)
    with pytest.raises(SystemExit) as exit_info:
        hydra_app.run([])
    assert exit_info.value.code == 2
