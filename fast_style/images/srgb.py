"""Conversion of PIL images of every mode and color profile to sRGB, 8 bits a channel."""

from __future__ import annotations

import functools
import io

import numpy as np
from PIL import Image, ImageCms


def to_srgb(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Converts a decoded image.

    Returns:
        The image in mode RGB and sRGB, which may be the same object; and its alpha in mode L, None where all of it is
        opaque.

    Raises:
        ValueError: Pillow does not know how to convert the mode.
    """
    profile = image.info.get("icc_profile")
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
    return image, None if alpha is None or alpha.getextrema()[0] == 255 else alpha


def _eight_bits(image: Image.Image) -> Image.Image:
    """Converts 16-bit, 32-bit and float levels to mode L; levels outside the usual range are scaled by their own."""
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
