"""Times of the stages of a stream: reading, stylizing, writing and so on."""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.table import Table

NEWEST = 20_000
"""Number of the latest times of a stage that its percentiles are taken over: a camera may run for days."""


@dataclass(frozen=True)
class StageTime:
    """The times of one stage."""

    stage: str
    """Name of the stage."""
    median: float
    """Milliseconds for a frame, at the median."""
    p95: float
    """Milliseconds for a frame, at the 95th percentile."""
    fraction: float
    """Its part of the time of all stages together, 0 to 1."""


class Timings:
    """Collects seconds by stage. Stages in different threads may report at the same time."""

    def __init__(self, *stages: str) -> None:
        self._seconds: dict[str, deque[float]] = {stage: deque(maxlen=NEWEST) for stage in stages}
        self._totals = dict.fromkeys(stages, 0.0)

    def add(self, stage: str, seconds: float, count: int = 1) -> None:
        """Adds the time that a stage took for `count` frames together."""
        self._totals[stage] += seconds
        self._seconds[stage].extend([seconds / count] * count)

    @contextmanager
    def measure(self, stage: str, count: int = 1) -> Iterator[None]:
        """Measures the time inside the `with`, and adds it."""
        began = time.perf_counter()
        yield
        self.add(stage, time.perf_counter() - began, count)

    def totals(self) -> dict[str, float]:
        """Returns the seconds that each stage took; they add up to more than has passed where stages overlap."""
        return dict(self._totals)

    def summary(self) -> list[StageTime]:
        """Returns the stages that have any times, in the order in which they were named."""
        everything = sum(self._totals.values()) or 1.0
        result = []
        for stage, seconds in self._seconds.items():
            if seconds:
                ordered = sorted(seconds)
                p95 = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
                fraction = self._totals[stage] / everything
                result.append(StageTime(stage, 1000 * statistics.median(ordered), 1000 * p95, fraction))
        return result

    def table(self, *, fractions: bool = True) -> Table:
        """Returns a table of the stages for the terminal.

        Args:
            fractions: Adds a column with the part that each stage has in the whole time.
        """
        table = Table(box=None, pad_edge=False)
        table.add_column("stage")
        for header in ("median", "95 %", *(["share"] if fractions else [])):
            table.add_column(header, justify="right")
        for row in self.summary():
            fraction = [f"{100 * row.fraction:.0f} %"] if fractions else []
            table.add_row(row.stage, f"{row.median:.1f} ms", f"{row.p95:.1f} ms", *fraction)
        return table
