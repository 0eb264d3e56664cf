"""`fast-style models`: the list, as a table and as JSON."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from fast_style.cli import models
from fast_style.cli.app import app

runner = CliRunner(env={"COLUMNS": "200"})


def test_the_shipped_models_are_listed() -> None:
    rows = json.loads(runner.invoke(app, ["models", "--json"]).stdout)
    assert "starry_night" in {row["name"] for row in rows}
    assert "starry_night" in runner.invoke(app, ["models"]).stdout


def test_the_table_fits_a_narrow_terminal_and_explains_its_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = Console(file=io.StringIO(), width=80)
    monkeypatch.setattr(models, "stdout", narrow)
    assert runner.invoke(app, ["models"]).exit_code == 0
    lines = narrow.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert max(map(len, lines)) <= 80
    header = lines[0].split()
    assert header == ["name", *models.COLUMNS]
    explained = [line.split()[0] for line in lines[1:] if line.strip() and line.split()[0] in models.COLUMNS]
    assert explained == list(models.COLUMNS)
    row = next(line for line in lines if line.startswith("starry_night_johnson "))
    assert len(row.split()) > len(models.COLUMNS), row  # each of its figures is in the line of its name


def test_no_models_are_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("fast_style.models.artifact.list_models", list)
    monkeypatch.chdir(tmp_path)
    result = runner.invoke(app, ["models"])
    assert (result.exit_code, result.stdout) == (0, "")
