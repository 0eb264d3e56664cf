"""Image files and PIL images to RGB arrays and back: uint8 `[H, W, 3]`, sRGB, upright, over white; alpha beside it.

Reading never shows a Pillow warning or traceback: what a user can cause is an `ImageError` of one line.
"""

from __future__ import annotations

import functools
import io
import logging
import os
import re
import stat
import warnings
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, JpegImagePlugin, features

from fast_style.errors import UNSET, FastStyleError, ImageError, ImageNotFoundError, one_line
from fast_style.images.metadata import Metadata
from fast_style.system.files import atomic_write

RGB = npt.NDArray[np.uint8]
Alpha = npt.NDArray[np.uint8]
"""`[H, W]`, 0 where a picture is transparent."""

_log = logging.getLogger("fast_style")

# catch_warnings swaps process-wide state and so is not safe while loader threads decode. A filter added once
# is. It hides the size warning (we have a limit of our own) and those about broken metadata in old photos,
# and leaves Pillow's size limit to whoever else uses Pillow in this process.
warnings.filterwarnings("ignore", module=r"PIL\.")

MAX_PIXELS = 178_956_970
"""Largest width x height that is read: 512 MiB as RGB, which is also where Pillow refuses by default."""
MAX_JPEG_PIXELS = 8 * MAX_PIXELS
"""Of a JPEG that is made smaller while it is decoded."""

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
_FORMATS |= {".avif": "AVIF"} if features.check("avif") else {}
_FORMATS |= {".jp2": "JPEG2000"} if features.check("jpg_2000") else {}

IMAGE_SUFFIXES = frozenset(_FORMATS)
"""Lower-case suffixes of the files that are read and written."""

OTHER_SUFFIXES = frozenset({
    ".heic", ".heif", ".hif", ".avif", ".jp2", ".jxl", ".jxr",
    ".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".srf", ".sr2", ".orf", ".raf", ".rw2", ".rwl", ".pef",
    ".srw", ".x3f", ".3fr", ".iiq", ".erf", ".kdc",
    ".psd", ".psb", ".xcf", ".kra", ".tga", ".exr", ".hdr", ".qoi", ".dds",
}) - IMAGE_SUFFIXES  # fmt: skip
"""Lower-case suffixes of pictures that are not read here: of phones, cameras and programs for painting."""

# An explicit list also keeps Pillow from handing a disguised EPS file to Ghostscript.
_READABLE = tuple(dict.fromkeys(_FORMATS.values()))

# The bytes a whole file ends in; without them it was probably cut short.
_ENDINGS = {"JPEG": b"\xff\xd9", "MPO": b"\xff\xd9", "PNG": b"IEND\xaeB\x60\x82"}

_LARGEST_SIDE = {"JPEG": 65500, "WEBP": 16383, "AVIF": 65536, "GIF": 65535}

_WITH_ALPHA = frozenset({"PNG", "WEBP", "AVIF", "TIFF", "JPEG2000"})

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Picture(NamedTuple):
    """A decoded image file."""

    rgb: RGB
    alpha: Alpha | None
    """None where all of it is opaque."""
    metadata: Metadata


def open_image(
    source: str | Path | bytes | BinaryIO, *, max_side: int | None = None, setting: str | None = None
) -> Image.Image:
    """Open an image without decoding it; only the header is read. Close it, or use it in a `with`.

    `max_side` is the longer side that it is going to be shrunk to, and `setting` the name of the setting that
    says so, which errors name where it helps.

    Raises ImageError if there is no such file, it is empty, may not be read, is not an image in one of the
    formats of `IMAGE_SUFFIXES` (its content counts, not its name), or has more than `MAX_PIXELS` pixels. Of a JPEG
    those count that are left of at most `MAX_JPEG_PIXELS` when it is decoded for `max_side`.
    """
    name = _name(source)
    try:
        if isinstance(source, str | Path):
            status = Path(source).stat()
            if stat.S_ISDIR(status.st_mode):
                raise ImageError(f"{name} is a folder, not an image; name a file inside it")
            if not stat.S_ISREG(status.st_mode):
                raise ImageError(f"{name} is not a regular file; save the image to a file first")
            if status.st_size == 0:
                raise ImageError(f"{name} is empty (0 bytes); copy or download it again")
        given = io.BytesIO(source) if isinstance(source, bytes) else source
        image = Image.open(given, formats=_READABLE)
    except ImageError:
        raise
    except FileNotFoundError as error:
        raise ImageNotFoundError(f"{name} does not exist", remedy="check the path") from error
    except Image.DecompressionBombError as error:
        large = _open_large_jpeg(given)
        if large is None:
            found = re.search(r"\d+", str(error))
            raise _too_large(name, f"{found[0]} pixels" if found else "more") from error
        image = large
    except Exception as error:  # a damaged header makes Pillow's parsers raise nearly anything
        if isinstance(error, OSError) and error.strerror:
            raise ImageError(f"{name} cannot be opened ({one_line(error)}); check path and permissions") from error
        raise ImageError(f"{name} is no image of a known kind, or damaged; save it as JPEG or PNG") from error
    pixels = image.width * image.height
    # A progressive JPEG is in memory as a whole, however small it is decoded.
    shrinks = image.format in {"JPEG", "MPO"} and "progressive" not in image.info and pixels <= MAX_JPEG_PIXELS
    if pixels > MAX_PIXELS and not (shrinks and pixels <= MAX_PIXELS * _draft_scale(image, max_side) ** 2):
        image.close()
        remedy = f", or use {'a smaller ' if max_side else ''}{{{setting}}}" if shrinks and setting else ""
        suggestions = {setting: UNSET} if setting else None
        raise _too_large(name, f"{image.width} x {image.height} pixels", remedy, suggestions)
    return image


def _open_large_jpeg(source: str | Path | BinaryIO) -> JpegImagePlugin.JpegImageFile | None:
    """One that Pillow's limit, which looks at the file's size alone, refuses; None for what is no JPEG."""
    with suppress(Exception):
        if not isinstance(source, str | Path):
            source.seek(0)
        return JpegImagePlugin.JpegImageFile(source)
    return None


def _draft_scale(image: Image.Image, max_side: int | None) -> int:
    """How many times smaller a JPEG's sides get while it is decoded for `max_side`, as Pillow's `draft` has it."""
    width, height = fit(*image.size, max_side)
    ratio = min(image.width // (2 * width), image.height // (2 * height))
    return next((scale for scale in (8, 4, 2) if ratio >= scale), 1)


def decode_rgb(image: Image.Image) -> RGB:
    """Any PIL image, opened, drafted, cropped or made in memory, as a writable uint8 `[H, W, 3]` sRGB array.

    Turned upright (EXIF), color profile applied (one that is broken is ignored), laid over white where it is
    transparent, 16-bit, integer and float levels rescaled to 0..255; of several frames the current one.

    Raises ImageError if the pixels cannot be decoded, as in a file that was cut short.
    """
    return decode_alpha(image)[0]


def decode_alpha(image: Image.Image) -> tuple[RGB, Alpha | None]:
    """As `decode_rgb`, over white too, and beside it the uint8 alpha `[H, W]`, None where all of it is opaque."""
    return _decode(image, _name(image), None)


def _decode(image: Image.Image, name: str, size: tuple[int, int] | None) -> tuple[RGB, Alpha | None]:
    def finished(part: Image.Image) -> npt.NDArray[np.uint8]:
        if size is not None and part.size != size:
            part = part.resize(size, Image.Resampling.LANCZOS)
        return np.array(_upright(part, image))

    rgb, alpha = _to_srgb(image, name)
    return finished(rgb), None if alpha is None else finished(alpha)


def fit(width: int, height: int, longest: int | None) -> tuple[int, int]:
    """The size with its longer side at most `longest`, at least one pixel a side; never enlarged."""
    longer = max(width, height)
    if longest is None or longer <= longest:
        return width, height
    # Half up in whole numbers, so that every machine agrees on the size.
    return (
        max(1, (2 * width * longest + longer) // (2 * longer)),
        max(1, (2 * height * longest + longer) // (2 * longer)),
    )


def load_rgb(source: str | Path | bytes | BinaryIO, *, max_side: int | None = None) -> RGB:
    """Read an image as uint8 `[H, W, 3]`, as `decode_rgb` does, its longer side at most `max_side`.

    It is never enlarged, keeps its aspect and at least one pixel a side. Of several frames the first is used,
    and a log message says so. Raises ImageError as `open_image` and `decode_rgb` do, ValueError if `max_side`
    is below 1.
    """
    return load_picture(source, max_side=max_side).rgb


def load_picture(source: str | Path | bytes | BinaryIO, *, max_side: int | None = None) -> Picture:
    """Read an image as `load_rgb` does, and its alpha and metadata, which `save_rgb` and `encode_rgb` take."""
    if max_side is not None and max_side < 1:
        raise ValueError(f"max_side is {max_side}; it must be at least 1")
    name = _name(source)
    with open_image(source, max_side=max_side) as image:
        width, height = fit(*image.size, max_side)
        if (width, height) != image.size:
            # Twice the target leaves Lanczos the last halving, as Image.thumbnail does.
            image.draft(None, (2 * width, 2 * height))
        rgb, alpha = _decode(image, name, (width, height))
        # An MPO file is a photo with a depth map or a second view: nothing the user would miss.
        with suppress(Exception):  # counting walks through later frames, whose damage does not matter here
            frames = getattr(image, "n_frames", 1)
            if frames > 1 and image.format != "MPO":
                kind = "has pages" if image.format == "TIFF" else "is animated"
                _log.warning("%s %s (%d frames): only the first frame is used", name, kind, frames)
        return Picture(rgb, alpha, Metadata.of(image, rgb.shape[1], rgb.shape[0]))


def resize_rgb(array: RGB, width: int, height: int) -> RGB:
    """A uint8 `[H, W, 3]` array at another size, by Lanczos."""
    return np.array(Image.fromarray(array).resize((width, height), Image.Resampling.LANCZOS))


def check_readable(path: str | Path) -> None:
    """Raise ImageError if a file is not a readable image: cheap, for folders of many thousand photos.

    Only the header and the last bytes are read; a JPEG or PNG without its end marker is decoded to be sure.
    """
    with open_image(path) as image:
        ending = _ENDINGS.get(image.format or "")
        if ending is None:
            return
        with Path(path).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
            if file.read().rstrip(b"\0").endswith(ending):
                return
        image.draft(None, (1, 1))  # still reads every byte, at an eighth of the arithmetic
        _load(image, str(path))


def save_rgb(
    array: RGB,
    path: str | Path,
    *,
    quality: int = 95,
    metadata: Metadata | None = None,
    alpha: Alpha | None = None,
) -> None:
    """Write uint8 `[H, W, 3]` sRGB in the format of the path's suffix; missing folders are made.

    `quality`, 1 to 100, is for JPEG, WebP and AVIF; the colors of JPEG and AVIF keep full resolution. Of
    `metadata` goes in what the format can hold, and so does `alpha`, uint8 `[H, W]`: in PNG, WebP, AVIF, TIFF and
    JPEG 2000. A file that exists is replaced only by a complete one. Raises ImageError for an array of another kind,
    an unknown suffix, a quality out of range, or a file that cannot be written.
    """
    path = Path(path)
    kind = format_of(path)
    image = _checked(array, alpha if kind in _WITH_ALPHA else None, f"cannot write {path}", quality)
    try:
        with atomic_write(path) as temporary:
            image.save(temporary, format=kind, **_options(kind, quality, metadata))
    except FastStyleError as error:
        raise ImageError(str(error)) from error
    except (ValueError, RuntimeError, ArithmeticError) as error:  # a format's own limits, on the size mostly
        raise ImageError(f"cannot write {path}: {one_line(error)}; try a .png") from error


def encode_rgb(
    array: RGB, kind: str, *, quality: int = 95, metadata: Metadata | None = None, alpha: Alpha | None = None
) -> bytes:
    """As `save_rgb`, to bytes, in the format of Pillow's name `kind`."""
    image = _checked(array, alpha if kind in _WITH_ALPHA else None, f"cannot write {kind}", quality)
    stream = io.BytesIO()
    try:
        image.save(stream, format=kind, **_options(kind, quality, metadata))
    except (OSError, ValueError, RuntimeError, ArithmeticError) as error:
        raise ImageError(f"cannot write {kind}: {one_line(error)}; try another format") from error
    return stream.getvalue()


def format_of(path: str | Path) -> str:
    """Pillow's name of the format that a suffix stands for. Raises ImageError for one that is not written."""
    suffix = Path(path).suffix
    kind = _FORMATS.get(suffix.lower())
    if kind is None:
        known = " ".join(sorted(IMAGE_SUFFIXES))
        raise ImageError(f"cannot write {path}: unknown suffix {suffix!r}; use one of {known}")
    return kind


def check_size(kind: str, width: int, height: int, name: object) -> None:
    """Raise ImageError for a picture that its format can't hold, before minutes go into making it."""
    most = _LARGEST_SIDE.get(kind)
    if most is not None and max(width, height) > most:
        raise ImageError(f"cannot write {name}: {width} x {height}, {kind} ends at {most} pixels a side; try a .png")


def make_image(array: RGB, alpha: Alpha | None) -> Image.Image:
    """Of uint8 `[H, W, 3]` the PIL image of mode RGB; with an alpha, uint8 `[H, W]`, RGBA."""
    # As Image.fromarray, without its copy of the bytes.
    size = (array.shape[1], array.shape[0])
    image = Image.frombuffer("RGB", size, np.ascontiguousarray(array), "raw", "RGB", 0, 1)
    if alpha is not None:
        image.putalpha(Image.fromarray(alpha))
    return image


def _checked(array: RGB, alpha: Alpha | None, failing: str, quality: int) -> Image.Image:
    if not isinstance(array, np.ndarray) or array.dtype != np.uint8:
        found = f"{array.dtype} array" if isinstance(array, np.ndarray) else type(array).__name__
        raise ImageError(f"{failing}: a uint8 array is needed, not {found}")
    if array.ndim != 3 or array.shape[2] != 3 or array.size == 0:
        raise ImageError(f"{failing}: shape [H, W, 3] is needed, not {list(array.shape)}")
    if alpha is not None and (alpha.dtype != np.uint8 or alpha.shape != array.shape[:2]):
        want = list(array.shape[:2])
        raise ImageError(f"{failing}: uint8 alpha {want} is needed, not {alpha.dtype} {list(alpha.shape)}")
    if not 1 <= quality <= 100:
        raise ImageError(f"{failing}: quality is {quality}; it must be between 1 and 100")
    return make_image(array, alpha)


def _options(kind: str, quality: int, metadata: Metadata | None) -> dict[str, Any]:
    """What Pillow's `save` is told besides the format."""
    lossy: dict[str, dict[str, Any]] = {
        # Not `optimize`: for its one or two per cent Pillow wants the whole file in a buffer that busy pictures
        # do not fit into, and libjpeg all coefficients in memory.
        "JPEG": {"quality": quality, "subsampling": "4:4:4"},
        "AVIF": {"quality": quality, "subsampling": "4:4:4"},
        "WEBP": {"quality": quality},
    }
    return lossy.get(kind, {}) | (metadata.options(kind) if metadata is not None else {})


def _name(source: object) -> str:
    """How an error message calls a path, a stream, bytes or a PIL image."""
    if isinstance(source, str | Path):
        return str(source)
    named = getattr(source, "filename", "") or getattr(source, "name", "")
    return str(named) if isinstance(named, str | Path) and str(named) else "the image"


def _too_large(name: str, size: str, remedy: str = "", suggestions: Mapping[str, object] | None = None) -> ImageError:
    problem = f"{name} is too large: {size}, at most {MAX_PIXELS} are read"
    return ImageError(problem, remedy=f"scale it down first{remedy}", suggestions=suggestions)


def _load(image: Image.Image, name: str) -> None:
    try:
        image.load()
    except Exception as error:  # decoders raise nearly anything on damaged data
        raise ImageError(f"{name} is damaged or cut short ({one_line(error)}); copy it again") from error


def _upright(rgb: Image.Image, decoded: Image.Image) -> Image.Image:
    """`rgb` turned as the EXIF orientation of `decoded`, the image it came from, asks.

    Asked only after decoding: Pillow turns a TIFF while it loads it, and then drops the tag.
    ImageOps.exif_transpose would also rewrite the EXIF block, which fails on a damaged one.
    """
    orientation = None
    with suppress(Exception):  # a photo with damaged EXIF is still a photo
        orientation = decoded.getexif().get(0x0112)
    method = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return rgb if method is None else rgb.transpose(method)


def _to_srgb(image: Image.Image, name: str) -> tuple[Image.Image, Image.Image | None]:
    """Decode to mode RGB in sRGB over white, and to the alpha that isn't opaque; not yet upright. May be the same
    object.
    """
    if 0 in image.size:
        raise ImageError(f"{name} has no pixels ({image.width} x {image.height}); give a picture with some")
    _load(image, name)
    profile = image.info.get("icc_profile")
    try:
        if image.mode.startswith("I") or image.mode == "F":
            image = _eight_bits(image)
        alpha = None
        if image.has_transparency_data:
            image = image.convert("LA" if image.mode in {"L", "LA", "La"} else "RGBA")
            alpha = image.getchannel("A")
            image = image.convert("L" if image.mode == "LA" else "RGB")
        elif image.mode not in {"L", "RGB", "CMYK", "LAB"}:
            image = image.convert("RGB")
        transform = _srgb_transform(profile if isinstance(profile, bytes) else b"", image.mode)
        if transform is not None:
            image = transform.apply(image.convert(transform.input_mode))
        if image.mode != "RGB":
            image = image.convert("RGB")
    except ValueError as error:
        raise ImageError(f"{name} has colors of no known kind ({one_line(error)}); save it as RGB") from error
    if alpha is None or alpha.getextrema()[0] == 255:
        return image, None
    return Image.composite(image, Image.new("RGB", image.size, "white"), alpha), alpha


def _eight_bits(image: Image.Image) -> Image.Image:
    """16-bit, 32-bit and float levels as mode L. Levels outside the usual range are spread over their own."""
    values = np.asarray(image)
    if image.mode == "F":
        values = np.where(np.isfinite(values), values, 0)
    low, high = float(values.min()), float(values.max())
    full = 1.0 if image.mode == "F" else 65535.0
    if low >= 0 and high <= full:
        low, high = 0.0, full
    wide = np.float32 if values.dtype.itemsize == 2 else np.float64
    levels = np.subtract(values, low, dtype=wide) * wide(255 / ((high - low) or 1))
    return Image.fromarray((levels + wide(0.5)).astype(np.uint8))


@functools.lru_cache(maxsize=16)
def _srgb_transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The transform from a profile to sRGB, or None: no profile, broken, for other channels, or sRGB itself.

    Cached because the photos of one folder share a handful of profiles. `mode` is L, RGB, CMYK or LAB.
    """
    if not profile and mode != "LAB":
        return None
    try:
        srgb = ImageCms.createProfile("sRGB")
        if mode == "LAB":
            return ImageCms.buildTransform(ImageCms.createProfile("LAB"), srgb, "LAB", "RGB")
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if mode == "L" and opened.profile.xcolor_space.strip() == "RGB":
            mode = "RGB"
        transform = ImageCms.buildTransform(opened, srgb, mode, "RGB", ImageCms.Intent.PERCEPTUAL)
        if mode == "CMYK":
            return transform
        # Most photos carry one of the many editions of sRGB. Its effect, not its name, tells: nothing is
        # gained by a pass over the pixels that moves none by more than rounding does.
        colors = np.stack(np.meshgrid(*[np.arange(0, 256, 17, dtype=np.uint8)] * 3), axis=-1)
        probe = Image.fromarray(colors.reshape(64, 64, 3)).convert(mode)
        moved = np.asarray(transform.apply(probe), np.int16)
        return None if np.abs(moved - np.asarray(probe.convert("RGB"))).max() <= 2 else transform
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, ImportError):
        return None
