"""Square crops of photos, and synthetic images, as endless datasets indexed by sample number.

Sample k is the same crop of the same photo in every run, with any number of workers, and after a resume too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from fast_style.errors import DataError, ImageError
from fast_style.images.arrays import RGB
from fast_style.images.decode import decode_rgb, open_image
from fast_style.images.tensors import to_tensor
from fast_style.system.wording import none_of
from fast_style.training.random_streams import Stream, random_generator
from fast_style.training.synthetic import dead_leaves


class Sample(NamedTuple):
    """One crop, as a dataset returns it."""

    photo: Tensor
    """uint8 RGB `[3, S, S]`."""
    number: int
    """Sample number."""
    skipped: list[str]
    """The reason for each unreadable file that was passed over to get this crop."""


class Batch(NamedTuple):
    """N crops, as a data loader returns them."""

    photos: Tensor
    """uint8 RGB `[N, 3, S, S]`."""
    numbers: list[int]
    """Sample numbers."""
    skipped: list[str]
    """The reason for each unreadable file that was passed over to get these crops."""


def collate(samples: list[Sample]) -> Batch:
    """Joins samples into a batch."""
    return Batch(
        torch.stack([sample.photo for sample in samples]),
        [sample.number for sample in samples],
        [reason for sample in samples for reason in sample.skipped],
    )


def square_crop(path: Path, size: int, rng: np.random.Generator | None, min_crop: float = 1.0) -> RGB:
    """Cuts a square out of a photo and resizes it.

    Args:
        path: path of the photo.
        size: side of the result in pixels.
        rng: draws the side of the crop, its place and a flip; None for the largest square around the center.
        min_crop: smallest side, relative to the photo's shorter side; never below `size` pixels if the photo has
            as many.

    Returns:
        uint8 RGB `[size, size, 3]`.

    Raises:
        ImageError: the file is unreadable.
    """
    with open_image(path) as image:
        shorter = min(image.size)
        relative_side = 1.0
        if rng is not None:
            smallest = min(1.0, max(min_crop, size / shorter))
            relative_side = float(rng.uniform(smallest, 1.0))
        # JPEGs decode at 1/2, 1/4 or 1/8 of their size in a fraction of the time; the crop must stay larger than the
        # result.
        reduction = size / (shorter * relative_side)
        if reduction < 1:
            image.draft("RGB", (round(image.width * reduction), round(image.height * reduction)))
        rgb = decode_rgb(image)
    height, width = rgb.shape[:2]
    side = min(height, width) * relative_side
    if rng is None:
        left, top = (width - side) / 2, (height - side) / 2
    else:
        left, top = rng.uniform(0, width - side), rng.uniform(0, height - side)
    box = (left, top, min(left + side, width), min(top + side, height))
    crop = Image.fromarray(rgb).resize((size, size), Image.Resampling.BICUBIC, box=box)
    result: RGB = np.asarray(crop)
    return result[:, ::-1] if rng is not None and rng.uniform() < 0.5 else result


def draw_window(seed: int, number: int, size: int, relative_side: float) -> tuple[slice, slice] | None:
    """Draws a square part of pictures, the same in every run.

    Args:
        seed: seed of the run.
        number: sample number of the first picture in the batch.
        size: side of the pictures in pixels.
        relative_side: side of the square relative to theirs; it is rounded to a multiple of 16 pixels, at least 32.

    Returns:
        Rows and columns; None for the whole picture.
    """
    side = max(32, round(size * relative_side / 16) * 16)
    if side >= size:
        return None
    top, left = random_generator(seed, Stream.WINDOW, number).integers(0, size - side, size=2, endpoint=True).tolist()
    return slice(top, top + side), slice(left, left + side)


class PhotoCrops(Dataset[Sample]):
    """Random crops of photos, by sample number without end; each epoch is another permutation of the files.

    Args:
        paths: the photos.
        size: side of the crops in pixels.
        seed: seed of the order and the crops.
        min_crop: smallest crop, relative to a photo's shorter side.

    Raises:
        DataError: on access, when not one of the files is readable any longer.
    """

    def __init__(self, paths: list[Path], size: int, *, seed: int, min_crop: float) -> None:
        self.paths = paths
        self.size = size
        self.seed = seed
        self.min_crop = min_crop
        self._epoch = -1
        self._order: list[int] = []

    def order(self, epoch: int) -> list[int]:
        """Returns the indices of the photos in the order of this epoch."""
        if epoch != self._epoch:
            self._order = random_generator(self.seed, Stream.ORDER, epoch).permutation(len(self.paths)).tolist()
            self._epoch = epoch
        return self._order

    def __getitem__(self, index: int) -> Sample:
        epoch, position = divmod(index, len(self.paths))
        order = self.order(epoch)
        skipped: list[str] = []
        for step in range(len(order)):
            path = self.paths[order[(position + step) % len(order)]]
            rng = random_generator(self.seed, Stream.CROPS, index)
            try:
                crop = square_crop(path, self.size, rng, min_crop=self.min_crop)
            except ImageError as error:
                skipped.append(str(error))
                continue
            return Sample(to_tensor(crop), index, skipped)
        raise DataError(
            none_of(len(self.paths), "photo", "can", f"be read any more, {self.paths[0]} among them"),
            remedy="has the folder been moved or unmounted?",
        )


def worker_message(error: DataError) -> str:
    """Returns the message of an error without the traceback that torch puts around it in a worker process."""
    # Of the raw text: str(error) is on one line, whatever is in it.
    return error.problem.rpartition(f"{DataError.__module__}.{DataError.__qualname__}: ")[2].strip()


class SyntheticCrops(Dataset[Sample]):
    """Synthetic images of `dead_leaves`, by sample number without end.

    Args:
        size: side of the images in pixels.
        seed: seed of the images.
    """

    def __init__(self, size: int, *, seed: int) -> None:
        self.size = size
        self.seed = seed

    def __getitem__(self, index: int) -> Sample:
        photo = dead_leaves(random_generator(self.seed, Stream.SYNTHETIC, index), self.size)
        return Sample(to_tensor(photo), index, [])


class FixedPhotos(Dataset[Sample]):
    """A list of photos in memory, the same at every validation.

    Args:
        photos: uint8 RGB `[3, S, S]` each.
    """

    def __init__(self, photos: list[Tensor]) -> None:
        self.photos = photos

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, index: int) -> Sample:
        return Sample(self.photos[index], index, [])


class EndlessSampler(Sampler[int]):
    """Yields the sample numbers `start + rank`, `start + rank + world`, … without end.

    Args:
        start: number of samples that were used before, by all processes together.
        rank: number of this process.
        world: number of processes.
    """

    def __init__(self, start: int, *, rank: int = 0, world: int = 1) -> None:
        self.start = start
        self.rank = rank
        self.world = world

    def __iter__(self) -> Iterator[int]:
        number = self.start + self.rank
        while True:
            yield number
            number += self.world
