"""Reading and writing images: every file is made here, small."""

from __future__ import annotations

import errno
import io
import logging
import os
import stat
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from fast_style.errors import FastStyleError, ImageError
from fast_style.images import codec as images
from fast_style.images.codec import (
    IMAGE_SUFFIXES,
    MAX_PIXELS,
    OTHER_SUFFIXES,
    check_readable,
    decode_alpha,
    decode_rgb,
    encode_rgb,
    load_picture,
    load_rgb,
    open_image,
    save_rgb,
)
from fast_style.images.folders import find_images
from fast_style.system.files import atomic_write

ROOT = Path(__file__).parents[2]


def noise(height: int = 32, width: int = 48) -> images.RGB:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def smooth(height: int = 48, width: int = 64) -> images.RGB:
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 // (width - 1), y * 255 // (height - 1), (x + y) % 64 + 96], -1).astype(np.uint8)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to nothing."""

    def chunk(tag: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 64))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


def profile(space: str) -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(space)).tobytes()  # type: ignore[arg-type]


def swapped_profile() -> bytes:
    """sRGB with its red and blue primaries exchanged: a profile whose effect nobody can overlook."""
    data = bytearray(profile("sRGB"))
    tags = {bytes(data[at : at + 4]): at for at in range(132, 132 + 12 * int.from_bytes(data[128:132]), 12)}
    red, blue = tags[b"rXYZ"] + 4, tags[b"bXYZ"] + 4
    data[red : red + 8], data[blue : blue + 8] = data[blue : blue + 8], data[red : red + 8]
    return bytes(data)


def one_line(error: pytest.ExceptionInfo[BaseException], *parts: object) -> None:
    message = str(error.value)
    assert "\n" not in message
    for part in parts:
        assert str(part) in message


def mean_difference(first: np.ndarray, second: np.ndarray) -> float:
    assert first.shape == second.shape
    return float(np.abs(first.astype(float) - second).mean())


@pytest.fixture
def umask() -> Iterator[None]:
    old = os.umask(0o022)
    yield
    os.umask(old)


# --- decoding ---------------------------------------------------------------------------------------------

# What a viewer does for each orientation, in array terms: independent of Pillow's names for it.
UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_once(orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(noise()), kind, exif=exif)
    expected = UPRIGHT[orientation](noise())
    np.testing.assert_array_equal(load_rgb(data), expected)
    height, width = expected.shape[:2]
    assert load_rgb(data, max_side=24).shape == (height // 2, width // 2, 3)


def test_orientation_of_a_drafted_and_cropped_jpeg() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(Image.fromarray(smooth(128, 256)), "JPEG", exif=exif, quality=95)
    with open_image(data) as image:
        image.draft("RGB", (64, 32))
        assert image.size == (64, 32)
        rgb = decode_rgb(image.crop((0, 0, 40, 32)))
    assert rgb.shape == (40, 32, 3)
    exact = np.rot90(np.asarray(Image.fromarray(smooth(128, 256)).reduce(4))[:, :40], -1)
    assert mean_difference(rgb, exact) < 4


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")  # pytest sets our own filter aside
def test_damaged_exif_is_ignored() -> None:
    data = encoded(Image.fromarray(noise()), "PNG", exif=b"Exif\0\0MM\0*" + b"\xff" * 40)
    np.testing.assert_array_equal(load_rgb(data), noise())


@pytest.mark.parametrize("icc", [None, profile("sRGB"), b"not a profile", profile("LAB"), profile("XYZ")])
def test_srgb_and_useless_profiles_change_nothing(icc: bytes | None) -> None:
    np.testing.assert_array_equal(load_rgb(encoded(Image.fromarray(noise()), "PNG", icc_profile=icc)), noise())


def test_a_profile_is_applied() -> None:
    array = np.zeros((32, 32, 3), np.uint8)
    array[:16] = (255, 0, 0)
    array[16:] = (255, 255, 255)
    rgb = load_rgb(encoded(Image.fromarray(array), "PNG", icc_profile=swapped_profile()))
    assert mean_difference(rgb[:16], np.broadcast_to((0, 0, 255), (16, 32, 3))) < 3
    assert mean_difference(rgb[16:], np.full((16, 32, 3), 255)) < 3


def test_a_profile_is_applied_below_transparency() -> None:
    array = np.zeros((32, 32, 4), np.uint8)
    array[:16] = (255, 0, 0, 255)
    rgb = load_rgb(encoded(Image.fromarray(array), "PNG", icc_profile=swapped_profile()))
    assert mean_difference(rgb[:16], np.broadcast_to((0, 0, 255), (16, 32, 3))) < 3
    assert (rgb[16:] == 255).all()


def test_lab_becomes_srgb() -> None:
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    lab = to_lab.apply(Image.fromarray(smooth()))
    assert mean_difference(load_rgb(encoded(lab, "TIFF")), smooth()) < 2


def test_an_rgb_profile_is_applied_to_grey() -> None:
    icc = bytearray(profile("sRGB"))
    gamma = icc.index(b"para") + 12
    assert round(int.from_bytes(icc[gamma : gamma + 4]) / 65536, 2) == 2.4
    icc[gamma : gamma + 4] = (65536 * 12 // 10).to_bytes(4)
    grey = Image.fromarray(smooth()[..., 0])
    rgb = load_rgb(encoded(grey, "JPEG", quality=100, icc_profile=bytes(icc)))
    # Linear light v^1.2 is much brighter than sRGB's own.
    assert 170 < rgb[:, 31].mean() < 200
    assert mean_difference(rgb[..., 0], rgb[..., 2]) < 1


def test_an_srgb_profile_costs_no_pass_over_the_pixels() -> None:
    for mode in ("L", "RGB"):
        assert images._srgb_transform(profile("sRGB"), mode) is None
        assert images._srgb_transform(b"", mode) is None
    assert images._srgb_transform(swapped_profile(), "RGB") is not None


def test_greyscale_and_one_bit() -> None:
    grey = noise()[..., 0]
    np.testing.assert_array_equal(load_rgb(encoded(Image.fromarray(grey), "PNG")), np.stack([grey] * 3, axis=-1))
    bits = Image.fromarray(grey > 127)
    assert bits.mode == "1"
    expected = np.stack([np.where(grey > 127, 255, 0)] * 3, axis=-1)
    np.testing.assert_array_equal(load_rgb(encoded(bits, "PNG")), expected)


@pytest.mark.parametrize("icc", [None, b"broken", profile("sRGB")])
def test_cmyk_jpeg(icc: bytes | None) -> None:
    data = encoded(Image.new("CMYK", (32, 32), (0, 255, 255, 0)), "JPEG", quality=95, icc_profile=icc)
    assert open_image(data).mode == "CMYK"
    assert mean_difference(load_rgb(data), np.broadcast_to((255, 0, 0), (32, 32, 3))) < 3


def test_palette_with_transparency() -> None:
    image = Image.new("P", (32, 32), 0)
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.paste(1, (0, 0, 16, 32))
    image.paste(2, (16, 0, 32, 16))
    opaque = load_rgb(encoded(image, "PNG"))
    assert opaque[0, 0].tolist() == [0, 255, 0] and opaque[31, 31].tolist() == [255, 0, 0]
    for transparency in (0, bytes([0, 255, 128])):
        rgb = load_rgb(encoded(image, "PNG", transparency=transparency))
        assert rgb[31, 31].tolist() == [255, 255, 255]
        assert rgb[0, 0].tolist() == [0, 255, 0]
    assert rgb[0, 31].tolist() == [127, 127, 255]


def test_rgba_hides_what_was_hidden() -> None:
    array = np.dstack([noise(), np.zeros((32, 48), np.uint8)])
    array[:16, :, 3] = 255
    array[16, :, 3] = 51
    rgb = load_rgb(encoded(Image.fromarray(array), "PNG"))
    np.testing.assert_array_equal(rgb[:16], noise()[:16])
    assert mean_difference(rgb[16], noise()[16] * 0.2 + 255 * 0.8) < 1
    assert (rgb[17:] == 255).all()


def test_grey_with_alpha_and_colour_keys() -> None:
    grey = Image.fromarray(np.full((32, 32), 100, np.uint8))
    half = Image.merge("LA", [grey, Image.new("L", grey.size, 128)])
    assert mean_difference(load_rgb(encoded(half, "PNG")), np.full((32, 32, 3), 177)) <= 1
    keyed = Image.new("RGB", (32, 32), (10, 20, 30))
    assert (load_rgb(encoded(keyed, "PNG", transparency=(10, 20, 30))) == 255).all()
    assert (load_rgb(encoded(grey, "PNG", transparency=100)) == 255).all()


def hard_and_soft(height: int = 32, width: int = 48) -> images.RGB:
    """An alpha: a hole, and a slope beside it."""
    alpha = np.broadcast_to(np.linspace(0, 255, width), (height, width)).astype(np.uint8).copy()
    alpha[: height // 2] = 255
    alpha[4:12, 4:20] = 0
    return alpha


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", *(["AVIF"] if ".avif" in IMAGE_SUFFIXES else [])])
def test_alpha_is_read_beside_the_colours_and_written_back(tmp_path: Path, kind: str) -> None:
    alpha = hard_and_soft()
    source = encoded(Image.fromarray(np.dstack([smooth(32, 48), alpha])), kind, quality=95)
    picture = load_picture(source)
    assert picture.alpha is not None and np.abs(picture.alpha.astype(int) - alpha).max() <= (kind == "AVIF")
    np.testing.assert_array_equal(picture.rgb, load_rgb(source))
    assert (picture.rgb[4:12, 4:20] == 255).all()
    path = tmp_path / f"made.{kind.lower()}"
    save_rgb(picture.rgb, path, alpha=picture.alpha)
    for made in (path, encode_rgb(picture.rgb, kind, alpha=picture.alpha)):
        with open_image(made) as image:
            assert image.mode == "RGBA"
            kept = np.asarray(image.getchannel("A"), int)
            assert np.abs(kept - picture.alpha).max() <= (kind == "AVIF")  # which rounds it
            if kind in {"PNG", "TIFF"}:
                np.testing.assert_array_equal(np.asarray(image)[..., :3], picture.rgb)


@pytest.mark.parametrize("suffix", [".jpg", ".bmp", ".gif"])
def test_formats_without_alpha_stay_over_white(tmp_path: Path, suffix: str) -> None:
    save_rgb(smooth(32, 48), tmp_path / f"plain{suffix}")
    save_rgb(smooth(32, 48), tmp_path / f"made{suffix}", alpha=hard_and_soft())
    assert (tmp_path / f"made{suffix}").read_bytes() == (tmp_path / f"plain{suffix}").read_bytes()


def test_alpha_is_turned_and_scaled_with_its_picture() -> None:
    alpha = hard_and_soft()
    image = Image.fromarray(np.dstack([smooth(32, 48), alpha]))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = load_picture(encoded(image, "PNG", exif=exif)).alpha
    np.testing.assert_array_equal(turned, np.rot90(alpha, -1))
    small = load_picture(encoded(image, "PNG"), max_side=24)
    assert small.rgb.shape == (16, 24, 3)
    expected = Image.fromarray(alpha).resize((24, 16), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(small.alpha, np.asarray(expected))


def test_only_what_is_transparent_has_an_alpha() -> None:
    for mode in ("RGB", "L", "CMYK", "P"):
        assert decode_alpha(Image.new(mode, (5, 4)))[1] is None
    assert decode_alpha(Image.new("RGBA", (5, 4), (1, 2, 3, 255)))[1] is None
    palette = Image.new("P", (5, 4))
    palette.info["transparency"] = 0
    pa = Image.new("RGBA", (5, 4)).convert("PA")
    for image in (Image.new("RGBA", (5, 4)), Image.new("LA", (5, 4)), palette, pa):
        rgb, alpha = decode_alpha(image)
        assert alpha is not None and alpha.shape == (4, 5) and not alpha.any(), image.mode
        assert (rgb == 255).all(), image.mode


def test_an_alpha_of_another_kind_is_named(tmp_path: Path) -> None:
    for alpha in (np.zeros((32, 47), np.uint8), np.zeros((32, 48), np.float32)):
        with pytest.raises(ImageError) as error:
            save_rgb(noise(), tmp_path / "a.png", alpha=alpha)  # type: ignore[arg-type]
        one_line(error, "a.png", "uint8 alpha [32, 48] is needed", alpha.dtype, list(alpha.shape))


@pytest.mark.parametrize("size", [(0, 0), (0, 5), (5, 0)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "F"])
def test_a_picture_without_pixels(mode: str, size: tuple[int, int]) -> None:
    with pytest.raises(ImageError) as error:
        decode_rgb(Image.new(mode, size))
    one_line(error, "no pixels", f"{size[0]} x {size[1]}")


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I", "F"])
def test_deep_grey_is_rescaled_not_clipped(mode: str) -> None:
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64)
    types = {"I;16": "<u2", "I;16B": ">u2", "I": "i4", "F": "f4"}
    levels = (ramp / 65535 if mode == "F" else ramp).astype(types[mode])
    image = Image.fromarray(levels)
    assert image.mode == mode
    kind = "PNG" if mode == "I;16" else "TIFF"
    for rgb in (decode_rgb(image), load_rgb(encoded(image, kind))):
        assert len(np.unique(rgb)) > 200
        assert rgb.min() == 0 and rgb.max() == 255
        assert mean_difference(rgb[..., 1], ramp / 257) < 1
        np.testing.assert_array_equal(rgb[..., 0], rgb[..., 2])


def test_a_dark_deep_image_stays_dark() -> None:
    assert (decode_rgb(Image.fromarray(np.full((8, 8), 2570, np.uint16))) == 10).all()
    assert (decode_rgb(Image.fromarray(np.full((8, 8), 0.2, np.float32))) == 51).all()


def test_levels_out_of_range_are_spread_over_their_own() -> None:
    values = np.linspace(-300, 900, 64, dtype=np.float32).reshape(8, 8)
    values[3, 3] = np.nan
    for array in (values, (np.nan_to_num(values) * 1e5).astype(np.int32)):
        rgb = decode_rgb(Image.fromarray(array))
        assert rgb[0, 0, 0] == 0 and rgb[-1, -1, 0] == 255
        assert len(np.unique(rgb)) > 50
    assert decode_rgb(Image.fromarray(np.full((4, 4), 7.0, np.float32))).shape == (4, 4, 3)


def test_every_mode_of_pillow_decodes() -> None:
    grey = ["1", "L", "LA", "La", "I", "F", "I;16", "I;16L", "I;16B"]
    colour = ["P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"]
    for mode in grey + colour:
        rgb = decode_rgb(Image.new(mode, (5, 4)))
        assert rgb.shape == (4, 5, 3) and rgb.dtype == np.uint8 and rgb.flags.writeable, mode


# --- loading ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_animation_gives_the_first_frame_and_says_so(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "moving"
    frames = [Image.new("RGB", (32, 32), color) for color in ("#ff0000", "#00ff00", "#0000ff")]
    frames[0].save(path, kind, save_all=True, append_images=frames[1:], duration=100)
    with caplog.at_level(logging.WARNING, "fast_style"):
        rgb = load_rgb(path)
    assert mean_difference(rgb, np.broadcast_to((255, 0, 0), (32, 32, 3))) < 3
    assert [record.getMessage() for record in caplog.records] == [
        f"{path} is animated (3 frames): only the first frame is used"
    ]


def test_still_images_and_stereo_photos_are_not_called_animated(caplog: pytest.LogCaptureFixture) -> None:
    image = Image.fromarray(smooth())
    for kind in ("GIF", "PNG", "JPEG", "TIFF"):
        load_rgb(encoded(image, kind))
    stereo = encoded(image, "MPO", save_all=True, append_images=[image])
    assert open_image(stereo).format == "MPO"
    assert load_rgb(stereo, max_side=16).shape == (12, 16, 3)
    assert not caplog.records
    load_rgb(encoded(image, "TIFF", save_all=True, append_images=[image]))
    assert "has pages (2 frames)" in caplog.text


def test_max_side_shrinks_and_never_enlarges() -> None:
    data = encoded(Image.fromarray(smooth(300, 400)), "JPEG", quality=95)
    small = load_rgb(data, max_side=40)
    exact = np.asarray(Image.fromarray(smooth(300, 400)).resize((40, 30), Image.Resampling.LANCZOS))
    assert mean_difference(small, exact) < 4
    assert load_rgb(data, max_side=4000).shape == (300, 400, 3)
    assert load_rgb(data, max_side=400).shape == (300, 400, 3)
    assert load_rgb(encoded(Image.new("RGB", (400, 1)), "PNG"), max_side=10).shape == (1, 10, 3)
    with pytest.raises(ValueError, match="max_side is 0"):
        load_rgb(data, max_side=0)


def test_max_side_decodes_a_large_jpeg_at_a_fraction(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[tuple[int, int]] = []
    plain = images._load

    def noted(image: Image.Image, name: str) -> None:
        plain(image, name)
        decoded.append(image.size)

    monkeypatch.setattr(images, "_load", noted)
    load_rgb(encoded(Image.fromarray(smooth(300, 400)), "JPEG"), max_side=40)
    assert decoded == [(100, 75)]


def test_a_jpeg_too_large_is_read_where_decoding_shrinks_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_PIXELS", 10_000)
    monkeypatch.setattr(images, "MAX_JPEG_PIXELS", 80_000)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5_000)  # Pillow refuses at twice as many
    photo = Image.fromarray(smooth(200, 300))
    path = tmp_path / "photo.jpg"
    photo.save(path, quality=95)
    exact = np.asarray(photo.resize((30, 20), Image.Resampling.LANCZOS))
    with path.open("rb") as stream:
        for source in (path, path.read_bytes(), stream):
            assert mean_difference(load_rgb(source, max_side=30), exact) < 4
    for max_side, remedy in ((None, ", or use max_size"), (50, ", or use a smaller max_size")):
        with pytest.raises(ImageError) as error:
            open_image(path, max_side=max_side, setting="max_size")
        one_line(error, path, "300 x 200 pixels", 10_000, f"scale it down first{remedy}")
    refused = {"a.png": photo, "b.jpg": photo, "c.jpg": photo.resize((400, 300))}
    for name, picture in refused.items():
        picture.save(tmp_path / name, progressive=name == "b.jpg")
        with pytest.raises(ImageError) as error:
            open_image(tmp_path / name, max_side=30, setting="max_size")
        one_line(error, name, "too large")
        assert str(error.value).endswith("scale it down first")


def test_sources_of_every_kind(tmp_path: Path) -> None:
    path = tmp_path / "image.bin"
    path.write_bytes(encoded(Image.fromarray(noise()), "PNG"))
    with path.open("rb") as stream:
        for source in (path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes()), stream):
            np.testing.assert_array_equal(load_rgb(source), noise())


def test_threads_decode_alike() -> None:
    data = encoded(Image.fromarray(noise()), "PNG", icc_profile=swapped_profile())
    expected = load_rgb(data)
    assert not np.array_equal(expected, noise())
    with ThreadPoolExecutor(4) as pool:
        for rgb in pool.map(load_rgb, [data] * 40):
            np.testing.assert_array_equal(rgb, expected)


# --- what cannot be read ----------------------------------------------------------------------------------


def test_unreadable_sources_are_one_line_errors(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("I am not a picture.\nReally.\n")
    (tmp_path / "drawing.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n")
    (tmp_path / "folder.jpg").mkdir()
    expected = {
        "missing.jpg": "does not exist",
        "empty.jpg": "is empty",
        "text.jpg": "is no image of a known kind",
        "drawing.jpg": "is no image of a known kind",
        "folder.jpg": "is a folder",
        "empty.jpg/inside.png": "Not a directory",
        "n" * 300 + ".jpg": "name too long",
    }
    for name, reason in expected.items():
        for read in (open_image, load_rgb, check_readable):
            with pytest.raises(ImageError) as error:
                read(tmp_path / name)
            one_line(error, tmp_path / name, reason)
    for data in (b"", b"text", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"nul\0"):
        with pytest.raises(ImageError) as error:
            open_image(data)
        one_line(error, "the image")
    with pytest.raises(ImageError):
        open_image("nul\0.jpg")


def test_whatever_a_decoder_raises_is_an_image_error(monkeypatch: pytest.MonkeyPatch) -> None:
    image = open_image(encoded(Image.fromarray(noise()), "PNG"))
    for failure in (SyntaxError("broken PNG file"), struct.error("unpack\nrequires"), MemoryError()):

        def load(failure: Exception = failure) -> None:
            raise failure

        monkeypatch.setattr(image, "load", load)
        with pytest.raises(ImageError) as error:
            decode_rgb(image)
        one_line(error, "the image is damaged or cut short")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(ImageError, match="not a regular file"):
        open_image(tmp_path / "pipe.jpg")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_forbidden_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "secret.png"
    save_rgb(noise(), path)
    path.chmod(0)
    with pytest.raises(ImageError) as error:
        open_image(path)
    one_line(error, path, "Permission denied")


def test_a_denied_open_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    save_rgb(noise(), tmp_path / "secret.png")
    monkeypatch.setattr(Image, "open", denied)
    with pytest.raises(ImageError) as error:
        open_image(tmp_path / "secret.png")
    one_line(error, tmp_path / "secret.png", "Permission denied", "check path and permissions")


@pytest.mark.parametrize("pillow_limit", [True, False])
def test_a_bomb_is_refused_by_its_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pillow_limit: bool) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(30_000, 30_000))
    assert path.stat().st_size < 200
    if not pillow_limit:
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    for read in (open_image, load_rgb, check_readable):
        with pytest.raises(ImageError) as error:
            read(path)
        size = "900000000 pixels" if pillow_limit else "30000 x 30000 pixels"
        one_line(error, path, "too large", size, MAX_PIXELS)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF"])
def test_a_truncated_file_is_an_error_naming_it(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "half.img"
    data = encoded(Image.fromarray(noise(64, 64)), kind)
    path.write_bytes(data[: len(data) // 2])
    for side in (None, 16):
        with pytest.raises(ImageError) as error:
            load_rgb(path, max_side=side)
        one_line(error, path)
    if kind != "WEBP":  # that is found out in the header
        with open_image(path) as image, pytest.raises(ImageError) as error:
            decode_rgb(image)
        one_line(error, path, "damaged or cut short")


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_check_readable_finds_files_cut_short(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "photo.img"
    data = encoded(Image.fromarray(noise(64, 64)), kind)
    # Zero padding and what some phones append behind the end are fine.
    for whole in (data, data + b"\0" * 500, data + b"\0" * 9000, data + b"SEFT trailer"):
        path.write_bytes(whole)
        check_readable(path)
    path.write_bytes(data[: len(data) * 3 // 4])
    with pytest.raises(ImageError) as error:
        check_readable(path)
    one_line(error, path, "cut short")


def test_check_readable_decodes_nothing_it_need_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(images, "_load", never)
    for suffix in IMAGE_SUFFIXES:
        path = tmp_path / f"photo{suffix}"
        save_rgb(noise(), path)
        check_readable(path)
    path = tmp_path / "photo.jpg"
    whole = path.read_bytes()
    path.write_bytes(whole + b"\0" * 500)
    check_readable(path)
    path.write_bytes(whole[:-2])
    with pytest.raises(AssertionError, match="decoded"):
        check_readable(path)


# --- saving -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [*sorted(IMAGE_SUFFIXES), ".JPG"])
def test_round_trip(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "new" / "folder" / f"image{suffix}"
    save_rgb(smooth(), path)
    rgb = load_rgb(str(path))
    if suffix in {".png", ".bmp", ".tif", ".tiff", ".ppm"}:
        np.testing.assert_array_equal(rgb, smooth())
    assert mean_difference(rgb, smooth()) < (8 if suffix == ".gif" else 2.5)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_jpeg_keeps_colour_resolution_and_obeys_quality(tmp_path: Path) -> None:
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
def test_arrays_of_another_kind(tmp_path: Path, array: images.RGB, reason: str) -> None:
    with pytest.raises(ImageError) as error:
        save_rgb(array, tmp_path / "image.png")
    one_line(error, tmp_path / "image.png", reason)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("quality", [0, 101, -5])
def test_quality_out_of_range(tmp_path: Path, quality: int) -> None:
    with pytest.raises(ImageError, match=f"quality is {quality}"):
        save_rgb(noise(), tmp_path / "image.jpg", quality=quality)


@pytest.mark.parametrize(
    "failure", [OSError(errno.ENOSPC, "No space left on device"), ValueError("too\nwide"), MemoryError()]
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
    with pytest.raises(MemoryError if isinstance(failure, MemoryError) else ImageError) as error:
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
        with pytest.raises(ImageError) as error:
            save_rgb(noise(), path)
        one_line(error, f"cannot write {path}", reason)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "folder.png"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with pytest.raises(ImageError) as error:
        save_rgb(noise(), tmp_path / "image.png")
    one_line(error, tmp_path / "image.png", "Permission denied")


@pytest.mark.skipif(os.name != "posix", reason="permission bits")
def test_permissions_follow_the_umask(tmp_path: Path, umask: None) -> None:
    save_rgb(noise(), tmp_path / "image.png")
    assert stat.S_IMODE((tmp_path / "image.png").stat().st_mode) == 0o644
    with atomic_write(tmp_path / "private") as temporary:
        temporary.unlink()
        temporary.touch(0o600)
    assert stat.S_IMODE((tmp_path / "private").stat().st_mode) == 0o644
    os.umask(0o077)
    save_rgb(noise(), tmp_path / "mine.png")
    assert stat.S_IMODE((tmp_path / "mine.png").stat().st_mode) == 0o600


def test_atomic_write_flushes_before_it_replaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new" / "model.safetensors"
    flushed: list[bool] = []
    plain = os.fsync

    def noted(handle: int) -> None:
        plain(handle)
        flushed.append(path.exists())

    monkeypatch.setattr(os, "fsync", noted)
    with atomic_write(path) as temporary:
        assert temporary.parent == path.parent
        assert temporary.suffix == path.suffix
        assert temporary.name.startswith(".")
        assert temporary.read_bytes() == b""
        temporary.write_bytes(b"weights")
        assert not path.exists()
    assert flushed == [False]
    assert path.read_bytes() == b"weights"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("failure", [KeyboardInterrupt, KeyError, FastStyleError])
def test_atomic_write_cleans_up_and_passes_other_errors_on(tmp_path: Path, failure: type[BaseException]) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("old")
    with pytest.raises(failure), atomic_write(path) as temporary:
        temporary.write_text("new")
        raise failure("stop")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_atomic_write_keeps_links_and_spares_devices(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.txt").symlink_to(tmp_path / "real" / "file.txt")
    with atomic_write(tmp_path / "link.txt") as temporary:
        temporary.write_text("through")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real" / "file.txt").read_text() == "through"
    with pytest.raises(FastStyleError, match="not a regular file"), atomic_write(os.devnull):
        raise AssertionError("never reached")
    assert not Path(os.devnull).is_file()


def test_writers_at_the_same_time_do_not_mix(tmp_path: Path) -> None:
    path, together = tmp_path / "file", threading.Barrier(2)

    def write(letter: str) -> None:
        with atomic_write(path) as temporary:
            temporary.write_text(letter * 10)
            together.wait(timeout=2)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, "ab"))
    assert path.read_text() in {"a" * 10, "b" * 10}
    assert list(tmp_path.iterdir()) == [path]


# --- finding ----------------------------------------------------------------------------------------------


def tree(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def found(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in find_images(folder)]


def test_find_images_order_and_suffixes(tmp_path: Path) -> None:
    names = ["b.png", "a/z.jpg", "a/B.JPEG", "a-b/c.webp", "a.TIF", "Z.gif", "a/deep/er/1.bmp", "é.ppm"]
    tree(tmp_path, *names, "notes.txt", "jpg", "a/model.onnx", "x.jpg.part", "noext")
    (tmp_path / "folder.jpg").mkdir()
    assert found(tmp_path) == sorted(names)
    assert found(tmp_path)[:3] == ["Z.gif", "a-b/c.webp", "a.TIF"]


def test_find_images_of_other_kinds(tmp_path: Path) -> None:
    tree(tmp_path, "a.jpg", "b.jfif", "c.JPE", "deep/d.heic", "e.txt", ".f.heic")
    assert found(tmp_path) == ["a.jpg", "b.jfif", "c.JPE"]
    assert [path.name for path in find_images(tmp_path, OTHER_SUFFIXES)] == ["d.heic"]
    assert not IMAGE_SUFFIXES & OTHER_SUFFIXES


def test_find_images_skips_the_hidden_but_not_a_hidden_root(tmp_path: Path) -> None:
    root = tree(tmp_path / ".photos", "a.jpg", ".b.jpg", "._a.jpg", ".cache/c.jpg", "__MACOSX/a.jpg", "d/.e.png")
    assert found(root) == ["a.jpg"]


def test_find_images_follows_links_and_ends(tmp_path: Path) -> None:
    root = tree(tmp_path / "root", "real/a.jpg", "real/sub/b.jpg")
    tree(tmp_path / "outside", "c.jpg", "deep/d.jpg")
    (root / "linked").symlink_to(tmp_path / "outside")
    (root / "real" / "up").symlink_to(root)
    (root / "real" / "sub" / "self").symlink_to(root / "real" / "sub")
    (root / "broken.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (root / "circle.jpg").symlink_to(root / "circle.jpg")
    (root / "file.jpg").symlink_to(tmp_path / "outside" / "c.jpg")
    expected = ["file.jpg", "linked/c.jpg", "linked/deep/d.jpg", "real/a.jpg", "real/sub/b.jpg"]
    assert found(root) == expected
    # A folder with two names is read once, always under the same one.
    (root / "again").symlink_to(tmp_path / "outside")
    assert found(root) == ["again/c.jpg", "again/deep/d.jpg", "file.jpg", "real/a.jpg", "real/sub/b.jpg"]


def test_find_images_of_no_folder(tmp_path: Path) -> None:
    assert find_images(tmp_path) == []
    tree(tmp_path, "a.jpg")
    for path, reason in [(tmp_path / "missing", "No such file"), (tmp_path / "a.jpg", "Not a directory")]:
        with pytest.raises(ImageError) as error:
            find_images(path)
        one_line(error, path, reason)


def test_find_images_passes_over_a_locked_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tree(tmp_path, "a.jpg", "locked/b.jpg", "open/c.jpg")
    plain = os.scandir

    def scandir(path: Path) -> object:
        if path.name == "locked":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return plain(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert found(tmp_path) == ["a.jpg", "open/c.jpg"]
    assert f"{tmp_path / 'locked'} is passed over: Permission denied" in caplog.text


# --- the process ------------------------------------------------------------------------------------------


def test_no_torch_and_no_warnings_in_a_fresh_process(tmp_path: Path) -> None:
    # Between Pillow's limit and twice it, Pillow would warn.
    (tmp_path / "large.png").write_bytes(png_header(10_000, 10_000))
    (tmp_path / "bomb.png").write_bytes(png_header(30_000, 30_000))
    (tmp_path / "exif.jpg").write_bytes(
        encoded(Image.fromarray(smooth()), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\x02\0\x12\x01\x03\0\xff")
    )
    program = """
import sys
from pathlib import Path
from fast_style.errors import ImageError
from fast_style.images.codec import load_rgb, open_image
folder = Path(sys.argv[1])
with open_image(folder / "large.png") as image:
    print(image.size)
print(load_rgb(folder / "exif.jpg").shape)
try:
    open_image(folder / "bomb.png")
except ImageError:
    print("refused")
print(sorted({"torch", "torchvision", "pytorch_lightning"} & set(sys.modules)))
"""
    for flags in ([], ["-W", "always"], ["-W", "error"]):
        result = subprocess.run(
            [sys.executable, *flags, "-c", program, str(tmp_path)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert result.stderr == ""
        assert result.stdout.splitlines() == ["(10000, 10000)", "(48, 64, 3)", "refused", "[]"]


@pytest.mark.parametrize("quality", [85, 95, 100])
def test_the_busiest_picture_there_is_fits_into_a_jpeg(tmp_path: Path, quality: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (320, 480, 3), dtype=np.uint8)
    save_rgb(noise, tmp_path / "noise.jpg", quality=quality)
    assert load_rgb(tmp_path / "noise.jpg").shape == noise.shape
