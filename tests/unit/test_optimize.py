from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

from fast_style.errors import ConfigError, ModelError
from fast_style.losses import PerceptualLoss
from fast_style.module import to_pixels
from fast_style.objective import objective_config
from fast_style.optimize import Progress, equivalent_iterations, optimize, optimize_file, starting_picture
from tests.conftest import make_photo


@pytest.fixture
def photo() -> torch.Tensor:
    coarse = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    return torch.nn.functional.interpolate(coarse, (32, 24), mode="bilinear").to(memory_format=torch.channels_last)


def totals(seen: list[Progress]) -> list[float]:
    return [progress.terms["total"] for progress in seen]


def test_lbfgs_falls_monotonically_iteration_by_iteration(small_loss: PerceptualLoss, photo: torch.Tensor) -> None:
    seen: list[Progress] = []
    best = optimize(photo, small_loss, iterations=12, watch=lambda progress: bool(seen.append(progress)))
    assert [progress.iteration for progress in seen] == list(range(13))
    assert totals(seen) == sorted(totals(seen), reverse=True)
    with torch.no_grad():
        untouched = small_loss(photo, small_loss.content_features(photo))["total"]
        assert totals(seen)[0] == pytest.approx(float(untouched))
        again = small_loss(best.picture, small_loss.content_features(photo))["total"]
    assert best.terms["total"] == pytest.approx(float(again))
    assert best.terms["total"] < 0.5 * float(untouched)
    assert best.picture.min() >= 0 and best.picture.max() <= 1
    assert best.picture.shape == photo.shape


def test_adam_counts_its_steps(small_loss: PerceptualLoss, photo: torch.Tensor) -> None:
    seen: list[Progress] = []
    best = optimize(photo, small_loss, iterations=10, method="adam", watch=lambda progress: bool(seen.append(progress)))
    assert [progress.iteration for progress in seen] == list(range(11))
    assert best.terms["total"] < totals(seen)[0]


@pytest.mark.parametrize("method", ["lbfgs", "adam"])
def test_it_starts_where_it_is_told_and_stops_when_it_is_told(
    small_loss: PerceptualLoss, photo: torch.Tensor, method: str
) -> None:
    start = torch.rand(1, 3, 32, 24)
    seen: list[Progress] = []

    def watch(progress: Progress) -> bool:
        seen.append(progress)
        return progress.iteration == 3

    optimize(photo, small_loss, iterations=50, initial=start, method=method, watch=watch)
    assert torch.equal(seen[0].picture, start)
    assert len(seen) == 4


def test_equivalent_iterations_finds_the_iteration(small_loss: PerceptualLoss, photo: torch.Tensor) -> None:
    seen: list[Progress] = []
    optimize(photo, small_loss, iterations=9, watch=lambda progress: bool(seen.append(progress)))
    sixth = seen[6].terms["total"]
    totals = [sixth * 1.0001, sixth * 0.9999, 1e9]
    assert equivalent_iterations(totals, photo, small_loss, limit=20) == [6, 7, 0]
    assert equivalent_iterations([-1, sixth * 1.0001], photo, small_loss, limit=7) == [7, 6]


def test_where_it_can_start(photo: torch.Tensor) -> None:
    style = torch.rand(1, 3, 50, 60)
    assert torch.equal(starting_picture("photo", photo, style, seed=0), photo)
    noise = starting_picture("noise", photo, style, seed=0)
    assert torch.equal(noise, starting_picture("noise", photo, style, seed=0))
    assert not torch.equal(noise, starting_picture("noise", photo, style, seed=1))
    stretched = starting_picture("style", photo, style, seed=0)
    assert noise.shape == stretched.shape == photo.shape
    assert float(stretched.mean()) == pytest.approx(float(style.mean()), abs=0.02)


def run_file(folder: Path, style: Path, **changes: Any) -> Progress:
    photo = folder / "photo.png"
    Image.fromarray(make_photo(3, 90, 70)).save(photo)
    config = objective_config(style, encoder="random", weights=None, style_size=64)
    settings: dict[str, Any] = {
        "iterations": 4, "max_size": 88, "preview": False, "start": "photo", "method": "lbfgs", "levels": 1,
        "save_every": None, "curve": None, "quality": 90, "device": "cpu",
        "console": Console(quiet=True), "quiet": True,
    }  # fmt: skip
    return optimize_file(photo, config, folder / "out.png", **{**settings, **changes})


def test_a_file_with_intermediate_results_and_a_curve(tmp_path: Path, style_file: Path) -> None:
    result = run_file(tmp_path, style_file, levels=2, save_every=2, curve=tmp_path / "curve.csv")
    with Image.open(tmp_path / "out.png") as picture:
        assert picture.size == (88, 68)
        assert np.array_equal(np.asarray(picture), to_pixels(result.picture)[0])
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
    monkeypatch.setattr("fast_style.optimize.PREVIEW_SIZE", 50)
    run_file(tmp_path, style_file, preview=True, iterations=1)
    with Image.open(tmp_path / "out.png") as picture:
        assert picture.size == (50, 39)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start": "middle"}, "--start middle: must be one of photo, noise, style"),
        ({"method": "sgd"}, "--method sgd: must be one of lbfgs, adam"),
        ({"levels": 3}, "too small for 3 levels"),
    ],
)
def test_what_cannot_be_optimised(tmp_path: Path, style_file: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        run_file(tmp_path, style_file, **changes)
    assert not (tmp_path / "out.png").exists()


def test_a_device_that_is_not_there(tmp_path: Path, style_file: Path) -> None:
    with pytest.raises(ModelError, match="device=abacus: must be one of auto, cpu, cuda, mps"):
        run_file(tmp_path, style_file, device="abacus")
    with pytest.raises(ModelError, match="device=coreml: is ONNX Runtime's"):
        run_file(tmp_path, style_file, device="coreml")
