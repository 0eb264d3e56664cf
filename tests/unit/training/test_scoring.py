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
from fast_style.training.scoring import comparison, flatten_settings, measure_model


def test_a_new_model_gets_a_scorecard(
    tiny_model: Path, tmp_path: Path, small_loss: PerceptualLoss, photo: np.ndarray[Any, Any]
) -> None:
    files = find_model(shutil.copytree(tiny_model, tmp_path / "model"))
    photos = [np.tile(photo, (3, 3, 1))[:136, :136]]
    card = measure_model(files, photos, small_loss)
    assert json.loads((files.folder / "card.json").read_text())["scorecard"]["photos"] == card["photos"] == 1
    config = compose_training(["style=flow"])
    found, plain = comparison(config, card), comparison(config, None)
    assert found["scorecard.style_share"] == pytest.approx(card["style_share"])
    assert set(found) - set(plain) == {
        "scorecard.style_share", "scorecard.checkerboard", "scorecard.sensitivity_1px", "scorecard.perceptual_distance",
    }  # fmt: skip
    assert "style.title" in plain and "runs_dir" not in plain


def test_settings_are_flat_for_tensorboard() -> None:
    flat = flatten_settings(compose_training(["style=flow", "loss.style_weight=3"]))
    assert flat["loss.style_weight"] == 3.0
    assert flat["data.dir"] == "None"
    assert all(isinstance(value, (bool, int, float, str)) for value in flat.values())
