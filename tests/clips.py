"""Video clips made by code, and what is in a video file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

av = pytest.importorskip("av")

TICKS = 90_000


def picture(number: int, width: int = 64, height: int = 48) -> np.ndarray:
    """Red at the top left, green at the top right, blue below, and a white bar that moves to the right."""
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[: height // 2, : width // 2] = (200, 30, 30)
    rgb[: height // 2, width // 2 :] = (30, 200, 30)
    rgb[height // 2 :] = (30, 30, 200)
    left = (4 * number) % (width - 6)
    rgb[height // 3 : height // 2, left : left + 6] = 255
    return rgb


@dataclass(frozen=True)
class Clip:
    """What `write_clip` writes."""

    count: int = 10
    size: tuple[int, int] = (64, 48)
    """Width and height."""
    times: Sequence[Fraction] | None = None
    """Seconds at which frames are shown; by default `count` of them, 10 a second."""
    codec: str = "libx264"
    pixels: str = "yuv420p"
    rotation: int = 0
    aspect: Fraction | None = None
    matrix: int = 6
    full_range: bool = False
    sounds: Sequence[str] = ()
    """A track of sound for each of these codecs."""
    silence: float = 0
    """Seconds for which the sound goes on after the last frame."""
    options: dict[str, str] = field(default_factory=lambda: {"crf": "10"})
    container_options: dict[str, str] = field(default_factory=dict)
    rate: Fraction | None = None
    """Frames per second, for containers that count frames; their times are then multiples of its inverse."""


def write_clip(path: Path, **fields: Any) -> Path:
    """Writes a video of `picture`s; `fields` are those of `Clip`."""
    clip = Clip(**fields)
    times = clip.times if clip.times is not None else [Fraction(number, 10) for number in range(clip.count)]
    with av.open(str(path), "w", container_options=clip.container_options) as container:
        video = container.add_stream(clip.codec, rate=10, options=clip.options)
        video.width, video.height, video.pix_fmt = *clip.size, clip.pixels
        video.time_base = video.codec_context.time_base = Fraction(1, TICKS) if clip.rate is None else 1 / clip.rate
        video.codec_context.colorspace, video.codec_context.color_range = clip.matrix, 2 if clip.full_range else 1
        if clip.aspect is not None:
            video.codec_context.sample_aspect_ratio = clip.aspect
        if clip.rotation:
            video.set_display_rotation(clip.rotation)
        tracks = [container.add_stream(sound, rate=16000) for sound in clip.sounds]
        for number, track in enumerate(tracks):
            track.metadata["language"] = ("eng", "deu")[number % 2]
            track.bit_rate = 64_000
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture(number, *clip.size), "rgb24").reformat(
                format=clip.pixels, src_color_range=2, dst_colorspace={1: 1, 6: 5}[clip.matrix],
                dst_color_range=2 if clip.full_range else 1,
            )  # fmt: skip
            frame.pts, frame.time_base = round(time * TICKS), Fraction(1, TICKS)
            container.mux(video.encode(frame))
        for number, track in enumerate(tracks):
            for packet in _tone(track, float(times[-1]) + 0.1 + clip.silence, 220 * (number + 1)):
                container.mux(packet)
            container.mux(track.encode(None))
        container.mux(video.encode(None))
    return path


def _tone(track: object, seconds: float, pitch: float) -> list[object]:
    packets = []
    step = 1024
    for start in range(0, int(16000 * seconds), step):
        wave = np.sin((start + np.arange(step)) * 2 * np.pi * pitch / 16000)
        frame = av.AudioFrame.from_ndarray(np.stack([wave, wave]).astype(np.float32), "fltp", "stereo")
        frame.sample_rate, frame.pts, frame.time_base = 16000, start, Fraction(1, 16000)
        packets += track.encode(frame)  # type: ignore[attr-defined]
    return packets


@dataclass
class Contents:
    """What is in a video file: all of it, decoded."""

    times: list[int]
    """Microseconds."""
    pictures: list[np.ndarray]
    """RGB, decoded by the file's own tags."""
    sounds: list[list[bytes]]
    sound_times: list[list[int]]
    stream: dict[str, object]
    languages: list[str | None]


def read_clip(path: Path) -> Contents:
    """Reads a video without the package's own reader."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        frames = list(container.decode(video))
        context = video.codec_context
        stream = {
            "codec": context.name, "size": (context.width, context.height), "pixels": context.pix_fmt,
            "matrix": context.colorspace, "range": context.color_range, "aspect": video.sample_aspect_ratio,
            "rotation": frames[0].rotation if frames else 0,
        }  # fmt: skip
        times = [round(frame.pts * video.time_base * 1_000_000) for frame in frames]
        pictures = [frame.to_ndarray(format="rgb24") for frame in frames]
    with av.open(str(path)) as container:
        tracks = list(container.streams.audio)
        sounds: list[list[bytes]] = [[] for _ in tracks]
        sound_times: list[list[int]] = [[] for _ in tracks]
        for packet in container.demux(*tracks) if tracks else []:
            if packet.dts is not None:
                sounds[tracks.index(packet.stream)].append(bytes(packet))
                sound_times[tracks.index(packet.stream)].append(round(packet.pts * packet.time_base * 1_000_000))
        languages = [track.language for track in tracks]
    return Contents(times, pictures, sounds, sound_times, stream, languages)


def copy_video(source: Path, target: Path, **options: object) -> list[str]:
    """Reads and writes a video without stylizing it; `options` are those of `VideoWriter`. Returns the warnings."""
    from fast_style.video.reader import VideoReader
    from fast_style.video.writer import VideoWriter

    reader = VideoReader(source)
    writer = VideoWriter(target, reader.format, source=reader, **options)  # type: ignore[arg-type]
    for frame in reader:
        writer.write(frame)
    writer.copy(reader.trailing)
    writer.finish()
    reader.close()
    return [*reader.warnings, *writer.warnings]


def write_tracks(path: Path, video: Path, tracks: Sequence[tuple[str, Sequence[tuple[int, int, bytes]]]]) -> Path:
    """Writes the video of a clip, beside tracks of packets that are encoded already.

    Args:
        path: the file to write.
        video: a clip without frames that refer to later ones.
        tracks: for each the codec, and the time, duration (milliseconds) and content of each packet.
    """
    with av.open(str(video)) as before, av.open(str(path), "w") as after:
        stream = after.add_stream_from_template(before.streams.video[0], opaque=True)
        added = [after.add_mux_stream(codec, rate=48000) for codec, _ in tracks]
        for packet in before.demux(video=0):
            if packet.size:
                packet.stream = stream
                after.mux(packet)
        for track, (_, packets) in zip(added, tracks, strict=True):
            for start, duration, content in packets:
                packet = av.Packet(content)
                packet.stream, packet.time_base = track, Fraction(1, 1000)
                packet.pts = packet.dts = start
                packet.duration = duration
                after.mux(packet)
    return path


def pixel_error(first: np.ndarray, second: np.ndarray) -> float:
    """Returns the difference of most pixels: at edges four of them share their colors, and differ."""
    return float(np.percentile(np.abs(first.astype(float) - second), 80))
