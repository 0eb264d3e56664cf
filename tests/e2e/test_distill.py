"""`fast-style distill` through the command."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Command, assert_one_line_error
from tests.runs import QUICK

pytestmark = pytest.mark.slow


def test_distill_makes_an_encoder_that_trains(
    warm_style: Command,
    work: Path,
    photo_folder: Path,
    style_file: Path,
    vgg16_file: Path,
) -> None:
    result = warm_style(
        "distill", "teacher.name=vgg16", f"teacher.weights={vgg16_file}", "teacher.layers=[relu1_2,relu2_1]",
        "teacher.content_layer=relu2_1", "student.widths=[4,6]", f"photos={photo_folder}", f"styles=[{style_file}]",
        "image_size=32", "warmup_steps=2", "max_steps=4", "compile=false", "workers=0", "output=own.safetensors",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "own.safetensors"
    assert "Warning" not in result.stderr and "warn" not in result.stderr
    layers = ("encoder.content_layers=[relu2_1]", "encoder.style_layers=[relu1_2,relu2_1]")
    trained = warm_style("train", *QUICK[:4], "encoder=embedded", "encoder.weights=own.safetensors", *layers)
    assert trained.returncode == 0, trained.stderr


def test_distill_mistakes_are_one_line(warm_style: Command, work: Path, photo_folder: Path) -> None:
    assert_one_line_error(warm_style("distill"), "photos: no value given; add photos=PATH")
    assert_one_line_error(warm_style("distill", f"photos={photo_folder}", "photo=x"), "photo: no such setting")
    assert_one_line_error(
        warm_style("distill", f"photos={photo_folder}", "teacher.weights=nowhere.pth", "compile=false"),
        "nowhere.pth: no such file",
    )
    assert list(work.iterdir()) == []
