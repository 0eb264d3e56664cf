from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from fast_style.config.schema import LossSettings
from fast_style.errors import ConfigError
from fast_style.perceptual.encoders import Encoder, ReceptiveField
from fast_style.perceptual.gram import gram_matrix
from fast_style.perceptual.losses import PerceptualLoss, rescale, style_grams


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


def test_a_window_counts_at_full_size_alone(small_loss: PerceptualLoss) -> None:
    """Outside the window a difference is seen at half the size alone."""
    torch.manual_seed(0)
    settings = replace(small_loss.settings, scales=[1.0, 0.5])
    grams = style_grams(small_loss.encoder, torch.rand(1, 3, 32, 32), settings.style_layers, settings.scales)
    loss = PerceptualLoss(small_loss.encoder, grams, settings)
    photo, window = torch.rand(2, 3, 48, 64), (slice(16, 48), slice(0, 32))
    content = loss.content_features(photo, window)
    assert all(features.shape[-2:] == (32, 32) for name, features in content.items() if name.endswith("@1"))
    changed = photo.clone()
    changed[..., :16, 32:] = 0
    first, second = (loss.sample_terms(picture, content, window=window) for picture in (photo, changed))
    for name, value in first.items():
        if "/" in name:
            assert torch.equal(value, second[name]) == name.endswith("@1"), name


def test_content_errors_may_be_relative_to_typical_photos() -> None:
    """The same change counts as much on a dark and plain photo as on a bright one."""
    loss = make_loss(torch.rand(1, 3, 8, 8))
    energies = loss.content_energies(torch.tensor([0.0, 1.0]).view(2, 1, 1, 1).expand(2, 3, 8, 8))
    assert energies == {"identity@1": 0.5}
    photos = torch.tensor([0.25, 0.5]).view(2, 1, 1, 1).expand(2, 3, 8, 8)
    content = loss.content_features(photos)
    by_own = loss.sample_terms(photos + 0.25, content)["content"]
    by_typical = loss.sample_terms(photos + 0.25, content, content_energies=energies)["content"]
    torch.testing.assert_close(by_own, torch.tensor([1.0, 0.25]))
    torch.testing.assert_close(by_typical, torch.tensor([0.125, 0.125]))


def test_the_loss_of_one_of_several_styles() -> None:
    styles, photo = torch.rand(3, 3, 16, 16), torch.rand(1, 3, 16, 16)
    alone = [make_loss(style[None]) for style in styles]
    grams = {key: torch.cat([loss.style_target(*key) for loss in alone]) for key in [("identity", 1.0)]}
    together = PerceptualLoss(alone[0].encoder, {"identity@1": grams["identity", 1.0]}, alone[0].settings)
    for number, loss in enumerate(alone):
        content = loss.content_features(photo)
        assert together.of_style(number)(photo, content)["style"] == pytest.approx(loss(photo, content)["style"])
