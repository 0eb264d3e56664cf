"""What is watched while training: image grids and photos per second in TensorBoard, a progress bar, and the
photos that could not be read."""

from __future__ import annotations

import time
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import TensorBoardLogger
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from torch import Tensor
from torch.nn import functional as F

from fast_style.images.tensors import to_float
from fast_style.training.data import Batch, StyleDataModule


class ImageGrid(Callback):
    """After each validation, a grid in TensorBoard: a row of photo, stylised photo and style each.

    Args:
        photos: held-out photos, uint8 `[N, 3, S, S]`.
        style: the style image, float in [0, 1], `[1, 3, H, W]`.
    """

    def __init__(self, photos: Tensor, style: Tensor) -> None:
        self.photos = photos
        side = photos.shape[-1]
        short = min(style.shape[-2:])
        top, left = ((length - short) // 2 for length in style.shape[-2:])
        square = style[..., top : top + short, left : left + short]
        self.style = F.interpolate(square, (side, side), mode="bilinear", antialias=True)[0]

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        logger = trainer.logger
        if not isinstance(logger, TensorBoardLogger) or not trainer.is_global_zero:
            return
        from torchvision.utils import make_grid

        rows: list[Tensor] = []
        for photo in self.photos:
            given = to_float(photo[None].to(pl_module.device))
            with torch.no_grad():
                stylized = pl_module(given).float().clamp(0, 1)
            rows += [given[0].cpu(), stylized[0].cpu(), self.style]
        grid = make_grid(torch.stack(rows), nrow=3, padding=4, pad_value=1.0)
        logger.experiment.add_image("photo, stylised, style", grid, trainer.global_step)


class Throughput(Callback):
    """Logs `photos_per_second` each `every` steps: all devices together, validation left out."""

    def __init__(self, every: int) -> None:
        self.every = every
        self.photos = 0
        self.seconds = 0.0
        self._began = 0.0

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Batch, batch_idx: int) -> None:
        if not self._began:
            self._began = time.perf_counter()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        now = time.perf_counter()
        # From the end of one step to the end of the next, so that waiting for data counts.
        self.seconds += now - self._began
        self._began = now
        self.photos += len(batch.photos) * trainer.world_size
        if trainer.global_step % self.every == 0 and self.seconds > 0:
            pl_module.log("photos_per_second", self.photos / self.seconds)
            self.photos, self.seconds = 0, 0.0

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._began = 0.0


class SkippedPhotos(Callback):
    """Names each unreadable photo once, as soon as a worker met it."""

    def __init__(self, data: StyleDataModule) -> None:
        self.data = data

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        self.data.report(batch.skipped)


class ProgressBar(Callback):
    """One bar over all steps, with the loss, photos per second and the time left, on stderr."""

    def __init__(self, console: Console) -> None:
        self.progress = Progress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeElapsedColumn(),
            TextColumn("·"),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=console,
        )

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero:
            self.progress.start()
            self.task = self.progress.add_task(
                "training", total=trainer.max_steps, completed=trainer.global_step, figures=""
            )

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        if not trainer.is_global_zero:
            return
        metrics = trainer.callback_metrics
        figures = [f"loss {float(metrics['train/total']):.3f}"] if "train/total" in metrics else []
        if "photos_per_second" in metrics:
            figures.append(f"{float(metrics['photos_per_second']):.2f} photos/s")
        self.progress.update(self.task, completed=trainer.global_step, figures="  ".join(figures))

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self.progress.stop()
