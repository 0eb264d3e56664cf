from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin, features

from fast_style.images.decode import load_picture
from fast_style.images.encode import encode_rgb, save_rgb
from fast_style.images.metadata import Metadata
from tests.conftest import make_photo

EXIF_FORMATS = ["JPEG", "PNG", "WEBP", *(["AVIF"] if features.check("avif") else [])]


def make_file(kind: str, **options: object) -> bytes:
    """A photo that lies on its side, with a camera, a date, a place and a thumbnail's worth of notes."""
    picture = Image.fromarray(make_photo(0, 40, 30))
    exif = picture.getexif()
    exif[0x0112] = 6
    exif[0x010F] = "Acme"
    exif[0x013B] = "Ann"
    exif.get_ifd(0x8769).update({0xA002: 40, 0xA003: 30, 0x829A: 0.5})
    exif.get_ifd(0x8825)[1] = "N"
    stream = io.BytesIO()
    picture.save(stream, format=kind, exif=exif, **options)
    return stream.getvalue()


@pytest.mark.parametrize("kind", EXIF_FORMATS)
def test_exif_is_kept_and_upright(kind: str) -> None:
    array, _, metadata = load_picture(make_file(kind))
    assert array.shape[:2] == (40, 30)
    made = Image.open(io.BytesIO(encode_rgb(array, kind, metadata=metadata)))
    assert made.size == (30, 40)
    exif = made.getexif()
    assert exif[0x010F] == "Acme"
    assert exif[0x013B] == "Ann"
    assert exif.get(0x0112, 1) == 1
    assert exif.get_ifd(0x8769)[0xA002] == 30
    assert exif.get_ifd(0x8769)[0xA003] == 40
    assert exif.get_ifd(0x8769)[0x829A] == 0.5
    assert exif.get_ifd(0x8825)[1] == "N"


def test_the_other_orientation_is_reset_too() -> None:
    metadata = load_picture(make_file("JPEG", xmp=b'<x xmlns:tiff="t" tiff:Orientation="6" a="6"/>')).metadata
    assert metadata.xmp == b'<x xmlns:tiff="t" tiff:Orientation="1" a="6"/>'


def test_resolution_and_text() -> None:
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("Title", "A lake")
    array, _, metadata = load_picture(make_file("PNG", dpi=(300, 300), pnginfo=chunks))
    made = Image.open(io.BytesIO(encode_rgb(array, "PNG", metadata=metadata)))
    made.load()
    assert made.info["Title"] == "A lake"
    assert made.info["dpi"] == pytest.approx((300, 300), abs=0.01)


def test_an_old_imagemagick_s_orientation_is_not_kept_as_text() -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Acme"
    block = exif.tobytes()
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("Title", "A lake")
    chunks.add_text("Raw profile type exif", f"\nexif\n{len(block):8}\n{block.hex()}\n", zip=True)
    stream = io.BytesIO()
    Image.fromarray(make_photo(0, 60, 40)).save(stream, format="PNG", pnginfo=chunks)
    array, _, metadata = load_picture(stream.getvalue())
    assert array.shape[:2] == (60, 40)
    assert metadata.text == {"Title": "A lake"}
    again = load_picture(encode_rgb(array, "PNG", metadata=metadata)).rgb
    assert again.shape == array.shape
    assert b"Acme" in metadata.exif


def test_a_profile_is_answered_with_srgb(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    array, _, metadata = load_picture(make_file("JPEG", icc_profile=profile))
    save_rgb(array, tmp_path / "a.jpg", metadata=metadata)
    named = ImageCms.getProfileDescription(
        ImageCms.ImageCmsProfile(io.BytesIO(Image.open(tmp_path / "a.jpg").info["icc_profile"]))
    )
    assert "sRGB" in named
    array, _, metadata = load_picture(make_file("JPEG"))
    save_rgb(array, tmp_path / "b.jpg", metadata=metadata)
    assert "icc_profile" not in Image.open(tmp_path / "b.jpg").info


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM"])
def test_any_format_takes_any_metadata(kind: str) -> None:
    long = (
        Metadata(exif=b"x" * 70_000, xmp=b"x" * 70_000) if kind == "JPEG" else load_picture(make_file("JPEG")).metadata
    )
    made = Image.open(io.BytesIO(encode_rgb(make_photo(0), kind, metadata=long)))
    assert made.size == (64, 48)


def test_damaged_exif_is_left_out() -> None:
    good = make_file("JPEG")
    place = good.index(b"Exif\0\0") + 6
    array, _, metadata = load_picture(good[:place] + b"\xff" * 12 + good[place + 12 :])
    assert np.ndim(array) == 3
    assert b"Acme" not in metadata.exif
