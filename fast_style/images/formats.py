"""Formats of image files: which suffixes are read and written, and what a format can hold."""

from __future__ import annotations

import warnings
from pathlib import Path

from PIL import features

from fast_style.errors import ImageError
from fast_style.system.optional import is_installed

# catch_warnings changes state of the whole process and so is not safe while loader threads decode; a filter that is
# added once is. It hides Pillow's size warning (there is a limit of our own) and warnings about broken metadata in old
# photos, and leaves Pillow's size limit to other code that uses Pillow in this process.
warnings.filterwarnings("ignore", module=r"PIL\.")

MAX_PIXELS = 178_956_970
"""Largest width x height that is read: 512 MiB as RGB, which is also where Pillow refuses by default."""
MAX_JPEG_PIXELS = 8 * MAX_PIXELS
"""Largest width x height of a JPEG that is scaled down while it is decoded."""

_FORMATS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".gif": "GIF",
    ".ppm": "PPM",
}
HEIC_SUFFIXES = (".heic", ".heif", ".hif")
_READ_AS = {
    ".mpo": ".jpg",
    ".jif": ".jpg",
    ".apng": ".png",
    ".dib": ".bmp",
    ".pgm": ".ppm",
    ".pbm": ".ppm",
    ".pnm": ".ppm",
    ".pfm": ".ppm",
}
if features.check("avif"):
    _FORMATS[".avif"] = "AVIF"
    _READ_AS[".avifs"] = ".avif"
if features.check("jpg_2000"):
    _FORMATS[".jp2"] = "JPEG2000"
    _READ_AS |= dict.fromkeys((".j2k", ".j2c", ".jpc", ".jpf", ".jpx"), ".jp2")
if is_installed("pillow_heif"):
    _READ_AS |= dict.fromkeys(HEIC_SUFFIXES, ".jpg")

WRITTEN_SUFFIXES = frozenset(_FORMATS)
"""Lower-case suffixes of the files that are written, and read."""
IMAGE_SUFFIXES = WRITTEN_SUFFIXES | frozenset(_READ_AS)
"""Lower-case suffixes of the files that are read."""

OTHER_SUFFIXES = frozenset({
    *HEIC_SUFFIXES, ".avif", ".avifs", ".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx", ".jxl", ".jxr",
    ".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".srf", ".sr2", ".orf", ".raf", ".rw2", ".rwl", ".pef",
    ".srw", ".x3f", ".3fr", ".iiq", ".erf", ".kdc",
    ".psd", ".psb", ".xcf", ".kra", ".tga", ".exr", ".hdr", ".qoi", ".dds", ".ico", ".icns", ".cur", ".pcx", ".sgi",
    ".xbm", ".xpm", ".svg", ".eps", ".wmf", ".emf",
}) - IMAGE_SUFFIXES  # fmt: skip
"""Lower-case suffixes of pictures that are not read here: from phones, cameras and painting programs."""

# An explicit list also keeps Pillow from handing a disguised EPS file to Ghostscript.
READABLE_FORMATS = tuple(dict.fromkeys([*_FORMATS.values(), "DIB"]))
"""Formats that Pillow reads, by its names; it opens MPO as a JPEG."""

END_MARKERS = {"JPEG": b"\xff\xd9", "MPO": b"\xff\xd9", "PNG": b"IEND\xaeB\x60\x82"}
"""Bytes that a complete file of a format ends in; a file without them has probably been cut short."""

FORMATS_WITH_ALPHA = frozenset({"PNG", "WEBP", "AVIF", "TIFF", "JPEG2000"})
"""Formats that are written with alpha."""

LARGEST_SIDE = {"JPEG": 65500, "WEBP": 16383, "AVIF": 65536, "GIF": 65535}
"""Longest side in pixels that a format can hold, where it has a limit."""


def format_of(path: str | Path) -> str:
    """Returns Pillow's name of the format that the suffix of a path stands for.

    Raises:
        ImageError: No image format that is written here has this suffix.
    """
    suffix = Path(path).suffix
    name = _FORMATS.get(suffix.lower())
    if name is None:
        known = " ".join(sorted(WRITTEN_SUFFIXES))
        raise ImageError(f"cannot write {path}: unknown suffix {suffix!r}", remedy=f"use one of {known}")
    return name


def result_suffix(suffix: str) -> str:
    """Returns the suffix of what is made of a picture: its own, or where that is not written, one for as much.

    Args:
        suffix: The suffix of the picture, in upper or lower case.
    """
    return _READ_AS.get(suffix.lower(), suffix)


def check_fits_format(kind: str, width: int, height: int, name: object) -> None:
    """Checks that a format can hold a picture of this size, before minutes go into making it.

    Args:
        kind: Pillow's name of the format.
        width: Width of the picture in pixels.
        height: Height of the picture in pixels.
        name: The file, for the error.

    Raises:
        ImageError: The picture is too large for the format.
    """
    limit = LARGEST_SIDE.get(kind)
    if limit is not None and max(width, height) > limit:
        raise ImageError(
            f"cannot write {name}: {width} x {height}, {kind} ends at {limit} pixels a side", remedy="try a .png"
        )
