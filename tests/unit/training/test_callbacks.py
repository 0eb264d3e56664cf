"""The callbacks; `SkippedPhotos` and `ProgressBar` also run in tests/e2e/test_train.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import TensorBoardLogger
from torch.utils.data import DataLoader

from fast_style.config.schema import DataConfig
from fast_style.training.callbacks import ImageGrid, SkippedPhotos, Throughput
from fast_style.training.crops import FixedPhotos, collate
from fast_style.training.data import StyleDataModule
from tests.unit.training.helpers import Poisoned, fit


def test_the_grid_has_a_row_for_each_photo(tmp_path: Path, module: Poisoned) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    photos = torch.randint(0, 256, (2, 3, 16, 16), dtype=torch.uint8)
    logger = TensorBoardLogger(save_dir=tmp_path, name="", version="", default_hp_metric=False)
    trainer = Trainer(
        accelerator="cpu", logger=logger, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, callbacks=[ImageGrid(photos, [torch.rand(1, 3, 20, 30)])],
    )  # fmt: skip
    loader = DataLoader(FixedPhotos(list(photos)), batch_size=2, collate_fn=collate)
    trainer.validate(module, loader, verbose=False)
    events = EventAccumulator(str(tmp_path), size_guidance={"images": 0})
    events.Reload()
    (image,) = events.Images("photo, stylized, style")
    assert (image.height, image.width) == (2 * 20 + 4, 3 * 20 + 4)


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
