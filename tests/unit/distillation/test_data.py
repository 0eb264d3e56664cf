from __future__ import annotations

from pathlib import Path

import pytest
import torch

from fast_style.distillation.data import Corruption, MixedCrops, StyleSampler, load_paintings
from fast_style.errors import ConfigError, DataError


def test_corruption_keeps_range_and_follows_its_generator() -> None:
    images = torch.rand(24, 3, 32, 32)
    corrupted = Corruption(torch.Generator().manual_seed(3))(images)
    assert corrupted.min() >= 0
    assert corrupted.max() <= 1
    assert torch.equal(corrupted, Corruption(torch.Generator().manual_seed(3))(images))
    changed = [not torch.equal(a, b) for a, b in zip(images, corrupted, strict=True)]
    assert any(changed)
    assert not all(changed)


def test_styles_are_crops_with_and_without_their_colors() -> None:
    red = torch.zeros(3, 48, 40, dtype=torch.uint8)
    red[0] = 255
    draw = StyleSampler([red], 32, seed=0)
    crops = [draw() for _ in range(20)]
    assert all(crop.shape == (1, 3, 32, 32) for crop in crops)
    colors = {tuple(crop.mean((0, 2, 3)).round().int().tolist()) for crop in crops}
    assert (1, 0, 0) in colors
    assert len(colors) > 2


def test_the_smallest_painting_will_do() -> None:
    assert StyleSampler([torch.zeros(3, 1, 2, dtype=torch.uint8)], 32, seed=0)().shape == (1, 3, 32, 32)


def test_photos_and_synthetic_images_take_turns() -> None:
    mixed = MixedCrops([f"photo {i}" for i in range(8)], [f"synthetic {i}" for i in range(8)], 4)  # type: ignore[arg-type]
    assert [str(mixed[i]).split()[0] for i in range(8)] == [*["photo"] * 3, "synthetic"] * 2


def test_an_empty_folder_of_styles(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no images"):
        load_paintings([str(tmp_path)])


def test_no_styles_at_all() -> None:
    with pytest.raises(ConfigError, match=r"^styles=\[\]: needs at least one style image"):
        load_paintings([])
