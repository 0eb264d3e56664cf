from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from fast_style.config.schema import LossSettings
from fast_style.errors import ConfigError
from fast_style.perceptual.encoders import Encoder, ReceptiveField
from fast_style.perceptual.losses import (
    PerceptualLoss,
    checkerboard,
    gram_matrix,
    relative_error,
    rescale,
    style_grams,
    total_variation,
)


class Pointwise(Encoder):
    """A 1×1 convolution without ReLU, so that every term has a closed form."""

    def __init__(self, gain: float = 1.0) -> None:
        super().__init__("pointwise", ("identity", "double"), mean=(0, 0, 0), std=(1, 1, 1))
        self.convolution = nn.Conv2d(3, 3, 1, bias=False)
        self.convolution.weight.data.copy_(gain * torch.eye(3).view(3, 3, 1, 1))
        self.freeze()

    def receptive_field(self, layer: str) -> ReceptiveField:
        return ReceptiveField(1, 1, 0)

    def taps(self, image: Tensor, layers: frozenset[str]) -> dict[str, Tensor]:
        features = self.convolution(image)
        return {name: features * factor for name, factor in (("identity", 1), ("double", 2)) if name in layers}


def make_loss(style: Tensor, *, gain: float = 1.0, **arguments: object) -> PerceptualLoss:
    settings = LossSettings(content_layers=["identity"], style_layers=["identity"], scales=[1.0], content_scales=[1.0])
    settings = replace(settings, style_weight=1.0, tv_weight=0.0, checkerboard_weight=0.0)
    settings = replace(settings, **arguments)  # type: ignore[arg-type]
    encoder = Pointwise(gain)
    return PerceptualLoss(encoder, style_grams(encoder, style, encoder.layers, settings.scales), settings)


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


def test_total_variation_closed_form() -> None:
    ramp = torch.arange(5.0).view(1, 1, 1, 5).expand(2, 3, 4, 5) / 10
    assert total_variation(ramp) == pytest.approx(0.01)
    assert total_variation(torch.full((1, 3, 8, 8), 0.3)) == 0
    board = (torch.arange(8)[:, None] + torch.arange(8)) % 2
    assert total_variation(board.expand(1, 3, 8, 8).float()) == pytest.approx(2.0)


def test_relative_error_closed_form() -> None:
    target = torch.tensor([[3.0, 4.0], [0.0, 1.0]])
    assert relative_error(target, target) == 0
    assert relative_error(torch.zeros(2, 2), target) == pytest.approx(1.0)
    assert relative_error(target * 3, target) == pytest.approx(4.0)
    assert torch.isfinite(relative_error(torch.zeros(1, 2), torch.zeros(1, 2)))


def test_rescale_halves_odd_sizes_and_keeps_flat_colors() -> None:
    assert rescale(torch.rand(1, 3, 33, 17), 0.5).shape == (1, 3, 16, 8)
    assert torch.allclose(rescale(torch.full((1, 3, 9, 9), 0.25), 0.5), torch.tensor(0.25))
    image = torch.rand(1, 3, 8, 8)
    assert rescale(image, 1.0) is image


def test_terms_are_zero_at_their_targets() -> None:
    style, photo = torch.rand(1, 3, 16, 16), torch.rand(1, 3, 16, 16)
    loss = make_loss(style)
    same_style = loss(style, loss.content_features(photo))
    assert same_style["style"] == pytest.approx(0, abs=1e-9)
    assert same_style["content"] > 0.1
    unchanged = loss(photo, loss.content_features(photo))
    assert unchanged["content"] == 0
    assert unchanged["style"] > 0


def test_terms_have_names_and_the_total_is_weighted() -> None:
    loss = make_loss(
        torch.rand(1, 3, 16, 16),
        style_layers=["identity", "double"], scales=(1.0, 0.5),
        content_weight=3.0, style_weight=5.0, tv_weight=7.0, checkerboard_weight=9.0,
    )  # fmt: skip
    terms = loss(torch.rand(2, 3, 16, 16), loss.content_features(torch.rand(2, 3, 16, 16)))
    parts = {f"style/{layer}@{scale}" for layer in ("identity", "double") for scale in ("1", "0.5")}
    assert set(terms) == parts | {"content/identity@1", "content", "style", "total_variation", "checkerboard", "total"}
    assert terms["style"] == pytest.approx(float(sum(terms[part] for part in parts)) / 4)
    expected = 3 * terms["content"] + 5 * terms["style"] + 7 * terms["total_variation"] + 9 * terms["checkerboard"]
    assert terms["total"] == pytest.approx(float(expected))


def test_terms_do_not_depend_on_the_scale_of_the_features() -> None:
    style, photo, stylized = (torch.rand(1, 3, 16, 16) for _ in range(3))
    small, large = make_loss(style, gain=1.0), make_loss(style, gain=250.0)
    a, b = (loss(stylized, loss.content_features(photo)) for loss in (small, large))
    for name in a:
        assert a[name] == pytest.approx(float(b[name]), rel=1e-4)


def test_terms_do_not_depend_on_image_and_batch_size() -> None:
    style, photo, stylized = (torch.rand(1, 3, 16, 16) for _ in range(3))
    loss = make_loss(style)
    once = loss(stylized, loss.content_features(photo))
    tiled = loss(stylized.repeat(3, 1, 2, 4), loss.content_features(photo.repeat(3, 1, 2, 4)))
    for name in ("style", "content"):
        assert once[name] == pytest.approx(float(tiled[name]), rel=1e-4)


def test_gradients_reach_the_image_and_not_the_encoder() -> None:
    loss = make_loss(torch.rand(1, 3, 16, 16), scales=(1.0, 0.5))
    image = torch.rand(1, 3, 16, 16, requires_grad=True)
    loss(image, loss.content_features(torch.rand(1, 3, 16, 16)))["total"].backward()
    assert image.grad is not None
    assert image.grad.abs().sum() > 0
    assert all(not p.requires_grad for p in loss.parameters())


def test_content_without_scale_one() -> None:
    loss = make_loss(torch.rand(1, 3, 16, 16), scales=(0.5,))
    photo = torch.rand(1, 3, 16, 16)
    assert loss(photo, loss.content_features(photo))["content"] == 0


@pytest.mark.parametrize("wrong", [{"scales": (2.0,)}, {"scales": ()}, {"style_layers": []}, {"content_layers": []}])
def test_impossible_settings_are_config_errors(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="loss"):
        make_loss(torch.rand(1, 3, 16, 16), **wrong)


@pytest.mark.parametrize("positions", [(8, 8), (64, 64), (96, 128)])
@pytest.mark.parametrize("channels", [3, 64])
@pytest.mark.parametrize(("flat", "bound"), [(False, 1e-3), (True, 4e-3)])
def test_gram_matrices_of_bfloat16_features_are_exact_enough(
    positions: tuple[int, int], channels: int, flat: bool, bound: float
) -> None:
    features = torch.randn(2, channels, *((1, 1) if flat else positions)).relu().bfloat16().expand(-1, -1, *positions)
    exact = gram_matrix(features.float())
    made = gram_matrix(features)
    assert made.dtype == torch.float32
    assert float((made - exact).norm() / exact.norm()) < bound


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


def test_layers_count_by_their_weights() -> None:
    layers = ["identity", "double"]
    style, picture = torch.rand(1, 3, 16, 16), torch.rand(2, 3, 16, 16)

    def style_term(weights: dict[str, float]) -> float:
        loss = make_loss(style, style_layers=layers, layer_weights=weights)
        return float(loss(picture, loss.content_features(picture))["style"])

    only_first = make_loss(style, style_layers=["identity"])
    first = float(only_first(picture, only_first.content_features(picture))["style"])
    assert style_term({"double": 0}) == pytest.approx(first)
    assert style_term({"identity": 2, "double": 2}) == pytest.approx(style_term({}))
    for wrong in ({"triple": 1.0}, {"double": -1.0}, {"identity": 0.0, "double": 0.0}):
        with pytest.raises(ConfigError, match=r"loss\.layer_weights"):
            style_term(wrong)


def test_content_at_half_the_resolution_forgives_fine_grain() -> None:
    photo = rescale(torch.rand(1, 3, 8, 8), 1).repeat_interleave(8, 2).repeat_interleave(8, 3)
    grain = photo.clone()
    grain[..., ::2, ::2] += 0.1
    grain[..., 1::2, ::2] -= 0.1
    full, half = (make_loss(photo, content_scales=(scale,)) for scale in (1.0, 0.5))
    terms = [loss(grain, loss.content_features(photo)) for loss in (full, half)]
    assert float(terms[1]["content"]) < 0.2 * float(terms[0]["content"])
    assert set(terms[1]) >= {"content/identity@0.5"}
