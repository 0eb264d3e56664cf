from __future__ import annotations

from fast_style.benchmark.timing import Timing, time_repeatedly, time_steps


def test_timings() -> None:
    assert Timing.of([3.0, 1.0, 2.0]) == Timing(2.0, 1.0, 3.0, 3)
    # Two steps of 9 seconds are the warm-up; the others take 1, 3 and 2.
    assert time_steps([0.0, 9.0, 18.0, 19.0, 22.0, 24.0]) == Timing(2.0, 1.0, 3.0, 3)


def test_work_is_repeated_after_a_warm_up_and_often_enough() -> None:
    calls: list[int] = []
    timing = time_repeatedly(lambda: calls.append(1), 0)
    assert timing.times == 3
    assert len(calls) == 5
    assert timing.fastest <= timing.median <= timing.slowest
