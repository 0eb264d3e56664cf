from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fast_style.webcam.overlay import draw
from fast_style.webcam.status import Status

PLAIN = Status("Starry Night", "1 / 3", 24.0, 31.0, 0.8, (0.0, 1.5))


def drawn(status: Status, size: tuple[int, int] = (640, 480)) -> np.ndarray:
    canvas = np.full((size[1], size[0], 3), 120, np.uint8)
    draw(canvas, status)
    return canvas


def changed(first: np.ndarray, second: np.ndarray) -> tuple[slice, slice]:
    """The box of what differs."""
    ys, xs = np.nonzero((first != second).any(-1))
    return slice(ys.min(), ys.max() + 1), slice(xs.min(), xs.max() + 1)


def test_the_panel_is_legible_and_leaves_the_picture_alone() -> None:
    canvas = drawn(PLAIN)
    ys, xs = changed(canvas, np.full_like(canvas, 120))
    assert ys.start > 300
    assert xs.stop < 320
    assert canvas[ys, xs].max() > 240
    assert canvas[ys, xs].min() < 70


@pytest.mark.parametrize(
    "change",
    [
        {"style": "Wave"}, {"rate": 11.0}, {"milliseconds": 99.0}, {"strength": 0.2}, {"strength": None},
        {"marks": ("mirrored",)}, {"recording": 61.0}, {"message": "saved"}, {"help": True}, {"split": True},
    ],
)  # fmt: skip
def test_everything_shows(change: dict[str, object]) -> None:
    assert not np.array_equal(drawn(replace(PLAIN, **change)), drawn(PLAIN))


def test_small_and_odd_pictures_are_drawn_on_too() -> None:
    for size in ((64, 48), (1, 1), (301, 77), (1920, 1080)):
        drawn(replace(PLAIN, help=True, recording=3.0, message="a long message " * 9, split=True), size)
