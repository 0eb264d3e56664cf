from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from fast_style.perceptual.encoders import Encoder, RandomFilters, Vgg, build_encoder, vgg_layers


def test_frozen_and_always_in_eval_mode(vgg16_file: Path) -> None:
    encoder = build_encoder("vgg16", ["relu1_1"], str(vgg16_file))
    parent = torch.nn.Sequential(encoder).train()
    assert parent.training
    assert not any(module.training for module in encoder.modules())
    assert not any(p.requires_grad for p in encoder.parameters())


def tiny_vgg(deepest: str) -> Vgg:
    """VGG-19 with two channels and weights above 0, so that every input reaches every output."""
    torch.manual_seed(0)
    layers = vgg_layers("vgg19")
    convolutions: dict[str, nn.Conv2d] = {}
    for layer in layers[: layers.index(deepest) + 1]:
        convolutions[layer] = nn.Conv2d(2 if convolutions else 3, 2, 3, padding=1)
        nn.init.uniform_(convolutions[layer].weight, 0.1, 0.2)
    encoder = Vgg("vgg19", convolutions)
    encoder.pooling = "average"  # the maximum would pass the gradient to one of four alone
    return encoder


@pytest.mark.parametrize(
    ("encoder", "layer", "size"),
    [
        (tiny_vgg("relu3_4"), "relu1_1", 3),
        (tiny_vgg("relu3_4"), "relu1_2", 5),
        (tiny_vgg("relu3_4"), "relu2_2", 14),
        (tiny_vgg("relu3_4"), "relu3_4", 48),
        (RandomFilters(["random7"]), "random7", 7),
    ],
)
def test_the_receptive_field_is_where_the_gradient_is(encoder: Encoder, layer: str, size: int) -> None:
    field = encoder.receptive_field(layer)
    assert field.size == size
    image = torch.full((1, 3, 128, 128), 0.9, requires_grad=True)
    features = encoder(image, [layer])[layer]
    row = features.shape[-1] // 2
    features[0, :, row, row].sum().backward()
    assert image.grad is not None
    seen = image.grad[0].abs().sum(0).sum(0).nonzero().flatten().tolist()
    start = field.start + field.stride * row
    assert (seen[0], seen[-1]) == (start, start + size - 1)


def test_the_embedded_encoder_sees_what_its_vgg_sees() -> None:
    encoder = build_encoder("embedded", ["relu3_4"])
    assert encoder.receptive_field("relu3_4") == tiny_vgg("relu3_4").receptive_field("relu3_4")


def test_pooling_and_weights_change_the_fingerprint() -> None:
    first, again, averaged = (RandomFilters(["random3"]) for _ in range(3))
    averaged.pooling = "average"
    assert first.fingerprint() == again.fingerprint() != averaged.fingerprint()
    assert first.fingerprint() != RandomFilters(["random3"], seed=1).fingerprint()


def test_average_pooling_takes_the_mean() -> None:
    encoder = RandomFilters(["random3"])
    features = torch.tensor([[[[0.0, 4.0], [2.0, 2.0]]]])
    assert encoder.pool(features) == 4
    encoder.pooling = "average"
    assert encoder.pool(features) == 2
