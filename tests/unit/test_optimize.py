from __future__ import annotations

import pytest
import torch

from fast_style.losses import PerceptualLoss
from fast_style.optimize import Method, Progress, equivalent_iterations, optimize


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
    small_loss: PerceptualLoss, photo: torch.Tensor, method: Method
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
    assert equivalent_iterations(sixth * 1.0001, photo, small_loss, limit=20) == 6
    assert equivalent_iterations(sixth * 0.9999, photo, small_loss, limit=20) == 7
    assert equivalent_iterations(1e9, photo, small_loss, limit=20) == 0
    assert equivalent_iterations(-1, photo, small_loss, limit=4) == 4
