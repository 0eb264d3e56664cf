"""Training that can't be lost: a loss that runs away is taken back, an interruption ends with a checkpoint, a
checkpoint is whole or not there."""

from __future__ import annotations

import copy
import logging
import math
import statistics
from abc import ABC, abstractmethod
from collections import deque
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import TensorBoardLogger
from torch import Tensor

from fast_style.errors import TrainingError
from fast_style.training.data import Batch

log = logging.getLogger("fast_style")

HISTORY = 50  # losses that the median is of
SPIKE = 20.0  # times the median: single photos reach five times, a network that falls apart a hundred
RATE_FACTOR = 0.5


class Guard(Callback, ABC):
    """Looks at what is trained now and then, at the end, and before each checkpoint, so that none keeps what is lost.

    Args:
        every: steps between looks.
        checkpoint_every: steps between checkpoints.
    """

    def __init__(self, every: int = 10, checkpoint_every: int | None = None) -> None:
        self.every = every
        self.checkpoint_every = checkpoint_every

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        step = trainer.global_step
        # By the number of the step, so that a resumed run looks when an uninterrupted one does.
        if step % self.every == 0 or (self.checkpoint_every and step % self.checkpoint_every == 0):
            self.look(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.look(trainer, pl_module)

    @abstractmethod
    def look(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Judges the steps since the last look."""


class DivergenceGuard(Guard):
    """Takes a network back to its last good state, with half the learning rate, when its loss is not finite or far
    above the running median.

    Args:
        every: steps between looks at the loss, each of which waits for the device, and between good states.
        most: how often it may take back before it gives up.
        checkpoint_every: steps between checkpoints.

    Raises:
        TrainingError: from training, once it happened oftener than `most`.
    """

    def __init__(self, every: int = 10, most: int = 5, checkpoint_every: int | None = None) -> None:
        super().__init__(every, checkpoint_every)
        self.most = most
        self.rollbacks = 0
        self._recent: list[Tensor] = []
        self._losses: deque[float] = deque(maxlen=HISTORY)
        self._good: list[dict[str, Any]] = []

    def state_dict(self) -> dict[str, Any]:
        return {"rollbacks": self.rollbacks, "losses": list(self._losses)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rollbacks = state_dict["rollbacks"]
        self._losses.extend(state_dict["losses"])

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._good = [self._state(trainer, pl_module)]
        self._recent = []

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        self._recent.append(outputs["loss"].detach())
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)

    def look(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Judges the steps since the last look, and takes them back where they went wrong."""
        if not self._recent:
            return
        losses = torch.stack(self._recent).float().tolist()
        self._recent = []
        reason = self.trouble(losses)
        # A gradient can be no number where the loss still is one; the next loss shows it, too late for a checkpoint.
        sums = torch.stack([parameter.detach().float().sum() for parameter in pl_module.parameters()])
        if reason is None and not bool(sums.isfinite().all()):
            reason = "the weights are not finite"
        # One process alone in trouble must not be the only one to go back.
        if trainer.strategy.reduce_boolean_decision(reason is not None, all=False):
            self._roll_back(trainer, pl_module, reason or "another process is in trouble")
            return
        self._losses.extend(losses)
        # The one before last is kept too: what goes wrong may have begun before it shows.
        self._good = [*self._good[-1:], self._state(trainer, pl_module)]

    def trouble(self, losses: list[float]) -> str | None:
        """What is wrong with the latest losses, None if nothing is."""
        for loss in losses:
            if not math.isfinite(loss):
                return f"the loss is {loss}"
            if len(self._losses) == HISTORY and loss > SPIKE * statistics.median(self._losses):
                return f"the loss is {loss:.3g}, its median {statistics.median(self._losses):.3g}"
        return None

    @staticmethod
    def _state(trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        return copy.deepcopy(
            {
                "network": pl_module.state_dict(),
                "optimizers": [optimizer.state_dict() for optimizer in trainer.optimizers],
            }
        )

    def _roll_back(self, trainer: Trainer, pl_module: LightningModule, reason: str) -> None:
        self.rollbacks += 1
        step = trainer.global_step
        if self.rollbacks > self.most:
            raise TrainingError(
                f"step {step}: {reason}, for the {self.rollbacks}th time; lower trainer.learning_rate or "
                f"loss.style_weight, or try trainer.precision=fp32"
            )
        good = copy.deepcopy(self._good[0])
        self._good = self._good[:1]
        pl_module.load_state_dict(good["network"])
        for optimizer, state in zip(trainer.optimizers, good["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        rates = [0.0]
        for config in trainer.lr_scheduler_configs:
            scheduler: Any = config.scheduler
            scheduler.base_lrs = [base * RATE_FACTOR for base in scheduler.base_lrs]
            for group, base, factor in zip(
                scheduler.optimizer.param_groups, scheduler.base_lrs, scheduler.lr_lambdas, strict=True
            ):
                group["lr"] = base * factor(scheduler.last_epoch)
                rates.append(group["lr"])
        log.warning(
            "step %d: %s; went back to the last good state with half the learning rate, now %.2g (%d of %d times)",
            step, reason, max(rates), self.rollbacks, self.most,
        )  # fmt: skip
        if isinstance(trainer.logger, TensorBoardLogger):
            trainer.logger.experiment.add_scalar("rollbacks", self.rollbacks, step)
