"""What every training run needs before its first step: precision, a folder, a checkpoint, peace."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from fast_style.errors import ConfigError

LAST = "last.ckpt"
SLURM_NOTE = "slurm_job"
"""File in a run folder that names the job it belongs to."""


def find_checkpoint(path: str) -> Path:
    """`resume`: a checkpoint file, or a folder whose newest last.ckpt is meant.

    Raises:
        ConfigError: neither.
    """
    given = Path(path).expanduser()
    if given.is_file():
        return given
    found = sorted(given.rglob(LAST), key=lambda p: p.stat().st_mtime) if given.is_dir() else []
    if not found:
        raise ConfigError(f"resume={path}: no checkpoint there; give a .ckpt file or a run folder with {LAST}")
    return found[-1]


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint of `fast-style train`, on the CPU.

    Raises:
        ConfigError: missing, damaged, or something else.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: no such checkpoint; give the path of a .ckpt file")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        if {"state_dict", "global_step"} <= state.keys() and "network" in state["hyper_parameters"]:
            return dict(state)
        reason = "something else"
    except Exception as error:  # torch and pickle raise types of their own, for an empty file EOFError
        reason = type(error).__name__
    raise ConfigError(f"{path}: not a checkpoint of fast-style train ({reason}); give another")


def requeued_checkpoint(parent: Path) -> Path | None:
    """The last checkpoint, in a run folder below `parent`, of this very SLURM job before it was requeued; None where
    it is no such job."""
    job = slurm_job()
    if job is None or not os.environ.get("SLURM_RESTART_COUNT"):
        return None
    found = [note.parent for note in parent.glob(f"*/{SLURM_NOTE}") if note.read_text(encoding="utf-8").strip() == job]
    checkpoints = [folder / LAST for folder in found if (folder / LAST).is_file()]
    return max(checkpoints, key=lambda path: int(path.parent.name), default=None)


def slurm_job() -> str | None:
    """This SLURM job's number, with its task's in an array; None outside of SLURM."""
    array, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{task}" if array and task else os.environ.get("SLURM_JOB_ID")


def make_run_dir(parent: Path) -> Path:
    """A new folder `parent/NUMBER`, one above the highest there is.

    Raises:
        ConfigError: not writable.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        number = max((int(p.name) for p in parent.iterdir() if p.name.isdecimal()), default=0)
        while True:
            number += 1
            try:
                (parent / str(number)).mkdir()
            except FileExistsError:  # another run of a sweep was faster
                continue
            job = slurm_job()
            if job is not None:
                (parent / str(number) / SLURM_NOTE).write_text(f"{job}\n", encoding="utf-8")
            return parent / str(number)
    except OSError as error:
        raise ConfigError(
            f"runs_dir: cannot write to {parent} ({error.strerror}); choose another with runs_dir=PATH"
        ) from error
