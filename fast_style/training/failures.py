"""Failures during a training run that a user can mend, each as one error that says how to continue."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from pytorch_lightning import Trainer

from fast_style.errors import DataError, TrainingError, first_line
from fast_style.training.data import told_by_worker
from fast_style.training.run_dir import LAST


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
