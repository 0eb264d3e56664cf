"""Sweeps: several models in one go."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import Command, assert_one_line_error
from tests.runs import QUICK

pytestmark = pytest.mark.slow


def test_a_sweep_trains_one_model_per_style(warm_style: Command, work: Path, style_file: Path) -> None:
    other = style_file.with_name("other.png")
    other.write_bytes(style_file.read_bytes())
    result = warm_style("train", *QUICK, "style.name=null", "-m", f"style.image={style_file},{other}")
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in (work / "checkpoints").iterdir()) == ["other", "zigzag"]
    assert (work / "runs" / "other" / "1").is_dir()
    assert (work / "runs" / "zigzag" / "1").is_dir()


def test_a_sweep_of_settings_keeps_every_model(warm_style: Command, work: Path) -> None:
    result = warm_style("train", *QUICK, "-m", "loss.style_weight=5,50", "trainer.max_steps=2")
    assert result.returncode == 0, result.stderr
    models = {path.name: json.loads((path / "card.json").read_text()) for path in (work / "checkpoints").iterdir()}
    assert {name: card["training"]["style_weight"] for name, card in models.items()} == {
        "smoke-style_weight-5.0": 5, "smoke-style_weight-50.0": 50,
    }  # fmt: skip


def test_a_sweep_goes_on_after_a_job_that_fails(warm_style: Command, work: Path, style_file: Path) -> None:
    result = warm_style("train", *QUICK, "style.name=a", "-m", "init_from=nowhere,null", "trainer.max_steps=2")
    assert result.returncode == 2, result.stderr
    assert result.stderr.count("fast-style train: no model nowhere") == 1
    assert "Traceback" not in result.stderr
    assert (work / "checkpoints" / "a-init_from-None" / "model.onnx").is_file()


def test_a_sweep_that_can_not_be_trains_nothing(warm_style: Command, work: Path, style_file: Path) -> None:
    small = style_file.with_name("small.png")
    Image.new("RGB", (9, 9)).save(small)
    for other, words in (
        ("missing.jpg", "style.image: missing.jpg does not exist"),
        (small, "small.png: 9×9 px is too small"),
        (Path("elsewhere", style_file.name), "zigzag: two jobs of the sweep would write this model"),
    ):
        result = warm_style("train", *QUICK, "style.name=null", "-m", f"style.image={style_file},{other}")
        assert_one_line_error(result, "fast-style train: style.", words)
    assert list(work.iterdir()) == []
