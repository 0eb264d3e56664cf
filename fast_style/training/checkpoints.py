"""Checkpoints: writing them whole, choosing the best one, and reading those of this and of earlier versions."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.plugins.io import TorchCheckpointIO
from torch import Tensor

from fast_style.errors import ConfigError, FastStyleError, NotFoundError
from fast_style.models.migration import migrate_hyper_parameters, migrate_state_dict
from fast_style.system.files import atomic_write
from fast_style.system.paths import check_no_url
from fast_style.training.failures import write_failure

EQUAL_SCORES = 1e-4
"""Relative difference between two validations of the same weights on a GPU."""


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds that does not belong to Lightning, under today's names."""

    path: Path
    step: int
    """Number of steps that were trained."""
    state_dict: dict[str, Tensor]
    hyper_parameters: dict[str, Any]
    """Keyword arguments of `Hyperparameters`; empty in the checkpoints of a distillation."""


def read_checkpoint(path: Path, *, setting: str = "checkpoint") -> Checkpoint:
    """Reads a checkpoint of `fast-style train` or `fast-style distill` on the CPU.

    Checkpoints of earlier versions come out under today's names: see `fast_style.models.migration`.

    Args:
        path: the file.
        setting: the setting or argument that named it, for errors.

    Raises:
        NotFoundError: there is no such file.
        ConfigError: the file is damaged, or something else.
    """
    if not path.is_file():
        check_no_url(path, NotFoundError, setting=setting)
        raise NotFoundError("no such checkpoint", setting=setting, value=path, remedy="give the path of a .ckpt file")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        return Checkpoint(
            path=path,
            step=int(content["global_step"]),
            state_dict=migrate_state_dict(dict(content["state_dict"])),
            hyper_parameters=migrate_hyper_parameters(content.get("hyper_parameters", {})),
        )
    except Exception as error:  # torch and pickle raise types of their own, with advice to load the file unsafely
        holds_other_things = isinstance(error, KeyError | TypeError | ValueError | AttributeError)
        reason = "it holds something else" if holds_other_things else type(error).__name__
        raise ConfigError(
            f"not a checkpoint of a training run ({reason})",
            setting=setting,
            value=path,
            remedy="give another file",
        ) from error


def migrate_checkpoint(content: dict[str, Any]) -> None:
    """Renames the weights in what Lightning has read from a checkpoint of an earlier version, in place.

    Everything else in it is independent of names: optimizers and schedules refer to parameters by their number.
    """
    content["state_dict"] = migrate_state_dict(content["state_dict"])


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes checkpoints that are never seen half written.

    Lightning writes them to the system's temporary folder and moves them. Where that folder is on another disk, moving
    is copying, which can be interrupted.

    Raises:
        TrainingError: from saving: the disk is full, or the folder is gone.
    """

    def save_checkpoint(
        self, checkpoint: Mapping[str, Any], path: str | os.PathLike[str], storage_options: Any = None
    ) -> None:
        content = io.BytesIO()
        # Not straight into the file: torch turns a full disk into a RuntimeError that does not say so.
        torch.save(checkpoint, content)
        try:
            with atomic_write(Path(path)) as temporary:
                temporary.write_bytes(content.getbuffer())
        except FastStyleError as error:
            raise write_failure(Path(path).parent, checkpoint["global_step"], error.__cause__ or error) from error


class BestCheckpoint(ModelCheckpoint):
    """Keeps the latest of the best checkpoints, where `ModelCheckpoint` keeps the first.

    Validation is at strength 1, where nothing changes while a network learns its strength; a checkpoint from then is as
    good as the best before, and knows more.
    """

    def check_monitor_top_k(self, trainer: Trainer, current: Tensor | None = None) -> bool:
        best = self.best_model_score
        equal = current is not None and best is not None and bool(torch.isclose(current, best, rtol=EQUAL_SCORES))
        return equal or super().check_monitor_top_k(trainer, current)
