from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from fast_style.errors import MediaError
from tests.clips import picture, read_clip, write_clip

from fast_style.video.media import Format, Frame  # isort: skip
from fast_style.video.gif import GifWriter  # isort: skip
from fast_style.video.reader import VideoReader
from fast_style.video.writer import VideoWriter


def copy(source: Path, target: Path, **options: object) -> None:
    """Reads and writes without stylising."""
    reader = VideoReader(source)
    writer = VideoWriter(target, reader.format, source=reader, **options)  # type: ignore[arg-type]
    for frame in reader:
        writer.write(frame)
    writer.copy(reader.trailing)
    writer.finish()
    reader.close()


def error(first: np.ndarray, second: np.ndarray) -> float:
    """Of most pixels: colours at edges are shared by four of them, and differ."""
    return float(np.percentile(np.abs(first.astype(float) - second), 80))


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("matrix", [1, 6])
def test_colours_are_read_and_written_by_their_tags(tmp_path: Path, matrix: int, full_range: bool) -> None:
    source = write_clip(tmp_path / "in.mp4", count=3, matrix=matrix, full_range=full_range)
    reader = VideoReader(source)
    for number, frame in enumerate(reader):
        assert error(frame.rgb, picture(number)) <= 3
    copy(source, tmp_path / "out.mp4", crf=5)
    made = read_clip(tmp_path / "out.mp4")
    assert made.stream["matrix"] == matrix
    assert made.stream["range"] == (2 if full_range else 1)
    for number, rgb in enumerate(made.pictures):
        assert error(rgb, picture(number)) <= 3


@pytest.mark.parametrize(("size", "matrix"), [((64, 48), 6), ((1280, 64), 1)])
def test_untagged_video_is_read_as_players_do(tmp_path: Path, size: tuple[int, int], matrix: int) -> None:
    import av

    tagged = write_clip(tmp_path / "tagged.mkv", count=1, size=size, matrix=matrix, codec="ffv1", options={})
    with av.open(str(tagged)) as before, av.open(str(tmp_path / "in.mkv"), "w") as after:
        stream = after.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for frame in before.decode(video=0):
            frame.colorspace = frame.color_range = 2
            frame.color_range = 0
            after.mux(stream.encode(frame))
        after.mux(stream.encode(None))
    (frame,) = VideoReader(tmp_path / "in.mkv")
    assert error(frame.rgb, picture(0, *size)) <= 3


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_rotated_video_is_read_upright(tmp_path: Path, rotation: int) -> None:
    source = write_clip(tmp_path / "in.mp4", count=2, rotation=rotation, aspect=Fraction(2))
    reader = VideoReader(source)
    expected = np.rot90(picture(0), rotation // 90)
    frame = next(iter(reader))
    assert (reader.format.height, reader.format.width) == expected.shape[:2] == frame.rgb.shape[:2]
    assert error(frame.rgb, expected) <= 3
    assert reader.format.pixel_aspect == (Fraction(2) if rotation == 180 else Fraction(1, 2))


def test_pixels_that_are_not_square_become_square_for_pictures(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", count=1, aspect=Fraction(3, 2))
    reader = VideoReader(source, square=True)
    assert (reader.format.width, reader.format.height, reader.format.pixel_aspect) == (96, 48, 1)
    assert next(iter(reader)).rgb.shape == (48, 96, 3)


def test_start_and_duration(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", count=30, sounds=["aac"])
    reader = VideoReader(source, start=1.05, duration=0.5)
    frames = list(reader)
    times = [frame.pts * reader.format.time_base for frame in frames]
    # Frames at 1.1, 1.2, 1.3, 1.4 and 1.5 seconds, from 1.05 on.
    assert [round(float(time), 3) for time in times] == [0.05, 0.15, 0.25, 0.35, 0.45]
    assert [error(frame.rgb, picture(number)) <= 3 for number, frame in enumerate(frames, 11)] == [True] * 5
    packets = [packet for frame in frames for packet in frame.packets] + reader.trailing
    sound = [float(packet.pts * packet.time_base) for packet in packets]
    assert 0 <= sound[0] < 0.065
    assert 0.42 < sound[-1] < 0.5
    with pytest.raises(MediaError, match="--start 9"):
        VideoReader(source, start=9)


@pytest.mark.parametrize("suffix", [".ts", ".mkv"])
def test_a_part_begins_where_it_should_though_keyframes_are_rare(tmp_path: Path, suffix: str) -> None:
    times = [Fraction(number, 25) for number in range(300)]
    options = {"g": "125", "keyint_min": "125", "sc_threshold": "0", "preset": "veryfast"}
    source = write_clip(tmp_path / f"in{suffix}", times=times, options=options, sounds=["mp2"])
    whole = list(VideoReader(source))
    for start, duration in ((2, 6), (2, 1), (7.5, None), (11.9, None)):
        reader = VideoReader(source, start=start, duration=duration)
        frames = list(reader)
        seconds = duration or 12 - start
        assert abs(len(frames) - 25 * seconds) <= 3
        assert 0 <= frames[0].pts * reader.format.time_base < 0.1
        first = round(25 * start)
        assert any(np.array_equal(frames[0].rgb, frame.rgb) for frame in whole[first - 3 : first + 4])
        assert all("damaged part" not in warning for warning in reader.warnings)
        sound = [packet for frame in frames for packet in frame.packets] + reader.trailing
        assert 0 <= sound[0].pts * sound[0].time_base < 0.1


def test_a_stream_without_times_is_read_from_its_beginning(tmp_path: Path) -> None:
    reader = VideoReader(write_clip(tmp_path / "in.h264", count=30), start=1, duration=1)
    assert len(list(reader)) == 5  # of such a stream libav guesses 25 a second


@pytest.mark.parametrize(("start", "duration"), [(np.inf, None), (np.nan, None), (1e30, None), (-1, None), (0, np.inf)])
def test_a_part_that_no_video_has(tmp_path: Path, start: float, duration: float | None) -> None:
    source = write_clip(tmp_path / "in.mp4", count=2)
    with pytest.raises(MediaError, match=r"--start|--duration"):
        VideoReader(source, start=start, duration=duration)


def test_a_name_with_a_colon_is_no_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "in.mp4", count=2).rename("12:30.mp4")
    assert len(list(VideoReader("12:30.mp4"))) == 2


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("in.apng", "apng", "rgba"),
        ("in.mov", "qtrle", "argb"),
        ("in.mov", "prores_ks", "yuva444p10le"),
        ("in.mkv", "ffv1", "yuva420p"),
    ],
)
def test_what_is_transparent_lies_on_white(tmp_path: Path, name: str, codec: str, pixels: str) -> None:
    import av

    given = np.zeros((48, 64, 4), np.uint8)
    given[..., 1] = 255  # a green that nobody is to see
    given[8:32, :32] = (200, 30, 30, 255)
    given[32:, :32] = (30, 30, 200, 128)
    with av.open(str(tmp_path / name), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
        frame = av.VideoFrame.from_ndarray(given, "rgba").reformat(format=pixels, dst_colorspace=5, dst_color_range=1)
        for time in range(2):
            frame.pts, frame.time_base = time, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    for longest in (None, 32):
        read, _ = VideoReader(tmp_path / name, longest=longest)
        scale = 64 // read.rgb.shape[1]
        for y, x, colour in ((20, 50, (255, 255, 255)), (20, 16, (200, 30, 30)), (40, 16, (142, 142, 227))):
            assert np.abs(read.rgb[y // scale, x // scale].astype(int) - colour).max() <= 3
        if pixels != "yuva420p":  # which shares colours among four pixels
            edge = read.rgb[20 // scale].astype(int)
            assert (edge[:, 1] - edge[:, 2]).max() <= 3


def test_the_longer_side_is_limited(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", count=1, size=(64, 48))
    reader = VideoReader(source, longest=33)
    assert next(iter(reader)).rgb.shape == (25, 33, 3)
    assert VideoReader(source, longest=500).format.width == 64


def test_nothing_has_the_final_name_before_the_end(tmp_path: Path) -> None:
    format = Format(64, 48, Fraction(1, 90_000), Fraction(10))
    target = tmp_path / "out" / "clip.mp4"
    for how in ("discard", "partial", "finish"):
        writer = VideoWriter(target, format)
        for number in range(5):
            writer.write(Frame(picture(number), 9000 * number, 9000))
        assert not target.exists()
        if how == "discard":
            writer.discard()
            assert list(target.parent.iterdir()) == []
            continue
        path = writer.finish(partial=how == "partial")
        assert path.name == ("clip.partial.mp4" if how == "partial" else "clip.mp4")
        assert len(read_clip(path).pictures) == 5
        path.unlink()
        assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("codec", "suffix", "name"), [("h265", ".mp4", "hevc"), ("vp9", ".webm", "vp9"), (None, ".webm", "vp9")]
)
@pytest.mark.parametrize("size", [(64, 48), (67, 49)])
def test_codecs_and_odd_sizes(
    tmp_path: Path, codec: str | None, suffix: str, name: str, size: tuple[int, int], capfd: pytest.CaptureFixture[str]
) -> None:
    writer = VideoWriter(tmp_path / f"out{suffix}", Format(*size, Fraction(1, 1000), Fraction(10)), codec=codec, crf=8)
    for number in range(3):
        writer.write(Frame(picture(number, *size), 100 * number, 100))
    made = read_clip(writer.finish())
    assert made.stream["codec"] in (name, f"lib{name}", "libvpx-vp9")
    assert made.stream["size"] == size
    assert made.times == [0, 100_000, 200_000]
    assert error(made.pictures[1], picture(1, *size)) < 8
    assert "x265" not in capfd.readouterr().err


def test_gif_times_are_hundredths_and_browsers_show_every_frame(tmp_path: Path) -> None:
    from PIL import Image

    writer = GifWriter(tmp_path / "out.gif", Format(32, 24, Fraction(1, 1000), Fraction(10)))
    for number, time in enumerate((0, 100, 105, 250, 400)):
        writer.write(Frame(picture(number, 32, 24), time, 100))
    with Image.open(writer.finish()) as gif:
        assert gif.n_frames == 4
        assert error(np.asarray(gif.convert("RGB")), picture(0, 32, 24)) < 8
        durations = []
        for number in range(3):
            gif.seek(number)
            durations.append(gif.info["duration"])
        assert durations == [100, 150, 150]
        gif.seek(3)
        assert error(np.asarray(gif.convert("RGB")), picture(4, 32, 24)) < 8


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("out.mp4", {"codec": "magic"}, "magic"),
        ("out.mp4", {"codec": "aac"}, "aac"),
        ("out.mp4", {"crf": 99}, "99"),
        ("out.mov", {"codec": "prores_ks", "crf": 10}, "crf 10"),
        ("out.webm", {"codec": "h264"}, "h264|libx264"),
        ("in.mp4/out.mp4", {}, "cannot write.*check its folder"),
    ],
)
def test_what_cannot_be_written_is_named(tmp_path: Path, name: str, options: dict[str, object], words: str) -> None:
    (tmp_path / "in.mp4").write_text("text")
    with pytest.raises(MediaError, match=words):
        VideoWriter(tmp_path / name, Format(64, 48, Fraction(1, 10), Fraction(10)), **options)  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_sound_that_a_container_cannot_hold_is_named(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", count=2, sounds=["aac"])
    reader = VideoReader(source)
    with pytest.raises(MediaError, match=r"can't hold the sound.*--mute"):
        VideoWriter(tmp_path / "out.webm", reader.format, source=reader)
    VideoWriter(tmp_path / "out.webm", reader.format, source=reader, tracks=False).discard()
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_frames_of_one_time_are_one(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "out.mp4", Format(64, 48, Fraction(1, 1000), Fraction(10)))
    for time in (0, 100, 100, 200):
        writer.write(Frame(picture(time), time, 100))
    assert read_clip(writer.finish()).times == [0, 100_000, 200_000]


def test_a_video_shorter_than_its_sound_is_whole(tmp_path: Path) -> None:
    reader = VideoReader(write_clip(tmp_path / "in.mkv", count=5, sounds=["aac"], silence=3))
    assert len(list(reader)) == 5
    assert reader.warnings == []


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_title_and_chapters_are_kept(tmp_path: Path, suffix: str) -> None:
    import av

    plain, source, target = (tmp_path / f"{name}{suffix}" for name in ("plain", "in", "out"))
    write_clip(plain, count=10, options={"bf": "0"})
    with av.open(str(plain)) as before, av.open(str(source), "w") as after:
        stream = after.add_stream_from_template(before.streams.video[0], opaque=True)
        after.metadata["title"] = "Parrots"
        millisecond = Fraction(1, 1000)
        after.set_chapters([
            {"id": 1, "start": 0, "end": 400, "time_base": millisecond, "metadata": {"title": "One"}},
            {"id": 2, "start": 400, "end": 1000, "time_base": millisecond, "metadata": {"title": "Two"}},
        ])  # fmt: skip
        for packet in before.demux():
            if packet.size:
                packet.stream = stream
                after.mux(packet)
    copy(source, target)
    with av.open(str(target)) as made:
        assert made.metadata["title"] == "Parrots"
        found = [(c["metadata"]["title"], c["start"] * c["time_base"]) for c in made.chapters()]
        assert found == [("One", 0), ("Two", Fraction(2, 5))]
