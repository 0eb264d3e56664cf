from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from fast_style.errors import FastStyleError, MediaError
from fast_style.webcam.capture import CapturedFrame
from fast_style.webcam.keymap import press_key
from fast_style.webcam.live_view import LiveView
from fast_style.webcam.recordings import Recorder
from tests.clips import picture, read_clip
from tests.unit.webcam.conftest import FRAME

pytest.importorskip("cv2")


def test_a_recording_plays_at_the_times_of_its_frames(view: LiveView, tmp_path: Path) -> None:
    press_key(view, "r", FRAME.rgb)
    for number, moment in enumerate((5.0, 5.1, 5.35, 5.4)):
        view.render(CapturedFrame(picture(number), number, moment))
    assert view.status(0, 0).recording == pytest.approx(0.4)
    press_key(view, "r", FRAME.rgb)
    view.recordings.finish()
    (path,) = view.written
    made = read_clip(path)
    assert made.times == [0, 100_000, 350_000, 400_000]
    assert made.stream["size"] == (64, 48)
    assert [path.name] == [p.name for p in tmp_path.iterdir()]


def test_a_recording_that_cannot_be_written_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"\.xyz"):
        Recorder(tmp_path / "out.xyz", (64, 48))
    (tmp_path / "file").write_text("text")
    recorder = Recorder(tmp_path / "file" / "out.mp4", (64, 48))
    recorder.add(picture(0), 0.0)
    with pytest.raises(FastStyleError, match="cannot write"):
        recorder.stop()


class FailingStart:
    """Stands for the writing process, and fails with what is no error of ours."""

    def __init__(self, *_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")


class FailingCalls(FailingStart):
    def __init__(self, *_: object, **__: object) -> None:
        pass

    def call(self, *_: object) -> None:
        raise TypeError("cannot pickle")

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("process", "words"), [(FailingStart, "temporarily unavailable"), (FailingCalls, "cannot pickle")]
)
@pytest.mark.parametrize("end", ["stop", "abandon"])
def test_a_recording_ends_whatever_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, process: type, words: str, end: str
) -> None:
    monkeypatch.setattr("fast_style.webcam.recordings.RemoteObject", process)
    recorder, errors = Recorder(tmp_path / "out.mp4", (64, 48)), []

    def finish() -> None:
        try:
            for number in range(100):
                recorder.add(picture(0), number)
            getattr(recorder, end)()
        except MediaError as error:
            errors.append(error)
            recorder.abandon()

    thread = threading.Thread(target=finish, daemon=True)
    thread.start()
    thread.join(timeout=10)
    assert not thread.is_alive()
    assert end == "abandon" or all(word in str(errors[0]) for word in ("out.mp4", words))


def test_the_picture_goes_on_while_a_recording_is_completed(
    view: LiveView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released, stop = threading.Event(), Recorder.stop

    def slowly(recorder: Recorder) -> Path:
        assert released.wait(timeout=5)
        return stop(recorder)

    monkeypatch.setattr(Recorder, "stop", slowly)
    monkeypatch.setattr(time, "strftime", lambda _: "fast-style-now")
    for number in range(2):
        press_key(view, "r", FRAME.rgb)
        view.render(CapturedFrame(picture(number), number, 1.0))
        press_key(view, "r", FRAME.rgb)
        assert view.recordings.current is None
        assert not view.written
    released.set()
    view.recordings.finish()
    assert sorted(path.name for path in view.written) == ["fast-style-now-2.mp4", "fast-style-now.mp4"]
    assert sorted(tmp_path.glob("*.mp4")) == sorted(view.written)
    assert "saved" in view.status(0, 0).message


def test_a_recording_that_fails_at_the_end_is_an_error(view: LiveView, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def fail(recorder: Recorder) -> Path:
        assert released.wait(timeout=5)
        recorder.abandon()
        raise MediaError("the disk is full")

    monkeypatch.setattr(Recorder, "stop", fail)
    press_key(view, "r", FRAME.rgb)
    press_key(view, "r", FRAME.rgb)
    threading.Timer(0.3, released.set).start()
    with pytest.raises(MediaError, match="disk is full"):
        view.recordings.finish()
    view.recordings.finish()
    assert "disk is full" in view.status(0, 0).message


def test_frames_of_another_size_fit_into_the_recording(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "out.mp4", (64, 48))
    recorder.add(picture(0), 0.0)
    recorder.add(picture(1, 32, 100), 0.1)
    assert [p.shape for p in read_clip(recorder.stop()).pictures] == [(48, 64, 3)] * 2
