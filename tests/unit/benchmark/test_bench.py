"""What is timed, with timings made up; the command is timed in tests/e2e/test_measure.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.main import get_command

from fast_style.benchmark import bench as module
from fast_style.benchmark.bench import SIZES, BenchOptions, bench
from fast_style.benchmark.timing import Timing
from fast_style.cli.app import app
from fast_style.errors import ConfigError, ModelError, NotFoundError

OURS = Timing(0.5, 0.4, 0.6, 3)
THEIRS = Timing(1.0, 0.9, 1.1, 3)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "transformer_net.py").touch()
    for name in ("write_photos", "write_random_vgg16"):
        monkeypatch.setattr(module, name, lambda path: None)
    monkeypatch.setattr(module, "time_loading", lambda config, seconds: ("9 photos", OURS))
    monkeypatch.setattr(module, "time_training", lambda config, steps: OURS)
    monkeypatch.setattr(module, "time_stylizing", lambda model, options, size, seconds: OURS)
    monkeypatch.setattr(module.pytorch_examples, "time_their_training", lambda modules, photos, steps: THEIRS)
    monkeypatch.setattr(module.pytorch_examples, "time_their_stylizing", lambda modules, size, seconds: THEIRS)
    return tmp_path


def test_everything_is_compared(checkout: Path) -> None:
    notes: list[str] = []
    options = BenchOptions(["a", "b"], sizes=[(64, 48), (32, 24)], pytorch_examples=checkout)
    result = bench(options, notes.append)
    assert [(row.what, row.photos_per_second) for row in result.loading] == [("9 photos", 4.0)]
    assert [(row.what, row.photos_per_second, row.ratio) for row in result.training] == [
        ("with the defaults", 4.0, None),
        ("the recipe of pytorch/examples", 8.0, 2.0),
        ("pytorch/examples", 4.0, None),
    ]
    ours, theirs = result.stylizing[:-2], result.stylizing[-2:]
    assert len(ours) == 2 * 2 * 3
    assert {row.ratio for row in ours} == {2.0}
    assert [(row.what, row.width, row.ratio) for row in theirs] == [
        ("pytorch/examples, eager", 64, None), ("pytorch/examples, eager", 32, None),
    ]  # fmt: skip
    assert "a, onnx at 64×48" in notes


def test_parts_can_be_left_out(checkout: Path) -> None:
    result = bench(BenchOptions(["a"], sizes=[], steps=0, pytorch_examples=checkout))
    assert result.loading == result.training == result.stylizing == []


def test_without_a_compiler_one_engine_is_left_out(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse_compiling(model: str, options: dict[str, object], *_: object) -> Timing:
        if "compile" in options or model == "broken":
            raise ModelError("no compiler")
        return OURS

    monkeypatch.setattr(module, "time_stylizing", refuse_compiling)
    notes: list[str] = []
    result = bench(BenchOptions(["a"], sizes=[(64, 48)], steps=0), notes.append)
    assert [row.what for row in result.stylizing] == ["a, onnx", "a, torch"]
    assert notes[-1] == "a, torch, compiled: no compiler"
    with pytest.raises(ModelError):
        bench(BenchOptions(["broken"], sizes=[(64, 48)], steps=0))


def test_mistakes(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^steps=5: the first 3 are a warm-up; want 6 or more, or 0$"):
        bench(BenchOptions(["a"], steps=5))
    with pytest.raises(NotFoundError, match=r"^pytorch_examples="):
        bench(BenchOptions(["a"], steps=0, pytorch_examples=tmp_path))


def test_the_default_sizes_are_those_that_help_names() -> None:
    options = {parameter.name: parameter for parameter in get_command(app).commands["bench"].params}  # type: ignore[attr-defined]
    assert all(f"{width}x{height}" in options["size"].help for width, height in SIZES)
