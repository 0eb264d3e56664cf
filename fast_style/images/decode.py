"""Image files and PIL images to RGB arrays: uint8 `[H, W, 3]`, sRGB, upright, over white; transparency beside it.

Reading never shows a Pillow warning or traceback: what a user can cause is an `ImageError` of one line.
"""

from __future__ import annotations

import io
import logging
import os
import re
import stat
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image, JpegImagePlugin

from fast_style.errors import UNSET, ConfigError, ImageError, ImageNotFoundError, reason_of
from fast_style.images.arrays import RGB, Alpha, Cutout, fit
from fast_style.images.formats import END_MARKERS, FORMATS_WITH_ALPHA, MAX_JPEG_PIXELS, MAX_PIXELS
from fast_style.images.metadata import Metadata
from fast_style.images.openers import Opened, open_any, open_cut_short
from fast_style.images.srgb import to_srgb
from fast_style.system.native_output import lines_caught
from fast_style.system.paths import check_no_url

Source = str | Path | bytes | BinaryIO
"""A path, the content of a file, or an open file."""

_log = logging.getLogger("fast_style")

_VIDEO_SUFFIXES = frozenset({
    ".mp4", ".m4v", ".mov", ".qt", ".mkv", ".webm", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".vob", ".avi", ".wmv",
    ".asf", ".flv", ".3gp", ".3g2", ".ogv", ".mxf", ".dv", ".h264", ".h265", ".hevc", ".y4m",
})  # fmt: skip
_LIBTIFF = re.compile(rb"tempfile\.tif: |TIFF\w*: |\w+(Decode|Setup|Encode)\w*: |\w+: Warning, ")
"""How libtiff begins its lines; it knows the file by the name that Pillow made up for it."""
_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""For each EXIF orientation, the operation that turns the image upright."""


class Picture(NamedTuple):
    """A decoded image file."""

    rgb: RGB
    """Over white."""
    cutout: Cutout | None
    """The picture without the white; None where all of it is opaque."""
    metadata: Metadata
    has_alpha: bool = False
    """Whether there are values of alpha, be they 255 throughout."""

    def repainted(self, painted: RGB, kind: str | None = None) -> tuple[RGB, Alpha | None]:
        """Returns the colors and the alpha of a picture painted from `rgb`.

        Args:
            painted: uint8 `[H, W, 3]`, what became of `rgb`.
            kind: Pillow's name of the format that is written; one without alpha keeps the white. None for a picture
                that stays in memory.
        """
        if kind is not None and kind not in FORMATS_WITH_ALPHA:
            return painted, None
        if self.cutout is not None:
            return self.cutout.repainted(painted)
        return painted, np.full(painted.shape[:2], 255, np.uint8) if self.has_alpha else None


def open_image(source: Source, *, max_side: int | None = None, setting: str | None = None) -> Image.Image:
    """Opens an image without decoding it: only the header is read. Close it, or use it in a `with`.

    Args:
        source: A path, the content of a file, or an open file.
        max_side: The longer side in pixels that it is going to be shrunk to.
        setting: Name of the setting that gives `max_side`, for errors whose remedy it is.

    Raises:
        ImageNotFoundError: There is no such file.
        ImageError: The file is empty, may not be read, is not an image in one of the formats of `IMAGE_SUFFIXES` (its
            content counts, not its name), or has more than `MAX_PIXELS` pixels. A JPEG may have up to
            `MAX_JPEG_PIXELS` if no more than `MAX_PIXELS` are left when it is decoded for `max_side`.
    """
    return _open(source, max_side, setting).image


def _open(source: Source, max_side: int | None, setting: str | None) -> Opened:
    """Does what `open_image` does; beside the image it returns what was left out of the file."""
    name = _name(source)
    if isinstance(source, str | Path):
        _check_file(Path(source))
    given = _seekable(source)
    unread: list[str] = []
    try:
        image, unread = open_any(given, name)
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        large = _open_large_jpeg(given)
        if large is None:
            found = re.search(r"\d+", str(error))
            raise _too_large(name, f"{found[0]} pixels" if found else "more") from error
        image = large
    except Exception as error:  # a damaged header makes Pillow's parsers raise nearly anything
        if isinstance(error, OSError) and error.strerror:
            raise _cannot_open(name, error) from error
        if Path(name).suffix.lower() in _VIDEO_SUFFIXES:
            raise ImageError(f"{name} is a video, not an image", remedy="give it to fast-style video") from error
        raise ImageError(f"{name} is no image of a known kind, or damaged", remedy="save it as JPEG or PNG") from error
    pixels = image.width * image.height
    # A progressive JPEG is in memory as a whole, however small it is decoded.
    shrinks = image.format in {"JPEG", "MPO"} and "progressive" not in image.info and pixels <= MAX_JPEG_PIXELS
    if pixels > MAX_PIXELS and not (shrinks and pixels <= MAX_PIXELS * _draft_scale(image, max_side) ** 2):
        size = f"{image.width} x {image.height} pixels"
        image.close()
        raise _too_large(name, size, setting if shrinks else None, smaller=bool(max_side))
    return Opened(image, unread)


def _seekable(source: Source) -> str | Path | BinaryIO:
    if isinstance(source, bytes):
        return io.BytesIO(source)
    if isinstance(source, str | Path) or not hasattr(source, "seekable") or source.seekable():
        return source
    return io.BytesIO(source.read())


def _check_file(path: Path) -> None:
    """Raises an ImageError for what is not a regular file with something in it."""
    try:
        status = path.stat()
    except FileNotFoundError as error:
        check_no_url(path, ImageNotFoundError)
        raise ImageNotFoundError(f"{path} does not exist", remedy="check the path") from error
    except OSError as error:
        raise _cannot_open(str(path), error) from error
    except ValueError as error:  # a null character
        raise ImageError(f"{path!r} is not a path ({reason_of(error)})", remedy="check the path") from error
    if stat.S_ISDIR(status.st_mode):
        raise ImageError(f"{path} is a folder, not an image", remedy="name a file inside it")
    if not stat.S_ISREG(status.st_mode):
        raise ImageError(f"{path} is not a regular file", remedy="save the image to a file first")
    if status.st_size == 0:
        raise ImageError(f"{path} is empty (0 bytes)", remedy="copy or download it again")


def _cannot_open(name: str, error: OSError) -> ImageError:
    return ImageError(f"{name} cannot be opened ({reason_of(error)})", remedy="check path and permissions")


def _open_large_jpeg(source: str | Path | BinaryIO) -> JpegImagePlugin.JpegImageFile | None:
    """Opens a JPEG that exceeds Pillow's limit, which looks at the size of the file alone; None for other formats."""
    with suppress(Exception):
        if not isinstance(source, str | Path):
            source.seek(0)
        return JpegImagePlugin.JpegImageFile(source)
    return None


def _draft_scale(image: Image.Image, max_side: int | None) -> int:
    """Returns how many times smaller Pillow's `draft` makes the sides of a JPEG that is decoded for `max_side`."""
    width, height = fit(*image.size, max_side)
    ratio = min(image.width // (2 * width), image.height // (2 * height))
    return next((scale for scale in (8, 4, 2) if ratio >= scale), 1)


def decode_rgb(image: Image.Image) -> RGB:
    """Decodes any PIL image, whether opened, drafted, cropped or made in memory.

    Returns:
        A writable uint8 `[H, W, 3]` array in sRGB, turned upright as EXIF says. The color profile is applied unless it
        is broken; what is transparent is laid over white; 16-bit, integer and float levels are scaled to 0..255. Of
        several frames it is the current one.

    Raises:
        ImageError: The pixels cannot be decoded, for example because the file was cut short.
    """
    return _decode(image, _name(image), None)[0]


def decode_picture(image: Image.Image) -> Picture:
    """Decodes a PIL image as `decode_rgb` does, with the transparency and metadata beside it.

    Raises:
        ImageError: As in `decode_rgb`.
    """
    rgb, cutout = _decode(image, _name(image), None)
    return _with_metadata(image, rgb, cutout)


def _decode(image: Image.Image, name: str, size: tuple[int, int] | None) -> tuple[RGB, Cutout | None]:
    if 0 in image.size:
        raise ImageError(f"{name} has no pixels ({image.width} x {image.height})", remedy="give a picture with some")
    _load(image, name)
    try:
        rgb, alpha = to_srgb(image)
    except ValueError as error:
        raise ImageError(f"{name} has colors of no known kind ({reason_of(error)})", remedy="save it as RGB") from error
    if alpha is not None:
        rgb.putalpha(alpha)
    if size is not None and rgb.size != size:
        # Pillow weights the colors of RGBA by alpha, so that hidden ones do not bleed in.
        rgb = rgb.resize(size, Image.Resampling.LANCZOS)
    pixels = np.array(_upright(rgb, image))
    if alpha is None:
        return pixels, None
    cutout = Cutout(np.ascontiguousarray(pixels[..., :3]), np.ascontiguousarray(pixels[..., 3]))
    return cutout.over_white(), cutout


def load_rgb(source: Source, *, max_side: int | None = None) -> RGB:
    """Reads an image as uint8 `[H, W, 3]`, decoded as `decode_rgb` does.

    Args:
        source: A path, the content of a file, or an open file. Of several frames the first is used, and a log message
            says so.
        max_side: Longer side in pixels that a larger image is shrunk to; its aspect ratio is kept.

    Raises:
        ImageError: As in `open_image` and `decode_rgb`.
        ConfigError: `max_side` is below 1.
    """
    return load_picture(source, max_side=max_side).rgb


def load_picture(source: Source, *, max_side: int | None = None, partial: bool = False) -> Picture:
    """Reads an image as `load_rgb` does, with the transparency and metadata beside it.

    Args:
        source: As in `load_rgb`.
        max_side: As in `load_rgb`.
        partial: Takes what there is of a JPEG that was cut short, with a log message; the rest of it is gray.

    Raises:
        ImageError: As in `load_rgb`.
        ConfigError: `max_side` is below 1.
    """
    if max_side is not None and max_side < 1:
        raise ConfigError("must be at least 1", setting="max_side", value=max_side)
    name, given = _name(source), _seekable(source)
    opened = _open(given, max_side, None)
    try:
        with opened.image as image:
            picture = _read(image, name, max_side)
    except ImageError:
        if not partial or opened.image.format not in {"JPEG", "MPO"}:
            raise
        with open_cut_short(given) as image:
            picture = _read(image, name, max_side)
        _log.warning("%s is cut short: what there is of it is used", name)
    for reason in opened.unread:
        _log.warning("%s has %s, which is left out", name, reason)
    return picture


def _read(image: Image.Image, name: str, max_side: int | None) -> Picture:
    """Decodes an opened image, and tells of further frames."""
    width, height = fit(*image.size, max_side)
    if (width, height) != image.size:
        # Twice the target leaves the last halving to Lanczos, as Image.thumbnail does.
        image.draft(None, (2 * width, 2 * height))
    rgb, cutout = _decode(image, name, (width, height))
    # An MPO file is a photo with a depth map or a second view, which nobody would miss.
    with suppress(Exception):  # counting reads the later frames, whose damage does not matter here
        frames = getattr(image, "n_frames", 1)
        if frames > 1 and image.format != "MPO":
            if image.format in {"TIFF", "HEIF"}:
                _log.warning("%s has pages (%d frames): only the first frame is used", name, frames)
            else:
                remedy = "give it to fast-style video for all of them"
                _log.warning("%s is animated (%d frames): only the first frame is used; %s", name, frames, remedy)
    return _with_metadata(image, rgb, cutout)


def _with_metadata(image: Image.Image, rgb: RGB, cutout: Cutout | None) -> Picture:
    has_alpha = cutout is not None or image.getbands()[-1] in "Aa"  # of LAB, the last is B
    return Picture(rgb, cutout, Metadata.of(image, rgb.shape[1], rgb.shape[0]), has_alpha)


def check_readable(path: str | Path) -> None:
    """Checks that a file is a readable image, fast enough for folders of many thousand photos.

    Only the header and the last bytes are read; a JPEG or PNG without its end marker is decoded to be sure.

    Raises:
        ImageError: The file is not readable.
    """
    with open_image(path) as image:
        end_marker = END_MARKERS.get(image.format or "")
        if end_marker is None:
            return
        with Path(path).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
            if file.read().rstrip(b"\0").endswith(end_marker):
                return
        image.draft(None, (1, 1))  # still reads every byte, with an eighth of the arithmetic
        _load(image, str(path))


def _name(source: object) -> str:
    """Returns what error messages call a path, a stream, bytes or a PIL image."""
    if isinstance(source, str | Path):
        return str(source)
    named = getattr(source, "filename", "") or getattr(source, "name", "")
    return str(named) if isinstance(named, str | Path) and str(named) else "the image"


def _too_large(name: str, size: str, setting: str | None = None, *, smaller: bool = False) -> ImageError:
    """Returns the error about an image with too many pixels.

    Args:
        name: What the message calls the image.
        size: How large it is.
        setting: A setting that shrinks it while it is decoded.
        smaller: Whether that setting is in use, so that only a smaller value helps.
    """
    remedy = "scale it down first"
    if setting is not None:
        remedy += f", or use {'a smaller ' if smaller else ''}{{{setting}}}"
    return ImageError(
        f"{name} is too large: {size}, at most {MAX_PIXELS} are read",
        remedy=remedy,
        suggestions={} if setting is None else {setting: UNSET},
    )


def _load(image: Image.Image, name: str) -> None:
    tiles = getattr(image, "tile", [])
    by_libtiff = tiles and tiles[0].codec_name == "libtiff"
    try:
        with lines_caught(_LIBTIFF, lambda line: _log.warning("%s: %s", name, line)) if by_libtiff else nullcontext():
            image.load()
    except ImageError:
        raise
    except Exception as error:  # decoders raise nearly anything on damaged data
        raise ImageError(f"{name} is damaged or cut short ({reason_of(error)})", remedy="copy it again") from error


def _upright(channels: Image.Image, decoded: Image.Image) -> Image.Image:
    """Turns an image as the EXIF orientation of `decoded`, the image it was made from, says.

    To be called only after decoding: Pillow turns a TIFF while it loads it, and then drops the tag.
    ImageOps.exif_transpose would also rewrite the EXIF block, which fails on a damaged one.
    """
    orientation = None
    with suppress(Exception):  # a photo with damaged EXIF is still a photo
        orientation = decoded.getexif().get(_ORIENTATION_TAG)
    method = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return channels if method is None else channels.transpose(method)
