"""Checkpoints that are never half written, and which of them counts as the best."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.plugins.io import TorchCheckpointIO
from torch import Tensor

from fast_style.errors import FastStyleError
from fast_style.system.files import atomic_write
from fast_style.training.failures import unwritable

SAME = 1e-4  # relative difference of two validations of the same weights on a GPU


class WholeCheckpoints(TorchCheckpointIO):
    """Checkpoints that are never half written. Lightning writes them to the system's temporary folder and moves them,
    which is a copy, and so not one step, where that is on another disk.

    Raises:
        TrainingError: from saving: no room, no folder any more.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any = None
    ) -> None:
        content = io.BytesIO()
        # Not into the file: of a full disk torch makes a RuntimeError that does not say so.
        torch.save(checkpoint, content)
        try:
            with atomic_write(Path(path)) as temporary:
                temporary.write_bytes(content.getbuffer())
        except FastStyleError as error:
            raise unwritable(Path(path).parent, checkpoint["global_step"], error.__cause__ or error) from error


class BestCheckpoint(ModelCheckpoint):
    """`ModelCheckpoint` that also takes what is as good as the best: while a network learns its strength, nothing changes
    at strength 1, where it is validated."""

    def check_monitor_top_k(self, trainer: Trainer, current: Tensor | None = None) -> bool:
        best = self.best_model_score
        equal = current is not None and best is not None and bool(torch.isclose(current, best, rtol=SAME))
        return equal or super().check_monitor_top_k(trainer, current)
