from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fast_style.config.entry import compose_training
from fast_style.models.artifact import find_model
from fast_style.perceptual.losses import PerceptualLoss
from fast_style.training.scoring import comparison_metrics, flatten_settings, measure_model


def test_a_new_model_gets_a_scorecard(
    tiny_model: Path, tmp_path: Path, small_loss: PerceptualLoss, photo: np.ndarray[Any, Any]
) -> None:
    files = find_model(shutil.copytree(tiny_model, tmp_path / "model"))
    photos = [np.tile(photo, (3, 3, 1))[:136, :136]]
    card = measure_model(files, photos, small_loss)
    assert json.loads((files.folder / "card.json").read_text())["scorecard"]["photos"] == card["photos"] == 1
    metrics = comparison_metrics(card, {"val/total": 2.0, "val/style/random3@1": 1.0})
    assert metrics["hp/total"] == 2.0
    assert metrics["hp/style_share"] == pytest.approx(card["style_share"])
    assert set(metrics) == {
        "hp/total", "hp/style_share", "hp/checkerboard", "hp/sensitivity_1px", "hp/perceptual_distance",
    }  # fmt: skip
    assert comparison_metrics(None, {"val/total": 2.0}) == {"hp/total": 2.0}


def test_settings_are_flat_for_tensorboard() -> None:
    flat = flatten_settings(compose_training(["style=flow", "loss.style_weight=3"]))
    assert flat["loss.style_weight"] == 3.0
    assert flat["data.dir"] == "None"
    assert all(isinstance(value, (bool, int, float, str)) for value in flat.values())
