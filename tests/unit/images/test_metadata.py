from __future__ import annotations

import io
import struct
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
    array, _, metadata, _ = load_picture(make_file(kind))
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
    array, _, metadata, _ = load_picture(make_file("PNG", dpi=(300, 300), pnginfo=chunks))
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
    array, _, metadata, _ = load_picture(stream.getvalue())
    assert array.shape[:2] == (60, 40)
    assert metadata.text == {"Title": "A lake"}
    again = load_picture(encode_rgb(array, "PNG", metadata=metadata)).rgb
    assert again.shape == array.shape
    assert b"Acme" in metadata.exif


def test_a_profile_is_answered_with_srgb(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    array, _, metadata, _ = load_picture(make_file("JPEG", icc_profile=profile))
    save_rgb(array, tmp_path / "a.jpg", metadata=metadata)
    named = ImageCms.getProfileDescription(
        ImageCms.ImageCmsProfile(io.BytesIO(Image.open(tmp_path / "a.jpg").info["icc_profile"]))
    )
    assert "sRGB" in named
    array, _, metadata, _ = load_picture(make_file("JPEG"))
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
    array, _, metadata, _ = load_picture(good[:place] + b"\xff" * 12 + good[place + 12 :])
    assert np.ndim(array) == 3
    assert b"Acme" not in metadata.exif


def tiff_block(order: str, *directories: dict[int, tuple[int, int, bytes]]) -> bytes:
    """An EXIF block: the first directory, and those that it points to with 0x8769, 0x8825 and 0xA005, in that order.

    A value is (type, count, bytes of four).
    """
    mark = b"II*\0" if order == "<" else b"MM\0*"
    content, place, starts = b"", 8, []
    for directory in directories:
        starts.append(place + len(content))
        body = b"".join(
            struct.pack(f"{order}HHI", tag, *value[:2]) + value[2] for tag, value in sorted(directory.items())
        )
        content += struct.pack(f"{order}H", len(directory)) + body + bytes(4)
    for number, start in enumerate(starts[1:]):
        content = content.replace(b"AIM" + bytes([number]), struct.pack(f"{order}I", start))
    return mark + struct.pack(f"{order}I", 8) + content


def odd_photo() -> bytes:
    """A photo whose EXIF has types of its own, maker's notes, and a pointer to what is not copied."""
    block = tiff_block(
        ">",
        {0x010F: (2, 4, b"Ann\0"), 0x0112: (3, 1, b"\0\1\0\0"), 0x8769: (4, 1, b"AIM\0")},
        {
            0x9101: (1, 4, b"\1\2\3\0"), 0x9286: (1, 3, b"abc\0"), 0xA300: (1, 1, b"\3\0\0\0"),
            0x8827: (4, 1, b"\0\0\0\x64"), 0x927C: (7, 4, b"note"), 0xA001: (3, 1, b"\xff\xff\0\0"),
            0xA005: (4, 1, b"\0\0\0\x90"), 0xA401: (9, 1, b"\0\0\0\1"),
        },
    )  # fmt: skip
    stream = io.BytesIO()
    Image.fromarray(make_photo(0)).save(stream, "JPEG", exif=b"Exif\0\0" + block, dpi=(300, 300))
    return stream.getvalue()


def raw_directories(block: bytes) -> dict[str, dict[int, tuple[int, int, bytes]]]:
    """The directories of a block, read without Pillow: {name: {tag: (type, count, bytes)}}."""
    order = "<" if block[:2] == b"II" else ">"
    sizes = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 10: 8}

    def read(start: int) -> dict[int, tuple[int, int, bytes]]:
        found = {}
        tags = []
        for number in range(struct.unpack_from(f"{order}H", block, start)[0]):
            tag, kind, count = struct.unpack_from(f"{order}HHI", block, start + 2 + 12 * number)
            at = start + 10 + 12 * number
            if sizes[kind] * count > 4:
                at = struct.unpack_from(f"{order}I", block, at)[0]
            assert at + sizes[kind] * count <= len(block)
            found[tag] = (kind, count, block[at : at + sizes[kind] * count])
            tags.append(tag)
        assert tags == sorted(set(tags))
        return found

    main = read(struct.unpack_from(f"{order}I", block, 4)[0])
    inner = {"exif": 0x8769, "gps": 0x8825}
    return {"main": main} | {
        name: read(struct.unpack(f"{order}I", main[tag][2])[0]) for name, tag in inner.items() if tag in main
    }


@pytest.mark.parametrize("kind", [*EXIF_FORMATS, "TIFF"])
def test_fields_have_the_types_of_the_standard(kind: str) -> None:
    array, _, metadata, _ = load_picture(odd_photo())
    data = encode_rgb(array, kind, metadata=metadata)
    with Image.open(io.BytesIO(data)) as made:
        block = data if kind == "TIFF" else made.info["exif"].removeprefix(b"Exif\0\0")
    found = raw_directories(block)
    assert found["main"][0x010F] == (2, 4, b"Ann\0")
    kinds = {tag: field[0] for tag, field in found["exif"].items()}
    compressed = {} if kind == "TIFF" else {0x9101: 7, 0xA002: 4, 0xA003: 4}
    expected = {0x8827: 3, 0x9000: 7, 0x9286: 7, 0xA000: 7, 0xA001: 3, 0xA300: 7, 0xA401: 3, **compressed}
    assert kinds == expected
    order = "little" if block[:2] == b"II" else "big"
    assert int.from_bytes(found["exif"][0xA001][2], order) == 1  # the result is in sRGB
    if compressed:
        assert int.from_bytes(found["exif"][0xA002][2], order) == array.shape[1]
    assert (found["main"][0x011A][0], found["main"][0x0128][0]) == (5, 3)


def test_a_tiff_keeps_what_a_jpeg_keeps() -> None:
    array, _, metadata, _ = load_picture(make_file("JPEG", xmp=b"<x/>"))
    again = load_picture(encode_rgb(array, "TIFF", metadata=metadata)).metadata
    first, second = (raw_directories(each.exif.removeprefix(b"Exif\0\0")) for each in (metadata, again))
    assert first["exif"] == second["exif"] and first["gps"] == second["gps"]
    assert first["main"][0x013B] == second["main"][0x013B] == (2, 4, b"Ann\0")
    assert again.xmp == b"<x/>"


def iptc_record(number: int, value: bytes) -> bytes:
    return struct.pack(">BBBH", 0x1C, 2, number, len(value)) + value


@pytest.mark.parametrize("kind", [*EXIF_FORMATS, "TIFF"])
def test_caption_keywords_and_copyright_of_iptc_are_kept(kind: str) -> None:
    records = [(120, b"A lake"), (25, b"water"), (25, "Bäume".encode()), (116, b"(c) Ann"), (80, b"Ann")]
    block = b"".join(iptc_record(*record) for record in records)
    stream = io.BytesIO()
    resource = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(block)) + block + bytes(len(block) % 2)
    segment = b"\xff\xed" + struct.pack(">H", len(resource) + 2) + resource
    Image.fromarray(make_photo(0)).save(stream, "JPEG", extra=segment)
    array, _, metadata, _ = load_picture(stream.getvalue())
    data = encode_rgb(array, kind, metadata=metadata)
    again = load_picture(data).metadata
    main = raw_directories(again.exif.removeprefix(b"Exif\0\0"))["main"]
    assert main[0x010E][2] == b"A lake\0" and main[0x8298][2] == b"(c) Ann\0" and main[0x013B][2] == b"Ann\0"
    assert main[0x9C9E][2].decode("utf-16-le") == "water;Bäume\0"
    if kind in {"JPEG", "TIFF"}:
        assert again.iptc == block and block in data
    # A damaged block is nothing to fail with.
    cut = stream.getvalue().replace(b"\x1c\x02\x78\0\x06", b"\x1c\x02\x78\x7f\x06")
    assert load_picture(cut).metadata.iptc == b""
