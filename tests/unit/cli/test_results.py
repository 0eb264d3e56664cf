"""Where every command lets its results go, and what it replaces: nothing is loaded before that is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from fast_style.cli.app import app
from fast_style.errors import ConfigError, FastStyleError, WriteError
from fast_style.system.results import is_result
from tests.conftest import make_photo

runner = CliRunner()

WRITERS = {
    "stylize photo.jpg -o {}": "out.jpg",
    "stylize photo.jpg -o folder/": "folder/photo.jpg",
    "sheet photo.jpg -o {}": "out.png",
    "video photo.gif {}": "out.gif",
    "video photo.gif -o {}": "out.mp4",
    "video photo.gif frames/%03d.png": "frames/001.png",
    "optimize photo.jpg photo.jpg -o {}": "out.png",
    "optimize photo.jpg photo.jpg -o new.png --curve {}": "out.csv",
    "optimize photo.jpg photo.jpg -o out.png --save-every 5": "out-0005.png",
    "visualize --layer relu3_2 --unit 1 --photos . -o {}": "out.png",
    "export last.ckpt -o model": "model/model.onnx",
    "webcam --source photo.gif --headless --record {}": "out.mp4",
}
"""Commands that write, and a file of the user's own that would be in the way."""


@pytest.fixture(autouse=True)
def place(work: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(work)
    monkeypatch.setenv("FAST_STYLE_CACHE", str(work.parent / "cache"))
    for name in ("photo.jpg", "photo.gif"):
        Image.fromarray(make_photo(0, 96, 64)).save(work / name)
    return work


def error_of(command: str) -> FastStyleError:
    error = runner.invoke(app, command.split()).exception
    assert isinstance(error, FastStyleError), (command, error)
    return error


@pytest.mark.parametrize(("command", "own"), WRITERS.items())
def test_no_command_replaces_what_fast_style_did_not_make(command: str, own: str, place: Path) -> None:
    (place / own).parent.mkdir(exist_ok=True)
    (place / own).write_text("own")
    for flag, words in ((" --no-overwrite", "exists already;"), ("", "exists already, and is no result of fast-style")):
        error = error_of(command.format(own) + flag)
        assert isinstance(error, WriteError)
        assert str(error).startswith(f"{own} {words}"), error
    assert (place / own).read_text() == "own"


@pytest.mark.parametrize(
    "command",
    [
        *(command.format(f"nowhere/{own}") for command, own in WRITERS.items() if "{}" in command),
        "stylize photo.jpg nowhere/out.jpg",
        "stylize photo.jpg -o nowhere/folder/",
        "video photo.gif nowhere/folder/%03d.png",
        "export last.ckpt -o nowhere/model",
        "web -o nowhere/site",
        "data prepare . nowhere/small",
        "data coco nowhere/sets --split val2017",
        "webcam --source photo.gif --headless -o nowhere/frames",
    ],
)
def test_folders_are_made_inside_of_those_there_are(command: str, place: Path) -> None:
    error = error_of(command)
    assert isinstance(error, WriteError)
    assert "there is no folder nowhere;" in str(error), error
    assert not (place / "nowhere").exists()


def test_the_output_may_stand_behind_one_picture(place: Path, tiny_model: Path) -> None:
    command = f"stylize photo.jpg painted.png -q -m {tiny_model}"
    for _ in range(2):  # the second time it is a result, which is no picture to stylize
        assert runner.invoke(app, command.split()).exit_code == 0
    assert np.asarray(Image.open(place / "painted.png")).shape == (64, 96, 3)
    assert is_result(place / "painted.png")
    Image.open(place / "photo.jpg").save(place / "own.png")
    assert "own.png is a picture to stylize, too; say where" in str(error_of("stylize photo.jpg own.png"))
    command = f"stylize photo.jpg own.png -q -m {tiny_model} --overwrite"
    assert runner.invoke(app, command.split()).exit_code == 0
    command = f"stylize photo.jpg deep/er/painted.png -q -m {tiny_model} --parents"
    assert runner.invoke(app, command.split()).exit_code == 0
    assert is_result(place / "deep" / "er" / "painted.png")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("stylize photo.jpg", "the output is missing; say where the result goes with output=OUT"),
        ("stylize photo.jpg *.png", "*.png is a picture to stylize, too"),
        ("stylize photo.jpg photo.gif new", "3 sources, and no output; say where the results go with output=FOLDER"),
        ("video photo.gif", "fast-style video IN OUT"),
        ("video photo.gif a.mp4 -o b.mp4", "output=b.mp4: the result has two names; leave out a.mp4"),
    ],
)
def test_an_output_that_is_missing_or_unclear(command: str, words: str) -> None:
    error = error_of(command)
    assert isinstance(error, ConfigError)
    assert words in str(error)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("stylize phto.jpg", "phto.jpg: no such file or folder"),
        ("stylize https://example.org/photo.jpg", "https://example.org/photo.jpg: URLs are not read here"),
    ],
)
def test_what_is_wrong_with_the_source_is_told_before_the_output(command: str, words: str) -> None:
    assert str(error_of(command)).startswith(words)
