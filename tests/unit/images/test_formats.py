from __future__ import annotations

import pytest

from fast_style.errors import ImageError
from fast_style.images.formats import IMAGE_SUFFIXES, OTHER_SUFFIXES, check_fits_format, format_of


def test_a_suffix_stands_for_a_format() -> None:
    assert format_of("photo.JPG") == "JPEG"
    assert format_of("a.b/photo.tif") == "TIFF"
    with pytest.raises(ImageError, match=r"cannot write photo\.heic: unknown suffix '\.heic'; use one of .*\.png"):
        format_of("photo.heic")
    assert not IMAGE_SUFFIXES & OTHER_SUFFIXES


def test_formats_have_a_largest_side() -> None:
    check_fits_format("WEBP", 16_383, 16_383, "a.webp")
    check_fits_format("PNG", 100_000, 1, "a.png")
    with pytest.raises(ImageError, match=r"cannot write a\.webp: 1 x 16384, WEBP ends at 16383 .*; try a \.png"):
        check_fits_format("WEBP", 1, 16_384, "a.webp")
