from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from fast_style.errors import FastStyleError, MediaError
from fast_style.webcam.virtual_camera import VirtualCamera
from tests.conftest import make_photo


class Camera:
    """Stands for a camera of pyvirtualcam."""

    def __init__(self, width: int, height: int, fps: float) -> None:
        self.size, self.sent, self.open = (width, height), [], True
        made.append(self)

    def send(self, frame: np.ndarray) -> None:
        self.sent.append(frame)

    def close(self) -> None:
        self.open = False


made: list[Camera] = []


def test_the_camera_is_made_with_the_first_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyvirtualcam", SimpleNamespace(Camera=Camera))
    made.clear()
    camera = VirtualCamera()
    camera.close()
    assert not made
    for seed in range(2):
        camera.send(make_photo(seed))
    camera.close()
    (real,) = made
    assert (real.size, len(real.sent), real.open) == ((64, 48), 2, False)


def test_a_missing_driver_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError("no device\n  found")

    monkeypatch.setitem(sys.modules, "pyvirtualcam", SimpleNamespace(Camera=fail))
    with pytest.raises(MediaError, match=r"^virtual_camera: none can be made \(no device\)"):
        VirtualCamera().send(make_photo(0))


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(FastStyleError, match=r"pyvirtualcam.*\[virtual-camera\]"):
        VirtualCamera()
