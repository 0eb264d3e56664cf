"""Callbacks that show how training goes: image grids, photos per second, a progress bar and unreadable photos."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import TensorBoardLogger
from rich.console import Console
from torch import Tensor
from torch.nn import functional as F

from fast_style.images.tensors import to_float
from fast_style.system.progress import ProgressDisplay
from fast_style.training.crops import Batch
from fast_style.training.data import StyleDataModule


class ImageGrid(Callback):
    """Shows a grid in TensorBoard after each validation: rows of photo, stylized photo and style.

    There is one row for each photo or for each style, whichever are more.

    Args:
        photos: held-out photos, uint8 `[N, 3, S, S]`.
        styles: the style images, float in [0, 1], `[1, 3, H, W]` each.
    """

    def __init__(self, photos: Tensor, styles: Sequence[Tensor]) -> None:
        self.photos = photos
        self.styles = [center_square(style, photos.shape[-1]) for style in styles]

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        logger = trainer.logger
        if not isinstance(logger, TensorBoardLogger) or not trainer.is_global_zero:
            return
        from torchvision.utils import make_grid

        pictures: list[Tensor] = []
        for row in range(max(len(self.photos), len(self.styles))):
            style = row % len(self.styles)
            given = to_float(self.photos[row % len(self.photos)][None].to(pl_module.device))
            with torch.no_grad():
                stylized = pl_module(given, torch.tensor([style])).float().clamp(0, 1)
            pictures += [given[0].cpu(), stylized[0].cpu(), self.styles[style]]
        grid = make_grid(torch.stack(pictures), nrow=3, padding=4, pad_value=1.0)
        logger.experiment.add_image("photo, stylized, style", grid, trainer.global_step)


def center_square(image: Tensor, side: int) -> Tensor:
    """Returns the square around the center of `[1, 3, H, W]`, resized to `[3, side, side]`."""
    shorter = min(image.shape[-2:])
    top, left = ((length - shorter) // 2 for length in image.shape[-2:])
    square = image[..., top : top + shorter, left : left + shorter]
    return F.interpolate(square, (side, side), mode="bilinear", antialias=True)[0]


class Throughput(Callback):
    """Logs `photos_per_second`, of all devices together and without the time that validation takes.

    Args:
        every: number of steps between two figures.
    """

    def __init__(self, every: int) -> None:
        self.every = every
        self._photos = 0
        self._seconds = 0.0
        self._last_step_ended: float | None = None

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Batch, batch_idx: int) -> None:
        if self._last_step_ended is None:
            self._last_step_ended = time.perf_counter()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: Batch, batch_idx: int
    ) -> None:
        now = time.perf_counter()
        # From the end of one step to the end of the next, so that waiting for data counts.
        self._seconds += now - (now if self._last_step_ended is None else self._last_step_ended)
        self._last_step_ended = now
        self._photos += len(batch.photos) * trainer.world_size
        if trainer.global_step % self.every == 0 and self._seconds > 0:
            pl_module.log("photos_per_second", self._photos / self._seconds)
            self._photos, self._seconds = 0, 0.0

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._last_step_ended = None


class SkippedPhotos(Callback):
    """Logs each unreadable photo once, as soon as a worker process has met it.

    Args:
        data: keeps the list of them.
    """

    def __init__(self, data: StyleDataModule) -> None:
        self.data = data

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: Batch, batch_idx: int
    ) -> None:
        self.data.report(batch.skipped)


class ProgressBar(Callback):
    """Shows one bar over all steps, with the loss, photos per second and the time left.

    Args:
        console: where the bar is drawn.
    """

    def __init__(self, console: Console) -> None:
        self._display = ProgressDisplay(console, elapsed=True, keep=True, log_end=True)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero:
            self._display.start()
            self._task = self._display.add("training", trainer.max_steps, completed=trainer.global_step)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: Batch, batch_idx: int
    ) -> None:
        if not trainer.is_global_zero:
            return
        metrics = trainer.callback_metrics
        figures = [f"loss {float(metrics['train/total']):.3f}"] if "train/total" in metrics else []
        if "photos_per_second" in metrics:
            figures.append(f"{float(metrics['photos_per_second']):.2f} photos/s")
        self._task.update(completed=trainer.global_step, detail="  ".join(figures))

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self._display.stop()
