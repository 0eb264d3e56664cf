"""Training runs that are ended before their end, by signals, disks and photos that vanish, and continued."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.conftest import INSTALLED, Command, assert_one_line_error, command_in, make_photo_folder
from tests.runs import QUICK, started, wait_for
from tests.warm import Warm

pytestmark = pytest.mark.slow


def test_a_requeued_slurm_job_goes_on(work: Path, warm_program: Path, photo_folder: Path, tmp_path: Path) -> None:
    """SIGUSR1 saves and requeues; started again as the same job, the run goes on in its own folder."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "scontrol").write_text('#!/bin/sh\necho "$@" >> "$0.calls"\n')
    (programs / "scontrol").chmod(0o755)
    environment = {
        **os.environ, "HOME": str(tmp_path), "PATH": f"{programs}:{os.environ['PATH']}", "SLURM_JOB_ID": "71",
        "SLURM_JOB_NAME": "train", "SLURM_NTASKS": "1", "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0",
        "SLURM_JOB_NODELIST": "localhost",
    }  # fmt: skip
    settings = (
        *QUICK, f"data.dir={photo_folder}", "trainer.max_steps=400", "trainer.val_every=400", "style.name=queued",
    )  # fmt: skip
    run = work / "runs" / "queued" / "1"
    with subprocess.Popen(
        [INSTALLED, "train", *settings], cwd=work, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 120
        while not (run / "last.ckpt").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGUSR1)
        _, said = process.communicate(timeout=120)
    assert "interrupted by SIGUSR1" in said
    assert (programs / "scontrol.calls").read_text().split() == ["requeue", "71"]
    again = subprocess.run(
        [warm_program, "train", *settings], cwd=work, env={**environment, "SLURM_RESTART_COUNT": "1"},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    assert "resuming queued" in again.stderr
    assert [path.name for path in (work / "runs" / "queued").iterdir()] == ["1"]
    card = json.loads((work / "checkpoints" / "queued" / "card.json").read_text())
    assert card["training"]["steps"] == 400


@pytest.fixture(scope="module")
def uninterrupted(warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> tuple[tuple[str, ...], Path]:
    """The settings of a run of 150 steps, and the weights that it ends with."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    settings = (*QUICK, f"data.dir={make_photo_folder(folder / 'photos')}", "trainer.max_steps=150")
    (folder / "work").mkdir()
    whole = command_in(folder / "work", warm.make_program(folder))("train", *settings, "style.name=whole")
    assert whole.returncode == 0, whole.stderr
    return settings, folder / "work" / "checkpoints" / "whole" / "model.safetensors"


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_killed_and_resumed(
    warm_style: Command,
    warm_program: Path,
    work: Path,
    uninterrupted: tuple[tuple[str, ...], Path],
    how: signal.Signals,
) -> None:
    settings, whole = uninterrupted
    checkpoint = work / "runs" / "killed" / "1" / "last.ckpt"
    # The installed command is ended as the system does it, and as a terminal does it.
    program = warm_program if how is signal.SIGTERM else INSTALLED
    with started(program, work, *settings, "style.name=killed") as process:
        wait_for(checkpoint, process)
        process.send_signal(how)
        _, said = process.communicate(timeout=120)
    if how is not signal.SIGKILL:
        assert process.returncode == 128 + how
        assert f"interrupted by {how.name} at step" in said
        assert "resume=runs/killed/1" in said
        assert "Traceback" not in said
    assert not (work / "checkpoints" / "killed").exists()
    resumed = warm_style("train", *settings, "style.name=killed", "resume=runs/killed")
    assert resumed.returncode == 0, resumed.stderr
    assert not (work / "runs" / "killed" / "2").exists()
    a, b = (load_file(path) for path in (whole, work / "checkpoints" / "killed" / "model.safetensors"))
    assert all(a[key].equal(b[key]) for key in a), "the resumed run ended elsewhere than the uninterrupted one"


def test_killed_again_and_again_with_loader_processes(warm_style: Command, work: Path, photo_folder: Path) -> None:
    arguments = [
        *QUICK, f"data.dir={photo_folder}", "data.workers=2", "model.name=lite", "loss.stability_weight=10",
        "trainer.max_steps=60", "trainer.val_every=30", "trainer.checkpoint_every=3",
    ]  # fmt: skip
    checkpoint = work / "runs" / "killed" / "1" / "last.ckpt"
    written, steps = 0, []
    for kill, pause in enumerate((0.0, 0.08)):
        resume = ["resume=runs/killed"] if kill else []
        with started(INSTALLED, work, *arguments, "style.name=killed", *resume) as process:
            wait_for(checkpoint, process, newer_than=written)
            time.sleep(pause)
            process.kill()
        written = checkpoint.stat().st_mtime_ns
        steps.append(torch.load(checkpoint, weights_only=True)["global_step"])
    assert steps == sorted(set(steps)) and steps[-1] < 60, steps
    # The last one with another number of processes: that does not matter either.
    last = warm_style("train", *arguments, "style.name=killed", "resume=runs/killed", "data.workers=0")
    assert last.returncode == 0, last.stderr
    whole = warm_style("train", *arguments, "style.name=whole")
    assert whole.returncode == 0, whole.stderr
    a, b = (torch.load(work / "runs" / name / "1" / "last.ckpt", weights_only=True) for name in ("whole", "killed"))
    assert a["global_step"] == b["global_step"] == 60
    assert all(a["state_dict"][key].equal(value) for key, value in b["state_dict"].items())


@pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit")
def test_a_disk_that_fills_up(warm_style: Command, work: Path, photo_folder: Path) -> None:
    import resource as limits

    arguments = [*QUICK, f"data.dir={photo_folder}", "trainer.max_steps=200", "trainer.val_every=200"]
    checkpoint = work / "runs" / "smoke" / "1" / "last.ckpt"
    with started(INSTALLED, work, *arguments, "quiet=true") as process:
        wait_for(checkpoint, process)
        # No file may grow beyond this: as on a full disk, whatever is written next fails.
        limits.prlimit(process.pid, limits.RLIMIT_FSIZE, (1000, 1000))
        _, said = process.communicate(timeout=300)
    assert process.returncode == 2, said
    assert len(said.splitlines()) == 1, said
    assert "cannot write to runs/smoke/1 (File too large)" in said
    assert "continue with resume=runs/smoke/1" in said
    step = torch.load(checkpoint, weights_only=True)["global_step"]
    assert 0 < step < 200
    resumed = warm_style("train", *arguments, "resume=runs/smoke/1")
    assert resumed.returncode == 0, resumed.stderr
    assert torch.load(checkpoint, weights_only=True)["global_step"] == 200


@pytest.mark.parametrize("workers", [0, 2])
def test_photos_that_vanish(warm_program: Path, work: Path, photo_folder: Path, workers: int) -> None:
    arguments = [*QUICK, f"data.dir={photo_folder}", "trainer.max_steps=100000", "trainer.val_every=100000"]
    checkpoint = work / "runs" / "smoke" / "1" / "last.ckpt"
    with started(warm_program, work, *arguments, f"data.workers={workers}", "quiet=true") as process:
        wait_for(checkpoint, process)
        photo_folder.rename(photo_folder.with_name("elsewhere"))
        _, said = process.communicate(timeout=300)
    assert process.returncode == 2, said
    assert len(said.splitlines()) == 1, said
    assert "none of the 8 photos can be read any more" in said
    assert "continue with resume=runs/smoke/1" in said
    assert torch.load(checkpoint, weights_only=True)["global_step"] >= 2


def test_only_the_same_training_goes_on(warm_style: Command, work: Path) -> None:
    assert warm_style("train", *QUICK, "style.name=one").returncode == 0
    run = work / "runs" / "one" / "1"
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    resume = ("trainer.max_steps=10", "resume=runs/one")
    assert_one_line_error(
        warm_style("train", *QUICK, *resume, "style.name=two"),
        "is a training run of one, and not of two",
        "style.image=",
    )
    assert_one_line_error(
        warm_style("train", *QUICK, *resume, "style.name=one", "model=johnson"), "of lite", "of johnson"
    )
    (work / "cut.ckpt").write_bytes(before["last.ckpt"][:5000])
    assert_one_line_error(warm_style("train", *QUICK, "resume=cut.ckpt"), "cut.ckpt: not a checkpoint")
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before
    assert not (work / "checkpoints" / "two").exists()


def test_an_earlier_checkpoint_is_exported_without_its_strength(
    warm_style: Command, warm_program: Path, work: Path
) -> None:
    """The last steps learn it; the settings come from the run's folder."""
    early = ("trainer.checkpoint_every=1", "style.title=Zig", "seed=3", "quiet=true")
    with started(warm_program, work, *QUICK, *early, "trainer.max_steps=2000") as process:
        checkpoint = work / "runs" / "smoke" / "1" / "last.ckpt"
        wait_for(checkpoint, process)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=300)
    result = warm_style("export", checkpoint, "-o", "early")
    assert result.returncode == 0, result.stderr
    assert "no strength" in result.stderr
    card = json.loads((work / "early" / "card.json").read_text())
    assert card["network"]["takes_strength"] is False
    assert card["style"]["title"] == "Zig"
    assert (card["training"]["seed"], card["training"]["encoder"]) == (3, "random")
