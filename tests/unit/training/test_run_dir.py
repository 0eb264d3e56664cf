from __future__ import annotations

import os
from pathlib import Path

import pytest

from fast_style.errors import NotFoundError, WriteError
from fast_style.training.run_dir import find_checkpoint, make_run_dir, requeued_checkpoint, slurm_job


@pytest.fixture
def slurm(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("SLURM_JOB_ID", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_RESTART_COUNT"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_each_run_gets_the_next_number(tmp_path: Path, slurm: pytest.MonkeyPatch) -> None:
    runs = tmp_path / "runs" / "name"
    assert make_run_dir(runs) == runs / "1"
    (runs / "7").mkdir()
    (runs / "notes").mkdir()
    assert make_run_dir(runs) == runs / "8"
    assert list((runs / "8").iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match=r"^runs_dir: cannot write to .*file; choose another folder|^runs_dir: "):
        make_run_dir(tmp_path / "file")


def test_the_newest_checkpoint_of_a_folder_is_found(tmp_path: Path) -> None:
    for number, seconds in ((1, 200), (2, 100)):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "last.ckpt").touch()
        os.utime(tmp_path / str(number) / "last.ckpt", (seconds, seconds))
    (tmp_path / "2" / "best.ckpt").touch()
    assert find_checkpoint(str(tmp_path)) == tmp_path / "1" / "last.ckpt"
    assert find_checkpoint(str(tmp_path / "2" / "best.ckpt")) == tmp_path / "2" / "best.ckpt"
    with pytest.raises(NotFoundError, match=r"^resume=nowhere: no checkpoint there; give a \.ckpt file"):
        find_checkpoint("nowhere")


def test_a_requeued_job_finds_its_own_checkpoint(tmp_path: Path, slurm: pytest.MonkeyPatch) -> None:
    assert slurm_job() is None
    slurm.setenv("SLURM_JOB_ID", "71")
    folders = [make_run_dir(tmp_path) for _ in range(2)]
    slurm.setenv("SLURM_JOB_ID", "72")
    make_run_dir(tmp_path)
    for folder in tmp_path.iterdir():
        (folder / "last.ckpt").touch()
    slurm.setenv("SLURM_JOB_ID", "71")
    assert requeued_checkpoint(tmp_path) is None  # it has not been restarted
    slurm.setenv("SLURM_RESTART_COUNT", "1")
    assert requeued_checkpoint(tmp_path) == folders[1] / "last.ckpt"
    slurm.setenv("SLURM_ARRAY_JOB_ID", "70")
    slurm.setenv("SLURM_ARRAY_TASK_ID", "3")
    assert slurm_job() == "70_3"
    assert requeued_checkpoint(tmp_path) is None
