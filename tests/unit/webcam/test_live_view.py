"""`options` and `status` hold data alone, and are tested here with what uses them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fast_style.errors import FastStyleError
from fast_style.models.networks import build_network
from fast_style.training.export import export_model
from fast_style.webcam.keymap import press_key
from fast_style.webcam.live_view import LiveView
from fast_style.webcam.options import WebcamOptions
from tests.unit.webcam.conftest import FRAME

pytest.importorskip("cv2")


def test_a_key_changes_the_very_next_picture(view: LiveView) -> None:
    first = view.render(FRAME)
    press_key(view, "n", first)
    second = view.render(FRAME)
    assert view.status(0, 0).style == "Plain"
    assert np.array_equal(second, view.styles[1].stylizer(FRAME.rgb))
    assert not np.array_equal(first, second)
    press_key(view, "n", second)
    assert np.array_equal(view.render(FRAME), first)
    press_key(view, "left", first)
    press_key(view, "1", first)
    assert view.chosen == 0


def test_strength_goes_in_steps_to_its_limits(view: LiveView) -> None:
    before = view.render(FRAME)
    for _ in range(30):
        press_key(view, "+", before)
    assert view.status(0, 0).strength == 1.5
    assert not np.array_equal(view.render(FRAME), before)
    for _ in range(30):
        press_key(view, "down", before)
    assert view.status(0, 0).strength == 0
    press_key(view, "n", before)
    press_key(view, "+", before)
    assert view.status(0, 0).strength is None
    assert "strength" in view.status(0, 0).message


def test_styles_of_one_model_are_stepped_through_and_blended(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build_network("lite", width=4, blocks=1, styles=2)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, 0.1, 0.3)
    export_model(network, tmp_path / "two", name="two", training={}, styles=["wave", "ink_wash"])
    view = LiveView([str(tmp_path / "two")], WebcamOptions(folder=tmp_path))
    stylizer, status = view.stylizer, lambda: (view.status(0, 0).style, view.status(0, 0).position)
    assert status() == ("Wave", "1 / 2")
    press_key(view, "b", FRAME.rgb)
    assert status() == ("Wave + 25% Ink wash", "1 / 2")
    assert np.array_equal(view.render(FRAME), stylizer(FRAME.rgb, style={"wave": 0.75, "ink_wash": 0.25}))
    press_key(view, "n", FRAME.rgb)
    assert status() == ("Ink wash", "2 / 2")
    assert np.array_equal(view.render(FRAME), stylizer(FRAME.rgb, style="ink_wash"))
    for _ in range(4):
        press_key(view, "b", FRAME.rgb)
    assert status() == ("Ink wash", "2 / 2"), "four quarters are none"


def test_mirror_and_split(view: LiveView) -> None:
    press_key(view, "m", FRAME.rgb)
    press_key(view, "o", FRAME.rgb)
    result, original = view.render(FRAME), FRAME.rgb[:, ::-1]
    assert np.array_equal(result[:, :32], original[:, :32])
    assert np.array_equal(result[:, 32:], view.stylizer(original)[:, 32:])


def test_the_flicker_filter_forgets_the_last_style(view: LiveView) -> None:
    press_key(view, "t", FRAME.rgb)
    view.render(FRAME)
    press_key(view, "n", FRAME.rgb)
    assert np.array_equal(view.render(FRAME), view.stylizer(FRAME.rgb))
    assert "deflickered" in view.status(0, 0).marks


def test_a_frame_is_saved(view: LiveView, tmp_path: Path) -> None:
    result = view.render(FRAME)
    for _ in range(2):
        press_key(view, "s", result)
    first, second = sorted(tmp_path.glob("fast-style-*.png"))
    assert sorted(view.written) == [first, second]
    assert np.array_equal(np.asarray(Image.open(first)), result)


def test_a_strength_out_of_range_or_without_a_strength(tiny_model: Path, plain_model: Path) -> None:
    with pytest.raises(FastStyleError, match="strength=3"):
        LiveView([str(tiny_model)], WebcamOptions(strength=3))
    assert LiveView([str(tiny_model), str(plain_model)], WebcamOptions(strength=0.5)).strengths == [0.5, None]
