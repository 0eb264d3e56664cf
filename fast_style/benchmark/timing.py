"""How long things take: the same work again and again, and each stage of a stream."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

WARM_UP = 2


@dataclass(frozen=True)
class Timing:
    """Seconds of the same work, done again and again."""

    median: float
    fastest: float
    slowest: float
    times: int

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Timing:
        return cls(statistics.median(seconds), min(seconds), max(seconds), len(seconds))


def measure(work: Callable[[], object], seconds: float) -> Timing:
    """Does `work` after a warm-up for about so many seconds, three times at least."""
    for _ in range(WARM_UP):
        work()
    taken: list[float] = []
    while len(taken) < 3 or sum(taken) < seconds:
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return Timing.of(taken)


def between(ends: Sequence[float]) -> Timing:
    """Seconds of each step but the first ones, from when they ended."""
    return Timing.of([end - begin for begin, end in pairwise(ends)][WARM_UP:])
