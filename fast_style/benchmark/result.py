"""What `bench` returns: rows of timings, as JSON and as tables."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import onnxruntime
import torch
from rich.table import Table

import fast_style
from fast_style.benchmark.timing import Timing


@dataclass(frozen=True)
class Environment:
    """The computer and the packages that the figures were measured with."""

    cpu: str
    cores: int | None
    gpu: str | None
    torch: str
    onnxruntime: str
    fast_style: str

    @classmethod
    def current(cls) -> Environment:
        """Describes this computer."""
        return cls(
            cpu=_processor_name(),
            cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            gpu=torch.cuda.get_device_name() if torch.cuda.is_available() else None,
            torch=torch.__version__,
            onnxruntime=onnxruntime.__version__,
            fast_style=fast_style.__version__,
        )

    def __str__(self) -> str:
        return ", ".join(f"{key} {value}" for key, value in asdict(self).items() if value is not None)


def _processor_name() -> str:
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
        name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), name)
    return name


@dataclass(frozen=True)
class PhotoTiming:
    """How fast photos are loaded, or trained on."""

    what: str
    photos_per_second: float
    seconds: Timing
    """Seconds of a batch, or of a training step."""
    ratio: float | None = None
    """How many times longer pytorch/examples takes."""


@dataclass(frozen=True)
class PictureTiming:
    """How fast a picture is stylized."""

    what: str
    width: int
    height: int
    seconds: Timing
    ratio: float | None = None
    """How many times longer pytorch/examples takes."""


@dataclass(frozen=True)
class BenchResult:
    """All timings of one benchmark."""

    environment: Environment
    loading: list[PhotoTiming]
    training: list[PhotoTiming]
    stylizing: list[PictureTiming]

    def to_json(self) -> dict[str, object]:
        """Returns plain values; ratios that were not measured are left out."""
        rows = {
            name: [{key: value for key, value in asdict(row).items() if value is not None} for row in timings]
            for name, timings in self._timings().items()
        }
        return {"environment": asdict(self.environment), **rows}

    def _timings(self) -> dict[str, Sequence[PhotoTiming | PictureTiming]]:
        return {"loading": self.loading, "training": self.training, "stylizing": self.stylizing}


def tables(result: BenchResult) -> list[Table]:
    """Returns a table for each kind of work that was timed."""
    found = []
    if result.loading:
        rows = [[row.what, f"{row.photos_per_second:.0f}", *_milliseconds(row.seconds, 1)] for row in result.loading]
        headers = ["", "photos/s", "batch, median", "fastest", "slowest"]
        found.append(_table("loading alone, on one core", headers, rows, result.loading))
    if result.training:
        rows = [[row.what, f"{row.photos_per_second:.2f}", *_seconds(row.seconds)] for row in result.training]
        headers = ["", "photos/s", "step, median", "fastest", "slowest"]
        found.append(_table("training", headers, rows, result.training))
    if result.stylizing:
        rows = [
            [
                row.what, f"{row.width}×{row.height}", *_milliseconds(row.seconds, 0),
                f"{1 / row.seconds.median:.1f}",
            ]
            for row in result.stylizing
        ]  # fmt: skip
        headers = ["", "size", "median", "fastest", "slowest", "pictures/s"]
        found.append(_table("stylizing", headers, rows, result.stylizing))
    return found


def _milliseconds(timing: Timing, digits: int) -> list[str]:
    return [f"{seconds * 1e3:.{digits}f} ms" for seconds in (timing.median, timing.fastest, timing.slowest)]


def _seconds(timing: Timing) -> list[str]:
    return [f"{seconds:.3f} s" for seconds in (timing.median, timing.fastest, timing.slowest)]


def _table(
    title: str, headers: list[str], rows: list[list[str]], timings: Sequence[PhotoTiming | PictureTiming]
) -> Table:
    """Returns a table, with a column of ratios where one was measured."""
    if any(timing.ratio is not None for timing in timings):
        headers = [*headers, "times pytorch/examples"]
        ratios = ["" if timing.ratio is None else f"{timing.ratio:.2f}×" for timing in timings]
        rows = [[*row, ratio] for row, ratio in zip(rows, ratios, strict=True)]
    table = Table(title=title, box=None, title_justify="left")
    for header in headers:
        table.add_column(header, justify="right" if header else "left")
    for row in rows:
        table.add_row(*row)
    return table
