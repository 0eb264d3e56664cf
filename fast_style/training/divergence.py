"""Guards against training runs that go wrong: a network whose loss diverges is taken back to a good state."""

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
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from fast_style.errors import UNSET, TrainingError
from fast_style.training.adversary import Adversary
from fast_style.training.crops import Batch

log = logging.getLogger("fast_style")

HISTORY = 50
"""Number of latest losses that the median is taken of."""
SPIKE = 20.0
"""A loss this many times above the median has diverged: single photos reach 5 times, a broken network 100 times."""
RATE_FACTOR = 0.5
"""What the learning rate is multiplied by after each rollback."""


class Guard(Callback, ABC):
    """Inspects the network every few steps, at the end, and before each checkpoint, so that none keeps a broken one.

    Args:
        every: number of steps between inspections.
        checkpoint_every: number of steps between checkpoints.
    """

    def __init__(self, every: int = 10, checkpoint_every: int | None = None) -> None:
        self.every = every
        self.checkpoint_every = checkpoint_every

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        step = trainer.global_step
        # By the number of the step, so that a resumed run inspects when an uninterrupted one does.
        if step % self.every == 0 or (self.checkpoint_every and step % self.checkpoint_every == 0):
            self.inspect(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.inspect(trainer, pl_module)

    @abstractmethod
    def inspect(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Judges the steps since the last inspection."""


class DivergenceGuard(Guard):
    """Rolls a network back to its last good state, with half the learning rate, when its loss diverges.

    A loss diverges when it is not finite, or far above the median of the latest ones.

    Args:
        every: number of steps between inspections, each of which waits for the device, and between good states.
        max_rollbacks: number of rollbacks before it gives up.
        checkpoint_every: number of steps between checkpoints.

    Raises:
        TrainingError: during training, after more than `max_rollbacks` rollbacks.
    """

    def __init__(self, every: int = 10, max_rollbacks: int = 5, checkpoint_every: int | None = None) -> None:
        super().__init__(every, checkpoint_every)
        self.max_rollbacks = max_rollbacks
        self.rollbacks = 0
        self._new_losses: list[Tensor] = []
        self._losses: deque[float] = deque(maxlen=HISTORY)
        self._good_states: list[dict[str, Any]] = []

    def state_dict(self) -> dict[str, Any]:
        return {"rollbacks": self.rollbacks, "losses": list(self._losses)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rollbacks = state_dict["rollbacks"]
        self._losses.extend(state_dict["losses"])

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._good_states = [self._state(trainer, pl_module)]
        self._new_losses = []

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        self._new_losses.append(outputs["loss"].detach())
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)

    def inspect(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Judges the steps since the last inspection, and rolls them back where they diverged."""
        if not self._new_losses:
            return
        losses = torch.stack(self._new_losses).float().tolist()
        self._new_losses = []
        reason = self.find_divergence(losses)
        # A gradient can be NaN where the loss is still finite; only the next loss would show it, too late for a
        # checkpoint.
        adversary = _adversary(pl_module)
        weights = [*pl_module.parameters(), *(adversary.parameters() if adversary else [])]
        sums = torch.stack([parameter.detach().float().sum() for parameter in weights])
        if reason is None and not bool(sums.isfinite().all()):
            reason = "the weights are not finite"
        # When one of several processes rolls back, all of them must.
        if trainer.strategy.reduce_boolean_decision(reason is not None, all=False):
            self._roll_back(trainer, pl_module, reason or "the loss of another process diverged")
            return
        self._losses.extend(losses)
        # The state before the last one is kept too: what goes wrong may have begun before it shows.
        self._good_states = [*self._good_states[-1:], self._state(trainer, pl_module)]

    def find_divergence(self, losses: list[float]) -> str | None:
        """Returns what is wrong with the latest losses, None if nothing is."""
        for loss in losses:
            if not math.isfinite(loss):
                return f"the loss is {loss}"
            if len(self._losses) == HISTORY and loss > SPIKE * statistics.median(self._losses):
                return f"the loss is {loss:.3g}, its median {statistics.median(self._losses):.3g}"
        return None

    @staticmethod
    def _state(trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        adversary = _adversary(pl_module)
        return copy.deepcopy(
            {
                "network": pl_module.state_dict(),
                "optimizers": [optimizer.state_dict() for optimizer in trainer.optimizers],
                "adversary": adversary.state_dict() if adversary else None,
            }
        )

    def _roll_back(self, trainer: Trainer, pl_module: LightningModule, reason: str) -> None:
        self.rollbacks += 1
        step = trainer.global_step
        if self.rollbacks > self.max_rollbacks:
            raise TrainingError(
                f"step {step}: {reason}, for the {self.rollbacks}th time",
                remedy="lower {trainer.learning_rate} or {loss.style_weight}, or try {trainer.precision}",
                suggestions={"trainer.learning_rate": UNSET, "loss.style_weight": UNSET, "trainer.precision": "fp32"},
            )
        good = copy.deepcopy(self._good_states[0])
        self._good_states = self._good_states[:1]
        pl_module.load_state_dict(good["network"])
        for optimizer, state in zip(trainer.optimizers, good["optimizers"], strict=True):
            optimizer.load_state_dict(state)
        adversary = _adversary(pl_module)
        if adversary:
            rate_now = adversary.largest_rate  # the good state may be from before an earlier rollback
            adversary.load_state_dict(good["adversary"])
            adversary.largest_rate = RATE_FACTOR * rate_now
        rate = max((_reduce_rates(config.scheduler) for config in trainer.lr_scheduler_configs), default=0.0)
        log.warning(
            "step %d: %s; went back to the last good state with half the learning rate, now %.2g (%d of %d times)",
            step, reason, rate, self.rollbacks, self.max_rollbacks,
        )  # fmt: skip
        if trainer.logger is not None:
            # A chart begins with two points.
            for number, at in ((self.rollbacks - 1, step - 1), (self.rollbacks, step)):
                trainer.logger.log_metrics({"rollbacks": number}, at)


def _adversary(pl_module: LightningModule) -> Adversary | None:
    """Returns what a network is trained against, if it is trained against something that is trained, too."""
    return getattr(pl_module, "adversary", None)


def _reduce_rates(scheduler: object) -> float:
    """Multiplies all learning rates of a scheduler by `RATE_FACTOR`, and returns the largest one that results."""
    assert isinstance(scheduler, LambdaLR), "StyleModule has no other schedule"
    scheduler.base_lrs = [base * RATE_FACTOR for base in scheduler.base_lrs]
    groups = scheduler.optimizer.param_groups
    for group, base, factor in zip(groups, scheduler.base_lrs, scheduler.lr_lambdas, strict=True):
        group["lr"] = base * factor(scheduler.last_epoch)
    return max(float(group["lr"]) for group in groups)
