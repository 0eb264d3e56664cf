from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from fast_style.errors import FastStyleError, MediaError
from fast_style.system.processes import Apart
from fast_style.video.sequence import SequenceReader


def test_methods_run_in_another_process() -> None:
    import os

    apart = Apart(dict, pid=1)
    apart.update({"array": np.arange(3)})
    assert apart.call("get", "array").tolist() == [0, 1, 2]
    assert apart._process.pid != os.getpid()
    apart.close()
    assert not apart._process.is_alive()
    with pytest.raises(MediaError, match="has ended"):
        apart.get("array")


def test_calls_and_errors_come_back() -> None:
    apart = Apart(Fraction, 1, 3)
    assert apart.call("__add__", 1) == Fraction(4, 3)
    apart.close()
    with pytest.raises(FastStyleError, match="no such folder"):
        Apart(SequenceReader, "missing/%d.png", Fraction(1))
    with pytest.raises(MediaError, match="ZeroDivisionError"):
        Apart(Fraction, 1, 0)
