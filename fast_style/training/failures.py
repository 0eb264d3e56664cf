"""Failures during a training run that the user can mend, each as one error that says how to continue."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from pytorch_lightning import Trainer

from fast_style.errors import DataError, FastStyleError, TrainingError, reason_of
from fast_style.training.crops import worker_message
from fast_style.training.run_dir import LAST


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that there was too little memory; on the CPU torch raises a plain RuntimeError then."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)


@contextmanager
def explain_out_of_memory(trainer: Trainer, memory_settings: Mapping[str, object]) -> Iterator[None]:
    """Turns too little memory inside the `with` into one error.

    Args:
        trainer: knows the current step.
        memory_settings: settings that take less memory when they are smaller, with their values.

    Raises:
        TrainingError: there was too little memory.
    """
    try:
        yield
    except FastStyleError:
        raise
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        names = " or ".join(f"{{{name}}}" for name in memory_settings)
        raise TrainingError(
            f"step {trainer.global_step}: out of memory ({reason_of(error)[:120]})",
            remedy=f"use less than {names}",
            suggestions=memory_settings,
        ) from error


@contextmanager
def explain_missing_photos(run_dir: Path, trainer: Trainer) -> Iterator[None]:
    """Adds the step and how to continue to an error about the photos, from this process or a worker process.

    Raises:
        DataError: the photos can no longer be read.
    """
    try:
        yield
    except DataError as error:
        can_resume = (run_dir / LAST).exists()
        raise DataError(
            f"step {trainer.global_step}: {worker_message(error)}",
            remedy="put it back and continue with {resume}" if can_resume else None,
            suggestions={"resume": run_dir} if can_resume else None,
        ) from error


@contextmanager
def explain_failed_writes(run_dir: Path, trainer: Trainer) -> Iterator[None]:
    """Turns a full disk or a lost mount inside the `with` into one error that says how to continue.

    Raises:
        TrainingError: the run folder could not be written.
    """
    previous_hook = threading.excepthook

    def hide_failed_writes(args: threading.ExceptHookArgs) -> None:
        # TensorBoard's writer raises the error again in this thread at its next call; a traceback from its own thread
        # would add nothing.
        if not isinstance(args.exc_value, OSError):
            previous_hook(args)

    threading.excepthook = hide_failed_writes
    try:
        yield
    except FastStyleError:
        raise
    except OSError as error:
        raise write_failure(run_dir, trainer.global_step, error) from error
    finally:
        threading.excepthook = previous_hook


@contextmanager
def explain_failures(run_dir: Path, trainer: Trainer, memory_settings: Mapping[str, object]) -> Iterator[None]:
    """Explains every failure that can happen inside `trainer.fit`: memory, photos and writing."""
    with (
        explain_out_of_memory(trainer, memory_settings),
        explain_missing_photos(run_dir, trainer),
        explain_failed_writes(run_dir, trainer),
    ):
        yield


def write_failure(run_dir: Path, step: int, error: BaseException) -> TrainingError:
    """Returns the error for a run folder that cannot be written, with the way to continue."""
    problem = f"step {step}: cannot write to {run_dir} ({reason_of(error)})"
    if not (run_dir / LAST).exists():
        return TrainingError(problem, remedy="there is no checkpoint yet: make room and start again")
    return TrainingError(
        problem,
        remedy="the last whole checkpoint is untouched: make room and continue with {resume}",
        suggestions={"resume": run_dir},
    )
