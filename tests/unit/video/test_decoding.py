from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from fast_style.errors import ConfigError
from fast_style.video.media import Frame
from fast_style.video.reader import VideoReader
from tests.clips import picture, pixel_error, write_clip


def test_start_and_duration(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", count=30, sounds=["aac"])
    reader = VideoReader(source, start=1.05, duration=0.5)
    frames = list(reader)
    times = [frame.pts * reader.format.time_base for frame in frames]
    # Frames at 1.1, 1.2, 1.3, 1.4 and 1.5 seconds, from 1.05 on.
    assert [round(float(time), 3) for time in times] == [0.05, 0.15, 0.25, 0.35, 0.45]
    assert [pixel_error(frame.rgb, picture(number)) <= 3 for number, frame in enumerate(frames, 11)] == [True] * 5
    packets = [packet for frame in frames for packet in frame.packets] + reader.trailing
    sound = [float(packet.pts * packet.time_base) for packet in packets]
    assert 0 <= sound[0] < 0.065
    assert 0.42 < sound[-1] < 0.5
    with pytest.raises(ConfigError, match="start=9"):
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


@pytest.mark.parametrize(
    ("start", "duration"), [(np.inf, None), (np.nan, None), (1e30, None), (-1, None), (0, np.inf), (0, 0)]
)
def test_a_part_that_no_video_has(tmp_path: Path, start: float, duration: float | None) -> None:
    source = write_clip(tmp_path / "in.mp4", count=2)
    with pytest.raises(ConfigError, match=r"^(start|duration)="):
        VideoReader(source, start=start, duration=duration)


def test_a_video_shorter_than_its_sound_is_whole(tmp_path: Path) -> None:
    reader = VideoReader(write_clip(tmp_path / "in.mkv", count=5, sounds=["aac"], silence=3))
    assert len(list(reader)) == 5
    assert reader.warnings == []


@pytest.mark.parametrize("options", [{"duration": 1}, {"start": 0.5, "duration": 1}, {"start": 0.5}])
def test_parts_count_from_the_first_frame_of_a_video_that_begins_late(
    tmp_path: Path, options: dict[str, float]
) -> None:
    times = [Fraction(n, 10) for n in range(100, 120)]
    reader = VideoReader(write_clip(tmp_path / "in.mp4", times=times, sounds=["aac"]), **options)  # type: ignore[arg-type]
    frames = list(reader)
    first = round(10 * options.get("start", 0))
    assert [frame.pts * reader.format.time_base for frame in frames] == [
        Fraction(n, 10) for n in range(10 if "duration" in options else 15)
    ]
    assert pixel_error(frames[0].rgb, picture(first)) <= 3


@pytest.mark.parametrize(("suffix", "codec"), [(".avi", "libx264"), (".mxf", "libx264"), (".avi", "mpeg4")])
def test_containers_that_store_times_of_decoding_only(tmp_path: Path, suffix: str, codec: str) -> None:
    import av

    with av.open(str(tmp_path / f"in{suffix}"), "w") as container:
        stream = container.add_stream(codec, rate=25, options={"bf": "2", "crf": "10", "qmin": "1", "qmax": "2"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.colorspace, stream.codec_context.color_range = 6, 1
        for number in range(30):
            frame = av.VideoFrame.from_ndarray(picture(number), "rgb24")
            container.mux(stream.encode(frame.reformat(format="yuv420p", dst_colorspace=5, dst_color_range=1)))
        container.mux(stream.encode(None))
    reader = VideoReader(tmp_path / f"in{suffix}")
    frames = list(reader)
    times = [frame.pts * reader.format.time_base for frame in frames]
    assert len(times) == 30
    assert {round(later - earlier, 6) for earlier, later in itertools.pairwise(times)} == {Fraction(1, 25)}
    assert all(pixel_error(frame.rgb, picture(number)) <= 8 for number, frame in enumerate(frames))


def test_interlaced_frames_become_whole_ones(tmp_path: Path) -> None:
    import av

    with av.open(str(tmp_path / "in.mp4"), "w") as container:
        stream = container.add_stream(
            "libx264", rate=25, options={"crf": "5", "flags": "+ildct+ilme", "x264-params": "tff=1"}
        )
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for number in range(8):
            combed = np.zeros((64, 64, 3), np.uint8)
            for parity in range(2):  # a square that moves two pixels from one field to the next
                left = 4 + 4 * number + 2 * parity
                combed[16 + parity : 48 : 2, left : left + 24] = 255
            container.mux(stream.encode(av.VideoFrame.from_ndarray(combed, "rgb24")))
        container.mux(stream.encode(None))

    def combs(frames: list[Frame]) -> float:
        inside = np.stack([frame.rgb[20:44].astype(int) for frame in frames])
        return float(np.abs(2 * inside[:, 1:-1] - inside[:, :-2] - inside[:, 2:]).mean())

    made, kept = (list(VideoReader(tmp_path / "in.mp4", deinterlace=whole)) for whole in (True, False))
    assert [frame.pts for frame in made] == [frame.pts for frame in kept]
    assert [frame.duration for frame in made] == [frame.duration for frame in kept]
    assert len(made) == 8
    assert combs(made) < combs(kept) / 4
    part = VideoReader(tmp_path / "in.mp4", start=0.08, duration=0.12)
    assert [round(float(frame.pts * part.format.time_base), 3) for frame in part] == [0, 0.04, 0.08]


def test_joined_recordings_follow_each_other(tmp_path: Path) -> None:
    part = write_clip(tmp_path / "part.ts", count=10, sounds=["mp2"], options={"crf": "10", "bf": "2"})
    (tmp_path / "in.ts").write_bytes(3 * part.read_bytes())
    reader = VideoReader(tmp_path / "in.ts")
    frames = list(reader)
    times = [float((frame.pts - frames[0].pts) * reader.format.time_base) for frame in frames]
    assert times == pytest.approx([n / 10 for n in range(30)], abs=0.002)
    assert [pixel_error(frame.rgb, picture(n % 10)) <= 6 for n, frame in enumerate(frames)] == [True] * 30
    packets = [packet for frame in frames for packet in frame.packets] + reader.trailing
    sounds = [float(packet.dts * packet.time_base) for packet in packets]
    # The sound of a part is a little longer than its frames.
    assert all(later - earlier > -0.03 for earlier, later in itertools.pairwise(sounds))
    assert abs(sounds[-1] - sounds[0] - 3) < 0.2
