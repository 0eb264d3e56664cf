"""Settings in errors become the options of the command that raised them."""

from __future__ import annotations

import logging

import pytest

from fast_style.cli.app import command_spelling
from fast_style.cli.rendering import COMMAND_PARAMETERS, PARAMETERS, ErrorsInLogs
from fast_style.config.schema import TrainConfig, settings
from fast_style.errors import UNSET, ConfigError


@pytest.mark.parametrize(
    ("command", "setting", "value", "written"),
    [
        ("stylize", "tile", 32, "--tile 32"),
        ("stylize", "max_size", UNSET, "--max-size"),
        ("stylize", "keep_color", True, "--keep-color"),
        ("stylize", "metadata", False, "--no-metadata"),
        ("stylize", "compile", False, "no --compile"),
        ("stylize", "output", "a.xyz", "--output a.xyz"),
        ("stylize", "model", "nowhere", "--model nowhere"),
        ("stylize", "something.else", 1, "something.else=1"),
        ("video", "deflicker", True, "--deflicker"),
        ("video", "codec", "mpeg1", "--codec mpeg1"),
        ("video", "source", "a.mp4", "a.mp4"),
        ("webcam", "camera", 7, "--camera 7"),
        ("web", "browse", UNSET, "--open"),
        ("optimize", "style.size", 16, "--style-size 16"),
        ("optimize", "style.image", "a.png", "a.png"),
        ("optimize", "style.image", UNSET, "STYLE"),
        ("optimize", "encoder.weights", "a.pth", "--weights a.pth"),
        ("optimize", "encoder.pooling", "median", "--pooling median"),
        ("optimize", "loss.tv_weight", 1, "--tv-weight 1"),
        ("optimize", "engine", "torch", "engine=torch"),
        ("evaluate", "style.image", "a.png", "--style a.png"),
        ("evaluate", "style.size", 16, "--style-size 16"),
        ("evaluate", "encoder.weights", "a.pth", "--weights a.pth"),
        ("evaluate", "photos", "here", "--photos here"),
        ("visualize", "encoder.name", "vgg11", "--encoder vgg11"),
        ("similarity", "style.size", 16, "--max-size 16"),
        ("similarity", "images", UNSET, "IMG"),
        ("flicker", "start", 3, "--start 3"),
        ("bench", "steps", 3, "--steps 3"),
        ("bench", "style.size", 16, "style.size=16"),
        ("bench", "pytorch_examples", "nowhere", "--peer nowhere"),
        ("data coco", "split", "test", "--split test"),
        ("data prepare", "jobs", UNSET, "--jobs"),
        ("export", "checkpoint", "a.ckpt", "a.ckpt"),
        ("train", "style.size", 16, "style.size=16"),
        ("train", "output_dir", UNSET, "output_dir"),
        ("distill", "student.widths", [1, 2], "student.widths=[1, 2]"),
        ("", "tile", 32, "tile=32"),
    ],
)
def test_a_setting_is_written_as_the_command_takes_it(command: str, setting: str, value: object, written: str) -> None:
    assert command_spelling(command)(setting, value) == written


def test_an_error_is_rendered_whole() -> None:
    error = ConfigError(
        "the image is too small",
        setting="style.size",
        value=16,
        remedy="use {style.size}",
        suggestions={"style.size": 64},
    )
    assert error.render(command_spelling("evaluate")) == (
        "--style-size 16: the image is too small; use --style-size 64"
    )
    assert error.render(command_spelling("train")) == "style.size=16: the image is too small; use style.size=64"


def test_the_settings_that_are_mapped_exist() -> None:
    names = {each.name for each in settings(TrainConfig)}
    assert names >= PARAMETERS.keys()
    for command, mapped in COMMAND_PARAMETERS.items():
        for setting in mapped:
            assert command_spelling(command)(setting, UNSET) != setting


def test_logs_speak_of_options_too(caplog: pytest.LogCaptureFixture) -> None:
    record = logging.LogRecord(
        "fast_style", logging.WARNING, __file__, 1, "skipped: %s",
        (ConfigError("is too small", setting="max_size", value=8),), None,
    )  # fmt: skip
    assert ErrorsInLogs(command_spelling("evaluate")).filter(record)
    assert record.getMessage() == "skipped: --max-size 8: is too small"
