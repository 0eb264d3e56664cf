"""Signals that end a training run with a checkpoint, and SLURM jobs that go back into the queue."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from fast_style.errors import first_line
from fast_style.training.data import Batch
from fast_style.training.divergence import Guard, log
from fast_style.training.run_dir import slurm_job


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
