from __future__ import annotations

import os
import sys
from fractions import Fraction

import numpy as np
import pytest

from fast_style.errors import FastStyleError, MediaError, MediaNotFoundError
from fast_style.system.processes import RemoteObject, beside_pyav


class Counter:
    """An object whose methods are called from another process."""

    def __init__(self, start: int = 0) -> None:
        self.value = start

    def __call__(self, amount: int) -> int:
        self.value += amount
        return self.value

    def process(self) -> int:
        return os.getpid()

    def fail(self) -> None:
        raise MediaNotFoundError("no such video", setting="source", value="x.mp4")

    def crash(self) -> None:
        raise ZeroDivisionError("by zero")


def test_methods_run_in_another_process() -> None:
    remote = RemoteObject(dict, pid=1)
    remote.update({"array": np.arange(3)})
    assert remote.call("get", "array").tolist() == [0, 1, 2]
    remote.close()
    assert not remote._process.is_alive()
    with pytest.raises(MediaError, match="has ended"):
        remote.get("array")


def test_calls_and_errors_come_back() -> None:
    remote = RemoteObject(Counter, start=2)
    assert remote(3) == 5
    assert remote.process() != os.getpid()
    for _ in range(2):  # an error of ours leaves the object alive, even one that is an OSError as well
        with pytest.raises(MediaNotFoundError, match=r"source=x\.mp4: no such video"):
            remote.fail()
    assert remote(1) == 6
    with pytest.raises(MediaError, match="ZeroDivisionError: by zero"):
        remote.crash()
    remote.close()


def test_errors_of_the_factory_come_back() -> None:
    with pytest.raises(MediaError, match="ZeroDivisionError"):
        RemoteObject(Fraction, 1, 0)
    with pytest.raises(FastStyleError, match="no such folder"):
        RemoteObject(failing_factory)


def failing_factory() -> None:
    raise MediaNotFoundError("no such folder")


@pytest.mark.parametrize(("platform", "same"), [("linux", True), ("darwin", False)])
def test_opencv_is_apart_from_pyav_on_macos_alone(platform: str, same: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", platform)
        counter = beside_pyav(Counter)
    assert (counter.process() == os.getpid()) == same
    assert counter(2) == 2
    if isinstance(counter, RemoteObject):
        counter.close()
