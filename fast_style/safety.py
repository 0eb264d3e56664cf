"""Training that can't be lost: a loss that runs away is taken back, an interruption ends with a checkpoint, a
checkpoint is whole or not there."""

from __future__ import annotations

import copy
import io
import logging
import math
import os
import signal
import statistics
import subprocess
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.plugins.io import TorchCheckpointIO
from torch import Tensor

from fast_style.data import Batch, told_by_worker
from fast_style.errors import DataError, FastStyleError, TrainingError, first_line
from fast_style.images import atomic_write
from fast_style.runs import LAST, slurm_job

log = logging.getLogger("fast_style")

HISTORY = 50  # losses that the median is of
SPIKE = 20.0  # times the median: single photos reach five times, a network that falls apart a hundred
RATE_FACTOR = 0.5
SAME = 1e-4  # relative difference of two validations of the same weights on a GPU


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
        guard: looks before that is written.
    """

    def __init__(self, checkpoint: Path, guard: Guard) -> None:
        self.checkpoint = checkpoint
        self.guard = guard
        self.signal: int | None = None
        self._handled = False

    def note(self, number: int, frame: FrameType | None) -> None:
        """The handler of a signal."""
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Signals are handled inside the `with`."""
        try:
            caught = [signal.SIGINT, signal.SIGTERM, *([signal.SIGUSR1] if slurm_job() else [])]
            before = {number: signal.signal(number, self.note) for number in caught}
        except ValueError:  # not in the main thread, where no signals arrive
            before = {}
        self._handled = bool(before)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # Lightning puts a handler of its own before this one; a SIGTERM while it validates or writes a checkpoint would
        # then end the program at once, without a word, unsaved and with status 0.
        if self._handled:
            signal.signal(signal.SIGTERM, self.note)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        # The signal reaches one process of several, at a step of its own.
        if trainer.strategy.reduce_boolean_decision(self.signal is not None, all=False):
            self.guard.look(trainer, pl_module)
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
    """`ModelCheckpoint` that also takes what is as good as the best: while a network learns its dial, nothing changes
    at strength 1, where it is validated."""

    def check_monitor_top_k(self, trainer: Trainer, current: Tensor | None = None) -> bool:
        best = self.best_model_score
        equal = current is not None and best is not None and bool(torch.isclose(current, best, rtol=SAME))
        return equal or super().check_monitor_top_k(trainer, current)


def out_of_memory(error: BaseException) -> bool:
    """Whether it is this that ended a training: on the CPU torch raises a RuntimeError like any other."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)


@contextmanager
def memory_may_run_out(trainer: Trainer, smaller: str) -> Iterator[None]:
    """Inside the `with`, too little memory is one TrainingError that names the settings which take less."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        raise TrainingError(
            f"step {trainer.global_step}: out of memory ({first_line(error)[:120]}); smaller {smaller} take less"
        ) from error


@contextmanager
def photos_may_vanish(run_dir: Path, trainer: Trainer) -> Iterator[None]:
    """Inside the `with`, a DataError, also one out of a loader's process, says at which step and how to go on."""
    try:
        yield
    except DataError as error:
        remedy = f"; put it back and go on with resume={run_dir}" if (run_dir / LAST).exists() else ""
        raise DataError(f"step {trainer.global_step}: {told_by_worker(error)}{remedy}") from error


@contextmanager
def writing(run_dir: Path, trainer: Trainer) -> Iterator[None]:
    """Inside the `with`, a full disk or a lost mount is one TrainingError that says how to go on."""
    before = threading.excepthook

    def in_thread(args: threading.ExceptHookArgs) -> None:
        # TensorBoard's writer keeps it for the next call from this thread; a traceback of its own adds nothing.
        if not isinstance(args.exc_value, OSError):
            before(args)

    threading.excepthook = in_thread
    try:
        yield
    except OSError as error:
        raise unwritable(run_dir, trainer.global_step, error) from error
    finally:
        threading.excepthook = before


@contextmanager
def fitting(run_dir: Path, trainer: Trainer, smaller: str) -> Iterator[None]:
    """Around `trainer.fit`: `memory_may_run_out`, `photos_may_vanish` and `writing` in one."""
    with memory_may_run_out(trainer, smaller), photos_may_vanish(run_dir, trainer), writing(run_dir, trainer):
        yield


def unwritable(run_dir: Path, step: int, error: BaseException) -> TrainingError:
    reason = (isinstance(error, OSError) and error.strerror) or first_line(error)
    remedy = (
        f"the last whole checkpoint is untouched: make room and go on with resume={run_dir}"
        if (run_dir / LAST).exists()
        else "there is no checkpoint yet: make room and start again"
    )
    return TrainingError(f"step {step}: cannot write to {run_dir} ({reason}); {remedy}")
