"""Shows what a unit of an encoder looks for: the patches of photos that excite it most.

This is figure 2 of Zeiler and Fergus 2014 (arXiv 1311.2901) without the deconvolutions.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from rich.console import Console

from fast_style.errors import ConfigError, DataError, ImageError
from fast_style.evaluation.photos import find_photos
from fast_style.images.arrays import RGB
from fast_style.images.encode import save_rgb
from fast_style.images.formats import format_of
from fast_style.images.tensors import to_float, to_tensor
from fast_style.perceptual.encoders import Encoder, build_encoder
from fast_style.perceptual.style_image import load_large_enough
from fast_style.system.files import check_writable
from fast_style.system.progress import ProgressDisplay
from fast_style.system.wording import none_of

log = logging.getLogger("fast_style")

SHOWN = 128
"""Least side in pixels that patches are drawn at; they are enlarged by whole factors."""
GAP = 4
"""White pixels between patches."""
BEYOND = 128
"""Gray value of what lies beyond the photo."""


@dataclass(frozen=True)
class VisualizeOptions:
    """The options of `visualize_unit` beside the photos and the output."""

    layer: str
    """A tap of the encoder."""
    unit: int
    """Number of the channel."""
    encoder: str = "embedded"
    """Name of the encoder."""
    weights: Path | None = None
    """Local weights of the encoder; None for its own."""
    count: int = 9
    """The most patches to draw."""


@dataclass(frozen=True)
class Patch:
    """The place where a photo excites a unit most."""

    activation: float
    photo: Path
    top: int
    """First row of the receptive field in pixels; negative where it reaches into the padding."""
    left: int
    """First column of the receptive field in pixels; negative where it reaches into the padding."""
    pixels: RGB
    """uint8 RGB `[S, S, 3]`, S the size of the receptive field; what lies beyond the photo is gray."""


def visualize_unit(
    photos: Path, output: Path, options: VisualizeOptions, *, console: Console, quiet: bool
) -> list[Patch]:
    """Writes the `contact_sheet` of the `strongest_patches` of a folder of photos.

    Args:
        photos: a folder of photos.
        output: the picture to write.
        options: encoder, layer and unit.
        console: where progress is shown.
        quiet: shows nothing.

    Returns:
        The patches, the strongest first.

    Raises:
        FastStyleError: unknown encoder, layer or unit, no such folder, nothing that excites the unit, or an output
            that cannot be written.
    """
    format_of(output)
    check_writable(output.parent, "output")
    weights = str(options.weights) if options.weights else None
    encoder = build_encoder(options.encoder, [options.layer], weights)
    paths = find_photos(photos)
    with ProgressDisplay(console, quiet=quiet) as display:
        advance = display.add("looking", len(paths)).advance
        patches = strongest_patches(encoder, options.layer, options.unit, paths, count=options.count, advance=advance)
    if not patches:
        raise DataError(
            f"{photos}: nothing in it excites unit {options.unit} of {options.layer}",
            remedy="try other photos or another unit",
        )
    save_rgb(contact_sheet(patches), output)
    return patches


def strongest_patches(
    encoder: Encoder,
    layer: str,
    unit: int,
    photos: Sequence[Path],
    *,
    count: int = 9,
    max_side: int = 512,
    advance: Callable[[], None] = lambda: None,
) -> list[Patch]:
    """Finds the photos that excite a unit most, and the place where each does.

    Args:
        encoder: the encoder that the unit belongs to.
        layer: a tap of the encoder.
        unit: number of the channel.
        photos: image files; one patch is taken of each at most. Unreadable ones, and ones with less than 32 pixels
            on a side, are passed over, and named in the log.
        count: the most patches to return.
        max_side: longer side in pixels that larger photos are shrunk to.
        advance: called for each photo.

    Returns:
        Up to `count` patches, the strongest first; fewer where fewer photos excite the unit at all.

    Raises:
        EncoderError: no such layer.
        ConfigError: no such unit.
        DataError: every photo was passed over.
    """
    found: list[Patch] = []
    skipped: list[ImageError] = []
    for path in photos:
        advance()
        try:
            photo = load_large_enough(path, max_side=max_side, setting="max_side")
        except ImageError as error:
            skipped.append(error)
            continue
        patch = _strongest_patch(encoder, layer, unit, path, photo)
        if patch.activation > 0:
            found = sorted([*found, patch], key=lambda patch: -patch.activation)[:count]
    if skipped and len(skipped) == len(photos):
        raise DataError(none_of(len(photos), "photo", "can", "be looked at"), quoted=skipped[0])
    for problem in skipped:
        log.warning("skipped: %s", problem)
    return found


def _strongest_patch(encoder: Encoder, layer: str, unit: int, path: Path, photo: RGB) -> Patch:
    field = encoder.receptive_field(layer)
    with torch.no_grad():
        features = encoder(to_float(to_tensor(photo)[None]), [layer])[layer][0]  # [C, h, w]
    if not 0 <= unit < len(features):
        raise ConfigError(
            f"{encoder.name} has {len(features)} units in {layer}, 0 to {len(features) - 1}", setting="unit", value=unit
        )
    activation, place = features[unit].flatten().max(0)
    row, column = divmod(int(place), features.shape[-1])
    top, left = (field.start + field.stride * index for index in (row, column))
    return Patch(float(activation), path, top, left, _cut(photo, top, left, field.size))


def _cut(photo: RGB, top: int, left: int, size: int) -> RGB:
    patch = np.full((size, size, 3), BEYOND, np.uint8)
    y, x = max(top, 0), max(left, 0)
    visible = photo[y : top + size, x : left + size]
    patch[y - top : y - top + visible.shape[0], x - left : x - left + visible.shape[1]] = visible
    return patch


def contact_sheet(patches: Sequence[Patch]) -> RGB:
    """Returns the patches in a square of rows and columns, enlarged to be seen: uint8 RGB `[H, W, 3]`."""
    side = patches[0].pixels.shape[0]
    shown = side * max(1, -(-SHOWN // side))
    columns = int(np.ceil(np.sqrt(len(patches))))
    rows = -(-len(patches) // columns)
    sheet = np.full((rows * (shown + GAP) + GAP, columns * (shown + GAP) + GAP, 3), 255, np.uint8)
    for number, patch in enumerate(patches):
        row, column = divmod(number, columns)
        # Nearest neighbor: the pixels themselves are what is shown.
        enlarged = np.asarray(Image.fromarray(patch.pixels).resize((shown, shown), Image.Resampling.NEAREST))
        y, x = GAP + row * (shown + GAP), GAP + column * (shown + GAP)
        sheet[y : y + shown, x : x + shown] = enlarged
    return sheet
