"""`--json`: one object on stdout, and everything else on stderr."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from fast_style.cli import hydra_app
from fast_style.cli.app import app
from fast_style.config.schema import TrainConfig
from fast_style.errors import ConfigError
from fast_style.system.results import is_result
from fast_style.training.train import TrainResult
from tests.conftest import make_photo

runner = CliRunner()


@pytest.fixture(autouse=True)
def place(work: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(work)
    monkeypatch.setenv("FAST_STYLE_CACHE", str(work.parent / "cache"))
    Image.fromarray(make_photo(0)).save(work / "photo.jpg")
    return work


def answer(command: str, status: int = 0) -> dict[str, Any]:
    result = runner.invoke(app, command.split())
    assert result.exit_code == status, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_stylize(place: Path, tiny_model: Path) -> None:
    (place / "in").mkdir()
    Image.fromarray(make_photo(1, 30, 20)).save(place / "in" / "é.png")
    (place / "in" / "bad.png").write_text("text")
    found = answer(f"stylize in -o out --json -m {tiny_model}", status=1)
    (result,) = found["results"]
    assert (result["source"], result["result"]) == ("in/é.png", "out/é.png")
    assert (result["width"], result["height"]) == (30, 20)
    assert [failure["source"] for failure in found["failures"]] == ["in/bad.png"]
    assert (found["model"], found["device"], found["engines"]) == ("tiny", "cpu", {"ONNX Runtime on the CPU": 1})
    assert list(found["stages"]) == ["load", "decode", "stylize", "encode"]
    assert 0 < result["seconds"] < found["seconds"]
    (place / "in" / "bad.png").unlink()
    found = answer(f"stylize in -o out --json --skip-existing -m {tiny_model}")
    assert (found["results"], found["skipped"]) == ([], 1)


def test_stdout_takes_one_thing() -> None:
    error = runner.invoke(app, ["stylize", "photo.jpg", "-o", "-", "--json"]).exception
    assert isinstance(error, ConfigError) and "standard output takes the picture" in str(error)


def test_video(place: Path, tiny_model: Path) -> None:
    frames = [Image.fromarray(make_photo(number)) for number in range(3)]
    frames[0].save(place / "in.gif", save_all=True, append_images=frames[1:])
    found = answer(f"video in.gif out.gif --json -m {tiny_model}")
    assert (found["result"], found["frames"], found["width"], found["height"]) == ("out.gif", 3, 64, 48)
    assert list(found["stages"]) == ["load", "decode", "stylize", "deflicker", "encode"]
    assert found["engines"] == {"ONNX Runtime on the CPU": 3}
    assert found["device"] == "cpu" and found["seconds"] > 0 and not found["interrupted"]


def test_train(
    place: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def trained(config: TrainConfig) -> TrainResult:
        if config.seed == 3:
            raise ConfigError("three")
        metrics = {"val/total": 1.0, "val/style": 0.5, "val/content": 0.5}
        return TrainResult(tiny_model, place / "runs", metrics, [], config.seed, "cpu", {"train": 2.0, "export": 1.0})

    monkeypatch.setattr(hydra_app, "train", trained)
    monkeypatch.setattr(sys, "argv", [])
    hydra_app.run(["seed=1", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert (found["model"], found["steps"], found["device"], found["seconds"]) == (str(tiny_model), 1, "cpu", 3)
    assert found["bytes"] == (tiny_model / "model.onnx").stat().st_size
    assert found["stages"] == {"train": 2, "export": 1}
    assert is_result(tiny_model / "model.onnx"), "export may replace it"
    with pytest.raises(SystemExit):
        hydra_app.run(["--json", "-m", "seed=1,2,3"])
    assert [run["steps"] for run in json.loads(capsys.readouterr().out)["runs"]] == [1, 2]
    hydra_app.run(["seed=1"])
    assert "validation: style 0.500, content 0.500, total 1.000" in capsys.readouterr().out
