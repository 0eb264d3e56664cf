"""Files whose headers say what Pillow passes over; every file is made here, small."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin, features

from fast_style.errors import ImageError
from fast_style.images import openers
from fast_style.images.decode import check_readable, decode_rgb, load_picture, load_rgb, open_image
from tests.unit.images.helpers import encoded, mean_difference, noise, one_line, profile, smooth


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_with(*chunks: bytes, data: bytes | None = None) -> bytes:
    """A PNG with further chunks behind its header."""
    data = data or encoded(Image.fromarray(noise()), "PNG")
    return data[:33] + b"".join(chunks) + data[33:]


def deep_png(depth: int, color: int, samples: np.ndarray, key: bytes) -> bytes:
    """A PNG of `samples`, bytes of rows as they are stored, with a transparent color."""
    height, width = samples.shape[0], samples.shape[1] * 8 // depth // (3 if color == 2 else 1)
    rows = b"".join(b"\0" + row.tobytes() for row in samples)
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + header
        + png_chunk(b"tRNS", key)
        + png_chunk(b"IDAT", zlib.compress(rows))
        + png_chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("chunk", "reason"),
    [
        (png_chunk(b"tEXt", b"Comment\0" + b"a" * 1_500_000), "a text of more than 1 MB"),
        (png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * 1_500_000)), "a text of more than 1 MB"),
        (png_chunk(b"iTXt", b"Comment\0\0\0\0\0" + b"a" * 1_500_000), "a text of more than 1 MB"),
        (png_chunk(b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(b"a" * 1_500_000)), "a text of more than 1 MB"),
        (png_chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(profile("sRGB") + bytes(1_500_000))), "a color profile"),
        (png_chunk(b"tEXt", b"Comment\0nothing")[:-1] + b"?", "a damaged tEXt chunk"),
        (png_chunk(b"tIME", b"\x07\xe8\1\1\1\1\1")[:-4] + b"none", "a damaged tIME chunk"),
        (png_chunk(b"pHYs", b"\0\0"), "a damaged pHYs chunk"),
        (png_chunk(b"gAMA", b"\0"), "a damaged gAMA chunk"),
        (png_chunk(b"acTL", bytes(8)), "a damaged acTL chunk"),  # an animation of no frames
    ],
)
def test_a_png_is_read_without_a_bad_chunk(
    tmp_path: Path, chunk: bytes, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png_with(chunk))
    for source in (path, path.read_bytes(), io.BytesIO(path.read_bytes())):
        np.testing.assert_array_equal(load_rgb(source), noise())
    assert f"{path} has {reason}" in caplog.text and "which is left out" in caplog.text
    check_readable(path)
    # Behind the pixels, too, where Pillow meets it only after it has decoded them.
    whole = encoded(Image.fromarray(noise()), "PNG")
    np.testing.assert_array_equal(load_rgb(whole[:-12] + chunk + whole[-12:]), noise())


def test_good_chunks_of_a_png_are_kept(caplog: pytest.LogCaptureFixture) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "Jane")
    data = encoded(Image.fromarray(noise()), "PNG", pnginfo=info, dpi=(300, 300))
    metadata = load_picture(png_with(png_chunk(b"tEXt", b"Comment\0" + bytes(1_500_000)), data=data)).metadata
    assert metadata.text == {"Author": "Jane"} and metadata.dpi is not None
    caplog.clear()
    load_rgb(data)
    assert not caplog.records


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_a_transparent_level_of_shallow_gray(depth: int) -> None:
    levels = 2**depth - 1
    row = np.full((4, 8), {1: 0b10101010, 2: 0b11_01_00_01, 4: 0xF5}[depth], np.uint8)
    cutout = load_picture(deep_png(depth, 0, row, struct.pack(">H", levels))).cutout
    assert cutout is not None
    expected = {1: [0, 255] * 4, 2: [0, 255, 255, 255] * 2, 4: [0, 255] * 4}[depth]
    assert cutout.alpha[0, :8].tolist() == expected


def test_a_transparent_color_of_16_bits() -> None:
    gray = np.array([[12345, 12346, 12345 + 256, 12345]], ">u2")
    cutout = load_picture(deep_png(16, 0, gray.view(np.uint8), struct.pack(">H", 12345))).cutout
    assert cutout is not None
    assert cutout.alpha[0].tolist() == [0, 255, 255, 0]
    color = np.array([[1000, 2000, 3000, 1000, 2000, 3001, 1000, 2000, 3000]], ">u2")
    data = deep_png(16, 2, color.view(np.uint8), struct.pack(">HHH", 1000, 2000, 3000))
    for source in (data, io.BytesIO(data)):
        deep = load_picture(source).cutout
        assert deep is not None
        assert deep.alpha[0].tolist() == [0, 255, 0]
        assert deep.rgb[0, 1].tolist() == [3, 7, 11]


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")
def test_an_avif_is_cropped_and_then_turned() -> None:
    data = encoded(Image.fromarray(smooth(96, 128)), "AVIF", quality=100, subsampling="4:4:4")
    crop = struct.pack(">I4sIIIIiIiI", 40, b"clap", 64, 1, 32, 1, 8, 1, -4, 1)  # left 40, top 28
    made = with_property(data, crop)
    expected = smooth(96, 128)[28:60, 40:104]
    with open_image(made) as image:
        assert image.size == (64, 32)
    assert mean_difference(load_rgb(made), expected) < 2
    assert mean_difference(load_rgb(with_property(made, struct.pack(">I4sB", 9, b"irot", 1))), np.rot90(expected)) < 2
    for bad in ((200, 1, 32, 1, 0, 1, 0, 1), (64, 0, 32, 1, 0, 1, 0, 1)):
        with pytest.raises(ImageError) as error:
            load_rgb(with_property(data, struct.pack(">I4sIIIIiIiI", 40, b"clap", *bad)))
        one_line(error, "the image has a crop")


def with_property(avif: bytes, box: bytes) -> bytes:
    """An AVIF whose one item has another property."""
    made = bytearray(avif)
    ipma = made.index(b"ipma")
    assert made[ipma + 4 : ipma + 12] == bytes(7) + b"\1"
    index = made[ipma + 14] + 1
    made[ipma + 14] = index
    made.insert(ipma + 15 + index - 1, 0x80 | index)
    ipco = made.index(b"ipco")
    end = ipco - 4 + int.from_bytes(made[ipco - 4 : ipco])
    made[end:end] = box
    for kind, added in ((b"ipma", 1), (b"ipco", len(box)), (b"iprp", len(box) + 1), (b"meta", len(box) + 1)):
        at = made.index(kind) - 4
        made[at : at + 4] = (int.from_bytes(made[at : at + 4]) + added).to_bytes(4)
    # One extent, whose place in the file moves along.
    iloc = made.index(b"iloc")
    assert made[iloc + 8] == 0x44
    place = iloc + 18
    made[place : place + 4] = (int.from_bytes(made[place : place + 4]) + len(box) + 1).to_bytes(4)
    return bytes(made)


def jp2_in_order(array: np.ndarray, *channels: tuple[int, int, int]) -> bytes:
    """A JPEG 2000 whose channels mean what (number, kind, place) say."""
    data = encoded(Image.fromarray(array), "JPEG2000")
    start = data.index(b"jp2h") - 4
    end = start + int.from_bytes(data[start : start + 4])
    header = data[start + 8 : end]
    if b"cdef" in header:
        header = header[: header.index(b"cdef") - 4]
    header += struct.pack(">I4sH", 10 + 6 * len(channels), b"cdef", len(channels))
    header += b"".join(struct.pack(">HHH", *channel) for channel in channels)
    return data[:start] + struct.pack(">I4s", 8 + len(header), b"jp2h") + header + data[end:]


@pytest.mark.skipif(not features.check("jpg_2000"), reason="this Pillow reads no JPEG 2000")
def test_channels_of_a_jpeg_2000_in_another_order() -> None:
    blue_first = jp2_in_order(smooth(), (0, 0, 3), (1, 0, 2), (2, 0, 1))
    np.testing.assert_array_equal(load_rgb(blue_first), smooth()[..., ::-1])
    with open_image(blue_first) as image:
        assert decode_rgb(image.crop((8, 8, 24, 24))).tolist() == smooth()[8:24, 8:24, ::-1].tolist()
    np.testing.assert_array_equal(load_rgb(jp2_in_order(smooth(), (0, 0, 1), (1, 0, 2), (2, 0, 3))), smooth())
    stored = np.dstack([noise()[..., 0], smooth(32, 48)])
    alpha_first = load_picture(jp2_in_order(stored, (0, 1, 0), (1, 0, 1), (2, 0, 2), (3, 0, 3))).cutout
    assert alpha_first is not None
    np.testing.assert_array_equal(alpha_first.alpha, stored[..., 0])
    np.testing.assert_array_equal(alpha_first.rgb, stored[..., 1:])
    with pytest.raises(ImageError) as error:
        load_rgb(jp2_in_order(smooth(), (0, 0, 1), (0, 0, 2), (0, 0, 3)))
    one_line(error, "channels in an order that is not read")


def test_a_jpeg_cut_short_is_taken_for_what_there_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.jpg"
    whole = encoded(Image.fromarray(noise(64, 64)), "JPEG", quality=95)
    image = load_rgb(whole)
    for content, rows in ((whole[:-2], 64), (whole[: len(whole) * 3 // 4], 32)):
        path.write_bytes(content)
        for source in (path, content, io.BytesIO(content)):
            made = load_picture(source, partial=True).rgb
            assert made.shape == (64, 64, 3)
            np.testing.assert_array_equal(made[: rows - 16], image[: rows - 16])
        assert f"{path} is cut short: what there is of it is used" in caplog.text
        for strict in (load_rgb, check_readable):
            with pytest.raises(ImageError, match="cut short"):
                strict(path)
    assert load_picture(path, partial=True, max_side=16).rgb.shape == (16, 16, 3)
    path.write_bytes(whole[:200])
    with pytest.raises(ImageError):
        load_picture(path, partial=True)


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)


@pytest.mark.parametrize("name", ["a.heic", "a.jpg", "a"])
def test_heic_names_its_extra(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / name).write_bytes(HEIC)
    monkeypatch.setattr(openers, "is_installed", lambda module: module != "pillow_heif")
    with pytest.raises(ImageError) as error:
        load_rgb(tmp_path / name)
    one_line(error, f"{tmp_path / name} is a HEIC picture; pip install 'fast-style[heic]'")


def test_heic_is_read(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    path = tmp_path / "a.jpg"
    heif.from_pillow(Image.fromarray(smooth())).save(path, quality=95)
    picture = load_picture(path)
    assert mean_difference(picture.rgb, smooth()) < 4
    assert picture.metadata.format == "JPEG"
    path.write_bytes(HEIC)
    with pytest.raises(ImageError) as error:
        load_rgb(path)
    one_line(error, path)


@pytest.mark.skipif(not features.check("jpg_2000"), reason="this Pillow has no JPEG 2000")
@pytest.mark.parametrize("order", [None, (2, 3, 1)])
def test_a_palette_of_jpeg_2000_may_hold_a_color_twice(order: tuple[int, ...] | None) -> None:
    stream = io.BytesIO()
    Image.fromarray(np.array([[0, 1, 2, 3]], np.uint8)).save(stream, "JPEG2000", irreversible=False)
    content = stream.getvalue().replace(b"colr\1\0\0\0\0\0\x11", b"colr\1\0\0\0\0\0\x10")
    colors = [(0, 0, 0), (0, 0, 0), (255, 0, 0), (0, 0, 255)]
    body = struct.pack(">HB", len(colors), 3) + bytes([7, 7, 7]) + bytes(np.ravel(colors).tolist())
    mapping = b"".join(struct.pack(">HBB", 0, 1, column) for column in range(3))
    parts = {b"pclr": body, b"cmap": mapping}
    if order is not None:
        entries = (struct.pack(">HHH", column, 0, place) for column, place in enumerate(order))
        parts[b"cdef"] = struct.pack(">H", len(order)) + b"".join(entries)
    added = b"".join(struct.pack(">I4s", 8 + len(b), k) + b for k, b in parts.items())
    start = content.index(b"jp2h") - 4
    end = start + struct.unpack_from(">I", content, start)[0]
    header = struct.pack(">I", end - start + len(added)) + content[start + 4 : end] + added
    expected = [[color[column] for column in ((0, 1, 2) if order is None else (2, 0, 1))] for color in colors]
    assert load_rgb(content[:start] + header + content[end:])[0].tolist() == expected
