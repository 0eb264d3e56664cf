"""TIFF files of kinds that Pillow does not read: colors in floats or 32 bits, deep planes apart, and more.

tifffile reads them; to the rest of the package they are Pillow images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

from fast_style.errors import ImageError
from fast_style.images.srgb import to_levels

if TYPE_CHECKING:
    from tifffile import TiffPage

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""First bytes of a TIFF, small or big, of either byte order."""

_ICC_PROFILE, _ORIENTATION = 34675, 274
_COLOR_SAMPLES = {"MINISWHITE": 1, "MINISBLACK": 1, "RGB": 3, "CIELAB": 3, "SEPARATED": 4}
"""The color spaces that are read, and how many samples a pixel has in each."""
_MODES = {"RGB": "RGB", "CIELAB": "LAB", "SEPARATED": "CMYK"}
_SAMPLE_FORMATS = {1: "unsigned", 2: "signed", 3: "float", 5: "complex integer", 6: "complex"}
_MOST_PER_BYTE = 1100
"""Bytes that one byte of a file holds at most, when it is packed with Deflate."""
_MULTIPLIED_ALPHA, _PLAIN_ALPHA = 1, 2


class DeepTiff(ImageFile.ImageFile):
    """The first page of a TIFF as a Pillow image, 8 bits a channel.

    Its levels are scaled as `to_levels` does. A kind that is not read either is an ImageError when it is loaded, which
    names the kind.
    """

    format = "TIFF"
    format_description = "TIFF, read by tifffile"

    def _open(self) -> None:
        from tifffile import TiffFile

        assert self.fp is not None
        self.fp.seek(0)
        try:
            self._file: TiffFile | None = TiffFile(self.fp)
            self._page = page = cast("TiffPage", self._file.pages[0])
            pages = len(self._file.pages)
        except Exception as error:  # a damaged header makes it raise nearly anything
            raise SyntaxError(str(error)) from error
        self.n_frames = pages
        self._size = (page.imagewidth, page.imagelength)
        self._space = str(getattr(page.photometric, "name", page.photometric))
        self._colors = _COLOR_SAMPLES.get(self._space, page.samplesperpixel)
        extra = page.extrasamples[:1] if page.samplesperpixel > self._colors else ()
        self._alpha = int(extra[0]) if extra and self._space in {"MINISWHITE", "MINISBLACK", "RGB"} else 0
        self._mode = _MODES.get(self._space, "L")
        if self._alpha in {_MULTIPLIED_ALPHA, _PLAIN_ALPHA}:
            self._mode += "A"
        profile = page.tags.get(_ICC_PROFILE)
        if profile is not None:
            self.info["icc_profile"] = bytes(profile.value)
        orientation = page.tags.get(_ORIENTATION)
        if orientation is not None:
            self.getexif()[_ORIENTATION] = int(orientation.value)

    def load(self) -> Any:
        """Decodes the page.

        Raises:
            ImageError: It is of a kind that is not read.
            Exception: Nearly any, on damaged data.
        """
        if self._file is not None:
            self.im = self._decoded().im
            self._file = None
        return Image.Image.load(self)

    def _decoded(self) -> Image.Image:
        samples = self._samples()
        if self._space == "CIELAB":
            return _merged("LAB", self._lab(samples[..., :3]))
        levels = to_levels(samples[..., : self._colors], self._full_scale())
        if self._space == "MINISWHITE":
            levels = 255 - levels
        if self.mode.endswith("A"):
            alpha = to_levels(samples[..., self._colors : self._colors + 1], self._full_scale())
            if self._alpha == _MULTIPLIED_ALPHA:
                levels = np.minimum(np.rint(levels * (255 / np.maximum(alpha, 1))), 255).astype(np.uint8)
            levels = np.concatenate([levels, alpha], axis=-1)
        return _merged(self.mode, levels)

    def _samples(self) -> npt.NDArray[Any]:
        """Returns the samples `[H, W, C]` in the type that the file has."""
        page = self._page
        complex_ = int(page.sampleformat) not in {1, 2, 3}
        if self._space not in _COLOR_SAMPLES or page.samplesperpixel < self._colors or page.imagedepth != 1 or complex_:
            raise self._refusal("is not read", "save it as RGB with 8 or 16 bits")
        if page.nbytes > _MOST_PER_BYTE * page.parent.filehandle.size:
            raise ValueError(f"{page.nbytes} bytes of samples cannot come from so small a file")
        try:
            samples = page.asarray()
        except (ValueError, KeyError) as error:
            if "imagecodecs" not in str(error):
                raise
            remedy = "pip install 'fast-style[tiff]', or save it uncompressed"
            raise self._refusal("needs imagecodecs", remedy) from error
        if int(page.planarconfig or 1) == 2 and page.samplesperpixel > 1:
            return np.moveaxis(samples.reshape(-1, *samples.shape[-2:]), 0, -1)
        return samples.reshape(page.imagelength, page.imagewidth, -1)

    def _full_scale(self) -> float:
        """Returns the level of white, before it is found out whether the samples exceed it."""
        if int(self._page.sampleformat) == 3:
            return 1.0
        return float(2 ** (self._page.bitspersample - (int(self._page.sampleformat) == 2)) - 1)

    def _lab(self, samples: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """Returns CIE L*a*b* as lcms takes it, uint8 with a and b about 128; a TIFF has signed a and b about 0."""
        if samples.dtype.kind not in "ui" or self._page.bitspersample not in {8, 16}:
            raise self._refusal("is not read", "save it as RGB with 8 or 16 bits")
        high = (samples.view(f"u{samples.itemsize}") >> (self._page.bitspersample - 8)).astype(np.uint8)
        return high ^ np.array([0, 128, 128], np.uint8)

    def _refusal(self, problem: str, remedy: str) -> ImageError:
        page = self._page
        kind = _SAMPLE_FORMATS.get(int(page.sampleformat), "")
        compression = str(getattr(page.compression, "name", page.compression))
        what = f"{page.samplesperpixel} x {page.bitspersample} bits {kind} {self._space}, compression {compression}"
        name = str(self.filename or "the image")
        return ImageError(f"{name} is a TIFF of {what}, which {problem}", remedy=remedy)


def is_misread(image: ImageFile.ImageFile) -> bool:
    """Returns whether Pillow would decode a TIFF to noise: uncompressed planes apart, of more than 8 bits a sample."""
    tags = getattr(image, "tag_v2", {})
    codec = image.tile[0].codec_name if image.tile else ""
    return tags.get(284, 1) == 2 and codec == "raw" and max(tags.get(258, (1,))) > 8


def _merged(mode: str, channels: npt.NDArray[np.uint8]) -> Image.Image:
    planes = [Image.fromarray(np.ascontiguousarray(plane)) for plane in np.moveaxis(channels, -1, 0)]
    return planes[0] if len(planes) == 1 else Image.merge(mode, planes)
