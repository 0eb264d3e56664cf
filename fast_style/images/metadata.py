"""What an image file says besides its pixels, carried over to the picture that is made of it.

The pixels that it goes with are upright and sRGB, and not the photo any more; the metadata is made to fit them.
"""

from __future__ import annotations

import functools
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from PIL import Image, ImageCms, PngImagePlugin

# What tells of the picture, and not of how a file stores it: description, camera, software, date, artist,
# copyright, and the fields Windows writes.
_EXIF_TAGS = (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298, *range(0x9C9B, 0x9CA0))
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_EXIF_WIDTH, _EXIF_HEIGHT = 0xA002, 0xA003
_XMP_TEXT = "XML:com.adobe.xmp"


@dataclass(frozen=True)
class Metadata:
    """Of one file."""

    format: str = "PNG"
    """Pillow's name of the format it was read from."""
    exif: bytes = b""
    """Without orientation and thumbnail."""
    xmp: bytes = b""
    profile: bool = False
    """Whether it named a color space: if so, what is written names sRGB."""
    dpi: tuple[float, float] | None = None
    text: dict[str, str] = field(default_factory=dict)
    """Of a PNG: title, author, and so on."""

    @classmethod
    def of(cls, image: Image.Image, width: int, height: int) -> Metadata:
        """Of a decoded image that became `width` x `height`. What is damaged is left out."""
        exif, xmp, dpi, text = b"", b"", None, {}
        with suppress(Exception):  # a photo with damaged EXIF is still a photo
            exif = _kept_exif(image, width, height)
        with suppress(Exception):
            found = image.info.get("xmp") or image.info.get(_XMP_TEXT) or b""
            raw = found.encode() if isinstance(found, str) else bytes(found)
            # The other place for the orientation.
            xmp = re.sub(rb"(tiff:Orientation(?:=[\"']|>))\d", rb"\g<1>1", raw)
        with suppress(Exception):
            x, y = (float(value) for value in image.info["dpi"])
            dpi = (x, y) if 0 < x < 1e5 and 0 < y < 1e5 else None
        if image.format == "PNG":
            # An old ImageMagick's blocks are text, too, and would turn the upright picture once more.
            blocks = (_XMP_TEXT, "Raw profile type")
            written = {str(k): str(v) for k, v in image.info.items() if isinstance(v, str)}
            text = {key: value for key, value in written.items() if not key.startswith(blocks)}
        kind = "JPEG" if image.format in {None, "MPO"} else str(image.format)
        return cls(kind, exif, xmp, bool(image.info.get("icc_profile")), dpi, text)

    def options(self, kind: str) -> dict[str, Any]:
        """As much of it as the format `kind` holds, for Pillow's `save`."""
        options: dict[str, Any] = {}
        # A block of a JPEG ends at 64 kB; a photo without its notes is better than no photo.
        longest = 65_000 if kind == "JPEG" else 1 << 24
        if 0 < len(self.exif) < longest and kind in {"JPEG", "PNG", "WEBP", "TIFF", "AVIF"}:
            options["exif"] = self.exif
        if 0 < len(self.xmp) < longest and kind in {"JPEG", "WEBP", "AVIF"}:
            options["xmp"] = self.xmp
        if self.profile and kind in {"JPEG", "PNG", "WEBP", "TIFF", "AVIF"}:
            options["icc_profile"] = _srgb_profile()
        if self.dpi is not None and kind in {"JPEG", "PNG", "TIFF", "BMP"}:
            options["dpi"] = self.dpi
        if kind == "PNG" and (self.text or self.xmp):
            chunks = PngImagePlugin.PngInfo()
            for key, text in self.text.items():
                chunks.add_itxt(key, text)
            if self.xmp:
                chunks.add_itxt(_XMP_TEXT, self.xmp.decode("utf-8", "replace"))
            options["pnginfo"] = chunks
        return options


@functools.cache
def _srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _kept_exif(image: Image.Image, width: int, height: int) -> bytes:
    """An upright picture needs no orientation, and a thumbnail would show the photo that it was."""
    source, kept = image.getexif(), Image.Exif()
    for tag in _EXIF_TAGS:
        if tag in source:
            kept[tag] = source[tag]
    parts = {tag: dict(source.get_ifd(tag)) for tag in (_EXIF_IFD, _GPS_IFD)}
    for key, size in ((_EXIF_WIDTH, width), (_EXIF_HEIGHT, height)):
        if key in parts[_EXIF_IFD]:
            parts[_EXIF_IFD][key] = size
    for tag, fields in parts.items():
        if fields:
            kept.get_ifd(tag).update(fields)
    return kept.tobytes() if len(kept) or any(parts.values()) else b""
