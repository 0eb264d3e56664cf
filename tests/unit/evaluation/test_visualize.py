from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from fast_style.errors import ConfigError, DataError, EncoderError, ImageError
from fast_style.evaluation.visualize import VisualizeOptions, contact_sheet, strongest_patches, visualize_unit
from fast_style.perceptual.encoders import RandomFilters, build_encoder
from tests.conftest import damage_png, make_photo


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
    damage_png(tmp_path / "damaged.png")
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
