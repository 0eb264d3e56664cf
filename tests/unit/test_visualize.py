from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from fast_style.encoders import Encoder, RandomFilters, Vgg, build_encoder, vgg_layers
from fast_style.errors import EncoderError
from fast_style.visualize import contact_sheet, strongest_patches


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


def test_it_finds_the_patch_that_the_filter_looks_for(tmp_path: Path) -> None:
    encoder = RandomFilters(["random7"])
    unit = 5
    weight = encoder.filters["random7"].weight[unit]
    wanted = ((weight > 0).permute(1, 2, 0).numpy() * 255).astype(np.uint8)
    paths = []
    for number, (top, left) in enumerate([(10, 30), (0, 0)]):
        photo = np.full((48, 64, 3), 110, np.uint8)
        photo[top : top + 7, left : left + 7] = wanted // (number + 1)
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(photo).save(paths[-1])
    patches = strongest_patches(encoder, "random7", unit, paths)
    assert patches[0].photo == paths[0]
    assert (patches[0].top, patches[0].left) == (10, 30)
    assert np.array_equal(patches[0].pixels, wanted)
    assert [patch.activation for patch in patches] == sorted((p.activation for p in patches), reverse=True)
    assert len(strongest_patches(encoder, "random7", unit, paths, count=1)) == 1
    sheet = contact_sheet(patches)
    assert sheet.dtype == np.uint8
    assert np.array_equal(sheet[4 : 4 + 133 : 19, 4 : 4 + 133 : 19], wanted)


def test_a_unit_that_is_not_there(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((48, 48, 3), np.uint8)).save(tmp_path / "x.png")
    with pytest.raises(EncoderError, match="has 64 units in random3, 0 to 63"):
        strongest_patches(RandomFilters(["random3"]), "random3", 64, [tmp_path / "x.png"])
