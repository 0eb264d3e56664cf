from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2")

from fast_style.video.deflicker import Deflicker
from tests.conftest import make_photo


def stripes(seed: int) -> np.ndarray:
    """What a network may have made of a picture: unlike any other frame's."""
    return np.random.default_rng(seed).integers(0, 256, (96, 128, 3), dtype=np.uint8)


def test_the_first_frame_is_untouched() -> None:
    assert np.array_equal(Deflicker().process(make_photo(0, 128, 96), stripes(0)), stripes(0))


def test_what_stands_still_stops_flickering() -> None:
    photo, deflicker = make_photo(0, 128, 96), Deflicker()
    results = [deflicker.process(photo, stripes(seed)).astype(float) for seed in range(8)]
    raw = np.abs(stripes(7).astype(float) - stripes(6)).mean()
    assert np.abs(results[7] - results[6]).mean() < 0.4 * raw


def test_strokes_follow_what_moves() -> None:
    """The picture moves by 3 pixels a frame; its strokes, drawn anew with noise, should move with it."""
    wide, drawn = make_photo(0, 160, 96), np.random.default_rng(0).integers(60, 196, (96, 160, 3))
    deflicker, raw, filtered = Deflicker(), [], []
    for number in range(8):
        part = slice(3 * number, 3 * number + 128)
        noise = np.random.default_rng(number + 1).normal(0, 30, (96, 128, 3))
        raw.append(np.clip(drawn[:, part] + noise, 0, 255).astype(np.uint8))
        filtered.append(deflicker.process(np.ascontiguousarray(wide[:, part]), raw[-1]))
    inner = (slice(8, -8), slice(8, -16))

    def noise_left(frame: np.ndarray) -> float:
        return float(np.abs(frame.astype(float) - drawn[:, 21:149])[inner].mean())

    assert noise_left(filtered[7]) < 0.85 * noise_left(raw[7])


def test_a_cut_leaves_no_ghost() -> None:
    deflicker = Deflicker()
    for seed in range(3):
        deflicker.process(np.full((96, 128, 3), 20, np.uint8), stripes(seed))
    assert np.array_equal(deflicker.process(np.full((96, 128, 3), 220, np.uint8), stripes(9)), stripes(9))


def test_what_was_uncovered_leaves_no_ghost() -> None:
    """A white square over gray disappears: nothing of its strokes may stay."""
    deflicker, gray = Deflicker(), np.full((96, 128, 3), 90, np.uint8)
    with_square, plain, drawn = gray.copy(), np.full_like(gray, 100), np.full_like(gray, 100)
    with_square[30:60, 40:80] = 255
    drawn[30:60, 40:80] = 250
    for _ in range(4):
        deflicker.process(with_square, drawn)
    assert np.abs(deflicker.process(gray, plain).astype(int) - 100).max() <= 2


def test_small_frames_and_changes_of_size() -> None:
    deflicker = Deflicker()
    for size in ((9, 7), (9, 7), (20, 30), (1, 1), (1, 1)):
        photo = make_photo(0, *size)
        assert deflicker.process(photo, photo).shape == photo.shape
