from __future__ import annotations

import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from fast_style.errors import MediaError, MediaNotFoundError
from fast_style.webcam.capture import Capture, list_cameras
from tests.clips import picture, write_clip

pytest.importorskip("cv2")


def test_only_the_newest_frame_is_kept(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", count=10)
    capture = Capture(str(source), (640, 480))
    time.sleep(0.5)
    frame = capture.newest(0, timeout=5)
    assert frame is not None
    assert frame.number > 2
    assert np.percentile(np.abs(frame.rgb.astype(int) - picture(frame.number - 1)), 80) <= 4
    last = frame.number
    while (frame := capture.newest(last, timeout=5)) is not None:
        assert frame.number > last
        last = frame.number
    assert (last, capture.ended) == (10, "has ended")
    capture.close()


@pytest.mark.parametrize(("failure", "words"), [(MemoryError(), "MemoryError"), (ValueError("a\nb"), "b")])
def test_a_reading_thread_that_fails_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception, words: str
) -> None:
    def fail(*_: object) -> None:
        raise failure

    monkeypatch.setattr(Capture, "_keep", fail)
    capture = Capture(str(write_clip(tmp_path / "in.mp4", count=2)), (640, 480))
    assert capture.newest(0, timeout=5) is None
    assert capture.ended == f"cannot be read any more ({words})"
    capture.close()


def test_a_file_of_less_than_a_frame_a_second_keeps_its_pace(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", times=[Fraction(0), Fraction(8, 5)])
    capture = Capture(str(source), (640, 480))
    first, second = capture.newest(0, timeout=5), capture.newest(1, timeout=5)
    assert first is not None
    assert second is not None
    assert second.time - first.time > 1.4
    capture.close()


def test_frames_are_scaled_into_the_size_and_turned(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", count=2, size=(64, 48), rotation=90)
    capture = Capture(str(source), (24, 24))
    frame = capture.newest(0, timeout=5)
    assert frame is not None
    assert frame.rgb.shape == (24, 18, 3)
    capture.close()


def test_no_camera_names_those_there_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, title, index in (("video2", "Logitech", "0"), ("video3", "Logitech", "1"), ("video10", "Front", "0")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "name").write_text(title + "\n")
        (tmp_path / name / "index").write_text(index + "\n")
    monkeypatch.setattr("fast_style.webcam.capture.CAMERA_NODES", tmp_path)
    monkeypatch.setattr("sys.platform", "linux")
    assert list_cameras() == ["2 (Logitech)", "10 (Front)"]
    with pytest.raises(MediaNotFoundError, match=r"camera=77.*2 \(Logitech\), 10 \(Front\)"):
        Capture(77, (640, 480))


def test_what_is_no_video_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("text")
    with pytest.raises(MediaError, match=r"text\.mp4"):
        Capture(str(tmp_path / "text.mp4"), (640, 480))
    with pytest.raises(MediaNotFoundError, match="no such file"):
        Capture(str(tmp_path / "missing.mp4"), (640, 480))


def test_a_name_with_a_colon_is_no_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "in.mp4", count=2).rename("12:30.mp4")
    capture = Capture("12:30.mp4", (640, 480))
    assert capture.newest(0, timeout=5) is not None
    capture.close()
