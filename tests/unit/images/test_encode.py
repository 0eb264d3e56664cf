"""Writing images."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fast_style.errors import ConfigError, ImageError, WriteError
from fast_style.images.arrays import RGB
from fast_style.images.decode import load_picture, load_rgb, open_image
from fast_style.images.encode import encode_rgb, save_rgb
from fast_style.images.formats import WRITTEN_SUFFIXES
from tests.unit.images.helpers import (
    encoded,
    hard_and_soft,
    mean_difference,
    noise,
    one_line,
    smooth,
)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", *(["AVIF"] if ".avif" in WRITTEN_SUFFIXES else [])])
def test_alpha_is_read_beside_the_colors_and_written_back(tmp_path: Path, kind: str) -> None:
    alpha = hard_and_soft()
    source = encoded(Image.fromarray(np.dstack([smooth(32, 48), alpha])), kind, quality=95)
    picture = load_picture(source)
    assert picture.cutout is not None
    colors, seen = picture.cutout
    assert np.abs(seen.astype(int) - alpha).max() <= (kind == "AVIF")
    np.testing.assert_array_equal(picture.rgb, load_rgb(source))
    assert (picture.rgb[4:12, 4:20] == 255).all()
    path = tmp_path / f"made.{kind.lower()}"
    save_rgb(colors, path, alpha=seen)
    for made in (path, encode_rgb(colors, kind, alpha=seen)):
        with open_image(made) as image:
            assert image.mode == "RGBA"
            kept = np.asarray(image.getchannel("A"), int)
            assert np.abs(kept - seen).max() <= (kind == "AVIF")  # which rounds it
            if kind in {"PNG", "TIFF"}:
                np.testing.assert_array_equal(np.asarray(image)[..., :3], colors)


@pytest.mark.parametrize("suffix", [".jpg", ".bmp", ".gif"])
def test_formats_without_alpha_stay_over_white(tmp_path: Path, suffix: str) -> None:
    save_rgb(smooth(32, 48), tmp_path / f"plain{suffix}")
    save_rgb(smooth(32, 48), tmp_path / f"made{suffix}", alpha=hard_and_soft())
    assert (tmp_path / f"made{suffix}").read_bytes() == (tmp_path / f"plain{suffix}").read_bytes()


def test_an_alpha_of_another_kind_is_named(tmp_path: Path) -> None:
    for alpha in (np.zeros((32, 47), np.uint8), np.zeros((32, 48), np.float32)):
        with pytest.raises(ImageError) as error:
            save_rgb(noise(), tmp_path / "a.png", alpha=alpha)  # type: ignore[arg-type]
        one_line(error, "a.png", "uint8 alpha [32, 48] is needed", alpha.dtype, list(alpha.shape))


@pytest.mark.parametrize("suffix", [*sorted(WRITTEN_SUFFIXES), ".JPG"])
def test_round_trip(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "new" / "folder" / f"image{suffix}"
    save_rgb(smooth(), path)
    rgb = load_rgb(str(path))
    if suffix in {".png", ".bmp", ".tif", ".tiff", ".ppm"}:
        np.testing.assert_array_equal(rgb, smooth())
    assert mean_difference(rgb, smooth()) < (8 if suffix == ".gif" else 2.5)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_jpeg_keeps_color_resolution_and_obeys_quality(tmp_path: Path) -> None:
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, ::2] = (255, 0, 0)
    stripes[:, 1::2] = (0, 0, 255)
    save_rgb(stripes, tmp_path / "stripes.jpg")
    assert mean_difference(load_rgb(tmp_path / "stripes.jpg"), stripes) < 10
    save_rgb(noise(), tmp_path / "low.jpg", quality=10)
    save_rgb(noise(), tmp_path / "high.jpg", quality=100)
    assert (tmp_path / "low.jpg").stat().st_size < (tmp_path / "high.jpg").stat().st_size / 2


def test_views_can_be_saved(tmp_path: Path) -> None:
    view = noise(64, 64)[::-2, ::2, ::-1]
    view.flags.writeable = False
    save_rgb(view, tmp_path / "view.png")
    np.testing.assert_array_equal(load_rgb(tmp_path / "view.png"), view)


@pytest.mark.parametrize("name", ["image.xyz", "image", ".png", "image.svg"])
def test_unknown_suffix(tmp_path: Path, name: str) -> None:
    with pytest.raises(ImageError) as error:
        save_rgb(noise(), tmp_path / name)
    one_line(error, tmp_path / name, repr(Path(name).suffix), ".png", ".webp")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (noise().astype(np.float32), "uint8 array is needed, not float32"),
        (noise()[..., 0], "[32, 48]"),
        (np.dstack([noise(), noise()]), "[32, 48, 6]"),
        (noise()[None], "[1, 32, 48, 3]"),
        (noise()[:0], "[0, 48, 3]"),
        ([[1, 2, 3]], "not list"),
    ],
)
def test_arrays_of_another_kind(tmp_path: Path, array: RGB, reason: str) -> None:
    with pytest.raises(ImageError) as error:
        save_rgb(array, tmp_path / "image.png")
    one_line(error, tmp_path / "image.png", reason)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("quality", [0, 101, -5])
def test_quality_out_of_range(tmp_path: Path, quality: int) -> None:
    with pytest.raises(ConfigError, match=rf"quality={quality}: must be between 1 and 100"):
        save_rgb(noise(), tmp_path / "image.jpg", quality=quality)


@pytest.mark.parametrize(
    "failure", [OSError(errno.ENOSPC, "No space left on device"), ValueError("too wide\nmore"), MemoryError()]
)
def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(b"precious")

    def half_written(_: Image.Image, file: Path, **__: object) -> None:
        Path(file).write_bytes(b"half")
        raise failure

    monkeypatch.setattr(Image.Image, "save", half_written)
    expected = {OSError: WriteError, ValueError: ImageError, MemoryError: MemoryError}[type(failure)]
    with pytest.raises(expected) as error:
        save_rgb(noise(), path)
    if not isinstance(failure, MemoryError):
        one_line(error, path, "No space left on device" if isinstance(failure, OSError) else "too wide")
    assert path.read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [path]


def test_a_format_s_own_limit_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ImageError) as error:
        save_rgb(np.zeros((1, 70_000, 3), np.uint8), tmp_path / "wide.jpg")
    one_line(error, tmp_path / "wide.jpg")
    with pytest.raises(ImageError):
        save_rgb(np.zeros((1, 20_000, 3), np.uint8), tmp_path / "wide.webp")
    assert not list(tmp_path.iterdir())


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.png").mkdir()
    for path, reason in [
        (tmp_path / "file" / "image.png", ""),
        (tmp_path / "folder.png", "not a regular file"),
        (tmp_path / ("n" * 300 + ".png"), "too long"),
    ]:
        with pytest.raises(WriteError) as error:
            save_rgb(noise(), path)
        one_line(error, f"cannot write {path}", reason)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "folder.png"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with pytest.raises(WriteError) as error:
        save_rgb(noise(), tmp_path / "image.png")
    one_line(error, tmp_path / "image.png", "Permission denied")


@pytest.mark.parametrize("quality", [85, 95, 100])
def test_the_busiest_picture_there_is_fits_into_a_jpeg(tmp_path: Path, quality: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (320, 480, 3), dtype=np.uint8)
    save_rgb(noise, tmp_path / "noise.jpg", quality=quality)
    assert load_rgb(tmp_path / "noise.jpg").shape == noise.shape
