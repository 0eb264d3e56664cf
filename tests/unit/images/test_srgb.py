"""Conversion of modes and color profiles to sRGB."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageCms

from fast_style.images import srgb
from fast_style.images.decode import decode_picture, decode_rgb, load_rgb, open_image
from tests.unit.images.helpers import (
    encoded,
    mean_difference,
    noise,
    profile,
    smooth,
    swapped_profile,
)


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


def test_an_rgb_profile_is_applied_to_gray() -> None:
    icc = bytearray(profile("sRGB"))
    gamma = icc.index(b"para") + 12
    assert round(int.from_bytes(icc[gamma : gamma + 4]) / 65536, 2) == 2.4
    icc[gamma : gamma + 4] = (65536 * 12 // 10).to_bytes(4)
    gray = Image.fromarray(smooth()[..., 0])
    rgb = load_rgb(encoded(gray, "JPEG", quality=100, icc_profile=bytes(icc)))
    # Linear light v^1.2 is much brighter than sRGB's own.
    assert 170 < rgb[:, 31].mean() < 200
    assert mean_difference(rgb[..., 0], rgb[..., 2]) < 1


def test_an_srgb_profile_costs_no_pass_over_the_pixels() -> None:
    for mode in ("L", "RGB"):
        assert srgb._srgb_transform(profile("sRGB"), mode) is None
        assert srgb._srgb_transform(b"", mode) is None
    assert srgb._srgb_transform(swapped_profile(), "RGB") is not None


def test_grayscale_and_one_bit() -> None:
    gray = noise()[..., 0]
    np.testing.assert_array_equal(load_rgb(encoded(Image.fromarray(gray), "PNG")), np.stack([gray] * 3, axis=-1))
    bits = Image.fromarray(gray > 127)
    assert bits.mode == "1"
    expected = np.stack([np.where(gray > 127, 255, 0)] * 3, axis=-1)
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


def test_gray_with_alpha_and_color_keys() -> None:
    gray = Image.fromarray(np.full((32, 32), 100, np.uint8))
    half = Image.merge("LA", [gray, Image.new("L", gray.size, 128)])
    assert mean_difference(load_rgb(encoded(half, "PNG")), np.full((32, 32, 3), 177)) <= 1
    keyed = Image.new("RGB", (32, 32), (10, 20, 30))
    assert (load_rgb(encoded(keyed, "PNG", transparency=(10, 20, 30))) == 255).all()
    assert (load_rgb(encoded(gray, "PNG", transparency=100)) == 255).all()


def test_only_what_is_transparent_has_an_alpha() -> None:
    for mode in ("RGB", "L", "CMYK", "P"):
        plain = decode_picture(Image.new(mode, (5, 4)))
        assert plain.cutout is None and not plain.has_alpha
    for mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        opaque = decode_picture(Image.new("LA", (5, 4), (7, 255)).convert("RGBA").convert(mode))
        assert opaque.cutout is None and opaque.has_alpha, mode
        assert opaque.repainted(opaque.rgb)[1].min() == 255
        assert opaque.repainted(opaque.rgb, "JPEG")[1] is None
    palette = Image.new("P", (5, 4))
    palette.info["transparency"] = 0
    pa = Image.new("RGBA", (5, 4)).convert("PA")
    for image in (Image.new("RGBA", (5, 4)), Image.new("LA", (5, 4)), palette, pa):
        rgb, cutout, _, has_alpha = decode_picture(image)
        assert has_alpha
        assert cutout is not None and cutout.alpha.shape == (4, 5) and not cutout.alpha.any(), image.mode
        assert (rgb == 255).all(), image.mode


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I", "F"])
def test_deep_gray_is_rescaled_not_clipped(mode: str) -> None:
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
    gray = ["1", "L", "LA", "La", "I", "F", "I;16", "I;16L", "I;16B"]
    color = ["P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"]
    for mode in gray + color:
        rgb = decode_rgb(Image.new(mode, (5, 4)))
        assert rgb.shape == (4, 5, 3) and rgb.dtype == np.uint8 and rgb.flags.writeable, mode
