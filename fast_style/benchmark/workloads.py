"""The work that is timed: training steps, loading photos, and stylizing a picture."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TypedDict

import numpy as np
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch.utils.data import DataLoader

from fast_style.benchmark.timing import Timing, time_repeatedly, time_steps
from fast_style.config.schema import TrainConfig
from fast_style.images.encode import save_rgb
from fast_style.inference.stylizer import Stylizer
from fast_style.perceptual.objective import build_loss
from fast_style.perceptual.style_image import load_style
from fast_style.training.crops import Batch, EndlessSampler, collate
from fast_style.training.data import StyleDataModule
from fast_style.training.devices import lightning_precision
from fast_style.training.module import StyleModule
from fast_style.training.session import quieten_lightning, trainer_without_files
from fast_style.training.synthetic import dead_leaves
from fast_style.training.train import hyperparameters

PHOTOS = 64
"""Number of photos on the disk that are trained on."""
PHOTO_SIDE = 288
"""Side of these photos in pixels."""


class EngineOptions(TypedDict, total=False):
    """The arguments of `Stylizer.load` that choose an engine."""

    engine: str
    compile: bool


class StepClock(Callback):
    """Notes when each training step ended, in seconds."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: Batch, batch_idx: int
    ) -> None:
        if pl_module.device.type == "cuda":
            torch.cuda.synchronize()
        self.ends.append(time.perf_counter())


def time_training(config: TrainConfig, steps: int) -> Timing:
    """Times a training step through Lightning, with the loading of its photos.

    Args:
        config: settings of the training run; nothing is written.
        steps: number of steps, with the warm-up.
    """
    quieten_lightning()
    torch.manual_seed(config.seed)
    module = StyleModule(hyperparameters(config), build_loss(config, load_style(config)))
    clock = StepClock()
    precision = lightning_precision(config.trainer.precision, config.trainer.accelerator)
    trainer = trainer_without_files(config.trainer.accelerator, precision, steps, [clock])
    trainer.fit(module, StyleDataModule(config.data, seed=config.seed))
    return time_steps(clock.ends)


def time_loading(config: TrainConfig, seconds: float) -> tuple[str, Timing]:
    """Times the loading of a batch without any training, in this process and so on one core.

    Args:
        config: settings of the training run.
        seconds: how long to repeat it.

    Returns:
        What is loaded, such as `63 photos`, and the timing.
    """
    data = StyleDataModule(config.data, seed=config.seed)
    loader = DataLoader(data.training, batch_size=config.data.batch_size, sampler=EndlessSampler(0), collate_fn=collate)
    batches = iter(loader)
    return data.source, time_repeatedly(lambda: next(batches), seconds)


def time_stylizing(model: str, options: EngineOptions, size: tuple[int, int], seconds: float) -> Timing:
    """Times a model from array to array.

    Args:
        model: name or path of the model.
        options: chooses the engine.
        size: width and height of the picture.
        seconds: how long to repeat it.
    """
    stylizer = Stylizer.load(model, **options)
    picture = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return time_repeatedly(lambda: stylizer(picture), seconds)


def write_photos(folder: Path) -> None:
    """Writes `PHOTOS` JPEGs to train on, in a subfolder as torchvision's ImageFolder expects them."""
    for number in range(PHOTOS):
        photo = dead_leaves(np.random.default_rng(number), PHOTO_SIDE)
        save_rgb(photo, folder / "photos" / f"{number:03}.jpg", quality=90)


def write_random_vgg16(path: Path) -> None:
    """Writes a VGG-16 with random weights, which is as fast as the trained one and needs no download."""
    from safetensors.torch import save_file
    from torchvision.models import vgg16

    features = vgg16(weights=None).features.state_dict(prefix="features.")
    save_file(dict(features), path)
