"""`fast-style models`: the list, as a table and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fast_style.cli.app import app

runner = CliRunner(env={"COLUMNS": "200"})


def test_the_shipped_models_are_listed() -> None:
    rows = json.loads(runner.invoke(app, ["models", "--json"]).stdout)
    assert "starry_night" in {row["name"] for row in rows}
    table = runner.invoke(app, ["models"]).stdout
    assert "style left" in table
    assert "starry_night" in table


def test_no_models_are_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("fast_style.models.artifact.list_models", list)
    monkeypatch.chdir(tmp_path)
    result = runner.invoke(app, ["models"])
    assert (result.exit_code, result.stdout) == (0, "")
