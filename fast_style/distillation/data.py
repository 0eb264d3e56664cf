"""What a student encoder is shown: photos and synthetic images, corrupted versions of them, and crops of paintings."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from fast_style.config.schema import DistillConfig
from fast_style.errors import ConfigError
from fast_style.images.decode import load_rgb
from fast_style.images.folders import readable_photos
from fast_style.images.tensors import to_float, to_tensor
from fast_style.system.paths import find_input
from fast_style.system.signals import ignore_interrupts
from fast_style.training.crops import Batch, EndlessSampler, PhotoCrops, Sample, SyntheticCrops, collate
from fast_style.training.random_streams import DistillationStream, random_generator

log = logging.getLogger("fast_style")

LARGEST_PAINTING = 768
"""Longer side in pixels that larger paintings are shrunk to."""
MIN_CROP = 0.3
"""Smallest crop of a photo or painting, relative to its shorter side."""


class MixedCrops(Dataset[Sample]):
    """Photos and synthetic images in turn, by sample number without end.

    Args:
        photos: crops of photos.
        synthetic: synthetic images.
        every: one in this many samples is synthetic.
    """

    def __init__(self, photos: Dataset[Sample], synthetic: Dataset[Sample], every: int) -> None:
        self.photos = photos
        self.synthetic = synthetic
        self.every = every

    def __getitem__(self, index: int) -> Sample:
        return (self.synthetic if index % self.every == self.every - 1 else self.photos)[index]


class StyleSampler:
    """Draws style images: crops of paintings, some of them with other colors.

    Args:
        paintings: uint8 RGB `[3, H, W]` each.
        size: side of a crop in pixels.
        seed: seed of the draws.
    """

    def __init__(self, paintings: list[Tensor], size: int, *, seed: int) -> None:
        self.paintings = paintings
        self.size = size
        self._rng = random_generator(seed, DistillationStream.STYLES)

    def __call__(self) -> Tensor:
        """Returns float RGB in [0, 1], `[1, 3, size, size]`."""
        painting = self.paintings[self._rng.integers(len(self.paintings))]
        height, width = painting.shape[1:]
        side = max(1, int(min(height, width) * self._rng.uniform(MIN_CROP, 1.0)))
        top, left = self._rng.integers(height - side + 1), self._rng.integers(width - side + 1)
        crop = to_float(painting[None, :, top : top + side, left : left + side])
        crop = F.interpolate(crop, (self.size, self.size), mode="bilinear", antialias=True)
        if self._rng.uniform() < 0.5:
            crop = crop[:, self._rng.permutation(3).tolist()]
            crop = 1 - crop if self._rng.uniform() < 0.5 else crop
        return crop.contiguous()


def load_paintings(places: list[str]) -> list[Tensor]:
    """Reads style images.

    Args:
        places: image files, and folders of them.

    Returns:
        uint8 RGB `[3, H, W]` each, their longer side at most `LARGEST_PAINTING` pixels.

    Raises:
        ConfigError: there are no places.
        DataError: a folder holds no readable image.
        ImageError: a file is missing or unreadable.
    """
    if not places:
        raise ConfigError("needs at least one style image, or a folder of them", setting="styles", value=places)
    files: list[Path] = []
    for place in places:
        path = find_input(place)
        files += readable_photos(path)[0] if path.is_dir() else [path]
    return [to_tensor(load_rgb(file, max_side=LARGEST_PAINTING)) for file in files]


def load_photos(config: DistillConfig) -> PhotoCrops:
    """Returns crops of the photos in `config.photos`, and logs which photos cannot be read.

    Raises:
        DataError: the folder is missing or holds no readable photo.
    """
    photos, unreadable = readable_photos(Path(config.photos).expanduser(), setting="photos")
    for reason in unreadable:
        log.warning("skipped: %s", reason)
    return PhotoCrops(photos, config.image_size, seed=config.seed, min_crop=MIN_CROP)


def batch_size(config: DistillConfig) -> int:
    """Returns the number of content images in a step."""
    return config.new_pictures + config.clean_pictures


def content_loader(config: DistillConfig, photos: PhotoCrops, *, first_step: int) -> DataLoader[Batch]:
    """Returns the loader of content images.

    Args:
        config: settings of the distillation.
        photos: crops of the photos.
        first_step: number of steps that an earlier run has trained.
    """
    synthetic = SyntheticCrops(config.image_size, seed=config.seed)
    count = batch_size(config)
    return DataLoader(
        MixedCrops(photos, synthetic, config.synthetic_every),  # type: ignore[arg-type]  # see collate_fn
        batch_size=count,
        sampler=EndlessSampler(first_step * count),
        num_workers=config.workers,
        collate_fn=collate,
        worker_init_fn=ignore_interrupts,
    )


class Corruption:
    """Corrupts images: with noise, a tiled pattern, other colors, blotches, or sharpening; a quarter stay clean.

    Args:
        generator: draws what happens to which image.
    """

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator

    def __call__(self, images: Tensor) -> Tensor:
        """Corrupts a batch.

        Args:
            images: float RGB in [0, 1], `[N, 3, S, S]`, on the CPU.

        Returns:
            The same shape and range.
        """
        return torch.stack([self._corrupt(image).clamp(0, 1) for image in images])

    def _corrupt(self, image: Tensor) -> Tensor:
        kinds: list[tuple[float, Callable[[Tensor], Tensor]]] = [
            (0.25, self._add_noise),
            (0.4, self._add_pattern),
            (0.55, self._change_colors),
            (0.65, self._add_blotches),
            (0.75, self._sharpen),
        ]
        draw = self._uniform(0, 1)
        for limit, corrupt in kinds:
            if draw < limit:
                return corrupt(image)
        return image

    def _add_noise(self, image: Tensor) -> Tensor:
        return image + self._normal(*image.shape) * self._uniform(0.02, 0.3)

    def _add_pattern(self, image: Tensor) -> Tensor:
        size = image.shape[-1]
        period = int(torch.randint(2, 9, (1,), generator=self.generator))
        repeats = size // period + 1
        tile = self._normal(3, period, period) * self._uniform(0.03, 0.3)
        return image + tile.repeat(1, repeats, repeats)[:, :size, :size]

    def _change_colors(self, image: Tensor) -> Tensor:
        matrix = torch.eye(3) + self._normal(3, 3) * 0.5
        return torch.einsum("ij,jhw->ihw", matrix, image - 0.5) + 0.5 + self._normal(3, 1, 1) * 0.2

    def _add_blotches(self, image: Tensor) -> Tensor:
        size = image.shape[-1]
        blotches = self._normal(1, 3, size // 4, size // 4) * self._uniform(0.05, 0.3)
        return image + F.interpolate(blotches, (size, size), mode="bicubic")[0]

    def _sharpen(self, image: Tensor) -> Tensor:
        return image + self._uniform(1, 4) * (image - F.avg_pool2d(image[None], 3, 1, 1)[0])

    def _uniform(self, low: float, high: float) -> float:
        return float(torch.empty(1).uniform_(low, high, generator=self.generator))

    def _normal(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self.generator)
