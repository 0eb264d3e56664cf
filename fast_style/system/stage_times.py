"""How long each stage of a stream takes."""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.table import Table

KEPT = 20_000
"""Newest figures of a stage that its percentiles are of: a camera may run for days."""


@dataclass(frozen=True)
class StageTime:
    """Milliseconds of one stage, and its share of the time of all stages."""

    stage: str
    median: float
    p95: float
    share: float


class Timings:
    """Collects seconds by stage. Stages in different threads may report at the same time."""

    def __init__(self, *stages: str) -> None:
        self._seconds: dict[str, deque[float]] = {stage: deque(maxlen=KEPT) for stage in stages}
        self._totals = dict.fromkeys(stages, 0.0)

    def add(self, stage: str, seconds: float, count: int = 1) -> None:
        """Notes what `count` frames took together."""
        self._totals[stage] += seconds
        self._seconds[stage].extend([seconds / count] * count)

    @contextmanager
    def measure(self, stage: str, count: int = 1) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.add(stage, time.perf_counter() - began, count)

    def summary(self) -> list[StageTime]:
        """Stages that anything was noted of, in the order of their naming."""
        everything = sum(self._totals.values()) or 1.0
        result = []
        for stage, seconds in self._seconds.items():
            if seconds:
                ordered = sorted(seconds)
                p95 = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
                share = self._totals[stage] / everything
                result.append(StageTime(stage, 1000 * statistics.median(ordered), 1000 * p95, share))
        return result

    def table(self, *, shares: bool = True) -> Table:
        """For people."""
        table = Table(box=None, pad_edge=False)
        table.add_column("stage")
        for header in ("median", "95 %", *(["share"] if shares else [])):
            table.add_column(header, justify="right")
        for row in self.summary():
            share = [f"{100 * row.share:.0f} %"] if shares else []
            table.add_row(row.stage, f"{row.median:.1f} ms", f"{row.p95:.1f} ms", *share)
        return table
