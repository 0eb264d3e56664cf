from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from fast_style.training.stability import MAX_NOISE, MAX_SHIFT, MAX_ZOOM, Motion, draw_motion, stability


def motion(shift: tuple[float, float] = (0, 0), zoom: float = 1.0, noise: float = 0.0) -> Motion:
    matrix = torch.tensor([[[zoom, 0.0, shift[0]], [0.0, zoom, shift[1]]]])
    return Motion(matrix, torch.tensor([noise]), [0])


def smooth(height: int = 40, width: int = 56) -> Tensor:
    torch.manual_seed(0)
    return F.interpolate(torch.rand(1, 3, 5, 7), (height, width), mode="bicubic").clamp(0, 1)


def test_whole_pixels_move_exactly() -> None:
    image = smooth()
    moved, known = motion((3, -2)).move(image)
    # A pixel of the copy shows what lies 3 to its right and 2 above it.
    assert torch.allclose(moved[..., 2:, :-3], image[..., :-2, 3:], atol=1e-5)
    assert known[..., 2:, :-3].min() == 1
    assert known[..., :2, :].max() == 0
    assert known[..., :, -3:].max() == 0


def test_a_zoom_is_about_the_center() -> None:
    ramp = torch.linspace(-1, 1, 41).expand(1, 1, 21, 41)
    moved, _ = motion(zoom=0.5).move(ramp)
    assert torch.allclose(moved[0, 0, 10], ramp[0, 0, 0] / 2, atol=1e-3)


def test_motions_belong_to_samples() -> None:
    some = draw_motion(0, range(100))
    again = draw_motion(0, range(40, 50))
    assert torch.equal(some.matrices[40:50], again.matrices)
    assert some.seeds[40:50] == again.seeds
    assert (some.matrices[:, :, 2].abs() <= MAX_SHIFT).all()
    assert ((some.matrices[:, 0, 0] - 1).abs() <= MAX_ZOOM).all()
    assert (some.noise <= MAX_NOISE).all()
    whole = (some.matrices[:, :, 2] % 1 == 0).all(1)
    assert 30 < whole.sum() < 70
    assert (some.matrices[whole, 0, 0] == 1).all()


def test_a_photo_is_disturbed_by_as_much_noise_as_was_drawn() -> None:
    image = torch.full((1, 3, 64, 64), 0.5)
    disturbed = motion(noise=0.01).disturb(image)
    assert disturbed.std() == pytest.approx(0.01, rel=0.05)
    assert torch.equal(disturbed, motion(noise=0.01).disturb(image))


def test_a_network_that_moves_along_is_stable_and_one_that_does_not_is_not() -> None:
    image, moving = smooth(), motion((2, 1))
    copy, _ = moving.move(image)
    assert stability(1 - image, 1 - copy, moving) == pytest.approx(0, abs=1e-9)
    pattern = (torch.arange(56) % 4 / 4).expand(1, 3, 40, 56)
    assert stability(image + pattern, copy + pattern, moving) > 0.05
    # What lies outside of the photo does not count.
    copy[..., -1] = 9.0
    assert stability(image, copy, motion((2, 0))) < 0.1


def test_gradients_reach_both_sides() -> None:
    image, copy = (smooth().requires_grad_() for _ in range(2))
    stability(image, copy, motion((1, 1))).backward()
    assert image.grad is not None
    assert copy.grad is not None
    assert image.grad.abs().sum() > 0
    assert copy.grad.abs().sum() > 0
