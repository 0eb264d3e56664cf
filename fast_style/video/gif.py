"""Animated GIFs."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

from fast_style.errors import MediaError
from fast_style.video.media import Format, Frame
from fast_style.video.reader import reason
from fast_style.video.writer import FileWriter


class GifWriter(FileWriter):
    """An animated GIF with the best palette for each frame. Its times are in hundredths of a second.

    Args:
        path: ends in .gif.
        format: of the frames.
    """

    def __init__(self, path: Path, format: Format) -> None:
        super().__init__(path)
        av = self._av
        self.format = format
        self._last = -2
        try:
            self._stream = self._create().add_stream("gif", rate=format.rate.limit_denominator(1 << 16))
            self._stream.width, self._stream.height, self._stream.pix_fmt = format.width, format.height, "pal8"
            self._stream.time_base = self._stream.codec_context.time_base = Fraction(1, 100)
            self._container.start_encoding()
            self._graph = self._palettes()
        except (av.error.FFmpegError, ValueError, OSError) as error:
            self.discard()
            raise MediaError(f"cannot write {path}: {reason(error)}; check its folder") from error

    def _palettes(self) -> Any:
        """A graph that gives each frame a palette of its own: no frame waits for later ones."""
        av, format = self._av, self.format
        graph = av.filter.Graph()
        source = graph.add_buffer(
            width=format.width, height=format.height, format=av.VideoFormat("rgb24"), time_base=Fraction(1, 100)
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

    def copy(self, packets: list[Any]) -> None:
        """A GIF has no sound."""

    def write(self, frame: Frame) -> None:
        """Adds a frame, unless it is nearer to the last one than browsers show."""
        time = round(frame.pts * self.format.time_base * 100)
        if time - self._last < 2:
            return
        self._last = time
        av = self._av
        picture = av.VideoFrame.from_ndarray(frame.rgb, "rgb24")
        picture.pts, picture.time_base = time, Fraction(1, 100)
        self._push(picture)

    def _push(self, picture: Any) -> None:
        """Gives the graph a picture, or the end, and writes what comes out of it."""
        av = self._av
        try:
            self._graph.vpush(picture)
            while True:
                self._mux(self._stream.encode(self._graph.vpull()))
        except (av.error.BlockingIOError, av.error.EOFError):  # it wants more
            return
        except (av.error.FFmpegError, ValueError) as error:
            raise MediaError(f"cannot write {self.named}: {reason(error)}") from error

    def _flush(self) -> None:
        self._push(None)
        self._mux(self._stream.encode(None))
