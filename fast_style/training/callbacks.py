"""Callbacks that show how training goes: pictures, learning rates, speed, a progress bar and unreadable photos."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from rich.console import Console
from torch import Tensor
from torch.nn import functional as F

from fast_style.images.tensors import to_float
from fast_style.system.progress import ProgressDisplay
from fast_style.training.crops import Batch
from fast_style.training.data import StyleDataModule
from fast_style.training.module import StyleModule
from fast_style.training.tensorboard import RATE, RunLogger

STRENGTHS = (0.0, 0.5, 1.0, 1.5)
"""Strengths that photos are shown at, where the network takes one."""


class PhotoRows(Callback):
    """Shows in TensorBoard each style once, and each photo after every validation.

    The picture of a photo is a row: itself, and stylized, at each of `STRENGTHS` where the network takes one. Of a
    network of several styles, each photo is shown in its share of them, a row for each.

    Args:
        photos: held-out photos, uint8 `[N, 3, S, S]`.
        styles: the paintings of each style by its name, float in [0, 1], `[1, 3, H, W]` each.
    """

    def __init__(self, photos: Tensor, styles: Mapping[str, Sequence[Tensor]]) -> None:
        self.photos = photos
        side = photos.shape[-1]
        self.styles = {name: [center_square(each, side) for each in paintings] for name, paintings in styles.items()}
        self._shown_step: int | None = None

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if isinstance(trainer.logger, RunLogger) and trainer.is_global_zero and trainer.global_step == 0:
            for name, paintings in self.styles.items():
                picture = paintings[0] if len(paintings) == 1 else _grid(paintings, columns=4)
                trainer.logger.experiment.add_image(f"styles/{name}", picture, 0)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        logger, step = trainer.logger, trainer.global_step
        if not isinstance(logger, RunLogger) or not trainer.is_global_zero or self._shown_step == step:
            return
        assert isinstance(pl_module, StyleModule)
        self._shown_step = step  # the network is validated once more after the last step
        strengths = STRENGTHS if pl_module.network.takes_strength else None
        shown = ", strengths " + ", ".join(f"{strength:g}" for strength in strengths) if strengths else ", stylized"
        for number in range(len(self.photos)):
            picture = self._rows(pl_module, number, strengths)
            logger.experiment.add_image(f"photos/{number + 1}: photo{shown}", picture, step)

    def _rows(self, module: StyleModule, number: int, strengths: Sequence[float] | None) -> Tensor:
        count = len(strengths) if strengths else 1
        photo = to_float(self.photos[number][None].to(module.device))
        pictures: list[Tensor] = []
        for style in range(number % len(self.styles), len(self.styles), len(self.photos)):
            given = photo.expand(count, -1, -1, -1)
            at = torch.tensor(strengths, device=module.device) if strengths else None
            with torch.no_grad():
                stylized = module(given, torch.full((count,), style), at).float().clamp(0, 1)
            pictures += [photo[0].cpu(), *stylized.cpu()]
        return _grid(pictures, columns=count + 1)


def _grid(pictures: Sequence[Tensor], *, columns: int) -> Tensor:
    from torchvision.utils import make_grid

    grid: Tensor = make_grid(torch.stack(list(pictures)), nrow=columns, padding=4, pad_value=1.0)
    return grid


class LearningRates(Callback):
    """Logs the learning rate of each parameter group under the name of what it drives.

    Args:
        every: number of steps between two figures.
    """

    def __init__(self, every: int) -> None:
        self.every = every

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Batch, batch_idx: int) -> None:
        if trainer.logger is None or (trainer.global_step + 1) % self.every:
            return
        assert isinstance(pl_module, StyleModule)
        groups = trainer.optimizers[0].param_groups
        rates = {f"{RATE}{name}": group["lr"] for name, group in zip(pl_module.parameter_groups(), groups, strict=True)}
        trainer.logger.log_metrics(rates, trainer.global_step)


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
