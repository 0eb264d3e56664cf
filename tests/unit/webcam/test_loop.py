from __future__ import annotations

import threading
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fast_style.errors import MediaError, ModelError
from fast_style.webcam.capture import Capture, Shot, cameras
from fast_style.webcam.loop import run
from fast_style.webcam.overlay import KEYS
from fast_style.webcam.recordings import Recorder
from fast_style.webcam.show import Show
from tests.clips import picture, read_clip, write_clip
from tests.conftest import make_photo

pytest.importorskip("cv2")


@pytest.fixture(scope="session")
def plain_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained `lite` without a strength."""
    import torch

    from fast_style.models.networks import build_network
    from fast_style.training.export import export_model

    torch.manual_seed(1)
    network = build_network("lite", width=4, blocks=1)
    folder = tmp_path_factory.mktemp("models") / "plain"
    return export_model(network, folder, name="plain", training={}, style_title="Plain").folder


@pytest.fixture
def show(tiny_model: Path, plain_model: Path, tmp_path: Path) -> Show:
    return Show([str(tiny_model), str(plain_model)], folder=tmp_path)


SHOT = Shot(make_photo(0), 1, 0.0)


def test_a_key_changes_the_very_next_picture(show: Show) -> None:
    first = show.picture(SHOT)
    show.press("n", first)
    second = show.picture(SHOT)
    assert show.status(0, 0).style == "Plain"
    assert np.array_equal(second, show.stylizers[1](SHOT.rgb))
    assert not np.array_equal(first, second)
    show.press("n", second)
    assert np.array_equal(show.picture(SHOT), first)
    show.press("left", first)
    show.press("1", first)
    assert show.chosen == 0


def test_strength_goes_in_steps_to_its_limits(show: Show) -> None:
    before = show.picture(SHOT)
    for _ in range(30):
        show.press("+", before)
    assert show.status(0, 0).strength == 1.5
    assert not np.array_equal(show.picture(SHOT), before)
    for _ in range(30):
        show.press("down", before)
    assert show.status(0, 0).strength == 0
    show.press("n", before)
    show.press("+", before)
    assert show.status(0, 0).strength is None
    assert "strength" in show.status(0, 0).message


def test_mirror_and_split(show: Show) -> None:
    show.press("m", SHOT.rgb)
    show.press("o", SHOT.rgb)
    result, original = show.picture(SHOT), SHOT.rgb[:, ::-1]
    assert np.array_equal(result[:, :32], original[:, :32])
    assert np.array_equal(result[:, 32:], show.stylizer(original)[:, 32:])


def test_steady_forgets_the_last_style(show: Show) -> None:
    show.press("t", SHOT.rgb)
    show.picture(SHOT)
    show.press("n", SHOT.rgb)
    assert np.array_equal(show.picture(SHOT), show.stylizer(SHOT.rgb))
    assert "steady" in show.status(0, 0).marks


def test_a_frame_is_saved(show: Show, tmp_path: Path) -> None:
    result = show.picture(SHOT)
    for _ in range(2):
        show.press("s", result)
    first, second = sorted(tmp_path.glob("fast-style-*.png"))
    assert sorted(show.written) == [first, second]
    assert np.array_equal(np.asarray(Image.open(first)), result)


def test_every_key_in_the_help_does_something(show: Show) -> None:
    for keys, _ in KEYS:
        for key in keys:
            if key != "R":
                show.press(key.lower(), SHOT.rgb)
    assert show.quitting
    assert show.help


def test_escape_closes_the_help_first(show: Show) -> None:
    show.press("h", SHOT.rgb)
    show.press("escape", SHOT.rgb)
    assert not show.help
    assert not show.quitting
    show.press("escape", SHOT.rgb)
    assert show.quitting


def test_a_recording_plays_at_the_times_of_its_frames(show: Show, tmp_path: Path) -> None:
    show.press("r", SHOT.rgb)
    for number, moment in enumerate((5.0, 5.1, 5.35, 5.4)):
        show.picture(Shot(picture(number), number, moment))
    assert show.status(0, 0).recording == pytest.approx(0.4)
    show.press("r", SHOT.rgb)
    show.stop_recording()
    (path,) = show.written
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
    with pytest.raises(MediaError, match="cannot write"):
        recorder.stop()


class Hopeless:
    """In place of `Apart`: fails with what is no error of ours."""

    def __init__(self, *_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")


class Careless(Hopeless):
    def __init__(self, *_: object, **__: object) -> None:
        pass

    def call(self, *_: object) -> None:
        raise TypeError("cannot pickle")

    def close(self) -> None:
        pass


@pytest.mark.parametrize(("apart", "words"), [(Hopeless, "temporarily unavailable"), (Careless, "cannot pickle")])
@pytest.mark.parametrize("end", ["stop", "abandon"])
def test_a_recording_ends_whatever_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, apart: type, words: str, end: str
) -> None:
    monkeypatch.setattr("fast_style.webcam.recordings.Apart", apart)
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


def test_the_show_goes_on_while_a_recording_is_completed(
    show: Show, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released, stop = threading.Event(), Recorder.stop

    def slowly(recorder: Recorder) -> Path:
        assert released.wait(timeout=5)
        return stop(recorder)

    monkeypatch.setattr(Recorder, "stop", slowly)
    monkeypatch.setattr(time, "strftime", lambda _: "fast-style-now")
    for number in range(2):
        show.press("r", SHOT.rgb)
        show.picture(Shot(picture(number), number, 1.0))
        show.press("r", SHOT.rgb)
        assert show.recorder is None
        assert not show.written
    released.set()
    show.stop_recording()
    assert sorted(path.name for path in show.written) == ["fast-style-now-2.mp4", "fast-style-now.mp4"]
    assert sorted(tmp_path.glob("*.mp4")) == sorted(show.written)
    assert "saved" in show.status(0, 0).message


def test_a_recording_that_fails_at_the_end_of_the_show_is_told(show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def fail(recorder: Recorder) -> Path:
        assert released.wait(timeout=5)
        recorder.abandon()
        raise MediaError("the disk is full")

    monkeypatch.setattr(Recorder, "stop", fail)
    show.press("r", SHOT.rgb)
    show.press("r", SHOT.rgb)
    threading.Timer(0.3, released.set).start()
    with pytest.raises(MediaError, match="disk is full"):
        show.stop_recording()
    show.stop_recording()
    assert "disk is full" in show.status(0, 0).message


def test_frames_of_another_size_fit_into_the_recording(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "out.mp4", (64, 48))
    recorder.add(picture(0), 0.0)
    recorder.add(picture(1, 32, 100), 0.1)
    assert [p.shape for p in read_clip(recorder.stop()).pictures] == [(48, 64, 3)] * 2


def test_only_the_newest_frame_is_kept(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", count=10)
    capture = Capture(str(source), (640, 480))
    time.sleep(0.5)
    shot = capture.newest(0, timeout=5)
    assert shot is not None
    assert shot.number > 2
    assert np.percentile(np.abs(shot.rgb.astype(int) - picture(shot.number - 1)), 80) <= 4
    last = shot.number
    while (shot := capture.newest(last, timeout=5)) is not None:
        assert shot.number > last
        last = shot.number
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
    shot = capture.newest(0, timeout=5)
    assert shot is not None
    assert shot.rgb.shape == (24, 18, 3)
    capture.close()


def test_no_camera_names_those_there_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, title, index in (("video2", "Logitech", "0"), ("video3", "Logitech", "1"), ("video10", "Front", "0")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "name").write_text(title + "\n")
        (tmp_path / name / "index").write_text(index + "\n")
    monkeypatch.setattr("fast_style.webcam.capture.DEVICES", tmp_path)
    monkeypatch.setattr("sys.platform", "linux")
    assert cameras() == ["2 (Logitech)", "10 (Front)"]
    with pytest.raises(MediaError, match=r"--camera 77.*2 \(Logitech\), 10 \(Front\)"):
        Capture(77, (640, 480))


def test_what_is_no_video_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("text")
    with pytest.raises(MediaError, match=r"text\.mp4"):
        Capture(str(tmp_path / "text.mp4"), (640, 480))
    with pytest.raises(MediaError, match="no such file"):
        Capture(str(tmp_path / "missing.mp4"), (640, 480))


def test_a_name_with_a_colon_is_no_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "in.mp4", count=2).rename("12:30.mp4")
    capture = Capture("12:30.mp4", (640, 480))
    assert capture.newest(0, timeout=5) is not None
    capture.close()


def test_a_recording_does_not_replace_its_source(tmp_path: Path, tiny_model: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", count=2)
    before = source.read_bytes()
    (tmp_path / "link.mp4").symlink_to(source)
    with pytest.raises(MediaError, match=r"--record .*source"):
        run(str(source), Show([str(tiny_model)], record=tmp_path / "link.mp4"), size=(640, 480), headless=True)
    assert source.read_bytes() == before


def test_a_strength_out_of_range_or_without_a_strength(tiny_model: Path, plain_model: Path) -> None:
    with pytest.raises(ModelError, match="strength=3"):
        Show([str(tiny_model)], strength=3)
    assert Show([str(tiny_model), str(plain_model)], strength=0.5).strengths == [0.5, None]


def test_without_a_window_to_the_end_of_the_source(tmp_path: Path, tiny_model: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", count=8)
    show = Show([str(tiny_model)], record=tmp_path / "out.mp4")
    summary = run(str(source), show, size=(640, 480), headless=True)
    assert summary.ended == "has ended"
    assert summary.received == 8
    assert 1 <= summary.shown <= 8
    assert summary.written == [tmp_path / "out.mp4"]
    assert 1 <= len(read_clip(tmp_path / "out.mp4").pictures) <= 8
    assert {row.stage for row in summary.timings.summary()} == {"stylize", "show", "latency"}
