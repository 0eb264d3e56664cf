"""`--help` of the commands that take settings: `train` and `distill`."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from fast_style.cli.app import app
from fast_style.cli.settings_help import without_help

runner = CliRunner(env={"COLUMNS": "200"})


def rows(*arguments: str) -> dict[str, list[str]]:
    result = runner.invoke(app, [*arguments, "--help"])
    assert result.exit_code == 0, result.output
    return {line.split()[0]: line.split()[1:] for line in result.output.splitlines() if line.strip()}


def test_distill_shows_its_settings() -> None:
    shown = rows("distill", "max_steps=7")
    assert shown["max_steps"] == ["7", "Number", "of", "training", "steps"]
    assert shown["teacher.weights"][0] == "null"


def test_train_shows_its_settings_and_groups() -> None:
    shown = rows("train", "experiment=johnson2016")
    assert shown["trainer.max_steps"][0] == "40000"
    assert "lite" in shown["model="]


def test_train_takes_old_names_of_settings() -> None:
    assert rows("train", "model.dial=false")["model.strength"][0] == "false"


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_may_stand_anywhere(flag: str) -> None:
    assert without_help(["a=1", flag, "b=2"]) == (True, ["a=1", "b=2"])
    assert without_help(["a=1"]) == (False, ["a=1"])
