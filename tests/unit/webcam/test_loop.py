from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from fast_style.errors import ConfigError
from fast_style.webcam.loop import print_summary, run_webcam
from fast_style.webcam.options import WebcamOptions
from tests.clips import read_clip, write_clip

pytest.importorskip("cv2")


def test_a_recording_does_not_replace_its_source(tmp_path: Path, tiny_model: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", count=2)
    before = source.read_bytes()
    (tmp_path / "link.mp4").symlink_to(source)
    options = WebcamOptions(record=tmp_path / "link.mp4", headless=True)
    with pytest.raises(ConfigError, match=r"record=.*source"):
        run_webcam(str(source), [str(tiny_model)], options)
    assert source.read_bytes() == before


def test_without_a_window_to_the_end_of_the_source(tmp_path: Path, tiny_model: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", count=8)
    summary = run_webcam(str(source), [str(tiny_model)], WebcamOptions(record=tmp_path / "out.mp4", headless=True))
    assert summary.ended == "has ended"
    assert summary.received == 8
    assert 1 <= summary.shown <= 8
    assert summary.written == [tmp_path / "out.mp4"]
    assert 1 <= len(read_clip(tmp_path / "out.mp4").pictures) <= 8
    assert {row.stage for row in summary.timings.summary()} == {"stylize", "show", "latency"}

    console = Console(file=io.StringIO(), width=100)
    print_summary(summary, console)
    assert f"{summary.shown} frames shown" in console.file.getvalue()  # type: ignore[attr-defined]


def test_nothing_to_show_is_an_error_before_any_model_is_loaded() -> None:
    with pytest.raises(ConfigError, match=r"headless: shows nothing; add record=OUT\.mp4 or virtual_camera"):
        run_webcam(0, ["missing"], WebcamOptions(headless=True))
