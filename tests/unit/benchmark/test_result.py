from __future__ import annotations

import json
from dataclasses import replace

from fast_style.benchmark.result import BenchResult, Environment, PhotoTiming, PictureTiming, tables
from fast_style.benchmark.timing import Timing

SECONDS = Timing(0.5, 0.4, 0.6, 3)
RESULT = BenchResult(
    Environment("a processor", 2, None, "2.15", "1.31", "0.1"),
    loading=[PhotoTiming("9 photos", 300.0, SECONDS)],
    training=[PhotoTiming("defaults", 4.0, SECONDS), PhotoTiming("the recipe", 2.0, SECONDS, ratio=0.5)],
    stylizing=[PictureTiming("x, onnx", 64, 48, SECONDS, ratio=2.0)],
)


def test_tables_show_every_row() -> None:
    loading, training, stylizing = tables(RESULT)
    assert [list(column.cells) for column in loading.columns][:3] == [["9 photos"], ["300"], ["500.0 ms"]]
    assert [list(column.cells) for column in training.columns][:3] == [
        ["defaults", "the recipe"], ["4.00", "2.00"], ["0.500 s", "0.500 s"],
    ]  # fmt: skip
    assert list(training.columns[-1].cells) == ["", "0.50×"]
    assert [list(column.cells) for column in stylizing.columns] == [
        ["x, onnx"], ["64×48"], ["500 ms"], ["400 ms"], ["600 ms"], ["2.0"], ["2.00×"],
    ]  # fmt: skip


def test_no_column_is_without_a_value() -> None:
    alone = replace(
        RESULT,
        training=[replace(row, ratio=None) for row in RESULT.training],
        stylizing=[replace(row, ratio=None) for row in RESULT.stylizing],
    )
    for table in tables(alone):
        assert "times pytorch/examples" not in [column.header for column in table.columns]
        assert all(len(list(column.cells)) == table.row_count for column in table.columns)
    assert tables(replace(RESULT, loading=[], training=[], stylizing=[])) == []


def test_json_leaves_out_what_was_not_measured() -> None:
    values = json.loads(json.dumps(RESULT.to_json()))
    assert set(values) == {"environment", "loading", "training", "stylizing"}
    assert [row.get("ratio") for row in values["training"]] == [None, 0.5]
    assert "ratio" not in values["training"][0]
    assert values["stylizing"][0]["seconds"] == {"median": 0.5, "fastest": 0.4, "slowest": 0.6, "times": 3}


def test_the_environment_is_described() -> None:
    assert str(RESULT.environment) == "cpu a processor, cores 2, torch 2.15, onnxruntime 1.31, fast_style 0.1"
    assert Environment.current().cores
