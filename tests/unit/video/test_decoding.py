from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from fast_style.errors import ConfigError
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


@pytest.mark.parametrize(("start", "duration"), [(np.inf, None), (np.nan, None), (1e30, None), (-1, None), (0, np.inf)])
def test_a_part_that_no_video_has(tmp_path: Path, start: float, duration: float | None) -> None:
    source = write_clip(tmp_path / "in.mp4", count=2)
    with pytest.raises(ConfigError, match=r"^(start|duration)="):
        VideoReader(source, start=start, duration=duration)


def test_a_video_shorter_than_its_sound_is_whole(tmp_path: Path) -> None:
    reader = VideoReader(write_clip(tmp_path / "in.mkv", count=5, sounds=["aac"], silence=3))
    assert len(list(reader)) == 5
    assert reader.warnings == []
