"""Animated pictures: GIF, WebP and PNG."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fast_style.errors import FastStyleError, WriteError, reason_of
from fast_style.video.container_writer import EncodingWriter
from fast_style.video.last_duration import set_last_duration
from fast_style.video.libraries import av
from fast_style.video.media import Frame, StreamFormat

if TYPE_CHECKING:
    from av.filter import Graph
    from av.video.frame import VideoFrame

    from fast_style.video.media import Packets


@dataclass(frozen=True)
class _Animation:
    """How libav writes one kind of animated picture."""

    encoder: str
    pixel_format: str
    time_base: Fraction
    loop_option: str
    """The option of its container for how often the animation is shown."""
    options: dict[str, str] = field(default_factory=dict)
    shortest: int = 1
    """Ticks of the time base that a frame lasts at least."""


_GIF = _Animation("gif", "pal8", Fraction(1, 100), "loop", shortest=2)
"""Browsers show a frame that lasts less than two hundredths of a second for a tenth of a second."""
_ANIMATIONS = {
    ".gif": _GIF,
    ".webp": _Animation("libwebp_anim", "bgra", Fraction(1, 1000), "loop", {"quality": "90"}),
    ".apng": _Animation("apng", "rgba", Fraction(1, 90_000), "plays"),
}


class AnimationWriter(EncodingWriter):
    """An animated WebP or PNG, with its transparency. Times of WebP are in milliseconds.

    Args:
        path: ends in .webp or .apng.
        stream_format: what all frames have in common.

    Raises:
        WriteError: the file cannot be written.
    """

    def __init__(self, path: Path, stream_format: StreamFormat) -> None:
        super().__init__(path, stream_format)
        self._kind = kind = _ANIMATIONS[path.suffix.lower()]
        self._last_pts, self._last_seconds = -kind.shortest, Fraction(0)
        with self._setting_up():
            container = self._create(**{kind.loop_option: str(self._loops())})
            stream = container.add_stream(kind.encoder, rate=self._rate, options=kind.options)
            assert isinstance(stream, av.VideoStream)
            self._stream = stream
            stream.width, stream.height, stream.pix_fmt = stream_format.width, stream_format.height, kind.pixel_format
            stream.time_base = stream.codec_context.time_base = kind.time_base
            self._prepare()
            self._container.start_encoding()
        self._reformatter = av.video.reformatter.VideoReformatter()

    def _loops(self) -> int:
        """Returns how often the animation is shown, as the container counts it; 0 for ever."""
        return self.format.plays

    def _prepare(self) -> None:
        """Sets up what a kind needs besides its stream."""

    def copy(self, packets: Packets) -> None:
        """Does nothing: an animation has no sound."""

    def write(self, frame: Frame) -> bool:
        """Adds a frame, unless it is nearer to the last one than the file can tell, or browsers show.

        Returns:
            Whether it is in the file.

        Raises:
            WriteError: it cannot be encoded or written.
        """
        base = self._kind.time_base
        pts = round(frame.pts * self.format.time_base / base)
        if pts - self._last_pts < self._kind.shortest:
            self.left_out += 1
            return False
        self._last_pts, self._last_seconds = pts, frame.duration * self.format.time_base
        self._add(_picture(frame, pts, self.format.time_base, base))
        return True

    def _add(self, picture: VideoFrame) -> None:
        """Encodes a picture in RGB with alpha."""
        self._encode(self._reformatter.reformat(picture, format=self._kind.pixel_format))

    def _complete(self) -> None:
        if self._last_seconds:
            set_last_duration(self._temporary, min(max(1, round(1000 * self._last_seconds)), 65535))


class GifWriter(AnimationWriter):
    """An animated GIF with the best palette for each frame. Its times are in hundredths of a second.

    What is less than half opaque is transparent.

    Args:
        path: ends in .gif.
        stream_format: what all frames have in common.

    Raises:
        WriteError: the file cannot be written.
    """

    def _loops(self) -> int:
        # A GIF counts how often it is shown again.
        plays = self.format.plays
        return {0: 0, 1: -1}.get(plays, plays - 1)

    def _prepare(self) -> None:
        # Otherwise the duration of the last frame would be a guess.
        self._stream.codec_context.flags |= av.codec.context.Flags.frame_duration
        self._graph = self._palette_graph()

    def _palette_graph(self) -> Graph:
        """Returns a filter graph that gives each frame a palette of its own, so that none waits for later ones."""
        graph = av.filter.Graph()
        source = graph.add_buffer(
            width=self.format.width, height=self.format.height, format=av.VideoFormat("rgba"), time_base=_GIF.time_base
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

    def _add(self, picture: VideoFrame | None) -> None:
        """Gives the graph a picture, or with None the end, and writes what comes out of it."""
        try:
            self._graph.vpush(picture)
            while True:
                self._encode(self._graph.vpull())
        except FastStyleError:
            raise
        except (av.error.BlockingIOError, av.error.EOFError):  # it wants more
            return
        except (av.error.FFmpegError, ValueError) as error:
            raise WriteError(f"cannot write {self.path}: {reason_of(error)}") from error

    def _flush(self) -> None:
        self._add(None)
        super()._flush()

    def _complete(self) -> None:
        """Does nothing: libav writes how long the last frame is shown."""


def _picture(frame: Frame, pts: int, source_base: Fraction, base: Fraction) -> VideoFrame:
    """Returns a frame as libav's, in RGB with alpha, shown at `pts` ticks of `base`."""
    alpha = np.full(frame.rgb.shape[:2], 255, np.uint8) if frame.alpha is None else frame.alpha
    picture = av.VideoFrame.from_ndarray(np.dstack([frame.rgb, alpha]), "rgba")
    ends = round((frame.pts + frame.duration) * source_base / base)
    picture.pts, picture.duration, picture.time_base = pts, max(0, ends - pts), base
    return picture
