from __future__ import annotations

import pytest

from fast_style.system.stage_times import Timings


def test_median_percentile_and_share() -> None:
    timings = Timings("decode", "stylize", "deflicker")
    for number in range(1, 101):
        timings.add("decode", number / 1000)
    timings.add("stylize", 0.505, count=5)
    decode, stylize = timings.summary()
    assert (decode.stage, stylize.stage) == ("decode", "stylize")
    assert decode.median == pytest.approx(50.5)
    assert 94 <= decode.p95 <= 96
    assert stylize.median == stylize.p95 == pytest.approx(101)
    assert decode.fraction == pytest.approx(5.05 / 5.555)
    assert decode.fraction + stylize.fraction == pytest.approx(1)
