from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console

pytest.importorskip("cv2")

from fast_style.errors import MediaError
from fast_style.video.warping_error import VideoError, WarpingErrorMeter, table
from tests.conftest import make_photo


def measure(noise: float) -> tuple[float, float]:
    """Errors of a video that moves with its original, and of the same with noise of this deviation."""
    wide = make_photo(0, 220, 120)
    painted = 255 - wide
    meter = WarpingErrorMeter()
    for number in range(5):
        part = slice(2 * number, 2 * number + 160)
        grain = np.random.default_rng(number).normal(0, noise, (120, 160, 3))
        moved = np.ascontiguousarray(painted[:, part])
        meter.add(np.ascontiguousarray(wide[:, part]), [moved, np.clip(moved + grain, 0, 255).astype(np.uint8)])
    result = meter.result()
    assert result.pairs == 4
    assert result.trusted > 0.7
    first, second = (255 * error**0.5 for error in result.errors)
    return first, second


def test_what_moves_with_the_original_is_no_error_and_noise_is() -> None:
    clean, noisy = measure(20)
    assert clean < 6
    # Independent noise of both frames, somewhat clipped at the ends.
    assert 20 < noisy < 32


def test_a_known_difference_gives_its_square() -> None:
    photo = make_photo(0, 160, 120)
    meter = WarpingErrorMeter()
    for level in (100, 120, 100):
        meter.add(photo, [np.full_like(photo, level)])
    assert meter.result().errors == pytest.approx([(20 / 255) ** 2])


def test_one_frame_is_not_enough() -> None:
    meter = WarpingErrorMeter()
    meter.add(make_photo(0), [make_photo(1)])
    with pytest.raises(MediaError, match="two frames"):
        meter.result()


def test_the_table_shows_names_as_they_are() -> None:
    name = "Bird [dQw4w9WgXcQ] [red].mp4"
    console = Console(file=io.StringIO(), width=100)
    row: VideoError = {"video": name, "warping_error": 0.01, "root_mean_square": 25.5}
    console.print(table({"original": row, "stylized": [row], "pairs": 3, "trusted": 0.9}))
    assert console.file.getvalue().count(name) == 2  # type: ignore[attr-defined]
