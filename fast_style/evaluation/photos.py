"""The photos that models are measured on, and the forms that a model and a picture take there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from fast_style.errors import DataError, DataNotFoundError, ImageError
from fast_style.images.arrays import RGB
from fast_style.images.folders import readable_photos
from fast_style.images.tensors import to_float, to_tensor
from fast_style.perceptual.losses import PerceptualLoss
from fast_style.perceptual.style_image import load_large_enough
from fast_style.system.paths import check_no_url
from fast_style.system.wording import none_of

log = logging.getLogger("fast_style")

Stylize = Callable[[RGB], RGB]
"""A model: uint8 RGB `[H, W, 3]` to the same shape."""
StylizeAtStrength = Callable[[RGB, float], RGB]
"""A model that takes a strength beside the picture."""

SMALLEST_MEASURED = 136
"""Least side in pixels of a photo to measure on: it has to hold windows of 64, borders of 16, and shifts."""


@dataclass(frozen=True)
class PhotoFiles(Sequence[RGB]):
    """Photos that are read each time their turn comes: a folder of them need not fit into memory."""

    paths: list[Path]
    max_size: int
    """Longer side in pixels that larger photos are shrunk to."""

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, number: int) -> RGB:  # type: ignore[override]  # nobody slices them
        return load_large_enough(
            self.paths[number], max_side=self.max_size, setting="max_size", smallest=SMALLEST_MEASURED
        )

    def measurable(self, advance: Callable[[], None] = lambda: None) -> PhotoFiles:
        """Returns those that can be read and are large enough; the others are named in the log.

        Args:
            advance: called after each photo.

        Raises:
            DataError: none is left.
        """
        good: list[Path] = []
        bad: list[ImageError] = []
        for number, path in enumerate(self.paths):
            try:
                self[number]  # Whole: the header of a photo that is damaged further down looks readable.
            except ImageError as error:
                bad.append(error)
            else:
                good.append(path)
            advance()
        if not good:
            raise DataError(none_of(len(bad), "photo", "can", "be measured"), quoted=bad[0])
        for problem in bad:
            log.warning("skipped: %s", problem)
        return PhotoFiles(good, self.max_size)

    def spread(self, count: int) -> PhotoFiles:
        """Returns up to `count` of them, evenly spread."""
        return PhotoFiles([self.paths[number] for number in sorted(spread(len(self), count))], self.max_size)


def find_photos(folder: Path) -> list[Path]:
    """Returns the photos below a folder that look readable; the others are named in the log.

    Raises:
        DataNotFoundError: no such folder.
        DataError: not a folder, or no readable photo in it.
    """
    if not folder.is_dir():
        check_no_url(folder, DataNotFoundError, setting="photos")
        if folder.exists():
            raise DataError("is not a folder", setting="photos", value=folder, remedy="give a folder of photos")
        raise DataNotFoundError("does not exist", setting="photos", value=folder, remedy="give a folder of photos")
    paths, bad = readable_photos(folder, setting="photos")
    for reason in bad:
        log.warning("skipped: %s", reason)
    return paths


def spread(count: int, wanted: int) -> set[int]:
    """Returns up to `wanted` of the numbers below `count`, evenly spread."""
    return set(np.linspace(0, count - 1, min(count, wanted)).astype(int).tolist())


def on_device(picture: RGB, loss: PerceptualLoss) -> Tensor:
    """Converts uint8 RGB `[H, W, 3]` to float RGB in [0, 1], `[1, 3, H, W]`, on the device of `loss`."""
    return to_float(to_tensor(picture)[None].to(loss.device))
