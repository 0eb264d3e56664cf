"""A real window and its keys are tested in `tests/e2e/test_webcam.py`, where a virtual screen is at hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from fast_style.errors import MediaError
from fast_style.webcam import window
from fast_style.webcam.window import Window, check_display


class FakeCv2(SimpleNamespace):
    """OpenCV without a screen: windows are noted, and keys come from a list."""

    def __init__(self, codes: list[int], visible: int = 1) -> None:
        import cv2

        super().__init__(
            **{
                name: getattr(cv2, name)
                for name in dir(cv2)
                if name.startswith(("WINDOW_", "WND_", "INTER_", "COLOR_"))
            }
        )
        self.resize, self.cvtColor, self.error = cv2.resize, cv2.cvtColor, cv2.error
        self.codes, self.visible, self.shown = codes, visible, []

    def namedWindow(self, *_: object) -> None:  # noqa: N802  # OpenCV's name
        pass

    def resizeWindow(self, *_: object) -> None:  # noqa: N802
        pass

    def imshow(self, title: str, bgr: np.ndarray) -> None:
        self.shown.append(bgr)

    def waitKeyEx(self, milliseconds: int) -> int:  # noqa: N802
        return self.codes.pop(0) if self.codes else -1

    def getWindowProperty(self, *_: object) -> int:  # noqa: N802
        return self.visible


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeCv2:
    pytest.importorskip("cv2")
    fake = FakeCv2([ord("N"), 65361, 27, 0x100000 + ord("q")])
    monkeypatch.setattr(window, "cv2", fake)
    monkeypatch.setattr(window, "check_display", lambda: None)
    return fake


def test_keys_have_characters_or_names(fake: FakeCv2) -> None:
    shown = Window(64, 48)
    assert [shown.key() for _ in range(5)] == ["n", "left", "escape", "q", None]


def test_a_closed_window_is_a_key_too(fake: FakeCv2) -> None:
    shown = Window(64, 48)
    rgb = np.zeros((48, 64, 3), np.uint8)
    rgb[..., 0] = 255
    shown.show(rgb)
    assert fake.shown[0][0, 0].tolist() == [0, 0, 255]
    fake.visible = 0
    assert shown.key() == "closed"


def test_small_pictures_are_enlarged_and_large_ones_copied(fake: FakeCv2) -> None:
    shown = Window(64, 48)
    assert shown.enlarged(np.zeros((48, 64, 3), np.uint8)).shape == (720, 960, 3)
    large = np.zeros((10, 1000, 3), np.uint8)
    copy = shown.enlarged(large)
    assert copy.shape == large.shape
    assert copy is not large


@pytest.mark.parametrize(("display", "words"), [("", "no display"), (":9876", "display :9876 does not answer")])
def test_a_missing_display_is_an_error(monkeypatch: pytest.MonkeyPatch, display: str, words: str) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", display)
    with pytest.raises(MediaError, match=f"{words}.*; use headless with record=OUT.mp4"):
        check_display()
