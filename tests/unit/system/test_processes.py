from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from fast_style.errors import FastStyleError, MediaError
from fast_style.system.processes import RemoteObject
from fast_style.video.sequence import SequenceReader


def test_methods_run_in_another_process() -> None:
    import os

    remote = RemoteObject(dict, pid=1)
    remote.update({"array": np.arange(3)})
    assert remote.call("get", "array").tolist() == [0, 1, 2]
    assert remote._process.pid != os.getpid()
    remote.close()
    assert not remote._process.is_alive()
    with pytest.raises(MediaError, match="has ended"):
        remote.get("array")


def test_calls_and_errors_come_back() -> None:
    remote = RemoteObject(Fraction, 1, 3)
    assert remote.call("__add__", 1) == Fraction(4, 3)
    remote.close()
    with pytest.raises(FastStyleError, match="no such folder"):
        RemoteObject(SequenceReader, "missing/%d.png", Fraction(1))
    with pytest.raises(MediaError, match="ZeroDivisionError"):
        RemoteObject(Fraction, 1, 0)
