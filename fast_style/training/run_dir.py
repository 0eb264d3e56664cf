"""The folder of a training run: `RUNS_DIR/NAME/NUMBER`, and the SLURM job that it belongs to."""

from __future__ import annotations

import os
from pathlib import Path

from fast_style.errors import NotFoundError, WriteError, reason_of
from fast_style.system.paths import check_no_url

LAST = "last.ckpt"
"""File in a run folder: the newest checkpoint."""
SLURM_NOTE = "slurm_job"
"""File in a run folder with the number of the SLURM job that it belongs to."""


def find_checkpoint(path: str) -> Path:
    """Finds the checkpoint that the setting `resume` names.

    Args:
        path: a checkpoint, or a folder whose newest `last.ckpt` is meant.

    Raises:
        NotFoundError: there is no such file, or none in the folder.
    """
    given = Path(path).expanduser()
    if given.is_file():
        return given
    found = sorted(given.rglob(LAST), key=lambda file: file.stat().st_mtime) if given.is_dir() else []
    if not found:
        check_no_url(path, NotFoundError, setting="resume")
        raise NotFoundError(
            "no checkpoint there", setting="resume", value=path, remedy=f"give a .ckpt file or a run folder with {LAST}"
        )
    return found[-1]


def requeued_checkpoint(runs: Path) -> Path | None:
    """Finds the last checkpoint of this very SLURM job before it was requeued.

    Args:
        runs: parent of the run folders.

    Returns:
        The checkpoint; None where this is no requeued job, or where it had not saved anything yet.
    """
    job = slurm_job()
    if job is None or not os.environ.get("SLURM_RESTART_COUNT"):
        return None
    notes = [note for note in runs.glob(f"*/{SLURM_NOTE}") if note.read_text(encoding="utf-8").strip() == job]
    checkpoints = [note.parent / LAST for note in notes if (note.parent / LAST).is_file()]
    return max(checkpoints, key=lambda path: int(path.parent.name), default=None)


def slurm_job() -> str | None:
    """Returns the number of this SLURM job, with that of its task in an array; None outside SLURM."""
    array, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{task}" if array and task else os.environ.get("SLURM_JOB_ID")


def make_run_dir(runs: Path) -> Path:
    """Makes a new run folder `runs/NUMBER`, one above the highest number there is.

    Raises:
        WriteError: the folder cannot be written.
    """
    try:
        runs.mkdir(parents=True, exist_ok=True)
        number = max((int(path.name) for path in runs.iterdir() if path.name.isdecimal()), default=0)
        while True:
            number += 1
            run_dir = runs / str(number)
            try:
                run_dir.mkdir()
            except FileExistsError:  # another run of a sweep took this number
                continue
            job = slurm_job()
            if job is not None:
                (run_dir / SLURM_NOTE).write_text(f"{job}\n", encoding="utf-8")
            return run_dir
    except OSError as error:
        raise WriteError(
            f"cannot write to {runs} ({reason_of(error)})", setting="runs_dir", remedy="choose another folder"
        ) from error
