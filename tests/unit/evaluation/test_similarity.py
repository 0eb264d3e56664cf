from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fast_style.config.schema import LossSettings
from fast_style.errors import ConfigError, ImageError
from fast_style.evaluation.similarity import compare, distance, tables
from fast_style.perceptual.encoders import RandomFilters
from tests.conftest import make_photo

LAYERS = ["random3", "random7"]


def test_distance_closed_form() -> None:
    a, b = torch.tensor([3.0, 0.0]), torch.tensor([0.0, 12.0])
    assert distance(a, b) == pytest.approx(np.sqrt(9 + 144) / 6)
    assert distance(a, b) == distance(b, a)
    assert distance(a, a) == 0
    assert distance(torch.zeros(2), torch.zeros(2)) == 0


def compared(tmp_path: Path, pictures: list[np.ndarray]) -> dict[str, np.ndarray]:
    paths = []
    for number, pixels in enumerate(pictures):
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(pixels).save(paths[-1])
    settings = LossSettings(content_layers=LAYERS, style_layers=LAYERS, scales=[1.0], content_scales=[1.0])
    result = compare(paths, RandomFilters(LAYERS), settings, max_size=96)
    assert len(tables(result)) == 2
    return {kind: np.array(result[kind]) for kind in ("style", "content")}


def test_a_mirrored_texture_has_the_same_style_and_other_content(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    stripes = np.repeat(rng.integers(0, 256, (1, 96, 3)), 96, 0).astype(np.uint8)
    moved = np.roll(stripes, 31, 1)
    dots = rng.integers(0, 256, (96, 96, 3)).astype(np.uint8)
    matrix = compared(tmp_path, [stripes, moved, dots])
    for values in matrix.values():
        assert np.array_equal(values, values.T)
        assert not values.diagonal().any()
    assert matrix["style"][0, 1] < 0.2 * matrix["style"][0, 2]
    assert matrix["content"][0, 1] > 0.5 * matrix["content"][0, 2]


def test_one_image_has_no_distance(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="two or more"):
        compared(tmp_path, [np.zeros((64, 64, 3), np.uint8)])


def test_images_that_are_too_small_to_compare(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"1\.png: 40×31 px is too small; want sides of 32 px or more"):
        compared(tmp_path, [make_photo(0), make_photo(1, 40, 31)])
    with pytest.raises(ImageError, match=r"max_size=96: .*0\.png is too small at 96×24 px; want max_size=126 or more"):
        compared(tmp_path, [make_photo(0, 200, 50), make_photo(1)])
