"""Content images for training, as a LightningDataModule: a folder tree of photos, or synthetic images."""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path

from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from fast_style.config.schema import DataConfig
from fast_style.errors import UNSET, ConfigError, DataError, ImageError
from fast_style.images.folders import readable_photos
from fast_style.images.tensors import to_tensor
from fast_style.system.signals import ignore_interrupts
from fast_style.system.wording import counted, none_of
from fast_style.training.crops import (
    Batch,
    EndlessSampler,
    FixedPhotos,
    PhotoCrops,
    Sample,
    SyntheticCrops,
    collate,
    square_crop,
)

log = logging.getLogger("fast_style")

MOST_WORKERS = 8


def hold_out(paths: list[Path], folder: Path, count: int) -> tuple[list[Path], list[Path]]:
    """Splits off photos for validation.

    They are the last ones in the order of a hash of their path below `folder`: the same on every machine, drawn from
    all subfolders, and hardly changed by adding photos.

    Args:
        paths: all photos.
        folder: the folder that they lie in.
        count: number of photos to hold out; at most a fifth of them are.

    Returns:
        The photos to train on, and those to validate on; a single photo serves for both.
    """
    if len(paths) == 1:
        return paths, paths
    count = max(1, min(count, len(paths) // 5))
    ranked = sorted(paths, key=lambda path: hashlib.sha256(path.relative_to(folder).as_posix().encode()).digest())
    held_out = set(ranked[-count:])
    return [path for path in paths if path not in held_out], ranked[-count:]


class StyleDataModule(LightningDataModule):
    """Batches of content images: photos from `config.dir`, or synthetic ones where it is None.

    Args:
        config: the `data` section of the settings.
        seed: seed of the crops, their order and the synthetic images.

    Raises:
        ConfigError: photos to validate on without photos to train on.
        DataError: a folder is missing or holds no readable photo.
    """

    def __init__(self, config: DataConfig, *, seed: int) -> None:
        super().__init__()
        self.config = config
        self.skipped: dict[str, None] = {}
        """An ordered set: the reason for each unreadable file, which names the file."""
        size = config.image_size
        self.training: Dataset[Sample]
        if config.dir is None:
            if config.val_dir is not None:
                raise ConfigError(
                    "there are no photos to train on",
                    setting="data.val_dir",
                    value=config.val_dir,
                    remedy="give {data.dir} too, or neither of them",
                    suggestions={"data.dir": UNSET},
                )
            self.training = SyntheticCrops(size, seed=seed)
            held_out = SyntheticCrops(size, seed=seed + 1)
            self.validation = FixedPhotos([held_out[number].photo for number in range(config.val_count)])
            self.source = "synthetic images"
            return
        folder = Path(config.dir).expanduser()
        paths, unreadable = readable_photos(folder, setting="data.dir")
        if config.val_dir is not None:
            val_paths, val_unreadable = readable_photos(Path(config.val_dir).expanduser(), setting="data.val_dir")
            unreadable += val_unreadable
            val_paths = val_paths[: config.val_count]
        else:
            paths, val_paths = hold_out(paths, folder, config.val_count)
        self.report(unreadable)
        self.training = PhotoCrops(paths, size, seed=seed, min_crop=config.min_crop)
        self.validation = FixedPhotos(self._center_crops(val_paths, size))
        self.source = counted(len(paths), "photo")

    def _center_crops(self, paths: list[Path], size: int) -> list[Tensor]:
        crops = []
        for path in paths:
            try:
                crops.append(to_tensor(square_crop(path, size, None)))
            except ImageError as error:
                self.report([str(error)])
        if not crops:
            raise DataError(none_of(len(paths), "validation photo", "is", f"readable, {paths[0]} among them"))
        return crops

    def report(self, reasons: list[str]) -> None:
        """Logs the reasons why files are unreadable, each once."""
        for reason in reasons:
            if reason not in self.skipped:
                self.skipped[reason] = None
                log.warning("skipped: %s", reason)

    def train_dataloader(self) -> DataLoader[Batch]:
        trainer = self.trainer
        assert trainer is not None
        on_gpu = trainer.strategy.root_device.type == "cuda"
        batch = self.config.batch_size
        # A fresh iterator knows nothing of the samples that an interrupted run has used: start behind them.
        start = trainer.global_step * batch * trainer.world_size
        workers = self._workers(on_gpu=on_gpu)
        return DataLoader(
            self.training,  # type: ignore[arg-type]  # a loader returns what `collate` makes of samples
            batch_size=batch,
            sampler=EndlessSampler(start, rank=trainer.global_rank, world=trainer.world_size),
            num_workers=workers,
            # The step that Ctrl-C lets end may still need photos from the worker processes.
            worker_init_fn=ignore_interrupts,
            collate_fn=collate,
            pin_memory=on_gpu,
            persistent_workers=workers > 0,
        )

    def val_dataloader(self) -> DataLoader[Batch]:
        return DataLoader(
            self.validation,  # type: ignore[arg-type]  # as above
            batch_size=self.config.batch_size,
            collate_fn=collate,
        )

    def _workers(self, *, on_gpu: bool) -> int:
        if self.config.workers is not None:
            return self.config.workers
        # On a CPU the training step itself keeps every core busy, and decoding takes a hundredth of its time.
        return min(MOST_WORKERS, os.cpu_count() or 1) if on_gpu else 0
