from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fast_style.evaluation.photos import PhotoFiles, on_device
from fast_style.evaluation.scorecard import scorecard
from fast_style.perceptual.losses import PerceptualLoss, style_grams
from tests.conftest import make_photo

PHOTOS = [make_photo(seed, 160, 144) for seed in range(3)]


def test_the_scorecard_of_doing_nothing(small_loss: PerceptualLoss) -> None:
    done: list[None] = []
    card = scorecard(lambda picture: picture, PHOTOS, small_loss, advance=lambda: done.append(None))
    assert len(done) == card["photos"] == 3
    assert card["terms"]["content"]["mean"] == 0
    assert card["style_share"] == 1
    assert card["perceptual_distance"] == 0
    assert card["sensitivity"] == {**{f"shift_{s}": 0 for s in (1, 2, 3, 4)}, "noise": pytest.approx(2, abs=0.1)}
    figures = [card[measure] for measure in ("checkerboard", "border", "clipping")] + list(card["flat_grid"].values())
    assert all(beside["model"] == beside["photo"] for beside in figures)
    assert max(card["plain_grid"].values()) < 1.5
    assert card["terms"].keys() >= {"style/random3@1", "content/random3@1"}


def test_the_scorecard_tells_a_worse_model(small_loss: PerceptualLoss) -> None:
    grid = np.zeros((256, 256, 1), np.int64)
    grid[::4, ::4] = 40

    def checkered(picture: np.ndarray) -> np.ndarray:
        return np.clip(picture + grid[: picture.shape[0], : picture.shape[1]], 0, 255).astype(np.uint8)

    bad = scorecard(checkered, PHOTOS, small_loss)
    assert bad["checkerboard"]["model"] > 2 * bad["checkerboard"]["photo"]
    assert min(*(bad["flat_grid"][period]["model"] for period in "42"), *bad["plain_grid"].values()) > 10
    assert bad["sensitivity"]["shift_1"] > 5 > bad["sensitivity"]["shift_4"]
    assert bad["terms"]["content"]["mean"] > 0 < bad["perceptual_distance"]


def test_the_scorecard_of_a_strength(small_loss: PerceptualLoss) -> None:
    def darker(picture: np.ndarray, strength: float) -> np.ndarray:
        return np.rint(picture * (1 - 0.2 * strength)).astype(np.uint8)

    card = scorecard(lambda picture: darker(picture, 1), PHOTOS, small_loss, stylize_at=darker)
    assert list(card["strength"]) == ["0", "0.5", "1", "1.5"]
    assert card["strength"]["0"] == {"style_share": 1, "content": 0, "change": 0}
    assert card["strength"]["1"]["content"] == pytest.approx(card["terms"]["content"]["mean"])
    assert card["strength"]["1.5"]["change"] == pytest.approx(1.5 * card["strength"]["1"]["change"], rel=0.05)


def test_a_black_photo_has_finite_figures(small_loss: PerceptualLoss) -> None:
    black = np.zeros((144, 160, 3), np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        card = scorecard(lambda picture: picture, [black], small_loss, stylize_at=lambda picture, strength: picture)
    json.dumps(card, allow_nan=False)
    assert card["checkerboard"] == {"model": 1, "photo": 1}
    # A flat gray leaves rounding errors, which are no checkerboard either.
    assert scorecard(lambda picture: picture + 99, [black], small_loss)["checkerboard"]["model"] == pytest.approx(1)


def test_the_style_image_among_the_photos_has_nothing_left_to_share(small_loss: PerceptualLoss) -> None:
    layers = list(small_loss.settings.style_layers)
    grams = style_grams(small_loss.encoder, on_device(PHOTOS[0], small_loss), layers, [1])
    own = PerceptualLoss(small_loss.encoder, grams, small_loss.settings)
    card = scorecard(lambda picture: 255 - picture, PHOTOS[:1], own, stylize_at=lambda picture, strength: 255 - picture)
    assert card["terms"]["style"]["photo"] == 0 < card["terms"]["style"]["mean"]
    assert card["style_share"] == card["strength"]["0.5"]["style_share"] == 1
    among = scorecard(lambda picture: picture, PHOTOS, own, stylize_at=lambda picture, strength: picture)
    assert among["strength"]["1.5"]["style_share"] == 1


def test_photos_on_disk_are_measured_as_those_in_memory(tmp_path: Path, small_loss: PerceptualLoss) -> None:
    for number, photo in enumerate(PHOTOS):
        Image.fromarray(photo).save(tmp_path / f"{number}.png")
    photos = PhotoFiles(sorted(tmp_path.iterdir()), 1024)
    from_disk = scorecard(lambda picture: picture, photos, small_loss)
    assert from_disk == scorecard(lambda picture: picture, PHOTOS, small_loss)
