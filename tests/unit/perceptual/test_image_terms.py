"""The terms of the loss that look at the picture itself."""

from __future__ import annotations

import pytest
import torch

from fast_style.perceptual.image_terms import checkerboard, total_variation


def test_total_variation_closed_form() -> None:
    ramp = torch.arange(5.0).view(1, 1, 1, 5).expand(2, 3, 4, 5) / 10
    assert total_variation(ramp) == pytest.approx(0.01)
    assert total_variation(torch.full((1, 3, 8, 8), 0.3)) == 0
    board = (torch.arange(8)[:, None] + torch.arange(8)) % 2
    assert total_variation(board.expand(1, 3, 8, 8).float()) == pytest.approx(2.0)


def test_checkerboard_closed_form() -> None:
    flat = torch.full((1, 3, 64, 128), 0.5)
    assert checkerboard(flat) == 0
    dotted = flat.clone()
    dotted[..., ::4, ::4] += 0.16
    # One position of sixteen differs by 0.16: variance 0.16² · (1/16) · (15/16).
    assert checkerboard(dotted) == pytest.approx(0.16**2 * 15 / 256, rel=1e-4)
    lines = flat.clone()
    lines[..., ::2, :] += 0.1
    assert checkerboard(lines) == pytest.approx(0.05**2, rel=1e-4)


def test_checkerboard_is_blind_to_other_periods_and_to_slopes() -> None:
    x = torch.arange(192.0).expand(192, 192)
    for period in (3, 6, 16):
        wave = 0.5 + 0.2 * torch.sin(2 * torch.pi * x / period)
        assert checkerboard(wave.expand(1, 3, -1, -1), block=48) < 1e-9
    # A slope goes up by 3 from the first to the last position of a cell, the same in each.
    slope = (x / 192).expand(1, 3, -1, -1)
    assert checkerboard(slope) == pytest.approx(1.25 / 192**2, rel=1e-3)


def test_checkerboard_of_small_and_odd_images() -> None:
    assert checkerboard(torch.rand(1, 3, 3, 50)) == 0
    image = torch.zeros(1, 3, 70, 45)
    image[..., ::4, :] = 0.4
    assert checkerboard(image) == pytest.approx(0.16 * 3 / 16, rel=1e-4)
