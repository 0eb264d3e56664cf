from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from fast_style.benchmark.bench import SIZES, tables
from fast_style.benchmark.pytorch_examples import find_peer
from fast_style.benchmark.timing import Timing, between, measure
from fast_style.cli.app import app
from fast_style.errors import ConfigError


def test_timings() -> None:
    assert Timing.of([3.0, 1.0, 2.0]) == Timing(2.0, 1.0, 3.0, 3)
    # Steps of 9 and 9 seconds warm up; then 1, 3 and 2.
    assert between([0.0, 9.0, 18.0, 19.0, 22.0, 24.0]) == Timing(2.0, 1.0, 3.0, 3)


def test_work_is_done_after_a_warm_up_and_often_enough() -> None:
    calls: list[int] = []
    timing = measure(lambda: calls.append(1), 0)
    assert timing.times == 3
    assert len(calls) == 5
    assert timing.fastest <= timing.median <= timing.slowest


def test_a_folder_that_is_no_peer(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no transformer_net\.py there"):
        find_peer(tmp_path)


def test_tables_show_every_row() -> None:
    seconds = {"median": 0.5, "fastest": 0.4, "slowest": 0.6, "times": 3}
    peer = {"what": "peer", "photos_per_second": 2.0, "seconds": seconds, "ratio": 0.5}
    result: dict[str, list[dict[str, Any]]] = {
        "loading": [{"what": "9 photos", "photos_per_second": 300.0, "seconds": seconds}],
        "training": [{"what": "defaults", "photos_per_second": 4.0, "seconds": seconds}, peer],
        "stylising": [{"what": "x, onnx", "width": 64, "height": 48, "seconds": seconds, "ratio": 2.0}],
    }
    loading, training, stylising = tables(result)
    assert [list(column.cells) for column in loading.columns][:3] == [["9 photos"], ["300"], ["500.0 ms"]]
    assert [list(column.cells) for column in training.columns][:3] == [
        ["defaults", "peer"], ["4.00", "2.00"], ["0.500 s", "0.500 s"],
    ]  # fmt: skip
    assert list(training.columns[-1].cells) == ["", "0.50×"]
    assert "2.00×" in [cell for column in stylising.columns for cell in column.cells]
    for row in (peer, *result["stylising"]):
        del row["ratio"]
    for table in tables(result)[1:]:
        assert "times the peer" not in [column.header for column in table.columns], "a column without a value"
        assert all(len(list(column.cells)) == table.row_count for column in table.columns)


def test_the_default_sizes_are_those_that_help_tells() -> None:
    options = {parameter.name: parameter for parameter in get_command(app).commands["bench"].params}  # type: ignore[attr-defined]
    assert all(f"{width}x{height}" in options["size"].help for width, height in SIZES)
