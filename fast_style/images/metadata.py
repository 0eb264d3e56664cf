"""Metadata of image files, carried over from a photo to the picture that is made from it.

That picture is upright, in sRGB, and no longer the photo; the metadata is changed to fit it.
"""

from __future__ import annotations

import functools
import re
from contextlib import suppress
from dataclasses import dataclass, field

from PIL import Image, ImageCms, PngImagePlugin

# Tags about the picture, and not about how a file stores it: description, camera, software, date, artist, copyright,
# and the fields that Windows writes.
_EXIF_TAGS = (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298, *range(0x9C9B, 0x9CA0))
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_EXIF_WIDTH, _EXIF_HEIGHT = 0xA002, 0xA003
_XMP_TEXT = "XML:com.adobe.xmp"


@dataclass(frozen=True)
class Metadata:
    """The metadata of one image file."""

    format: str = "PNG"
    """Pillow's name of the format that it was read from."""
    exif: bytes = b""
    """An EXIF block without orientation and thumbnail."""
    xmp: bytes = b""
    """An XMP packet that calls the picture upright."""
    profile: bool = False
    """Whether the file had a color profile: if so, the sRGB profile is written."""
    dpi: tuple[float, float] | None = None
    """Horizontal and vertical resolution in dots per inch."""
    text: dict[str, str] = field(default_factory=dict)
    """The text of a PNG: title, author and so on."""

    @classmethod
    def of(cls, image: Image.Image, width: int, height: int) -> Metadata:
        """Reads the metadata of a decoded image; what is damaged is left out.

        Args:
            image: The image.
            width: Width in pixels of the picture that is made from it.
            height: Height of that picture.
        """
        exif, xmp, dpi, text = b"", b"", None, {}
        with suppress(Exception):  # a photo with damaged EXIF is still a photo
            exif = _kept_exif(image, width, height)
        with suppress(Exception):
            found = image.info.get("xmp") or image.info.get(_XMP_TEXT) or b""
            raw = found.encode() if isinstance(found, str) else bytes(found)
            # XMP can hold the orientation as well.
            xmp = re.sub(rb"(tiff:Orientation(?:=[\"']|>))\d", rb"\g<1>1", raw)
        with suppress(Exception):
            x, y = (float(value) for value in image.info["dpi"])
            dpi = (x, y) if 0 < x < 1e5 and 0 < y < 1e5 else None
        if image.format == "PNG":
            # Old versions of ImageMagick write EXIF as text; its orientation would turn the upright picture once more.
            blocks = (_XMP_TEXT, "Raw profile type")
            written = {str(k): str(v) for k, v in image.info.items() if isinstance(v, str)}
            text = {key: value for key, value in written.items() if not key.startswith(blocks)}
        kind = "JPEG" if image.format in {None, "MPO", "HEIF"} else str(image.format)
        return cls(kind, exif, xmp, bool(image.info.get("icc_profile")), dpi, text)

    def options(self, kind: str) -> dict[str, object]:
        """Returns as much of the metadata as the format `kind` holds, as arguments of Pillow's `save`."""
        options: dict[str, object] = {}
        # A block in a JPEG holds at most 64 kB; a photo without its notes is better than no photo.
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
    """Returns the EXIF block without orientation, as the picture is upright, and without the photo's thumbnail."""
    source, kept = image.getexif(), Image.Exif()
    for tag in _EXIF_TAGS:
        if tag in source:
            kept[tag] = source[tag]
    sub_blocks = {tag: dict(source.get_ifd(tag)) for tag in (_EXIF_IFD, _GPS_IFD)}
    for key, size in ((_EXIF_WIDTH, width), (_EXIF_HEIGHT, height)):
        if key in sub_blocks[_EXIF_IFD]:
            sub_blocks[_EXIF_IFD][key] = size
    for tag, fields in sub_blocks.items():
        if fields:
            kept.get_ifd(tag).update(fields)
    return kept.tobytes() if len(kept) or any(sub_blocks.values()) else b""
