"""Real files with a rotation are read in `test_reader`."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from fast_style.video.orientation import Orientation
from tests.clips import picture

ONE = 1 << 16


def frame(a: int, b: int, c: int, d: int) -> SimpleNamespace:
    """Stands for a frame of libav with this display matrix."""
    matrix = np.array([a, b, 0, c, d, 0, 0, 0, 1 << 30], np.int32)
    return SimpleNamespace(side_data={"DISPLAYMATRIX": matrix.tobytes()})


@pytest.mark.parametrize(
    ("matrix", "upright"),
    [
        ((0, ONE, -ONE, 0), np.rot90(picture(1), -1)),
        ((0, -ONE, ONE, 0), np.rot90(picture(1), 1)),
        ((-ONE, 0, 0, -ONE), np.rot90(picture(1), 2)),
        ((-ONE, 0, 0, ONE), picture(1)[:, ::-1]),
        ((ONE, 0, 0, -ONE), picture(1)[::-1]),
    ],
)
def test_quarter_turns_and_mirrorings(matrix: tuple[int, int, int, int], upright: np.ndarray) -> None:
    orientation = Orientation.of(frame(*matrix))  # type: ignore[arg-type]
    assert orientation is not None
    turned = orientation.apply(picture(1))
    assert np.array_equal(turned, upright)
    assert turned.flags.c_contiguous


@pytest.mark.parametrize("matrix", [(ONE, 0, 0, ONE), (46341, 46341, -46341, 46341)])
def test_what_is_upright_or_tilted_is_left_alone(matrix: tuple[int, int, int, int]) -> None:
    assert Orientation.of(frame(*matrix)) is None  # type: ignore[arg-type]
    assert Orientation.of(SimpleNamespace(side_data={})) is None  # type: ignore[arg-type]
