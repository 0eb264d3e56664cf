from __future__ import annotations

import pytest
import torch

from fast_style.evaluation.gatys import Iteration, optimize, starting_picture
from fast_style.perceptual.losses import PerceptualLoss


@pytest.fixture
def photo() -> torch.Tensor:
    coarse = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    return torch.nn.functional.interpolate(coarse, (32, 24), mode="bilinear").to(memory_format=torch.channels_last)


def totals(seen: list[Iteration]) -> list[float]:
    return [iteration.terms["total"] for iteration in seen]


def test_lbfgs_falls_monotonically_iteration_by_iteration(small_loss: PerceptualLoss, photo: torch.Tensor) -> None:
    seen: list[Iteration] = []
    best = optimize(photo, small_loss, iterations=12, callback=lambda iteration: bool(seen.append(iteration)))
    assert [iteration.number for iteration in seen] == list(range(13))
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
    seen: list[Iteration] = []
    best = optimize(
        photo, small_loss, iterations=10, method="adam", callback=lambda iteration: bool(seen.append(iteration))
    )
    assert [iteration.number for iteration in seen] == list(range(11))
    assert best.terms["total"] < totals(seen)[0]


@pytest.mark.parametrize("method", ["lbfgs", "adam"])
def test_it_starts_where_it_is_told_and_stops_when_it_is_told(
    small_loss: PerceptualLoss, photo: torch.Tensor, method: str
) -> None:
    start = torch.rand(1, 3, 32, 24)
    seen: list[Iteration] = []

    def watch(iteration: Iteration) -> bool:
        seen.append(iteration)
        return iteration.number == 3

    optimize(photo, small_loss, iterations=50, initial=start, method=method, callback=watch)
    assert torch.equal(seen[0].picture, start)
    assert len(seen) == 4


def test_where_it_can_start(photo: torch.Tensor) -> None:
    style = torch.rand(1, 3, 50, 60)
    assert torch.equal(starting_picture("photo", photo, style, seed=0), photo)
    noise = starting_picture("noise", photo, style, seed=0)
    assert torch.equal(noise, starting_picture("noise", photo, style, seed=0))
    assert not torch.equal(noise, starting_picture("noise", photo, style, seed=1))
    stretched = starting_picture("style", photo, style, seed=0)
    assert noise.shape == stretched.shape == photo.shape
    assert float(stretched.mean()) == pytest.approx(float(style.mean()), abs=0.02)
