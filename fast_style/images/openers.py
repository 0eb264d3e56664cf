"""Opening of image files as Pillow images: by Pillow, or where it fails or errs, by what reads them right."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from PIL import Image, ImagePalette, UnidentifiedImageError

from fast_style.errors import ImageError, reason_of
from fast_style.images import boxes, deep_tiff, png_chunks
from fast_style.images.deep_tiff import DeepTiff
from fast_style.images.formats import READABLE_FORMATS
from fast_style.system.optional import is_installed

Openable = str | Path | BinaryIO

_COLOR_MAP = 320
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
_END_OF_JPEG = b"\xff\xd9"


class Opened(NamedTuple):
    """An image that is open and not yet decoded."""

    image: Image.Image
    unread: list[str]
    """What was left out of the file: `a damaged pHYs chunk`."""


class MendedImage(Image.Image):
    """An image that is changed once it is decoded, where Pillow passes over a part of its file.

    Args:
        image: The image as Pillow opened it.
        mode: Its mode after the change.
        size: Its width and height after the change.
        mend: Makes the change.
    """

    def __init__(
        self, image: Image.Image, mode: str, size: tuple[int, int], mend: Callable[[Image.Image], Image.Image]
    ) -> None:
        super().__init__()
        self._image, self._mend, self._done = image, mend, False
        self._mode, self._size = mode, size
        self.format, self.info = image.format, image.info
        self.filename = getattr(image, "filename", "")
        self.n_frames = getattr(image, "n_frames", 1)

    def load(self) -> Any:
        """Decodes the image and changes it.

        Raises:
            Exception: Nearly any, on damaged data.
        """
        if not self._done:
            self._image.load()
            self.im = self._mend(self._image).im
            self._done = True
        return super().load()

    def draft(self, mode: str | None, size: tuple[int, int] | None) -> None:
        """Does nothing."""

    def close(self) -> None:
        """Closes the file."""
        self._image.close()


def open_any(source: Openable, name: str) -> Opened:
    """Opens an image without decoding it.

    Args:
        source: A file, or its name.
        name: What errors call it.

    Raises:
        ImageError: It is of a kind that is not read.
        Image.DecompressionBombError: It has more pixels than Pillow reads.
        Exception: Nearly any, where it is no image or damaged.
    """
    with _reading(source) as file:
        header = file.read(64)
    if header.startswith(png_chunks.SIGNATURE):
        return _open_png(source, header)
    if header[4:8] == b"ftyp" and header[8:12] in _HEIC_BRANDS and b"avif" not in header[16:]:
        return Opened(_open_heic(source, name), [])
    try:
        image = Image.open(source, formats=READABLE_FORMATS)
    except UnidentifiedImageError:
        if not header.startswith(deep_tiff.SIGNATURES):
            raise
        return Opened(DeepTiff(source), [])
    if image.format == "TIFF":
        if deep_tiff.is_misread(image):
            return Opened(DeepTiff(source), [])
        _mend_palette(image)
    elif image.format in {"AVIF", "JPEG2000"}:
        return Opened(_with_boxes(image, source, name), [])
    return Opened(image, [])


def open_cut_short(source: Openable) -> Image.Image:
    """Opens a JPEG that ends too early, for what there is of it; the rest is gray when it is decoded.

    Raises:
        Exception: Nearly any, where not even the header is there.
    """
    with _reading(source) as file:
        content = file.read()
    return Image.open(io.BytesIO(content + _END_OF_JPEG), formats=["JPEG"])


@contextmanager
def _reading(source: Openable) -> Iterator[BinaryIO]:
    """Yields a file at its beginning, and leaves one that was open already there."""
    if isinstance(source, str | Path):
        with Path(source).open("rb") as file:
            yield file
        return
    source.seek(0)
    try:
        yield source
    finally:
        source.seek(0)


def _open_png(source: Openable, header: bytes) -> Opened:
    with _reading(source) as file:
        bad = png_chunks.bad_chunks(file)
        given: Openable = io.BytesIO(png_chunks.without(file, bad)) if bad else source
    image: Image.Image = Image.open(given, formats=["PNG"])
    png_chunks.scale_transparent_gray(image, header)
    if png_chunks.has_deep_transparent_color(image, header):
        image = MendedImage(image, "RGBA", image.size, lambda _: png_chunks.with_deep_transparent_color(given))
        image.info = {key: value for key, value in image.info.items() if key != "transparency"}
    return Opened(image, list(dict.fromkeys(chunk.reason for chunk in bad)))


def _open_heic(source: Openable, name: str) -> Image.Image:
    if not is_installed("pillow_heif"):
        raise ImageError(f"{name} is a HEIC picture", remedy="pip install 'fast-style[heic]' to read it")
    from pillow_heif import HeifImageFile

    image: Image.Image = HeifImageFile(source)  # type: ignore[no-untyped-call]
    return image


def _with_boxes(image: Image.Image, source: Openable, name: str) -> Image.Image:
    """Returns an image that is cropped, or has its channels in order, where the file says so and Pillow does not."""
    try:
        with _reading(source) as file:
            if image.format == "AVIF":
                box = boxes.crop_of_avif(file, *image.size)
                if box is not None:
                    return MendedImage(image, image.mode, (box[2] - box[0], box[3] - box[1]), lambda i: i.crop(box))
            else:
                if image.palette is not None:
                    colors = boxes.palette_of_jp2(file, len(image.palette.mode))
                    image.palette = image.palette if colors is None else ImagePalette.raw(image.palette.mode, colors)
                channels = boxes.channels_of_jp2(file, len(image.getbands()))
                if channels is not None:
                    return MendedImage(image, image.mode, image.size, lambda i: _reordered(i, channels))
    except ValueError as error:
        raise ImageError(f"{name} has {reason_of(error)}", remedy="save it as JPEG or PNG") from error
    except (struct.error, IndexError) as error:
        raise ImageError(f"{name} is damaged ({reason_of(error)})", remedy="copy it again") from error
    return image


def _reordered(image: Image.Image, channels: list[int]) -> Image.Image:
    planes = image.split()
    return Image.merge(image.mode, [planes[channel] for channel in channels])


def _mend_palette(image: Image.Image) -> None:
    """Takes a TIFF's color map of 0 to 255 for what it is: by the book it goes to 65535, and Pillow divides by 256."""
    color_map = getattr(image, "tag_v2", {}).get(_COLOR_MAP)
    if image.mode == "P" and color_map and max(color_map) < 256:
        entries = len(color_map) // 3
        colors = bytes(color_map[plane * entries + index] for index in range(entries) for plane in range(3))
        image.palette = ImagePalette.raw("RGB", colors)
