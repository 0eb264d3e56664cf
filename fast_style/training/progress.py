"""What a user gives a training run to call: callbacks of Lightning, or a function that is told of its progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pytorch_lightning import Callback, LightningModule, Trainer

from fast_style.errors import ConfigError
from fast_style.training.crops import Batch


@dataclass(frozen=True)
class TrainingProgress:
    """How far a training run is."""

    step: int
    """Number of steps that are done, those before a resume included."""
    max_steps: int
    """Number of steps in all."""
    metrics: dict[str, float]
    """The latest figures by name: `train/total` and its terms, `photos_per_second`, and `val/total` from the first
    validation on."""


ProgressFunction: TypeAlias = Callable[[TrainingProgress], None]
"""A function that is called after every step of a training run."""


class ProgressReport(Callback):
    """Tells a function of every step, in the first process alone.

    Args:
        report: the function.
    """

    def __init__(self, report: ProgressFunction) -> None:
        self.report = report

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: Batch, batch_idx: int
    ) -> None:
        if trainer.is_global_zero:
            metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
            self.report(TrainingProgress(trainer.global_step, int(trainer.max_steps), metrics))


def user_callbacks(callbacks: object, progress: object = None) -> list[Callback]:
    """Returns what a user gave as callbacks of Lightning.

    Args:
        callbacks: a sequence of them, from the package that trains here.
        progress: a `ProgressFunction`, or None.

    Raises:
        ConfigError: one of them is something else.
    """
    if not isinstance(callbacks, Sequence):
        raise ConfigError("must be a list", setting="callbacks", value=repr(callbacks), remedy="put it in brackets")
    for callback in callbacks:
        if not isinstance(callback, Callback):
            kind = callback if isinstance(callback, type) else type(callback)
            raise ConfigError(
                f"{kind.__module__}.{kind.__qualname__} is no callback",
                setting="callbacks",
                remedy="give objects of a subclass of pytorch_lightning.Callback, or a function as {progress}",
                suggestions={"progress": "FUNCTION"},
            )
    if progress is None:
        return list(callbacks)
    if not callable(progress):
        raise ConfigError("must be a function", setting="progress", value=repr(progress))
    return [*callbacks, ProgressReport(progress)]
