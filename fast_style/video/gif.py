"""Animated GIFs."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from fast_style.errors import FastStyleError, WriteError
from fast_style.video.container_writer import ContainerWriter
from fast_style.video.containers import libav_reason
from fast_style.video.libraries import av
from fast_style.video.media import Frame, StreamFormat

if TYPE_CHECKING:
    from av.filter import Graph
    from av.video.frame import VideoFrame

    from fast_style.video.media import Packets

_TIME_BASE = Fraction(1, 100)
_SHORTEST = 2
"""Hundredths of a second: browsers show a frame that lasts less than this for a tenth of a second."""


class GifWriter(ContainerWriter):
    """An animated GIF with the best palette for each frame. Its times are in hundredths of a second.

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
            self._stream = self._create().add_stream("gif", rate=stream_format.rate.limit_denominator(1 << 16))
            self._stream.width, self._stream.height = stream_format.width, stream_format.height
            self._stream.pix_fmt = "pal8"
            self._stream.time_base = self._stream.codec_context.time_base = _TIME_BASE
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
            width=self.format.width, height=self.format.height, format=av.VideoFormat("rgb24"), time_base=_TIME_BASE
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
        picture = av.VideoFrame.from_ndarray(frame.rgb, "rgb24")
        picture.pts, picture.time_base = time, _TIME_BASE
        self._push(picture)
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
