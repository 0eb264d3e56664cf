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
    assert arguments[1] == "--multirun"
    assert set(arguments[2:]) >= {"style=flow", "model.strength=true,false"}


def test_the_file_runs_as_a_script(tmp_path: Path) -> None:
    command = [sys.executable, hydra_app.__file__, "trainer.max_steps=0"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr == "fast-style train: trainer.max_steps=0: must be at least 1\n"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["--cfg", "job"], ["--cfg=job"]),
        (["-c=job", "--resolve"], ["--cfg=job", "--resolve"]),
        (["--info"], ["--info=all"]),
        (["-i", "plugins", "-p", "style"], ["--info=plugins", "--package=style"]),
    ],
)
def test_flags_of_hydra_may_stand_anywhere(arguments: list[str], given: list[str], expected: list[str]) -> None:
    overrides = ["style.image=a.jpg", "seed=3"]
    for order in ([*given, *overrides], [*overrides, *given], [overrides[0], *given, overrides[1]]):
        arguments.clear()
        hydra_app.run(order)
        assert arguments[1:] == [*expected, *overrides, "style=custom"]


def test_the_settings_of_a_run_are_printed_without_it(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hydra_app.run([f"style.image={work / 'a.jpg'}", "--cfg", "job", "-p", "style"])
    assert f"image: {work / 'a.jpg'}\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--cfg"], "--cfg: takes one of job, hydra, all"),
        (["--cfg", "jobs"], "--cfg=jobs: takes one of job, hydra, all"),
        (["seed=3", "-p"], "--package: takes a value"),
        (["--resolve=yes"], "--resolve=yes: settings are written NAME=VALUE"),
    ],
)
def test_a_flag_of_hydra_with_a_wrong_value_is_refused(arguments: list[str], given: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{message}"):
        hydra_app.run(given)
    assert arguments == []


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
