"""RGB arrays to image files: uint8 `[H, W, 3]`, sRGB, with alpha and metadata where the format holds them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from fast_style.errors import ConfigError, ImageError, reason_of
from fast_style.images.arrays import RGB, Alpha, make_image
from fast_style.images.formats import FORMATS_WITH_ALPHA, check_fits_format, format_of
from fast_style.images.metadata import Metadata
from fast_style.system.files import atomic_write


def save_rgb(
    array: RGB,
    path: str | Path,
    *,
    quality: int = 95,
    metadata: Metadata | None = None,
    alpha: Alpha | None = None,
) -> None:
    """Writes a picture in the format of the path's suffix. A file that exists is replaced only by a complete one.

    Args:
        array: uint8 `[H, W, 3]`, sRGB.
        path: The file; missing folders are made.
        quality: 1 to 100, for JPEG, WebP and AVIF. JPEG and AVIF keep the full resolution of colors.
        metadata: What the format can hold of it is written.
        alpha: uint8 `[H, W]`; written to PNG, WebP, AVIF, TIFF and JPEG 2000.

    Raises:
        ImageError: The array is of another kind, the suffix is unknown, or the format cannot hold the picture.
        ConfigError: The quality is out of range.
        WriteError: The file cannot be written.
    """
    path = Path(path)
    kind = format_of(path)
    image = _checked_image(array, alpha, kind, path, quality)
    with atomic_write(path) as temporary:
        try:
            image.save(temporary, format=kind, **_options(kind, quality, metadata))
            if metadata is not None:
                with temporary.open("rb+") as file:
                    metadata.finish(kind, file)
        except (OSError, ValueError, RuntimeError, ArithmeticError) as error:
            if isinstance(error, OSError) and error.errno is not None:  # from the disk, not from the encoder
                raise
            raise ImageError(f"cannot write {path}: {reason_of(error)}", remedy="try a .png") from error


def encode_rgb(
    array: RGB, kind: str, *, quality: int = 95, metadata: Metadata | None = None, alpha: Alpha | None = None
) -> bytes:
    """Returns a picture as the bytes of a file.

    Args:
        array: As in `save_rgb`, and so are `quality`, `metadata` and `alpha`.
        kind: Pillow's name of the format.
        quality: 1 to 100.
        metadata: Optional.
        alpha: Optional.

    Raises:
        ImageError: The array is of another kind, or the format cannot hold the picture.
        ConfigError: The quality is out of range.
    """
    image = _checked_image(array, alpha, kind, kind, quality)
    stream = io.BytesIO()
    try:
        image.save(stream, format=kind, **_options(kind, quality, metadata))
        if metadata is not None:
            metadata.finish(kind, stream)
    except (OSError, ValueError, RuntimeError, ArithmeticError) as error:
        raise ImageError(f"cannot write {kind}: {reason_of(error)}", remedy="try another format") from error
    return stream.getvalue()


def _checked_image(array: RGB, alpha: Alpha | None, kind: str, name: object, quality: int) -> Image.Image:
    """Returns the PIL image to write, after checks of everything; messages speak of `name`."""
    failure = f"cannot write {name}"
    if not isinstance(array, np.ndarray) or array.dtype != np.uint8:
        found = f"{array.dtype} array" if isinstance(array, np.ndarray) else type(array).__name__
        raise ImageError(f"{failure}: a uint8 array is needed, not {found}")
    if array.ndim != 3 or array.shape[2] != 3 or array.size == 0:
        raise ImageError(f"{failure}: shape [H, W, 3] is needed, not {list(array.shape)}")
    if alpha is not None and (alpha.dtype != np.uint8 or alpha.shape != array.shape[:2]):
        wanted = list(array.shape[:2])
        raise ImageError(f"{failure}: uint8 alpha {wanted} is needed, not {alpha.dtype} {list(alpha.shape)}")
    if not 1 <= quality <= 100:
        raise ConfigError("must be between 1 and 100", setting="quality", value=quality)
    check_fits_format(kind, array.shape[1], array.shape[0], name)
    return make_image(array, alpha if kind in FORMATS_WITH_ALPHA else None)


def _options(kind: str, quality: int, metadata: Metadata | None) -> dict[str, object]:
    """Returns the arguments of Pillow's `save` besides the format."""
    options: dict[str, object] = {}
    if kind in {"JPEG", "WEBP", "AVIF"}:
        options["quality"] = quality
    if kind in {"JPEG", "AVIF"}:
        # Not `optimize`: for one or two percent Pillow wants the whole file in a buffer that busy pictures do not fit
        # into, and libjpeg all coefficients in memory.
        options["subsampling"] = "4:4:4"
    return options | (metadata.options(kind) if metadata is not None else {})
