"""The convolutions and the normalization, against PyTorch's own."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from fast_style.models.layers import (
    NORM_EPSILON,
    CellConv2d,
    Condition,
    InstanceNorm2d,
    LinearUpsampleConv2d,
    LowPass,
    PhotoShortcut,
    ReflectionConv2d,
    ResidualBlock,
    UpsampleConv2d,
    powers_beyond_one,
)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 5), (7, 4)])
@pytest.mark.parametrize("bias", [False, True])
def test_upsampling_before_or_within_the_convolution(height: int, width: int, bias: bool) -> None:
    convolution = UpsampleConv2d(3, 5, bias=bias)
    features = torch.randn(2, 3, height, width, requires_grad=True)
    upsampled = F.pad(F.interpolate(features, scale_factor=2.0, mode="nearest"), (1, 1, 1, 1), mode="reflect")
    expected = F.conv2d(upsampled, convolution.weight, convolution.bias)
    result = convolution(features)
    torch.testing.assert_close(result, expected, atol=1e-5, rtol=1e-5)
    assert result.is_contiguous(memory_format=torch.channels_last)
    weights = (features, convolution.weight)
    gradients = (torch.autograd.grad(image.square().sum(), weights) for image in (result, expected))
    for ours, plain in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, plain, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("bias", [False, True])
def test_linear_upsampling_before_or_within_the_convolution(bias: bool) -> None:
    convolution = LinearUpsampleConv2d(3, 5, bias=bias)
    features = torch.randn(2, 3, 4, 5, requires_grad=True)
    wide = F.interpolate(F.pad(features, (2,) * 4, mode="replicate"), scale_factor=2.0, mode="bilinear")
    expected = F.conv2d(wide[..., 3:-3, 3:-3], convolution.weight, convolution.bias)
    result = convolution(features)
    torch.testing.assert_close(result, expected, atol=1e-5, rtol=1e-5)
    weights = (features, convolution.weight)
    gradients = (torch.autograd.grad(image.square().sum(), weights) for image in (result, expected))
    for ours, plain in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, plain, atol=1e-4, rtol=1e-4)


def test_the_low_pass_keeps_a_gradient_and_stops_every_second_pixel() -> None:
    columns = torch.arange(12.0).expand(2, 3, 12, 12)
    filtered = LowPass()(columns)
    torch.testing.assert_close(filtered[..., 2:-2], columns[..., 2:-2])
    stripes = (columns % 2).mT
    torch.testing.assert_close(LowPass()(stripes), torch.full_like(stripes, 0.5))


@pytest.mark.parametrize(("height", "width"), [(6, 6), (8, 14)])
def test_a_convolution_of_pixels_or_of_cells(height: int, width: int) -> None:
    convolution = CellConv2d(5, 3)
    features = torch.randn(2, 5, height, width)
    expected = F.conv2d(F.pad(features, (4,) * 4, mode="reflect"), convolution.weight, convolution.bias)
    torch.testing.assert_close(convolution(features), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("stride", [1, 2])
def test_reflection_keeps_the_size_or_halves_it(stride: int) -> None:
    features = torch.randn(1, 2, 7, 10)
    convolution = ReflectionConv2d(2, 3, 3, stride)
    expected = F.conv2d(F.pad(features, (1,) * 4, mode="reflect"), convolution.weight, convolution.bias, stride)
    assert torch.equal(convolution(features), expected)
    assert convolution(features).shape == (1, 3, -(-7 // stride), -(-10 // stride))


def test_instance_norm_is_pytorchs_own() -> None:
    features, norm = torch.randn(2, 3, 5, 6), InstanceNorm2d(3)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    expected = F.instance_norm(features, weight=norm.weight, bias=norm.bias, eps=NORM_EPSILON)
    torch.testing.assert_close(norm(features), expected)
    assert torch.equal(norm(features, Condition(torch.tensor([0.5]))), norm(features)), "it takes no strength"


def test_instance_norms_in_a_row_make_no_stripes_of_rounding_errors() -> None:
    norm = InstanceNorm2d(1)
    rounding = 1e-6 * torch.tensor([[-1.0], [1.0]]).repeat(8, 16)[None, None]  # [1, 1, 16, 16]
    assert norm(norm(0.5 + rounding)).abs().max() < 0.5 / 255


def test_a_strength_moves_scale_and_shift_by_a_cubic_polynomial() -> None:
    norm = InstanceNorm2d(1, takes_strength=True)
    assert norm.strength_coefficients is not None
    with torch.no_grad():
        norm.strength_coefficients.copy_(torch.tensor([[1.0, 0.0], [0.0, 2.0], [4.0, 0.0]]))
    scale, shift = norm.affine_parameters(Condition(torch.tensor([1.0, 0.5])))
    assert scale.flatten().tolist() == [1, 1 - 0.5 - 4 * 0.125]
    assert shift.flatten().tolist() == [0, 2 * 0.25]


def test_styles_are_blended_by_their_scales_and_shifts() -> None:
    norm = InstanceNorm2d(1, takes_strength=True, styles=2)
    assert norm.strength_coefficients is not None
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([[1.0], [3.0]]))
        norm.bias.copy_(torch.tensor([[0.0], [4.0]]))
        norm.strength_coefficients[1, 0] = torch.tensor([2.0, 0.0])
    styles = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
    scale, shift = norm.affine_parameters(Condition(style=styles))
    assert (scale.flatten().tolist(), shift.flatten().tolist()) == ([1, 3, 2], [0, 4, 2])
    scale, _ = norm.affine_parameters(Condition(torch.tensor([0.5]), styles))
    assert scale.flatten().tolist() == [1, 3 - 0.5 * 2, 2 - 0.5 * 1]


def test_nothing_is_added_at_strength_1() -> None:
    assert powers_beyond_one(torch.ones(2)).tolist() == [[0, 0, 0]] * 2
    stylized, photo = torch.rand(2, 1, 3, 4, 4)
    shortcut = PhotoShortcut()
    assert torch.equal(shortcut(stylized, photo, Condition(torch.ones(1))), stylized)
    torch.testing.assert_close(shortcut(stylized, photo, Condition(torch.zeros(1))), stylized + photo - 0.5)


def test_a_residual_block_passes_what_it_gets() -> None:
    block = ResidualBlock(2)
    torch.nn.init.zeros_(block.second.norm.weight)
    features = torch.randn(1, 2, 4, 4)
    assert torch.equal(block(features), features)
