"""Gram matrices and relative errors."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from fast_style.perceptual.gram import gram_matrix, relative_error


def test_gram_matrix_closed_form() -> None:
    features = torch.tensor([[[[1.0, 2.0]], [[3.0, -1.0]]]])  # C = 2, H·W = 2
    expected = torch.tensor([[[5.0, 1.0], [1.0, 10.0]]]) / 4
    assert torch.equal(gram_matrix(features), expected)


def test_gram_matrix_of_either_memory_format_is_the_same() -> None:
    features = torch.randn(2, 5, 6, 7)
    last = features.contiguous(memory_format=torch.channels_last)
    assert torch.allclose(gram_matrix(features), gram_matrix(last), atol=1e-6)


def test_gram_matrix_is_float32_where_float16_overflows() -> None:
    features = torch.full((1, 2, 64, 64), 300.0, dtype=torch.float16)
    with torch.autocast("cpu", torch.bfloat16):
        gram = gram_matrix(features)
    assert gram.dtype == torch.float32
    assert torch.allclose(gram, torch.full((1, 2, 2), 300.0**2 / 2))


def test_gram_matrix_has_the_right_gradient() -> None:
    features = torch.randn(2, 3, 4, 5, dtype=torch.float64, requires_grad=True)

    def gram(values: Tensor) -> Tensor:
        rows = values.permute(0, 2, 3, 1).reshape(2, 20, 3)
        return rows.transpose(1, 2) @ rows / 60

    weights = torch.randn(2, 3, 3)
    expected = torch.autograd.grad((gram(features) * weights).sum(), features)[0]
    given = torch.autograd.grad((gram_matrix(features) * weights).sum(), features)[0]
    assert torch.allclose(given, expected, rtol=1e-4, atol=1e-6)


def test_gram_matrix_keeps_small_gradients_of_large_float16_features() -> None:
    """As of VGG, with the loss scaled up as mixed precision does: what float16 can't hold lies between its ends."""
    features = (1e3 * torch.rand(1, 64, 32, 32, generator=torch.Generator().manual_seed(0))).half()
    target = gram_matrix(features.flip(1))
    gradients = []
    for given in (features, features.float()):
        leaf = given.detach().requires_grad_(True)
        scaled = 4e4 * relative_error(gram_matrix(leaf), target)
        gradients.append(torch.autograd.grad(scaled, leaf)[0].float())
    half, full = gradients
    assert 0 < full.abs().max() < 1
    assert (half - full).norm() / full.norm() < 0.01


def test_relative_error_closed_form() -> None:
    target = torch.tensor([[3.0, 4.0], [0.0, 1.0]])
    assert relative_error(target, target) == 0
    assert relative_error(torch.zeros(2, 2), target) == pytest.approx(1.0)
    assert relative_error(target * 3, target) == pytest.approx(4.0)
    assert torch.isfinite(relative_error(torch.zeros(1, 2), torch.zeros(1, 2)))
