"""TIFF of kinds that Pillow reads wrong, or not at all; every file is made here, small."""

from __future__ import annotations

import importlib
import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from fast_style.errors import ImageError
from fast_style.images.decode import load_picture, load_rgb, open_image
from tests.unit.images.helpers import encoded, hard_and_soft, noise, one_line, smooth


def written(samples: np.ndarray, **options: object) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, samples, **options)  # type: ignore[arg-type]
    return stream.getvalue()


def deep() -> np.ndarray:
    return smooth().astype(np.uint16) * 257


@pytest.mark.parametrize("layout", [{}, {"tile": (32, 16)}, {"byteorder": ">"}, {"bigtiff": True}, {"compression": 8}])
def test_deep_planes_apart(layout: dict[str, object]) -> None:
    planes = np.moveaxis(deep(), -1, 0)
    data = written(planes, photometric="rgb", planarconfig="separate", **layout)
    np.testing.assert_array_equal(load_rgb(data), smooth())


@pytest.mark.parametrize("kind", ["f2", "f4", "f8", "u4", "u8", "i2", "i4"])
def test_colors_of_any_type(kind: str) -> None:
    full = 1.0 if kind[0] == "f" else float(2 ** (8 * int(kind[1]) - (kind[0] == "i")) - 1)
    samples = (smooth() / 255 * full * (1 - 1e-7 * (full > 1))).astype(kind)
    made = load_rgb(written(samples, photometric="rgb"))
    assert np.abs(made.astype(int) - smooth()).max() <= 1
    gray = load_rgb(written(samples[..., 0], photometric="minisblack"))
    assert np.abs(gray[..., 1].astype(int) - smooth()[..., 0]).max() <= 1


def test_alpha_of_deep_colors_and_gray() -> None:
    alpha = hard_and_soft(48, 64)
    rgba = np.dstack([smooth(), alpha]) / np.float32(255)
    plain = load_picture(written(rgba, photometric="rgb", extrasamples=["unassalpha"])).cutout
    assert plain is not None
    np.testing.assert_array_equal(plain.alpha, alpha)
    np.testing.assert_array_equal(plain.rgb, smooth())
    multiplied = np.concatenate([rgba[..., :3] * rgba[..., 3:], rgba[..., 3:]], axis=-1)
    cutout = load_picture(written(multiplied, photometric="rgb", extrasamples=["assocalpha"])).cutout
    assert cutout is not None
    assert np.abs(cutout.over_white().astype(int) - plain.over_white()).max() <= 1
    gray = np.dstack([deep()[..., 0], alpha.astype(np.uint16) * 257])
    made = load_picture(written(gray, photometric="minisblack", extrasamples=["unassalpha"])).cutout
    assert made is not None
    np.testing.assert_array_equal(made.alpha, alpha)
    np.testing.assert_array_equal(made.rgb[..., 2], smooth()[..., 0])


def test_deep_gray_where_zero_is_white() -> None:
    data = written(65535 - deep()[..., 0], photometric="miniswhite")
    np.testing.assert_array_equal(load_rgb(data)[..., 0], smooth()[..., 0])
    twelve = bytearray(written(np.full((4, 6), 0, np.uint16), photometric="minisblack"))
    bits = twelve.index(struct.pack("<HHI", 258, 3, 1)) + 8
    twelve[bits : bits + 2] = struct.pack("<H", 12)
    strip = tifffile.TiffFile(io.BytesIO(bytes(twelve))).pages[0].dataoffsets[0]  # type: ignore[union-attr]
    twelve[strip : strip + 36] = bytes([0xFF, 0xF0, 0x00] * 12)  # 4095 beside 0
    np.testing.assert_array_equal(load_rgb(bytes(twelve))[0, :, 0], [255, 0] * 3)


def test_lab_of_16_bits_is_that_of_8() -> None:
    lab = np.asarray(noise(), np.uint8)
    shallow = written(lab, photometric="cielab")
    np.testing.assert_array_equal(
        load_rgb(written(lab.astype(np.uint16) << 8, photometric="cielab")), load_rgb(shallow)
    )


def test_a_color_map_of_8_bits() -> None:
    palette = Image.fromarray(smooth()).quantize(64)
    data = encoded(palette, "TIFF")
    np.testing.assert_array_equal(load_rgb(data), np.asarray(palette.convert("RGB")))
    with open_image(data) as image:
        colors = np.array(image.tag_v2[320])  # type: ignore[attr-defined]
    small = data.replace(colors.astype("<u2").tobytes(), (colors >> 8).astype("<u2").tobytes())
    assert small != data
    np.testing.assert_array_equal(load_rgb(small), np.asarray(palette.convert("RGB")))


def test_turned_shrunk_and_with_pages(caplog: pytest.LogCaptureFixture) -> None:
    samples = smooth() / np.float32(255)
    data = written(samples, photometric="rgb", extratags=[(274, 3, 1, 6, True)])
    np.testing.assert_array_equal(load_rgb(data), np.rot90(smooth(), -1))
    assert load_rgb(data, max_side=32).shape == (32, 24, 3)
    load_rgb(written(np.stack([samples] * 3), photometric="rgb"))
    assert "has pages (3 frames): only the first frame is used" in caplog.text


def test_what_cannot_be_read_is_named_for_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = written(noise().astype(np.float32), photometric="cielab")
    waves = written(smooth().astype(np.complex64)[..., 0])
    for data, words in ((lab, "3 x 32 bits float CIELAB"), (waves, "bits complex MINISBLACK")):
        with pytest.raises(ImageError) as error:
            load_rgb(data)
        one_line(error, "the image is a TIFF of", words, "which is not read", "save it as RGB with 8 or 16 bits")
    # A compression that tifffile leaves to a package of compiled decoders; this stands in where that is not installed.
    monkeypatch.setattr("tifffile.tifffile.imagecodecs", importlib.import_module("tifffile._imagecodecs"))
    packed = bytearray(written(smooth() / np.float32(255), photometric="rgb", compression=8, predictor=False))
    at = packed.index(struct.pack("<HHI", 259, 3, 1)) + 8
    packed[at : at + 2] = struct.pack("<H", 34887)  # LERC
    with pytest.raises(ImageError) as error:
        load_rgb(bytes(packed))
    one_line(error, "compression LERC, which needs imagecodecs", "pip install 'fast-style[tiff]'")
    with pytest.raises(ImageError, match=r"damaged or cut short|no image"):
        load_rgb(written(smooth() / np.float32(255), photometric="rgb")[:5000])


def test_a_small_file_claims_no_memory() -> None:
    data = bytearray(written(smooth() / np.float32(255), photometric="rgb"))
    for tag in (256, 257):
        at = data.index(struct.pack("<HHI", tag, 4, 1)) + 8
        data[at : at + 4] = struct.pack("<I", 12_000)
    with pytest.raises(ImageError, match="cannot come from so small a file"):
        load_rgb(bytes(data))
