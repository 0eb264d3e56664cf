"""Images with enough pixels to be compared: the style image, and the check that others pass, too."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import torch

from fast_style.config.schema import TrainConfig
from fast_style.errors import ConfigError, ImageError
from fast_style.images.arrays import RGB
from fast_style.images.decode import load_rgb, open_image
from fast_style.images.folders import readable_photos
from fast_style.images.tensors import to_float, to_tensor
from fast_style.system.paths import find_input

log = logging.getLogger("fast_style")

SMALLEST_SIDE = 32
"""Least side of an image in pixels: below that little is left of it at a quarter of the resolution."""


@dataclass(frozen=True)
class StyleImage:
    """One of the styles of a network."""

    name: str
    """What it goes by: the name of its file without the suffix."""
    image: torch.Tensor
    """Float RGB in [0, 1], `[1, 3, H, W]`."""


def load_styles(config: TrainConfig) -> list[StyleImage]:
    """Reads all style images at `style.size`: those of the folder `style.images`, or `style.image` alone.

    Raises:
        DataError: there is no such folder, or nothing readable in it.
        ConfigError: two style images have one name.
        ImageError: an image is unreadable, or smaller than 32 pixels on a side, in itself or at that size.
    """
    if config.style.images is None:
        assert config.style.image is not None
        return [StyleImage(Path(config.style.image).stem, load_style(config))]
    paths, unreadable = readable_photos(find_input(config.style.images), setting="style.images")
    for reason in unreadable:
        log.warning("skipped: %s", reason)
    by_name: dict[str, Path] = {}
    for path in paths:
        if path.stem in by_name:
            raise ConfigError(
                f"{by_name[path.stem]} and {path} have one name",
                setting="style.images",
                value=config.style.images,
                remedy="rename one of them",
            )
        by_name[path.stem] = path
    return [StyleImage(name, read_style(path, config.style.size)) for name, path in by_name.items()]


def load_style(config: TrainConfig) -> torch.Tensor:
    """Reads the style image `style.image` at `style.size`.

    Returns:
        Float RGB in [0, 1], `[1, 3, H, W]`.

    Raises:
        ImageNotFoundError: it does not exist.
        ImageError: unreadable, or smaller than 32 pixels on a side, in itself or at that size.
    """
    assert config.style.image is not None
    return read_style(find_input(config.style.image), config.style.size)


def read_style(path: Path, size: int) -> torch.Tensor:
    """Reads a style image with a longer side of at most `size` pixels; see `load_style`."""
    try:
        rgb = load_large_enough(path, max_side=size, setting="style.size")
    except ImageError as error:
        if error.setting is None:
            error.setting = "style.image"
        raise
    return to_float(to_tensor(rgb)[None])


def load_large_enough(path: Path, *, max_side: int, setting: str, smallest: int = SMALLEST_SIDE) -> RGB:
    """Reads an image, and refuses one that is too small.

    Args:
        path: an image file.
        max_side: larger images are shrunk to this longer side, in pixels.
        setting: the name of `max_side` in errors, such as `style.size`.
        smallest: least length of both sides, in pixels.

    Returns:
        uint8 RGB `[H, W, 3]`.

    Raises:
        ImageNotFoundError: it does not exist.
        ImageError: unreadable, or too small, in itself or at `max_side`.
    """
    rgb = load_rgb(path, max_side=max_side)
    height, width = rgb.shape[:2]
    if min(height, width) >= smallest:
        return rgb
    enough = least_max_side(path, smallest)
    raise ImageError(
        f"{path} is too small at {width}×{height} px",
        setting=setting,
        value=max_side,
        remedy=f"want {{{setting}}} or more",
        suggestions={setting: enough},
    )


def least_max_side(path: Path, smallest: int = SMALLEST_SIDE) -> int:
    """Returns the least longer side at which an image's shorter side has `smallest` pixels.

    Raises:
        ImageNotFoundError: it does not exist.
        ImageError: unreadable, or its shorter side has fewer pixels in itself.
    """
    with open_image(path) as image:
        short, long = sorted(image.size)
        if short < smallest:
            raise ImageError(
                f"{path}: {image.width}×{image.height} px is too small", remedy=f"want sides of {smallest} px or more"
            )
    # The least n for which short · n / long, rounded half up as in load_rgb, is `smallest`.
    return -((1 - 2 * smallest) * long // (2 * short))
