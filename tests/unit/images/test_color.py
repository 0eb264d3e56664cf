from __future__ import annotations

import numpy as np
import pytest

from fast_style.images import color
from fast_style.images.color import keep_color, lightness
from tests.conftest import make_photo


def test_a_picture_in_its_own_colours_is_itself() -> None:
    photo = np.random.default_rng(0).integers(0, 256, (50, 60, 3), dtype=np.uint8)
    assert np.abs(keep_color(photo, photo).astype(int) - photo).max() <= 1


def test_the_light_is_the_stylised_pictures(photo: np.ndarray) -> None:
    stylized = make_photo(1)
    kept = keep_color(photo, stylized)
    assert np.abs(lightness(kept) - lightness(stylized)).max() < 0.02


def test_a_grey_photo_stays_grey() -> None:
    grey = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=2)
    stylized = np.random.default_rng(0).integers(0, 256, grey.shape, dtype=np.uint8)
    kept = keep_color(grey, stylized).astype(int)
    assert (kept.max(axis=-1) - kept.min(axis=-1)).max() <= 1


@pytest.mark.parametrize(
    ("rgb", "expected"),
    [((255, 255, 255), 1.0), ((0, 0, 0), 0.0), ((255, 0, 0), 0.6280), ((0, 255, 0), 0.8664), ((0, 0, 255), 0.4520)],
)
def test_lightness_is_oklabs(rgb: tuple[int, int, int], expected: float) -> None:
    assert lightness(np.array([[rgb]], np.uint8)).item() == pytest.approx(expected, abs=1e-3)


def test_hue_stays_where_light_leaves_the_gamut() -> None:
    """Pure red under every light: red or pink or maroon, never yellow or blue."""
    red = np.full((256, 1, 3), (255, 0, 0), np.uint8)
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=2)
    kept = keep_color(red, ramp).astype(int)
    assert (kept[:, 0, 0] >= kept[:, 0, 1:].max(axis=1)).all()
    assert np.abs(kept[..., 1] - kept[..., 2]).max() <= 60


def test_parts_fit_together(monkeypatch: pytest.MonkeyPatch, photo: np.ndarray) -> None:
    whole = keep_color(photo, make_photo(1))
    monkeypatch.setattr(color, "PIXELS_AT_ONCE", 1000)
    assert np.array_equal(keep_color(photo, make_photo(1)), whole)
    batch = keep_color(np.stack([photo, photo]), np.stack([make_photo(1)] * 2))
    assert np.array_equal(batch[1], whole)
