"""Deinterlacing: whole frames from frames that are made of two fields, each a moment apart."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from fast_style.video.libraries import av

if TYPE_CHECKING:
    from av.filter import Graph
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream


class Deinterlacer:
    """Makes one whole frame of each interlaced one with libav's `bwdif`; others pass as they are.

    A frame is held back until the next one is there, from the first interlaced frame on.

    Args:
        video: the stream that the frames come from.
    """

    def __init__(self, video: VideoStream) -> None:
        self._video = video
        self._graph: Graph | None = None
        self._kind: tuple[int, int, str] | None = None
        self._times: deque[tuple[int | None, int]] = deque()

    def __call__(self, frames: list[VideoFrame], *, last: bool = False) -> list[VideoFrame]:
        """Takes the next frames of the stream, and returns those that are done; all of them if these are the last."""
        done: list[VideoFrame] = []
        for frame in frames:
            kind = (frame.width, frame.height, frame.format.name)
            if self._graph is not None and kind != self._kind:
                done += self._finish()
            if self._graph is None and frame.interlaced_frame:
                self._graph, self._kind = self._build(frame), kind
            done += [frame] if self._graph is None else self._push(frame)
        return done + self._finish() if last else done

    def _build(self, frame: VideoFrame) -> Graph:
        graph = av.filter.Graph()
        source = graph.add(
            "buffer",
            video_size=f"{frame.width}x{frame.height}",
            pix_fmt=frame.format.name,
            time_base=str(self._video.time_base),
            colorspace=str(int(frame.colorspace)),
            range=str(int(frame.color_range)),
        )
        whole, sink = graph.add("bwdif", "mode=send_frame:parity=auto:deint=interlaced"), graph.add("buffersink")
        source.link_to(whole)
        whole.link_to(sink)
        graph.configure()
        return graph

    def _push(self, frame: VideoFrame | None) -> list[VideoFrame]:
        """Gives the graph a frame, or with None the end, and returns what comes out of it."""
        assert self._graph is not None
        if frame is not None:
            # One frame comes out for each, so that its time need not go through the filter's own time base.
            self._times.append((frame.pts, frame.duration))
        self._graph.vpush(frame)
        done: list[VideoFrame] = []
        try:
            while True:
                whole = self._graph.vpull()
                whole.time_base = self._video.time_base
                whole.pts, whole.duration = self._times.popleft()
                done.append(whole)
        except (av.error.BlockingIOError, av.error.EOFError):  # it wants more, or has no more
            return done

    def _finish(self) -> list[VideoFrame]:
        if self._graph is None:
            return []
        done, self._graph = self._push(None), None
        return done
