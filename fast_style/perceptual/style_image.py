"""The paintings of a style, and the check for enough pixels, which other images pass, too."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

import torch

from fast_style.config.schema import TrainConfig
from fast_style.errors import ConfigError, DataError, ImageError
from fast_style.images.arrays import RGB
from fast_style.images.decode import load_rgb, open_image
from fast_style.images.folders import matching_photos, readable_photos
from fast_style.images.tensors import to_float, to_tensor
from fast_style.system.paths import find_input, is_pattern, name_of

log = logging.getLogger("fast_style")

SMALLEST_SIDE = 32
"""Least side of an image in pixels: below that little is left of it at a quarter of the resolution."""

UNEVEN = 2
"""How many times longer than the smallest of a style's paintings the largest may be without a warning."""


@dataclass(frozen=True)
class Style:
    """One of the styles of a network: a painting, or several that share what is to be learned."""

    name: str
    """What it goes by: the name of its file or folder without the suffix."""
    paintings: list[torch.Tensor]
    """Float RGB in [0, 1], `[1, 3, H, W]` each."""


def load_styles(config: TrainConfig) -> list[Style]:
    """Reads all paintings at `style.size`: a style for each in the folder `style.images`, or that of `style.image`.

    Raises:
        ImageNotFoundError: `style.image` does not exist, or no file matches it.
        DataError: there is no such folder, or nothing readable in it.
        ConfigError: two style images have one name.
        ImageError: an image is unreadable, or smaller than 32 pixels on a side, in itself or at that size.
    """
    if config.style.images is None:
        return [Style(name_of(config.style.image or ""), load_paintings(config))]
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
    return [Style(name, [read_style(path, config.style.size)]) for name, path in by_name.items()]


def load_paintings(config: TrainConfig) -> list[torch.Tensor]:
    """Reads the paintings of the style `style.image`, an image, a folder of images or a pattern, at `style.size`.

    Those of several that cannot be used are named in the log and left out.

    Returns:
        Float RGB in [0, 1], `[1, 3, H, W]` each, in the order of their paths.

    Raises:
        ImageNotFoundError: it does not exist, or no file matches the pattern.
        DataError: none of several images can be used.
        ImageError: the only image is unreadable, or smaller than 32 pixels on a side, in itself or at that size.
    """
    given = config.style.image or ""
    path = find_input(given)
    if path.is_dir():
        paths, reasons = readable_photos(path, setting="style.image")
    elif is_pattern(given) and not path.exists():
        paths, reasons = matching_photos(given, setting="style.image")
    else:
        return [load_style(config)]
    paintings: dict[Path, torch.Tensor] = {}
    for each in paths:
        try:
            paintings[each] = _read(each, config.style.size)
        except ImageError as error:
            reasons.append(str(error))
    for reason in reasons:
        log.warning("left out of the style: %s", reason)
    if not paintings:
        reason = reasons[0]
        raise DataError(
            f"not one of its {len(paths)} images can be used ({reason})", setting="style.image", value=given
        )
    _warn_of_few_or_uneven(given, paintings)
    return list(paintings.values())


def _warn_of_few_or_uneven(given: str, paintings: dict[Path, torch.Tensor]) -> None:
    """Logs a warning if a set has one painting only, or some that are much smaller than others."""
    if len(paintings) == 1:
        log.warning("%s holds a single painting that can be used, %s: the style is that one's", given, *paintings)
        return
    longest = {path: max(painting.shape[-2:]) for path, painting in paintings.items()}
    smallest = min(longest, key=lambda path: longest[path])
    if UNEVEN * longest[smallest] < max(longest.values()):
        log.warning(
            "%s is at most %d px long, others are %d: its strokes are finer than theirs; leave it out, or use "
            "style.size=%d", smallest, longest[smallest], max(longest.values()), longest[smallest],
        )  # fmt: skip


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
        return _read(path, size)
    except ImageError as error:
        if error.setting is None:
            error.setting = "style.image"
        raise


def _read(path: Path, size: int) -> torch.Tensor:
    return to_float(to_tensor(load_large_enough(path, max_side=size, setting="style.size"))[None])


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
