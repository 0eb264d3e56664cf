"""What a unit of an encoder looks for: the patches of photos that excite it most (Zeiler and Fergus 2014,
arXiv 1311.2901, figure 2, without the deconvolutions)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fast_style.errors import DataError, EncoderError, ImageError
from fast_style.images.codec import format_of, save_rgb
from fast_style.images.tensors import to_float, to_tensor
from fast_style.perceptual.encoders import Encoder, build_encoder
from fast_style.perceptual.objective import load_large_enough, named_as_options, photos_below
from fast_style.system.files import check_writable

log = logging.getLogger("fast_style")

SHOWN = 128
"""Pixels: the side that each patch is drawn at, or a multiple of its own above that."""


@dataclass(frozen=True)
class Patch:
    """Where a unit is most excited in a photo."""

    activation: float
    photo: Path
    top: int  # of its receptive field, in pixels; beyond the photo where it reaches into the padding
    left: int
    pixels: np.ndarray
    """uint8 RGB `[S, S, 3]`, S the size of the receptive field; what lies beyond the photo is grey."""


def strongest_patches(
    encoder: Encoder,
    layer: str,
    unit: int,
    photos: list[Path],
    *,
    count: int = 9,
    max_side: int = 512,
    advance: Callable[[], None] = lambda: None,
) -> list[Patch]:
    """The photos that excite a unit most, at the place where each does.

    Args:
        encoder: whose unit.
        layer, unit: name of the tap and number of the channel.
        photos: files; one patch of each at most. Unreadable ones, and ones with less than 32 pixels a side, are
            passed over, and named in the log.
        count: of patches.
        max_side: larger photos are shrunk to this longer side.
        advance: called for each photo.

    Returns:
        Up to `count`, the strongest first; fewer where fewer photos excite it at all.

    Raises:
        EncoderError: no such layer or unit.
        DataError: every photo was passed over.
    """
    field = encoder.receptive_field(layer)
    found: list[Patch] = []
    skipped: list[str] = []
    for path in photos:
        advance()
        try:
            photo = load_large_enough(path, max_side=max_side, setting="a longer side of ")
        except ImageError as error:
            skipped.append(str(error))
            continue
        with torch.no_grad():
            features = encoder(to_float(to_tensor(photo)[None]), [layer])[layer][0]
        if not 0 <= unit < len(features):
            raise EncoderError(
                f"--unit {unit}: {encoder.name} has {len(features)} units in {layer}, 0 to {len(features) - 1}"
            )
        activation, place = features[unit].flatten().max(0)
        row, column = divmod(int(place), features.shape[-1])
        top, left = (field.start + field.stride * index for index in (row, column))
        if activation > 0:
            pixels = _cut(photo, top, left, field.size)
            found = sorted([*found, Patch(float(activation), path, top, left, pixels)], key=lambda p: -p.activation)[
                :count
            ]
    if skipped and len(skipped) == len(photos):
        raise DataError(f"none of the {len(photos)} photos can be looked at ({skipped[0]})")
    for reason in skipped:
        log.warning("skipped: %s", reason)
    return found


def _cut(photo: np.ndarray, top: int, left: int, size: int) -> np.ndarray:
    patch = np.full((size, size, 3), 128, np.uint8)
    y, x = max(top, 0), max(left, 0)
    part = photo[y : top + size, x : left + size]
    patch[y - top : y - top + part.shape[0], x - left : x - left + part.shape[1]] = part
    return patch


def contact_sheet(patches: list[Patch]) -> np.ndarray:
    """The patches in a square of rows and columns, enlarged to be seen: uint8 RGB `[H, W, 3]`."""
    side = patches[0].pixels.shape[0]
    shown = side * max(1, -(-SHOWN // side))
    gap = 4
    columns = int(np.ceil(np.sqrt(len(patches))))
    rows = -(-len(patches) // columns)
    sheet = np.full((rows * (shown + gap) + gap, columns * (shown + gap) + gap, 3), 255, np.uint8)
    for number, patch in enumerate(patches):
        row, column = divmod(number, columns)
        # Nearest: the pixels themselves are what is shown.
        enlarged = np.asarray(Image.fromarray(patch.pixels).resize((shown, shown), Image.Resampling.NEAREST))
        y, x = gap + row * (shown + gap), gap + column * (shown + gap)
        sheet[y : y + shown, x : x + shown] = enlarged
    return sheet


@named_as_options()
def visualize_unit(
    encoder: str,
    weights: Path | None,
    layer: str,
    unit: int,
    photos: Path,
    output: Path,
    *,
    count: int,
    console: Console,
    quiet: bool,
) -> list[Patch]:
    """What `fast-style visualize` does: writes the `contact_sheet` of the `strongest_patches` of a folder.

    Raises:
        FastStyleError: no such encoder, layer, unit or folder, nothing that excites the unit, or an output that
            can't be written.
    """
    format_of(output)
    check_writable(output.parent, "--output")
    network = build_encoder(encoder, [layer], str(weights) if weights else None)
    paths, bad = photos_below(photos)
    for reason in bad:
        log.warning("skipped: %s", reason)
    progress = Progress(
        TextColumn("looking"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=console, transient=True, disable=quiet or not console.is_terminal,
    )  # fmt: skip
    with progress:
        task = progress.add_task("looking", total=len(paths))
        patches = strongest_patches(network, layer, unit, paths, count=count, advance=lambda: progress.advance(task))
    if not patches:
        raise DataError(f"{photos}: nothing in it excites unit {unit} of {layer}; try other photos or another unit")
    save_rgb(contact_sheet(patches), output)
    return patches
