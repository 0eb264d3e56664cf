"""Reading images; every file is made here, small."""

from __future__ import annotations

import errno
import io
import logging
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fast_style.errors import ImageError
from fast_style.images import decode
from fast_style.images.decode import check_readable, decode_rgb, load_picture, load_rgb, open_image
from fast_style.images.encode import save_rgb
from fast_style.images.formats import MAX_PIXELS, WRITTEN_SUFFIXES
from tests.unit.images.helpers import (
    encoded,
    hard_and_soft,
    mean_difference,
    noise,
    one_line,
    png_header,
    smooth,
    swapped_profile,
)

ROOT = Path(__file__).parents[2]


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


def test_alpha_is_turned_and_scaled_with_its_picture() -> None:
    alpha = hard_and_soft()
    image = Image.fromarray(np.dstack([smooth(32, 48), alpha]))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = load_picture(encoded(image, "PNG", exif=exif)).cutout
    assert turned is not None
    np.testing.assert_array_equal(turned.alpha, np.rot90(alpha, -1))
    small = load_picture(encoded(image, "PNG"), max_side=24)
    assert small.rgb.shape == (16, 24, 3)
    expected = Image.fromarray(alpha).resize((24, 16), Image.Resampling.LANCZOS)
    assert small.cutout is not None
    np.testing.assert_array_equal(small.cutout.alpha, np.asarray(expected))


@pytest.mark.parametrize("size", [(0, 0), (0, 5), (5, 0)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "F"])
def test_a_picture_without_pixels(mode: str, size: tuple[int, int]) -> None:
    with pytest.raises(ImageError) as error:
        decode_rgb(Image.new(mode, size))
    one_line(error, "no pixels", f"{size[0]} x {size[1]}")


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
        f"{path} is animated (3 frames): only the first frame is used; give it to fast-style video for all of them"
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
    with pytest.raises(ValueError, match="max_side=0: must be at least 1"):
        load_rgb(data, max_side=0)


def test_max_side_decodes_a_large_jpeg_at_a_fraction(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[tuple[int, int]] = []
    plain = decode._load

    def noted(image: Image.Image, name: str) -> None:
        plain(image, name)
        decoded.append(image.size)

    monkeypatch.setattr(decode, "_load", noted)
    load_rgb(encoded(Image.fromarray(smooth(300, 400)), "JPEG"), max_side=40)
    assert decoded == [(100, 75)]


def test_a_jpeg_too_large_is_read_where_decoding_shrinks_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "MAX_PIXELS", 10_000)
    monkeypatch.setattr(decode, "MAX_JPEG_PIXELS", 80_000)
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

    monkeypatch.setattr(decode, "_load", never)
    for suffix in WRITTEN_SUFFIXES:
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
from fast_style.images.decode import load_rgb, open_image
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


def test_a_video_is_named_as_such(tmp_path: Path) -> None:
    path = tmp_path / "movie.MP4"
    path.write_bytes(b"\0\0\0\x18ftypisom")
    with pytest.raises(ImageError, match=r"movie\.MP4 is a video, not an image; give it to fast-style video"):
        load_rgb(path)


def test_what_libtiff_says_is_said_of_a_file(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.tif"
    data = bytearray(encoded(Image.fromarray(noise()), "TIFF", compression="tiff_lzw"))
    data[20:2000] = bytes(1980)
    path.write_bytes(data)
    with pytest.raises(ImageError, match="cut short"):
        load_rgb(path)
    messages = [record.getMessage() for record in caplog.records]
    assert messages and all(message.startswith(f"{path}: ") for message in messages)
    assert not capfd.readouterr().err
