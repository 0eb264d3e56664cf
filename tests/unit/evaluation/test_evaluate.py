from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from fast_style.errors import ConfigError
from fast_style.evaluation.evaluate import EvaluateOptions, evaluate_models, table
from fast_style.evaluation.scorecard import scorecard
from fast_style.perceptual.losses import PerceptualLoss
from tests.conftest import make_photo

PHOTOS = [make_photo(seed, 160, 144) for seed in range(2)]


def test_a_table_has_a_column_for_each_model_and_a_row_for_each_figure(small_loss: PerceptualLoss) -> None:
    def darker(picture: np.ndarray, strength: float) -> np.ndarray:
        return np.rint(picture * (1 - 0.2 * strength)).astype(np.uint8)

    card = scorecard(lambda picture: darker(picture, 1), PHOTOS, small_loss, stylize_at=darker)
    plain = scorecard(lambda picture: picture, PHOTOS, small_loss)
    both = table({"plain": plain, "strength": card})
    cells = [str(cell) for column in both.columns for cell in column.cells]
    assert f"{card['terms']['total']['mean']:.4f}" in cells
    assert both.row_count == table({"strength": card}).row_count > table({"plain": plain}).row_count


def test_models_are_measured_by_name(tmp_path: Path, tiny_model: Path, style_file: Path) -> None:
    for number, photo in enumerate(PHOTOS):
        Image.fromarray(photo).save(tmp_path / f"{number}.png")
    style_file.rename(style := tmp_path.parent / "zigzag.png")
    options = EvaluateOptions(encoder="random", style_size=64, equivalent=1, limit=1)
    console = Console(quiet=True)
    cards = evaluate_models([str(tiny_model)], tmp_path, style, options, console=console, quiet=True)
    card = cards[str(tiny_model)]
    assert card["photos"] == 2
    assert card["reference"]["encoder"] == "random"
    assert list(card["strength"]) == ["0", "0.5", "1", "1.5"]
    assert 0 <= card["equivalent_iterations"]["from_photo"]["median"] <= 1


def test_models_of_other_projects_have_no_card(tmp_path: Path) -> None:
    options = EvaluateOptions(convention="nchw-1", save=True)
    console = Console(quiet=True)
    with pytest.raises(ConfigError, match="save: models of other projects have no card to write to; leave out save"):
        evaluate_models(["x.onnx"], tmp_path, tmp_path, options, console=console, quiet=True)
