"""What `--help` says, of every command."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from fast_style.cli.app import app

runner = CliRunner(env={"COLUMNS": "200"})


@pytest.mark.parametrize(
    "command",
    [
        "", "train", "distill", "stylize", "models", "optimize", "similarity", "visualize", "evaluate", "bench",
        "video", "webcam", "flicker", "web", "data", "data prepare", "data coco", "export",
    ],
)  # fmt: skip
def test_a_short_flag_asks_for_help_too(command: str) -> None:
    short, long = (runner.invoke(app, [*command.split(), flag]) for flag in ("-h", "--help"))
    assert short.exit_code == long.exit_code == 0, short.output
    assert short.output == long.output
    assert f"fast-style {command}".strip() in short.output.replace("root", "fast-style")


def test_distill_shows_its_settings() -> None:
    result = runner.invoke(app, ["distill", "max_steps=7", "--help"])
    rows = {line.split()[0]: line.split()[1:] for line in result.output.splitlines() if line.strip()}
    assert rows["max_steps"] == ["7", "how", "long", "to", "train"]
    assert rows["teacher.weights"][0] == "null"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("optimize", "{PHOTO} {STYLE}"),
        ("export", "{CKPT}"),
        ("bench", "[NAME=VALUE…]"),
        ("bench", "By default starry_night."),
        ("webcam", "By default starry_night."),
        ("models", "begun at the photo and at noise, that the model equals."),
    ],
)
def test_help_is_clear(command: str, words: str) -> None:
    assert words in runner.invoke(app, [command, "--help"]).output
