"""Training that can't be lost: a loss that runs away is taken back, an interruption ends with a checkpoint."""

from __future__ import annotations

import copy
import logging
import math
import signal
import statistics
import subprocess
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import TensorBoardLogger
from torch import Tensor

from fast_style.data import Batch
from fast_style.errors import TrainingError, first_line
from fast_style.runs import slurm_job

log = logging.getLogger("fast_style")

HISTORY = 50  # losses that the median is of
SPIKE = 20.0  # times the median: single photos reach five times, a network that falls apart a hundred
RATE_FACTOR = 0.5


class DivergenceGuard(Callback):
    """Takes a network back to its last good state, with half the learning rate, when its loss is not finite or far
    above the running median.

    Args:
        every: steps between looks at the loss, each of which waits for the device, and between good states.
        most: how often it may take back before it gives up.

    Raises:
        TrainingError: from training, once it happened oftener than `most`.
    """

    def __init__(self, every: int = 10, most: int = 5) -> None:
        self.every = every
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
        if len(self._recent) < self.every:
            return
        losses = torch.stack(self._recent).float().tolist()
        self._recent = []
        reason = self.trouble(losses)
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
        rate = 0.0
        for config in trainer.lr_scheduler_configs:
            scheduler: Any = config.scheduler
            scheduler.base_lrs = [base * RATE_FACTOR for base in scheduler.base_lrs]
            for group, base, factor in zip(
                scheduler.optimizer.param_groups, scheduler.base_lrs, scheduler.lr_lambdas, strict=True
            ):
                group["lr"] = rate = base * factor(scheduler.last_epoch)
        log.warning(
            "step %d: %s; went back to the last good state with half the learning rate, now %.2g (%d of %d times)",
            step, reason, rate, self.rollbacks, self.most,
        )  # fmt: skip
        if isinstance(trainer.logger, TensorBoardLogger):
            trainer.logger.experiment.add_scalar("rollbacks", self.rollbacks, step)


class Interrupted(Exception):
    """Training was ended by a signal, and saved."""

    def __init__(self, number: int, step: int) -> None:
        super().__init__(f"{signal.Signals(number).name} at step {step}")
        self.number = number


class Interruption(Callback):
    """SIGINT and SIGTERM let the current step end, save, and raise `Interrupted`; a second one ends at once.

    In a SLURM job so does SIGUSR1 (`sbatch --signal=USR1@90`), which also puts the job back into the queue. Lightning
    would do that inside of the signal handler, in the midst of a step, and hangs if a log is being written just then.

    Args:
        checkpoint: the file to save to.
    """

    def __init__(self, checkpoint: Path) -> None:
        self.checkpoint = checkpoint
        self.signal: int | None = None

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Signals are handled inside the `with`."""

        def note(number: int, frame: FrameType | None) -> None:
            if self.signal is not None:
                raise KeyboardInterrupt
            self.signal = number

        try:
            caught = [signal.SIGINT, signal.SIGTERM, *([signal.SIGUSR1] if slurm_job() else [])]
            before = {number: signal.signal(number, note) for number in caught}
        except ValueError:  # not in the main thread, where no signals arrive
            before = {}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        # The signal reaches one process of several, at a step of its own.
        if trainer.strategy.reduce_boolean_decision(self.signal is not None, all=False):
            trainer.save_checkpoint(self.checkpoint)
            if self.signal == getattr(signal, "SIGUSR1", None) and trainer.is_global_zero:
                requeue()
            raise Interrupted(self.signal or signal.SIGTERM, trainer.global_step)


def requeue() -> None:
    """Puts this SLURM job back into the queue."""
    command = ["scontrol", "requeue", slurm_job() or ""]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        log.warning("%s failed (%s); start the job again by hand, with resume=", " ".join(command), first_line(error))
