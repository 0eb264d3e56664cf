"""Content images for training: a folder tree of photos, or synthetic ones, as a LightningDataModule.

Randomness is indexed by seed and sample number: sample k is the same crop of the same photo in every run,
with any number of workers, after a resume too.
"""

from __future__ import annotations

import hashlib
import logging
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from fast_style.config.schema import DataConfig
from fast_style.errors import DataError, FastStyleError, ImageError
from fast_style.images.codec import decode_rgb, open_image
from fast_style.images.folders import readable_photos
from fast_style.images.tensors import to_tensor
from fast_style.training.synthetic import dead_leaves

log = logging.getLogger("fast_style")


class Sample(NamedTuple):
    """A crop, uint8 RGB `[3, S, S]`, its number, and the unreadable files that were passed over to get it."""

    photo: Tensor
    number: int
    skipped: list[str]


class Batch(NamedTuple):
    """Crops, uint8 RGB `[N, 3, S, S]`, their numbers, and the unreadable files that were passed over to get them."""

    photos: Tensor
    numbers: list[int]
    skipped: list[str]


def collate(samples: list[Sample]) -> Batch:
    return Batch(
        torch.stack([s.photo for s in samples]),
        [s.number for s in samples],
        [path for s in samples for path in s.skipped],
    )


def square_crop(path: Path, size: int, rng: np.random.Generator | None, min_crop: float = 1.0) -> np.ndarray:
    """A square of a photo, resized to `size`: at random with `rng`, else the largest one from the centre.

    Args:
        path: of the photo.
        size: side of the result in pixels.
        rng: draws the side of the crop, its place and a flip.
        min_crop: smallest side, as a share of the photo's shorter side; never below `size` pixels if the
            photo has as many.

    Returns:
        uint8 RGB `[size, size, 3]`.

    Raises:
        ImageError: an unreadable file.
    """
    with open_image(path) as image:
        short = min(image.size)
        share = 1.0
        if rng is not None:
            least = min(1.0, max(min_crop, size / short))
            share = float(rng.uniform(least, 1.0))
        # JPEGs decode at 1/2, 1/4 or 1/8 of their size for a fraction of the time, as long as the crop stays
        # larger than the result.
        wanted = size / (short * share)
        if wanted < 1:
            image.draft("RGB", (round(image.width * wanted), round(image.height * wanted)))
        rgb = decode_rgb(image)
    height, width = rgb.shape[:2]
    side = min(height, width) * share
    if rng is None:
        left, top = (width - side) / 2, (height - side) / 2
    else:
        left, top = rng.uniform(0, width - side), rng.uniform(0, height - side)
    box = (left, top, min(left + side, width), min(top + side, height))
    crop = Image.fromarray(rgb).resize((size, size), Image.Resampling.BICUBIC, box=box)
    result = np.asarray(crop)
    return result[:, ::-1] if rng is not None and rng.uniform() < 0.5 else result


class PhotoCrops(Dataset[Sample]):
    """Random crops of photos, by sample number without end: each epoch is another permutation of the files.

    Raises:
        DataError: on access, when not one of the files can be read (any more).
    """

    def __init__(self, paths: list[Path], size: int, *, seed: int, min_crop: float) -> None:
        self.paths = paths
        self.size = size
        self.seed = seed
        self.min_crop = min_crop
        self._epoch = -1
        self._order = np.arange(len(paths))

    def order(self, epoch: int) -> np.ndarray:
        if epoch != self._epoch:
            self._order = np.random.default_rng((self.seed, 0, epoch)).permutation(len(self.paths))
            self._epoch = epoch
        return self._order

    def __getitem__(self, index: int) -> Sample:
        epoch, position = divmod(index, len(self.paths))
        order = self.order(epoch)
        skipped: list[str] = []
        for step in range(len(order)):
            path = self.paths[order[(position + step) % len(order)]]
            try:
                crop = square_crop(
                    path, self.size, np.random.default_rng((self.seed, 1, index)), min_crop=self.min_crop
                )
            except ImageError as error:
                skipped.append(str(error))
                continue
            return Sample(to_tensor(crop), index, skipped)
        raise DataError(
            f"none of the {len(self.paths)} photos can be read any more, {self.paths[0]} among them; has the "
            f"folder been moved or unmounted?"
        )


def told_by_worker(error: DataError) -> str:
    """The message alone: around that of an error in a loader's process torch puts the traceback from there."""
    return str(error).strip().splitlines()[-1].removeprefix(f"{DataError.__module__}.{DataError.__qualname__}: ")


class SyntheticCrops(Dataset[Sample]):
    """`dead_leaves` by sample number, without end."""

    def __init__(self, size: int, *, seed: int) -> None:
        self.size = size
        self.seed = seed

    def __getitem__(self, index: int) -> Sample:
        photo = dead_leaves(np.random.default_rng((self.seed, 2, index)), self.size)
        return Sample(to_tensor(photo), index, [])


class HeldOut(Dataset[Sample]):
    """A fixed list of photos, read once; the same at every validation."""

    def __init__(self, photos: list[Tensor]) -> None:
        self.photos = photos

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, index: int) -> Sample:
        return Sample(self.photos[index], index, [])


class EndlessSampler(Sampler[int]):
    """Sample numbers `start + rank`, `start + rank + world`, … without end."""

    def __init__(self, start: int, *, rank: int = 0, world: int = 1) -> None:
        self.start = start
        self.rank = rank
        self.world = world

    def __iter__(self) -> Iterator[int]:
        number = self.start + self.rank
        while True:
            yield number
            number += self.world


def ignore_interrupts(worker: int) -> None:
    """For a loader's process: Ctrl-C in a terminal reaches it too, but the step that is to end may need its photos."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def hold_out(paths: list[Path], folder: Path, count: int) -> tuple[list[Path], list[Path]]:
    """Splits off up to `count` photos, at most a fifth, for validation.

    They are the last ones in the order of a hash of their path below `folder`: the same on every machine,
    drawn from all sub-folders, and hardly changed by adding photos.
    """
    if len(paths) == 1:
        return paths, paths
    count = max(1, min(count, len(paths) // 5))
    ranked = sorted(paths, key=lambda p: hashlib.sha256(p.relative_to(folder).as_posix().encode()).digest())
    kept_out = set(ranked[-count:])
    return [path for path in paths if path not in kept_out], ranked[-count:]


class StyleDataModule(LightningDataModule):
    """Batches of content images: photos from `config.dir`, or synthetic ones where it is None.

    Args:
        config: the `data` section.
        seed: of crops, order and synthetic images.

    Raises:
        DataError: a folder that is missing or holds no readable photo.
    """

    def __init__(self, config: DataConfig, *, seed: int) -> None:
        super().__init__()
        self.config = config
        self.skipped: dict[str, None] = {}  # an ordered set of one-line reasons, each naming its file
        size = config.image_size
        self.training: Dataset[Sample]
        if config.dir is None:
            if config.val_dir is not None:
                raise DataError(f"data.val_dir={config.val_dir} without data.dir: give both, or neither")
            self.training = SyntheticCrops(size, seed=seed)
            held_out = SyntheticCrops(size, seed=seed + 1)
            self.validation = HeldOut([held_out[i].photo for i in range(config.val_count)])
            self.source = "synthetic images"
            return
        folder = Path(config.dir).expanduser()
        paths, bad = readable_photos(folder)
        if config.val_dir is not None:
            val_paths, val_bad = readable_photos(Path(config.val_dir).expanduser())
            bad += val_bad
            val_paths = val_paths[: config.val_count]
        else:
            paths, val_paths = hold_out(paths, folder, config.val_count)
        self.report(bad)
        self.training = PhotoCrops(paths, size, seed=seed, min_crop=config.min_crop)
        self.validation = HeldOut(self._center_crops(val_paths, size))
        self.source = f"{len(paths)} photos"

    def _center_crops(self, paths: list[Path], size: int) -> list[Tensor]:
        crops = []
        for path in paths:
            try:
                crops.append(to_tensor(square_crop(path, size, None)))
            except FastStyleError as error:
                self.report([str(error)])
        if not crops:
            raise DataError(f"none of the {len(paths)} validation photos is readable, {paths[0]} among them")
        return crops

    def report(self, reasons: list[str]) -> None:
        """Names unreadable files, each once."""
        for reason in reasons:
            if reason not in self.skipped:
                self.skipped[reason] = None
                log.warning("skipped: %s", reason)

    def train_dataloader(self) -> DataLoader[Any]:
        trainer = self.trainer
        assert trainer is not None
        batch = self.config.batch_size
        # A fresh iterator knows nothing of the samples that an interrupted run has seen: start behind them.
        start = trainer.global_step * batch * trainer.world_size
        workers = self._workers(on_gpu=trainer.strategy.root_device.type == "cuda")
        return DataLoader(
            self.training,
            batch_size=batch,
            sampler=EndlessSampler(start, rank=trainer.global_rank, world=trainer.world_size),
            num_workers=workers,
            worker_init_fn=ignore_interrupts,
            collate_fn=collate,
            pin_memory=trainer.strategy.root_device.type == "cuda",
            persistent_workers=workers > 0,
        )

    def val_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self.validation, batch_size=self.config.batch_size, collate_fn=collate)

    def _workers(self, *, on_gpu: bool) -> int:
        if self.config.workers is not None:
            return self.config.workers
        import os

        # On a CPU the step itself wants every core, and decoding takes a hundredth of its time.
        return min(8, os.cpu_count() or 1) if on_gpu else 0
