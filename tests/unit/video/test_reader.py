from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from fast_style.video.reader import VideoReader
from tests.clips import picture, pixel_error, write_clip


@pytest.mark.parametrize("rotation", [90, 180, -90])
def test_rotated_video_is_read_upright(tmp_path: Path, rotation: int) -> None:
    source = write_clip(tmp_path / "in.mp4", count=2, rotation=rotation, aspect=Fraction(2))
    reader = VideoReader(source)
    expected = np.rot90(picture(0), rotation // 90)
    frame = next(iter(reader))
    assert (reader.format.height, reader.format.width) == expected.shape[:2] == frame.rgb.shape[:2]
    assert pixel_error(frame.rgb, expected) <= 3
    assert reader.format.pixel_aspect == (Fraction(2) if rotation == 180 else Fraction(1, 2))


def test_pixels_that_are_not_square_become_square_for_pictures(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", count=1, aspect=Fraction(3, 2))
    reader = VideoReader(source, square=True)
    assert (reader.format.width, reader.format.height, reader.format.pixel_aspect) == (96, 48, 1)
    assert next(iter(reader)).rgb.shape == (48, 96, 3)


def test_a_name_with_a_colon_is_no_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "in.mp4", count=2).rename("12:30.mp4")
    assert len(list(VideoReader("12:30.mp4"))) == 2


def test_the_longer_side_is_limited(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mp4", count=1, size=(64, 48))
    reader = VideoReader(source, max_side=33)
    assert next(iter(reader)).rgb.shape == (25, 33, 3)
    assert VideoReader(source, max_side=500).format.width == 64


@pytest.mark.parametrize("orientation", [1, 6])
def test_side_data_without_a_name_does_not_matter(tmp_path: Path, orientation: int) -> None:
    import av
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = orientation
    data = io.BytesIO()
    Image.fromarray(picture(0)).save(data, "JPEG", quality=95, exif=exif)
    with av.open(str(tmp_path / "in.avi"), "w") as container:
        stream = container.add_mux_stream("mjpeg", rate=5, width=64, height=48)
        for number in range(3):
            packet = av.Packet(data.getvalue())
            packet.stream, packet.pts, packet.dts, packet.time_base = stream, number, number, Fraction(1, 5)
            container.mux(packet)
    frames = list(VideoReader(tmp_path / "in.avi"))
    assert len(frames) == 3
    expected = picture(0) if orientation == 1 else np.rot90(picture(0), -1)
    assert pixel_error(frames[2].rgb, expected) <= 6


def test_a_stream_of_jpegs_is_a_video(tmp_path: Path) -> None:
    source = write_clip(tmp_path / "in.mjpeg", count=3, codec="mjpeg", pixels="yuvj420p", options={}, full_range=True)
    assert len(list(VideoReader(source))) == 3
