"""The callbacks; `SkippedPhotos` and `ProgressBar` also run in tests/e2e/test_train.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, Trainer
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.data import DataLoader

from fast_style.config.schema import DataConfig
from fast_style.perceptual.losses import PerceptualLoss
from fast_style.training.callbacks import LearningRates, PhotoRows, SkippedPhotos, Throughput
from fast_style.training.crops import FixedPhotos, collate
from fast_style.training.data import StyleDataModule
from fast_style.training.module import Hyperparameters, StyleModule
from fast_style.training.tensorboard import RunLogger
from tests.unit.training.helpers import Poisoned, fit


def events_in(folder: Path) -> EventAccumulator:
    events = EventAccumulator(str(folder), size_guidance={"images": 0, "scalars": 0})
    events.Reload()
    return events


def trainer_with(folder: Path, *callbacks: Callback) -> Trainer:
    return Trainer(
        accelerator="cpu", logger=RunLogger(folder), enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, callbacks=list(callbacks), max_steps=2,
    )  # fmt: skip


def module_of(small_loss: PerceptualLoss, takes_strength: bool, styles: list[str]) -> StyleModule:
    arguments = {"width": 4, "blocks": 1, "takes_strength": takes_strength}
    more = {"styles": len(styles)} if len(styles) > 1 else {}
    return StyleModule(Hyperparameters("lite", {**arguments, **more}, styles), small_loss)


@pytest.mark.parametrize(
    ("takes_strength", "styles", "tag", "columns", "rows"),
    [
        (False, ["a"], "photo, stylized", 2, 1),
        (True, ["a"], "photo, strengths 0, 0.5, 1, 1.5", 5, 1),
        (True, ["a", "b", "c"], "photo, strengths 0, 0.5, 1, 1.5", 5, 2),
    ],
)
def test_a_photo_has_a_row_of_strengths_and_the_style_comes_once(
    tmp_path: Path, small_loss: PerceptualLoss,
    takes_strength: bool, styles: list[str], tag: str, columns: int, rows: int,
) -> None:  # fmt: skip
    photos = torch.randint(0, 256, (2, 3, 16, 16), dtype=torch.uint8)
    module = module_of(small_loss, takes_strength, styles)
    callback = PhotoRows(photos, {name: [torch.rand(1, 3, 20, 30)] for name in styles})
    trainer = trainer_with(tmp_path, callback)
    trainer.strategy.connect(module)
    callback.on_fit_start(trainer, module)
    for _ in range(2):  # the second time for the same step
        callback.on_validation_epoch_end(trainer, module)
    trainer.logger.save()  # type: ignore[union-attr]
    events = events_in(tmp_path)
    assert events.Tags()["images"] == [*(f"styles/{name}" for name in styles), f"photos/1: {tag}", f"photos/2: {tag}"]
    (image,) = events.Images(f"photos/1: {tag}")
    assert (image.height, image.width) == (rows * 20 + 4, columns * 20 + 4)
    (style,) = events.Images("styles/a")
    assert (style.height, style.width) == (16, 16)


@pytest.mark.parametrize(
    ("optimizer", "takes_strength", "names"),
    [
        ("muon", True, ["biases_and_scales", "convolutions", "strength"]),
        ("muon", False, ["biases_and_scales", "convolutions"]),
        ("adam", True, ["network", "strength"]),
    ],
)
def test_learning_rates_have_the_names_of_what_they_drive(
    tmp_path: Path, small_loss: PerceptualLoss, optimizer: str, takes_strength: bool, names: list[str]
) -> None:
    arguments = {"width": 4, "blocks": 1, "takes_strength": takes_strength}
    module = StyleModule(Hyperparameters("lite", arguments, optimizer=optimizer, max_steps=2), small_loss)
    trainer = trainer_with(tmp_path, LearningRates(1))
    loader = DataLoader(FixedPhotos([torch.zeros(3, 32, 32, dtype=torch.uint8)]), collate_fn=collate)
    trainer.fit(module, loader)
    rates = [f"optimizer/learning_rate_of_{name}" for name in names]
    events = events_in(tmp_path)
    assert sorted(tag for tag in events.Tags()["scalars"] if tag.startswith("optimizer")) == rates
    assert all(len(events.Scalars(tag)) == 2 for tag in rates)


def test_photos_per_second_are_logged(tmp_path: Path, module: Poisoned) -> None:
    logged: list[float] = []
    log = module.log

    def record(name: str, value: Any, **named: Any) -> None:
        if name == "photos_per_second":
            logged.append(value)
        log(name, value, **named)

    module.log = record  # type: ignore[method-assign, assign]
    fit(module, tmp_path, Throughput(2), steps=6)
    assert len(logged) == 3
    assert all(value > 0 for value in logged)


def test_skipped_photos_are_named_once(tmp_path: Path, module: Poisoned, caplog: pytest.LogCaptureFixture) -> None:
    data = StyleDataModule(DataConfig(image_size=32, val_count=1), seed=0)
    callback = SkippedPhotos(data)
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    for number in range(2):
        batch = collate([data.validation[0]._replace(skipped=["a.jpg: broken"])])
        callback.on_train_batch_end(trainer, module, None, batch, number)
    assert caplog.messages.count("skipped: a.jpg: broken") == 1
    assert list(data.skipped) == ["a.jpg: broken"]
