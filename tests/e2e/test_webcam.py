"""`fast-style webcam` without a camera: a file is its source.

The installed command starts where a window and signals are tested, otherwise a process that has imported everything.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.clips import read_clip, write_clip
from tests.conftest import Command, assert_one_line_error

pytest.importorskip("cv2")
pytestmark = pytest.mark.slow

PROGRAM = Path(sys.executable).with_name("fast-style")
DISPLAY = ":97"


@pytest.fixture
def display() -> Iterator[dict[str, str]]:
    """The environment of a virtual screen of its own."""
    for program in ("Xvfb", "xdotool"):
        if not shutil.which(program):
            pytest.skip(f"needs {program} for a virtual screen")
    server = subprocess.Popen(["Xvfb", DISPLAY, "-screen", "0", "1024x768x24"], stderr=subprocess.DEVNULL)
    try:
        socket = Path(f"/tmp/.X11-unix/X{DISPLAY[1:]}")
        until(socket.exists, 20)
        yield {**os.environ, "DISPLAY": DISPLAY}
    finally:
        server.terminate()
        server.wait()


def until(condition: object, seconds: float) -> bool:
    """Waits until something is so."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.05)
    return False


def test_keys_in_a_window(display: dict[str, str], work: Path, tiny_model: Path) -> None:
    write_clip(work / "in.mp4", count=600, size=(160, 120))
    process = subprocess.Popen(
        [str(PROGRAM), "webcam", "--source", "in.mp4", "-m", str(tiny_model), "-m", "starry_night"],
        cwd=work, env=display, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip

    def xdotool(*arguments: str) -> str:
        done = subprocess.run(["xdotool", *arguments], env=display, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    def frames() -> list[Path]:
        return sorted(work.glob("fast-style-*.png"))

    def press(key: str, done: object, seconds: float = 30) -> bool:
        """OpenCV forgets a key when the next one comes at once: waits for what it does."""
        xdotool("key", key)
        return until(done, seconds)

    try:
        assert until(lambda: xdotool("search", "--name", "^fast_style$"), 60)
        xdotool("windowfocus", xdotool("search", "--name", "^fast_style$").splitlines()[-1])
        press("h", lambda: False, seconds=1)
        press("h", lambda: False, seconds=1)
        assert press("r", lambda: list(work.glob(".fast-style-*.mp4")))
        assert press("s", lambda: len(frames()) == 1)
        press("n", lambda: False, seconds=2)
        assert press("s", lambda: len(frames()) == 2)
        assert press("r", lambda: list(work.glob("fast-style-*.mp4")))
        xdotool("key", "q")
        answer, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    assert "latency" in errors
    (recording,) = work.glob("fast-style-*.mp4")
    assert sorted(answer.split()) == sorted(path.name for path in (*frames(), recording))
    first, second = (np.asarray(Image.open(path), float) for path in frames())
    assert first.shape == second.shape == (120, 160, 3)
    assert np.abs(first - second).mean() > 10
    assert len(read_clip(recording).pictures) > 2


def test_without_a_window(warm_style: Command, work: Path, tiny_model: Path) -> None:
    write_clip(work / "in.mp4", count=10)
    result = warm_style("webcam", "--source", "in.mp4", "-m", tiny_model, "--headless", "--record", "out.mp4")
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "out.mp4"
    assert "frames shown" in result.stderr
    assert read_clip(work / "out.mp4").stream["size"] == (64, 48)


def test_without_its_driver_a_virtual_camera_ends_cleanly(work: Path, tiny_model: Path) -> None:
    write_clip(work / "in.mp4", count=600)
    code = (
        "import sys; sys.modules['pyvirtualcam'] = None; from fast_style.cli.app import main\n"
        "sys.argv = ['fast-style', 'webcam', '--source', 'in.mp4', '--headless', '--virtual-camera', *sys.argv[1:]]\n"
        "main()"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, "-m", str(tiny_model)], cwd=work, capture_output=True, text=True, check=False
    )
    assert_one_line_error(result, "pyvirtualcam", "pip install 'fast-style[virtual-camera]'")


def test_a_source_that_breaks_off_ends_cleanly(warm_style: Command, work: Path, tiny_model: Path) -> None:
    whole = write_clip(work / "whole.mp4", count=20, container_options={"movflags": "+faststart"}, options={"crf": "1"})
    (work / "in.mp4").write_bytes(whole.read_bytes()[: whole.stat().st_size * 7 // 10])
    result = warm_style("webcam", "--source", "in.mp4", "-m", tiny_model, "--headless", "--record", "out.mp4")
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    assert read_clip(work / "out.mp4").pictures


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_completes_the_recording(work: Path, tiny_model: Path, number: int) -> None:
    write_clip(work / "in.mp4", count=600)
    process = subprocess.Popen(
        [str(PROGRAM), "webcam", "--source", "in.mp4", "-m", str(tiny_model), "--headless", "--record", "out.mp4"],
        cwd=work, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert until(lambda: list(work.glob(".fast-style-*")), 60)
        time.sleep(0.5)
        process.send_signal(number)
        answer, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    assert answer.strip() == "out.mp4"
    assert read_clip(work / "out.mp4").pictures
    assert sorted(path.name for path in work.iterdir()) == ["in.mp4", "out.mp4"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--source", "in.mp4", "--headless"], ["--headless", "--record"]),
        (["--source", "in.mp4"], ["display", "--headless"]),
        (["--source", "missing.mp4", "--headless", "--record", "o.mp4"], ["missing.mp4"]),
        (["--source", "text.mp4", "--headless", "--record", "o.mp4"], ["text.mp4"]),
        (["--source", "in.mp4", "--headless", "--record", "o.xyz"], ["o.xyz", ".mp4"]),
        (["--source", "in.mp4", "--headless", "--record", "./in.mp4"], ["in.mp4", "another name"]),
        (["--source", "in.mp4", "--headless", "--record", "text.mp4/o.mp4"], ["cannot write", "text.mp4"]),
        (["--camera", "87", "--headless", "--record", "o.mp4"], ["--camera 87", "--source"]),
        (["--source", "in.mp4", "--size", "big"], ["--size big"]),
        (["--source", "in.mp4", "--model", "nothing"], ["nothing"]),
    ],
)
def test_mistakes_are_one_line_and_status_2(
    warm_program: Path, work: Path, tiny_model: Path, arguments: list[str], words: list[str]
) -> None:
    write_clip(work / "in.mp4", count=10)
    (work / "text.mp4").write_text("text")
    model = [] if "--model" in arguments else ["--model", str(tiny_model)]
    environment = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    result = subprocess.run(
        [str(warm_program), "webcam", *arguments, *model], cwd=work, env=environment, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    if sys.platform == "linux" or "display" not in words:
        assert_one_line_error(result, *words)
    assert sorted(path.name for path in work.iterdir()) == ["in.mp4", "text.mp4"]
