"""The times of frames whose container stores one time per packet, in the order of decoding."""

from __future__ import annotations

import heapq
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.packet import Packet
    from av.stream import Stream
    from av.video.frame import VideoFrame

_DECODE_TIMES_ONLY = frozenset({"avi"})
"""Containers that never store when a frame is shown; what libav says of it is a guess."""

_MOST_REORDERED = 16
"""Most frames by which H.264 and HEVC, the codecs that reorder the most, delay a frame."""


class DisplayOrder:
    """Gives decoded frames the times at which they are shown, where the container does not.

    AVI, MXF and Matroska tracks taken over from AVI store a time for each packet, in the order of decoding. A decoder
    that reorders frames then hands out each of them with the time of another. As a set these times are right, so that
    sorting them puts each in its place. Frames are held back for that until a packet is to be shown before an earlier
    one, which proves that the container does store when frames are shown.

    Args:
        container: libav's name of the container's format.
        reorders: whether the decoder may hand out frames in another order than that of their packets.
    """

    def __init__(self, container: str, *, reorders: bool) -> None:
        self._decode_times = container in _DECODE_TIMES_ONLY
        self._trusted = not reorders and not self._decode_times
        self._latest: int | None = None
        self._held: deque[VideoFrame] = deque()
        self._times: list[int] = []

    def prepare(self, packet: Packet[Stream]) -> None:
        """Looks at the times of a packet of the video before it is decoded, and supplies those that are missing."""
        if self._trusted:
            return
        if packet.dts is not None and (self._decode_times or packet.pts is None):
            packet.pts = packet.dts
        if packet.pts is None:
            return
        if self._latest is not None and packet.pts < self._latest:
            self._trusted = not self._decode_times
        self._latest = packet.pts if self._latest is None else max(self._latest, packet.pts)

    def arrange(self, frames: list[VideoFrame], *, last: bool = False) -> list[VideoFrame]:
        """Takes the frames that a decoder hands out.

        Args:
            frames: the next frames, in the order in which they are shown.
            last: whether there are no more.

        Returns:
            The frames whose times are certain, with these times.
        """
        for frame in frames:
            self._held.append(frame)
            if frame.pts is not None:
                heapq.heappush(self._times, frame.pts)
        keep = 0 if last or self._trusted else _MOST_REORDERED
        return [self._release() for _ in range(len(self._held) - keep)]

    def _release(self) -> VideoFrame:
        frame = self._held.popleft()
        if frame.pts is not None:
            frame.pts = heapq.heappop(self._times)
        return frame
