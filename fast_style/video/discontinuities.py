"""One clock for transport and program streams whose times start again, as where two recordings were joined."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.packet import Packet
    from av.stream import Stream

# Transport and program streams: other containers that go back in time are damaged.
_JOINABLE = frozenset({"mpegts", "mpeg"})

_BACK, _AHEAD = Fraction(1, 10), Fraction(10)
"""Seconds by which the time of a packet may go back or ahead without being taken for a new start, as in ffmpeg."""


class Timeline:
    """Shifts the packets of a file so that those behind a break follow those before it.

    All streams are shifted alike, so that they stay together; each one from its own first packet behind the break on.

    Args:
        container: libav's name of the container's format.
        frame_ticks: duration of a packet of video that states none.
    """

    def __init__(self, container: str, frame_ticks: int) -> None:
        self._frame_ticks = frame_ticks
        self._joinable = container in _JOINABLE
        self._newest = Fraction(0)
        self._shifts: dict[int, Fraction] = {}
        self._ends: dict[int, Fraction] = {}

    def place(self, packet: Packet[Stream]) -> None:
        """Gives a packet its time on the one clock."""
        base, index = packet.time_base, packet.stream.index
        if not self._joinable or not base:
            return
        shift, end = self._shifts.get(index, Fraction(0)), self._ends.get(index)
        if packet.dts is not None:
            time = packet.dts * base
            if end is not None and self._breaks(time + shift, end):
                if shift == self._newest or self._breaks(time + self._newest, end):
                    self._newest = end - time
                shift = self._shifts[index] = self._newest
            ticks = packet.duration or (self._frame_ticks if packet.stream.type == "video" else 0)
            self._ends[index] = time + shift + ticks * base
        ticks = round(shift / base)
        if packet.dts is not None:
            packet.dts += ticks
        if packet.pts is not None:
            packet.pts += ticks

    @staticmethod
    def _breaks(time: Fraction, end: Fraction) -> bool:
        return time < end - _BACK or time > end + _AHEAD
