from __future__ import annotations

import numpy as np
import torch

from fast_style.evaluation.equivalent_iterations import count_equivalent_iterations, equivalent_iterations, quartiles
from fast_style.evaluation.gatys import Iteration, optimize
from fast_style.perceptual.losses import PerceptualLoss
from tests.conftest import make_photo


def test_equivalent_iterations_finds_the_iteration(small_loss: PerceptualLoss) -> None:
    coarse = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    photo = torch.nn.functional.interpolate(coarse, (32, 24), mode="bilinear")
    seen: list[Iteration] = []
    optimize(photo, small_loss, iterations=9, callback=lambda iteration: bool(seen.append(iteration)))
    sixth = seen[6].terms["total"]
    totals = [sixth * 1.0001, sixth * 0.9999, 1e9]
    assert equivalent_iterations(totals, photo, small_loss, limit=20) == [6, 7, 0]
    assert equivalent_iterations([-1, sixth * 1.0001], photo, small_loss, limit=7) == [7, 6]


def test_equivalent_iterations_of_several_models(small_loss: PerceptualLoss) -> None:
    photos = [make_photo(seed, 160, 144) for seed in range(2)]
    noise = np.random.default_rng(0).integers(0, 256, photos[0].shape, dtype=np.uint8)
    models = (lambda picture: picture, lambda picture: np.zeros_like(picture), lambda picture: noise)
    nothing, black, noisy = count_equivalent_iterations(models, photos, small_loss, limit=5)
    assert nothing["from_photo"]["median"] == 0
    assert black["from_photo"]["median"] == 0  # worse than the photo itself
    assert noisy["photos"] == 2
    assert noisy["from_noise"]["median"] <= 1  # noise is this loss's style
    assert nothing["from_noise"]["upper_quartile"] <= 5


def test_quartiles_closed_form() -> None:
    assert quartiles([4, 1, 2, 3, 5]) == {"lower_quartile": 2, "median": 3, "upper_quartile": 4}
