from __future__ import annotations

import csv
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

from fast_style.config.schema import TrainConfig
from fast_style.errors import ConfigError, FastStyleError
from fast_style.evaluation.gatys import Iteration, optimize
from fast_style.evaluation.optimize_file import GatysOptions, OptimizationResult, level_sizes, optimize_file
from fast_style.images.tensors import to_pixels
from fast_style.perceptual.objective import objective_config
from fast_style.perceptual.style_image import load_style
from tests.conftest import make_photo


def run_file(folder: Path, style: Path, *, config: TrainConfig | None = None, **changes: Any) -> OptimizationResult:
    photo = folder / "photo.png"
    Image.fromarray(make_photo(3, 90, 70)).save(photo)
    config = config or objective_config(style, encoder="random", weights=None, style_size=64)
    display = {"console": Console(quiet=True), "quiet": True}
    display |= {name: changes.pop(name) for name in ("console", "quiet", "report_shrunk") if name in changes}
    options = GatysOptions(**{"iterations": 4, "max_size": 88, "quality": 90, "device": "cpu", **changes})
    return optimize_file(photo, config, folder / "out.png", options, **display)


def test_a_file_with_intermediate_results_and_a_curve(tmp_path: Path, style_file: Path) -> None:
    result = run_file(tmp_path, style_file, levels=2, save_every=2, curve=tmp_path / "curve.csv")
    with Image.open(tmp_path / "out.png") as picture:
        assert picture.size == (88, 68)
        assert np.array_equal(np.asarray(picture), to_pixels(result.best.picture)[0])
    assert (tmp_path / "out-0002.png").is_file()
    assert (tmp_path / "out-0004.png").is_file()
    with (tmp_path / "curve.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["level"], row["iteration"]) for row in rows] == [(a, b) for a in "12" for b in "01234"]
    for level in "12":
        totals = [float(row["total"]) for row in rows if row["level"] == level]
        assert totals == sorted(totals, reverse=True)
    # The second level goes on from the first one's picture.
    assert float(rows[5]["total"]) < float(rows[0]["total"])


def test_a_preview_is_small(tmp_path: Path, style_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fast_style.evaluation.optimize_file.PREVIEW_SIZE", 50)
    run_file(tmp_path, style_file, preview=True, iterations=1)
    with Image.open(tmp_path / "out.png") as picture:
        assert picture.size == (50, 39)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start": "middle"}, "start=middle: must be one of photo, noise, style"),
        ({"method": "sgd"}, "method=sgd: must be one of lbfgs, adam"),
        ({"levels": 3}, "too small for 3 levels"),
    ],
)
def test_what_cannot_be_optimized(tmp_path: Path, style_file: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        run_file(tmp_path, style_file, **changes)
    assert not (tmp_path / "out.png").exists()


def test_a_device_that_is_not_there(tmp_path: Path, style_file: Path) -> None:
    with pytest.raises(ConfigError, match="device=abacus: must be one of auto, cpu, cuda, mps"):
        run_file(tmp_path, style_file, device="abacus")
    with pytest.raises(ConfigError, match="device=coreml: only ONNX Runtime has it"):
        run_file(tmp_path, style_file, device="coreml")


@pytest.mark.parametrize("levels", [1, 2])
def test_strokes_are_never_smaller_than_a_style_can_be(tmp_path: Path, levels: int) -> None:
    path = tmp_path / "style.png"
    Image.fromarray(make_photo(1, 300, 200)).save(path)
    config = objective_config(path, encoder="random", weights=None, style_size=32)
    seen: list[tuple[int, ...]] = []

    def load(config: TrainConfig) -> torch.Tensor:
        seen.append(load_style(config).shape)
        return load_style(config)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fast_style.evaluation.optimize_file.load_style", load)
        run_file(tmp_path, path, config=config, levels=levels, iterations=1)
    assert seen == [(1, 3, 32, 48)] * levels


@pytest.fixture
def interrupt_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    """Ctrl-C, after an iteration of a level, both counted from 0."""

    def at(level: int, iteration: int) -> None:
        levels = iter(range(9))

        def interrupted(*arguments: Any, callback: Callable[[Iteration], bool], **options: Any) -> Iteration:
            now = next(levels)

            def stopping(done: Iteration) -> bool:
                callback(done)
                if (now, done.number) == (level, iteration):
                    raise KeyboardInterrupt
                return False

            return optimize(*arguments, callback=stopping, **options)

        monkeypatch.setattr("fast_style.evaluation.optimize_file.optimize", interrupted)

    return at


@pytest.mark.parametrize(
    ("level", "iteration", "size", "of"), [(0, 2, (44, 34), 2), (1, 0, (44, 34), 4), (1, 3, (88, 68), 3)]
)
def test_an_interruption_keeps_the_picture_so_far(
    tmp_path: Path, style_file: Path, interrupt_at: Callable[[int, int], None], level: int, iteration: int,
    size: tuple[int, int], of: int,
) -> None:  # fmt: skip
    interrupt_at(level, iteration)
    result = run_file(tmp_path, style_file, levels=2, curve=tmp_path / "curve.csv")
    assert (result.interrupted, result.best.number) == (True, of)
    with Image.open(tmp_path / "out.png") as picture:
        assert picture.size == size
        assert np.array_equal(np.asarray(picture), to_pixels(result.best.picture)[0])
    with (tmp_path / "curve.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert (rows[-1]["level"], rows[-1]["iteration"]) == (str(level + 1), str(iteration))
    assert len(rows) == level * 5 + iteration + 1


def test_an_interruption_before_there_is_a_picture(
    tmp_path: Path, style_file: Path, interrupt_at: Callable[[int, int], None]
) -> None:
    interrupt_at(0, 0)
    with pytest.raises(KeyboardInterrupt):
        run_file(tmp_path, style_file, curve=tmp_path / "curve.csv")
    assert not (tmp_path / "out.png").exists()
    assert not (tmp_path / "curve.csv").exists()


def test_the_folder_of_the_curve_is_checked_first(tmp_path: Path, style_file: Path) -> None:
    with pytest.raises(FastStyleError, match="curve: cannot write to"):
        run_file(tmp_path, style_file, curve=style_file / "curve.csv")
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"max_size": 45}, [(45, 35)]),
        ({"max_size": 45, "levels": 2, "iterations": 2}, []),
        ({"max_size": 90}, []),
        ({"max_size": 45, "preview": True}, []),
    ],
)
def test_a_photo_that_is_shrunk_is_told_once_the_settings_are_right(
    tmp_path: Path, style_file: Path, changes: dict[str, Any], said: list[tuple[int, int]]
) -> None:
    reported: list[tuple[int, int]] = []

    def report(width: int, height: int) -> None:
        reported.append((width, height))

    with suppress(ConfigError):  # two levels of it would be too small
        run_file(tmp_path, style_file, **{"report_shrunk": report, "iterations": 1, **changes})
    assert reported == said


def test_each_level_has_twice_the_size_of_the_one_before() -> None:
    assert level_sizes(100, 300, GatysOptions(levels=3)) == [(25, 75), (50, 150), (100, 300)]
    assert level_sizes(256, 512, GatysOptions(preview=True)) == [(128, 256)]


def test_a_preview_takes_fewer_iterations() -> None:
    assert GatysOptions().level_iterations == 300
    assert GatysOptions(preview=True).level_iterations == 60
    assert GatysOptions(preview=True, iterations=7).level_iterations == 7
