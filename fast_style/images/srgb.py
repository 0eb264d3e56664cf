"""Conversion of PIL images of every mode and color profile to sRGB, 8 bits a channel."""

from __future__ import annotations

import functools
import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

_BITS, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339
_WHITE_IS_ZERO, _UNSIGNED, _SIGNED = 0, 1, 2
_FULL_16 = 65535.0


def to_srgb(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Converts a decoded image.

    Returns:
        The image in mode RGB and sRGB, which may be the same object; and its alpha in mode L, None where all of it is
        opaque.

    Raises:
        ValueError: Pillow does not know how to convert the mode.
    """
    profile = image.info.get("icc_profile")
    alpha = None
    if image.mode.startswith("I") or image.mode == "F":
        alpha = _deep_key(image)
        image = _eight_bits(image)
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
    return image, None if alpha is None or alpha.getextrema()[0] == 255 else alpha


def _deep_key(image: Image.Image) -> Image.Image | None:
    """Returns the alpha of deep gray of which one level is transparent."""
    key = image.info.get("transparency")
    if not isinstance(key, int):
        return None
    return Image.fromarray(np.where(np.asarray(image) == key, 0, 255).astype(np.uint8))


def _eight_bits(image: Image.Image) -> Image.Image:
    """Converts 16-bit, 32-bit and float levels to mode L."""
    values = np.asarray(image)
    tags = getattr(image, "tag_v2", {})  # of a TIFF, whose numbers Pillow takes for others than they are
    bits, number = tags.get(_BITS, (16,))[0], tags.get(_SAMPLE_FORMAT, (1,))[0]
    if values.dtype == np.int32 and bits == 32 and number == _UNSIGNED:
        values = values.view(np.uint32)
    full = 2.0 ** (min(bits, 16) - (number == _SIGNED and bits <= 16)) - 1
    levels = to_levels(values, 1.0 if image.mode == "F" else full)
    return Image.fromarray(255 - levels if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else levels)


def to_levels(values: npt.NDArray[Any], full: float) -> npt.NDArray[np.uint8]:
    """Converts levels of any type from 0..`full` to 0..255.

    Where some lie outside, they are scaled from 0..65535 if that holds them, otherwise by their own range.

    Args:
        values: Numbers of any shape; those that are not finite count as 0.
        full: The level of white.
    """
    if values.dtype.kind == "f":
        values = np.where(np.isfinite(values), values, 0)
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high <= full:
        low, high = 0.0, full
    elif values.dtype.kind != "f" and low >= 0 and high <= _FULL_16:
        low, high = 0.0, _FULL_16
    wide = np.float32 if values.dtype.itemsize <= 2 else np.float64
    levels = np.subtract(values, low, dtype=wide) * wide(255 / ((high - low) or 1))
    rounded: npt.NDArray[np.uint8] = (levels + wide(0.5)).astype(np.uint8)
    return rounded


@functools.lru_cache(maxsize=16)
def _srgb_transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Returns the transform from a profile to sRGB; cached, because the photos of a folder share a few profiles.

    Args:
        profile: The bytes of an ICC profile; may be empty.
        mode: Mode of the image: L, RGB, CMYK or LAB.

    Returns:
        None where there is no profile, or it is broken, for other channels, or sRGB itself.
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
        # Most photos carry one of the many editions of sRGB. What counts is its effect, not its name: nothing is
        # gained by a pass over the pixels that moves none by more than rounding does.
        colors = np.stack(np.meshgrid(*[np.arange(0, 256, 17, dtype=np.uint8)] * 3), axis=-1)  # [16, 16, 16, 3]
        probe = Image.fromarray(colors.reshape(64, 64, 3)).convert(mode)
        moved = np.asarray(transform.apply(probe), np.int16)
        return None if np.abs(moved - np.asarray(probe.convert("RGB"))).max() <= 2 else transform
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, ImportError):
        return None
