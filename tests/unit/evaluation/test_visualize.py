from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console
from torch import nn

from fast_style.errors import ConfigError, DataError, EncoderError, ImageError
from fast_style.evaluation.visualize import VisualizeOptions, contact_sheet, strongest_patches, visualize_unit
from fast_style.perceptual.encoders import Encoder, RandomFilters, Vgg, build_encoder, vgg_layers
from tests.conftest import make_photo


def damage(png: Path) -> None:
    """Overwrites its middle: the header and the end look as if it were readable."""
    content = png.read_bytes()
    middle = len(content) // 2
    png.write_bytes(content[:middle] + bytes(400) + content[middle + 400 :])


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
    with pytest.raises(ConfigError, match="has 64 units in random3, 0 to 63"):
        strongest_patches(RandomFilters(["random3"]), "random3", 64, [tmp_path / "x.png"])


def test_photos_that_cannot_be_looked_at_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name, size in {"good": (64, 48), "damaged": (64, 48), "small": (64, 31), "panorama": (640, 32)}.items():
        Image.fromarray(make_photo(0, *size)).save(tmp_path / f"{name}.png")
    damage(tmp_path / "damaged.png")
    paths = [tmp_path / f"{name}.png" for name in ("damaged", "good", "small", "panorama")]
    encoder = build_encoder("embedded", ["relu3_4"])
    done: list[None] = []
    found = strongest_patches(encoder, "relu3_4", 3, paths, max_side=100, advance=lambda: done.append(None))
    assert [patch.photo.stem for patch in found] == ["good"]
    assert len(done) == 4
    damaged, small, panorama = caplog.messages
    assert damaged.startswith(f"skipped: {paths[0]} is damaged")
    assert small == f"skipped: {paths[2]}: 64×31 px is too small; want sides of 32 px or more"
    assert "is too small at 100×5 px" in panorama
    with pytest.raises(DataError, match=r"none of the 2 photos can be looked at .*damaged\.png is damaged"):
        strongest_patches(encoder, "relu3_4", 3, [paths[0], paths[2]])


def test_the_output_is_checked_before_the_photos_are_read(tmp_path: Path) -> None:
    def run(output: Path, weights: Path | None = None) -> None:
        console = Console(quiet=True)
        options = VisualizeOptions("relu1_2", 0, weights=weights, count=1)
        visualize_unit(tmp_path / "nowhere", output, options, console=console, quiet=True)

    with pytest.raises(ImageError, match=r"v.xyz: unknown suffix '.xyz'"):
        run(tmp_path / "v.xyz")
    with pytest.raises(EncoderError, match=r"none.pth: no such file"):
        run(tmp_path / "v.png", Path("none.pth"))
    with pytest.raises(DataError, match=r"^photos=.*nowhere: does not exist; give a folder of photos"):
        run(tmp_path / "v.png")
