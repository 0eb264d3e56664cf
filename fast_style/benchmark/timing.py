"""Timings of work that is repeated."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

WARM_UP = 2
"""Number of repetitions at the beginning that are not counted."""
FEWEST = 3
"""Fewest repetitions that are counted."""


@dataclass(frozen=True)
class Timing:
    """How long the same work takes, in seconds."""

    median: float
    fastest: float
    slowest: float
    times: int
    """Number of repetitions."""

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Timing:
        """Summarizes the seconds of each repetition."""
        return cls(statistics.median(seconds), min(seconds), max(seconds), len(seconds))


def time_repeatedly(work: Callable[[], object], seconds: float) -> Timing:
    """Repeats `work`, after a warm-up, until about so many seconds have passed, and at least `FEWEST` times."""
    for _ in range(WARM_UP):
        work()
    durations: list[float] = []
    while len(durations) < FEWEST or sum(durations) < seconds:
        start = time.perf_counter()
        work()
        durations.append(time.perf_counter() - start)
    return Timing.of(durations)


def time_steps(ends: Sequence[float]) -> Timing:
    """Summarizes steps that follow one another.

    Args:
        ends: when each step ended, in seconds; the first steps are a warm-up, and are not counted.
    """
    return Timing.of([end - start for start, end in pairwise(ends)][WARM_UP:])
