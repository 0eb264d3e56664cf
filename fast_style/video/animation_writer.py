"""Animated pictures: GIF, WebP and PNG."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fast_style.errors import FastStyleError, WriteError
from fast_style.video.container_writer import ContainerWriter
from fast_style.video.containers import libav_reason
from fast_style.video.last_duration import set_last_duration
from fast_style.video.libraries import av
from fast_style.video.media import Frame, StreamFormat

if TYPE_CHECKING:
    from av.filter import Graph
    from av.video.frame import VideoFrame

    from fast_style.video.media import Packets

_TIME_BASE = Fraction(1, 100)
_SHORTEST = 2
"""Hundredths of a second: browsers show a frame that lasts less than this for a tenth of a second."""


@dataclass(frozen=True)
class _Animation:
    """How libav writes one kind of animated picture."""

    encoder: str
    pixel_format: str
    time_base: Fraction
    loop_option: str
    """The option of its container for how often the animation is shown."""
    options: dict[str, str]


_ANIMATIONS = {
    ".webp": _Animation("libwebp_anim", "bgra", Fraction(1, 1000), "loop", {"quality": "90"}),
    ".apng": _Animation("apng", "rgba", Fraction(1, 90_000), "plays", {}),
}


class GifWriter(ContainerWriter):
    """An animated GIF with the best palette for each frame. Its times are in hundredths of a second.

    What is less than half opaque is transparent.

    Args:
        path: ends in .gif.
        stream_format: what all frames have in common.

    Raises:
        WriteError: the file cannot be written.
    """

    def __init__(self, path: Path, stream_format: StreamFormat) -> None:
        super().__init__(path)
        self.format = stream_format
        self._last_time = -_SHORTEST
        try:
            loop = str(stream_format.plays - 1 if stream_format.plays != 1 else -1) if stream_format.plays else "0"
            container = self._create(loop=loop)
            self._stream = container.add_stream("gif", rate=stream_format.rate.limit_denominator(1 << 16))
            self._stream.width, self._stream.height = stream_format.width, stream_format.height
            self._stream.pix_fmt = "pal8"
            self._stream.time_base = self._stream.codec_context.time_base = _TIME_BASE
            # Otherwise the duration of the last frame would be a guess.
            self._stream.codec_context.flags |= av.codec.context.Flags.frame_duration
            self._container.start_encoding()
            self._graph = self._palette_graph()
        except FastStyleError:
            self.discard()
            raise
        except (av.error.FFmpegError, ValueError, OSError) as error:
            self.discard()
            raise WriteError(f"cannot write {path}: {libav_reason(error)}; check its folder") from error

    def _palette_graph(self) -> Graph:
        """Returns a filter graph that gives each frame a palette of its own, so that none waits for later ones."""
        graph = av.filter.Graph()
        source = graph.add_buffer(
            width=self.format.width, height=self.format.height, format=av.VideoFormat("rgba"), time_base=_TIME_BASE
        )
        split = graph.add("split")
        palette = graph.add("palettegen", "stats_mode=single")
        use = graph.add("paletteuse", "new=1:dither=bayer:bayer_scale=4")
        sink = graph.add("buffersink")
        source.link_to(split)
        split.link_to(palette, 0, 0)
        split.link_to(use, 1, 0)
        palette.link_to(use, 0, 1)
        use.link_to(sink)
        graph.configure()
        return graph

    def copy(self, packets: Packets) -> None:
        """Does nothing: a GIF has no sound."""

    def write(self, frame: Frame) -> bool:
        """Adds a frame, unless it is nearer to the last one than browsers show.

        Returns:
            Whether it is in the file.

        Raises:
            WriteError: it cannot be encoded or written.
        """
        time = round(frame.pts * self.format.time_base * 100)
        if time - self._last_time < _SHORTEST:
            self.left_out += 1
            return False
        self._last_time = time
        self._push(_picture(frame, time, self.format.time_base, _TIME_BASE))
        return True

    def _push(self, picture: VideoFrame | None) -> None:
        """Gives the graph a picture, or with None the end, and writes what comes out of it."""
        try:
            self._graph.vpush(picture)
            while True:
                self._mux(self._stream.encode(self._graph.vpull()))
        except FastStyleError:
            raise
        except (av.error.BlockingIOError, av.error.EOFError):  # it wants more
            return
        except (av.error.FFmpegError, ValueError) as error:
            raise WriteError(f"cannot write {self.path}: {libav_reason(error)}") from error

    def _flush(self) -> None:
        self._push(None)
        self._mux(self._stream.encode(None))


class AnimationWriter(ContainerWriter):
    """An animated WebP or PNG, with its transparency. Times of WebP are in milliseconds.

    Args:
        path: ends in .webp or .apng.
        stream_format: what all frames have in common.

    Raises:
        WriteError: the file cannot be written.
    """

    def __init__(self, path: Path, stream_format: StreamFormat) -> None:
        super().__init__(path)
        self.format = stream_format
        kind = _ANIMATIONS[path.suffix.lower()]
        self._kind, self._last_pts, self._last_seconds = kind, -1, Fraction(0)
        try:
            container = self._create(**{kind.loop_option: str(stream_format.plays)})
            rate = stream_format.rate.limit_denominator(1 << 16)
            stream = container.add_stream(kind.encoder, rate=rate, options=kind.options)
            assert isinstance(stream, av.VideoStream)
            self._stream = stream
            self._stream.width, self._stream.height = stream_format.width, stream_format.height
            self._stream.pix_fmt = kind.pixel_format
            self._stream.time_base = self._stream.codec_context.time_base = kind.time_base
            self._container.start_encoding()
        except FastStyleError:
            self.discard()
            raise
        except (av.error.FFmpegError, ValueError, OSError) as error:
            self.discard()
            raise WriteError(f"cannot write {path}: {libav_reason(error)}; check its folder") from error
        self._reformatter = av.video.reformatter.VideoReformatter()

    def copy(self, packets: Packets) -> None:
        """Does nothing: an animation has no sound."""

    def write(self, frame: Frame) -> bool:
        """Adds a frame, unless it has the same time as the last one.

        Returns:
            Whether it is in the file.

        Raises:
            WriteError: it cannot be encoded or written.
        """
        pts = round(frame.pts * self.format.time_base / self._kind.time_base)
        if pts <= self._last_pts:
            self.left_out += 1
            return False
        self._last_pts, self._last_seconds = pts, frame.duration * self.format.time_base
        picture = _picture(frame, pts, self.format.time_base, self._kind.time_base)
        self._encode(self._reformatter.reformat(picture, format=self._kind.pixel_format))
        return True

    def _encode(self, picture: VideoFrame | None) -> None:
        try:
            packets = self._stream.encode(picture)
        except (av.error.FFmpegError, ValueError) as error:
            raise WriteError(f"cannot write {self.path}: the encoder failed ({libav_reason(error)})") from error
        self._mux(packets)

    def _flush(self) -> None:
        self._encode(None)

    def _complete(self) -> None:
        if self._last_seconds:
            set_last_duration(self._temporary, min(max(1, round(1000 * self._last_seconds)), 65535))


def _picture(frame: Frame, pts: int, source_base: Fraction, base: Fraction) -> VideoFrame:
    """Returns a frame as libav's, in RGB with alpha, shown at `pts` ticks of `base`."""
    alpha = np.full(frame.rgb.shape[:2], 255, np.uint8) if frame.alpha is None else frame.alpha
    picture = av.VideoFrame.from_ndarray(np.dstack([frame.rgb, alpha]), "rgba")
    ends = round((frame.pts + frame.duration) * source_base / base)
    picture.pts, picture.duration, picture.time_base = pts, max(0, ends - pts), base
    return picture
