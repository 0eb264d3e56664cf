from __future__ import annotations

import pytest

from fast_style.webcam.keymap import KEYMAP, press_key
from fast_style.webcam.live_view import LiveView
from tests.unit.webcam.conftest import FRAME

pytest.importorskip("cv2")


def test_every_key_does_something(view: LiveView) -> None:
    for line in KEYMAP:
        for binding in line.bindings:
            for key in binding.keys:
                if key not in ("r", "escape"):
                    press_key(view, key, FRAME.rgb)
    assert view.quitting
    assert view.help


def test_no_key_has_two_meanings() -> None:
    keys = [key for line in KEYMAP for binding in line.bindings for key in binding.keys]
    assert len(set(keys)) == len(keys)


def test_keys_without_a_meaning_do_nothing(view: LiveView) -> None:
    before = view.status(0, 0)
    for key in ("x", "0", "9", "\x00"):
        press_key(view, key, FRAME.rgb)
    assert view.status(0, 0) == before
    assert not view.quitting


def test_escape_closes_the_help_first(view: LiveView) -> None:
    press_key(view, "h", FRAME.rgb)
    press_key(view, "escape", FRAME.rgb)
    assert not view.help
    assert not view.quitting
    press_key(view, "escape", FRAME.rgb)
    assert view.quitting
