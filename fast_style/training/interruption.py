"""Signals that end a training run with a checkpoint, and SLURM jobs that go back into the queue."""

from __future__ import annotations

import logging
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pytorch_lightning import Callback, LightningModule, Trainer

from fast_style.errors import reason_of
from fast_style.system.signals import catch_signals
from fast_style.training.crops import Batch
from fast_style.training.divergence import Guard
from fast_style.training.run_dir import slurm_job

log = logging.getLogger("fast_style")


class Interrupted(Exception):  # noqa: N818  # like KeyboardInterrupt, no error
    """A signal ended the training run, which was saved.

    Args:
        number: number of the signal.
        step: the last step that was trained.
    """

    def __init__(self, number: int, step: int) -> None:
        super().__init__(f"{signal.Signals(number).name} at step {step}")
        self.number = number


class Interruption(Callback):
    """Lets the current step end after SIGINT or SIGTERM, saves, and raises `Interrupted`; a second signal ends at once.

    In a SLURM job SIGUSR1 (`sbatch --signal=USR1@90`) does the same, and also puts the job back into the queue.
    Lightning would do that inside the signal handler, in the middle of a step, and hangs if a log is being written at
    that moment.

    Args:
        checkpoint: the file to save to.
        guard: checks the network before it is saved.
    """

    def __init__(self, checkpoint: Path, guard: Guard) -> None:
        self.checkpoint = checkpoint
        self.guard = guard
        self.signal: int | None = None
        self._reinstall_handlers: Callable[[], None] | None = None

    def receive(self, number: int) -> None:
        """Remembers a signal that has arrived; raises KeyboardInterrupt at the second one."""
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number

    @contextmanager
    def handle_signals(self) -> Iterator[None]:
        """Handles signals inside the `with`."""
        numbers = [signal.SIGINT, signal.SIGTERM, *([signal.SIGUSR1] if slurm_job() else [])]
        with catch_signals(numbers, self.receive) as self._reinstall_handlers:
            yield

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # Lightning puts a handler of its own in front of this one. With it, a SIGTERM during a validation or while a
        # checkpoint is written would end the program at once: without a message, unsaved and with status 0.
        if self._reinstall_handlers is not None:
            self._reinstall_handlers()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: Batch, batch_idx: int
    ) -> None:
        # Of several processes each one receives the signal at a step of its own, or not at all.
        if trainer.strategy.reduce_boolean_decision(self.signal is not None, all=False):
            self.guard.inspect(trainer, pl_module)
            trainer.save_checkpoint(self.checkpoint)
            if self.signal == getattr(signal, "SIGUSR1", None) and trainer.is_global_zero:
                requeue()
            raise Interrupted(self.signal or signal.SIGTERM, trainer.global_step)


def requeue() -> None:
    """Puts this SLURM job back into the queue; logs a warning where that fails."""
    command = ["scontrol", "requeue", slurm_job() or ""]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        log.warning("%s failed (%s); start the job again by hand, with resume=", " ".join(command), reason_of(error))
