from __future__ import annotations

import pytest

from fast_style.system.stage_times import Timings


def test_median_percentile_and_share() -> None:
    timings = Timings("decode", "stylise", "steady")
    for number in range(1, 101):
        timings.add("decode", number / 1000)
    timings.add("stylise", 0.505, count=5)
    decode, stylise = timings.summary()
    assert (decode.stage, stylise.stage) == ("decode", "stylise")
    assert decode.median == pytest.approx(50.5)
    assert 94 <= decode.p95 <= 96
    assert stylise.median == stylise.p95 == pytest.approx(101)
    assert decode.share == pytest.approx(5.05 / 5.555)
    assert decode.share + stylise.share == pytest.approx(1)
