from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2")

from fast_style.video.optical_flow import FlowFinder
from tests.conftest import make_photo


def test_flow_points_to_where_a_pixel_was() -> None:
    wide, finder = make_photo(0, 200, 120), FlowFinder("MEDIUM")
    before, after = (np.ascontiguousarray(wide[:, left : left + 160]) for left in (0, 4))
    flow = finder(finder.gray(after), finder.gray(before), (120, 160))
    assert flow.shape == (120, 160, 2)
    assert np.median(flow[..., 0]) == pytest.approx(4, abs=0.5)
    assert np.median(flow[..., 1]) == pytest.approx(0, abs=0.5)
    carried = finder.warp(before, flow)
    assert np.abs(carried.astype(int) - after)[8:-8, 8:-16].mean() < 6


def test_what_lies_beyond_the_border_comes_from_the_border() -> None:
    finder, picture = FlowFinder("FAST"), make_photo(0, 32, 24)
    flow = np.full((24, 32, 2), 100, np.float32)
    assert (finder.warp(picture, flow) == picture[-1, -1]).all()
    assert not finder.inside(flow).any()
    assert finder.inside(np.zeros_like(flow)).all()


def test_small_pictures_are_padded_for_the_flow_alone() -> None:
    finder, picture = FlowFinder("ULTRAFAST"), make_photo(0, 9, 7)
    gray = finder.gray(picture)
    assert gray.shape == (16, 16)
    assert finder(gray, gray, (7, 9)).shape == (7, 9, 2)
