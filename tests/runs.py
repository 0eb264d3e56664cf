"""Training runs of seconds, for the tests of commands."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

QUICK = (
    "experiment=smoke", "model.width=4", "model.blocks=1", "data.image_size=32", "encoder.scales=[1.0]",
    "trainer.max_steps=8", "trainer.val_every=4", "trainer.checkpoint_every=2", "trainer.log_every=1",
)  # fmt: skip
"""The smoke experiment, smaller still. Its network is the one that `tests/warm.py` has traced."""


def scalars(run: Path) -> dict[str, list[float]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run), size_guidance={"images": 0})
    events.Reload()
    found = {tag: [event.value for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    found["images"] = [len(events.Images(tag)) for tag in events.Tags()["images"]]
    return found


def wait_for(path: Path, process: subprocess.Popen[str], *, newer_than: int = 0) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and process.poll() is None:
        if path.exists() and path.stat().st_mtime_ns > newer_than:
            return
        time.sleep(0.01)
    raise AssertionError(f"{path} was not written")


def started(program: Path, work: Path, *arguments: str) -> subprocess.Popen[str]:
    """Returns `PROGRAM train ARGUMENTS` in the background."""
    return subprocess.Popen(
        [str(program), "train", *arguments],
        cwd=work, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
