"""Metadata of image files, carried over from a photo to the picture that is made from it.

That picture is upright, in sRGB, and no longer the photo; the metadata is changed to fit it.
"""

from __future__ import annotations

import functools
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import BinaryIO

from PIL import Image, ImageCms, PngImagePlugin, TiffImagePlugin, TiffTags

from fast_style.images.exif import EXIF_POINTER, GPS_POINTER, IPTC_TAG, PICTURE_TYPES, Exif, finish_tiff
from fast_style.images.iptc import as_exif, iptc_of, jpeg_segment

_XMP_TEXT = "XML:com.adobe.xmp"
_XMP_TAG = 700


@dataclass(frozen=True)
class Metadata:
    """The metadata of one image file."""

    format: str = "PNG"
    """Pillow's name of the format that it was read from."""
    exif: bytes = b""
    """An EXIF block without orientation, thumbnail and the notes of the camera's maker."""
    iptc: bytes = b""
    """Records of IPTC: caption, keywords, copyright and so on."""
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
        exif, iptc, xmp, dpi, text = b"", b"", b"", None, {}
        with suppress(Exception):
            found = image.info.get("xmp") or image.info.get(_XMP_TEXT) or b""
            raw = found.encode() if isinstance(found, str) else bytes(found)
            # XMP can hold the orientation as well.
            xmp = re.sub(rb"(tiff:Orientation(?:=[\"']|>))\d", rb"\g<1>1", raw)
        with suppress(Exception):
            x, y = (float(value) for value in image.info["dpi"])
            dpi = (x, y) if 0 < x < 1e5 and 0 < y < 1e5 else None
        with suppress(Exception):
            iptc = iptc_of(image)
        with suppress(Exception):  # a photo with damaged EXIF is still a photo
            found_exif = Exif.read(image.getexif())
            fields = found_exif._replace(picture={**as_exif(iptc), **found_exif.picture})
            exif = fields.sized(width, height).block(dpi) if any(fields) else b""
        if image.format == "PNG":
            # Old versions of ImageMagick write EXIF as text; its orientation would turn the upright picture once more.
            blocks = (_XMP_TEXT, "Raw profile type")
            written = {str(k): str(v) for k, v in image.info.items() if isinstance(v, str)}
            text = {key: value for key, value in written.items() if not key.startswith(blocks)}
        kind = "JPEG" if image.format in {None, "MPO", "HEIF"} else str(image.format)
        return cls(kind, exif, iptc, xmp, bool(image.info.get("icc_profile")), dpi, text)

    def options(self, kind: str) -> dict[str, object]:
        """Returns as much of the metadata as the format `kind` holds, as arguments of Pillow's `save`."""
        options: dict[str, object] = {}
        # A block in a JPEG holds at most 64 kB; a photo without its notes is better than no photo.
        longest = 65_000 if kind == "JPEG" else 1 << 24
        if 0 < len(self.exif) < longest and kind in {"JPEG", "PNG", "WEBP", "AVIF"}:
            options["exif"] = self.exif
        if 0 < len(self.xmp) < longest and kind in {"JPEG", "WEBP", "AVIF"}:
            options["xmp"] = self.xmp
        if 0 < len(self.iptc) < longest and kind == "JPEG":
            options["extra"] = jpeg_segment(self.iptc)
        if kind == "TIFF":
            options["tiffinfo"] = self._tiff_directory()
        if self.profile and kind in {"JPEG", "PNG", "WEBP", "TIFF", "AVIF"}:
            options["icc_profile"] = _srgb_profile()
        if self.dpi is not None and kind in {"JPEG", "PNG", "BMP"}:
            options["dpi"] = self.dpi
        elif kind == "TIFF":  # which may not lack it
            options["dpi"] = self.dpi or (72, 72)
        if kind == "PNG" and (self.text or self.xmp):
            chunks = PngImagePlugin.PngInfo()
            for key, text in self.text.items():
                chunks.add_itxt(key, text)
            if self.xmp:
                chunks.add_itxt(_XMP_TEXT, self.xmp.decode("utf-8", "replace"))
            options["pnginfo"] = chunks
        return options

    def finish(self, kind: str, file: BinaryIO) -> None:
        """Writes what Pillow cannot write right: the inner directories of EXIF, and the type of IPTC, in a TIFF.

        Args:
            kind: Pillow's name of the format.
            file: The file that Pillow wrote with `options`, open for reading and writing.
        """
        if kind == "TIFF" and (self.exif or self.iptc):
            finish_tiff(file, Exif.parse(self.exif))

    def _tiff_directory(self) -> TiffImagePlugin.ImageFileDirectory_v2:
        """Returns the fields of a TIFF's own directory, with pointers that `finish` gives their aims."""
        directory = TiffImagePlugin.ImageFileDirectory_v2()

        def add(tag: int, kind: int, value: object) -> None:
            directory.tagtype[tag] = kind
            directory[tag] = value

        if self.exif:
            fields = Exif.parse(self.exif)
            for tag, kind in PICTURE_TYPES.items():
                if tag in fields.picture:
                    add(tag, kind, fields.picture[tag])
            add(EXIF_POINTER, TiffTags.LONG, 0)
            if fields.gps:
                add(GPS_POINTER, TiffTags.LONG, 0)
        if self.xmp:
            add(_XMP_TAG, TiffTags.BYTE, self.xmp)
        if self.iptc:
            add(IPTC_TAG, TiffTags.UNDEFINED, self.iptc + bytes(-len(self.iptc) % 4))
        return directory


@functools.cache
def _srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
