"""Decoding a part of a video file: seeking, trimming, and passing over what is damaged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from fast_style.errors import reason_of
from fast_style.video.deinterlacing import Deinterlacer
from fast_style.video.discontinuities import Timeline
from fast_style.video.display_order import DisplayOrder
from fast_style.video.libraries import av

if TYPE_CHECKING:
    from av.container.input import InputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.video.codeccontext import VideoCodecContext
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    from fast_style.video.media import Packets

_SEEK_BACK = (0, 2, 10, 60)
"""Seconds before a part at which to look for the keyframe that its first frame needs."""

_TOLERATED_GAP = 0.5
"""Seconds by which a file may end before its stated length and still count as whole."""


@dataclass(frozen=True)
class TimeRange:
    """The part of a file to read, in seconds of the file's own clock."""

    start: Fraction
    end: Fraction | None
    """None: up to the end of the file."""
    trimmed: bool
    """False: the whole file, with whatever lies before `start` too."""

    def has_passed(self, time: Fraction) -> bool:
        """Returns whether a time lies behind the part."""
        return self.end is not None and time >= self.end

    def contains(self, time: Fraction) -> bool:
        """Returns whether a time lies in the part."""
        return (time >= self.start or not self.trimmed) and not self.has_passed(time)


class DecodedFrame(NamedTuple):
    """A frame, and the packets to copy that lay before it."""

    frame: VideoFrame
    pts: int
    """When the frame is shown, in ticks of its stream, on the file's own clock."""
    packets: Packets


@dataclass(frozen=True)
class Selection:
    """What to decode of an open file."""

    path: str | Path
    container: InputContainer
    video: VideoStream
    decoder: VideoCodecContext
    tracks: list[Stream]
    """Sound and subtitles, to be copied."""
    range: TimeRange
    frame_ticks: int
    """Duration of a frame that states none, in ticks of the video stream."""
    length: float | None
    """Length of the video in seconds, where the file states it."""
    is_common_length: bool
    """Whether `length` is that of all tracks together, for want of the video's own."""
    deinterlace: bool
    """Whether to make whole frames of interlaced ones."""

    @property
    def time_base(self) -> Fraction:
        """Seconds per tick of the video stream."""
        assert self.video.time_base is not None
        return self.video.time_base


class Decoding(Iterator[DecodedFrame]):
    """One pass over a file, from where its container is: the frames of the selected part.

    Attributes:
        entered: time in seconds of the first frame that was decoded, in the part or before it; None until then.
        trailing: packets that lie behind the last frame; complete after it.
        warnings: what is damaged; complete after the last frame.
    """

    def __init__(self, selection: Selection) -> None:
        self.entered: Fraction | None = None
        self.trailing: Packets = []
        self.warnings: list[str] = []
        self._selection = selection
        self._damaged = 0
        self._failure: str | None = None
        self._end = self._reached = Fraction(0)
        # Subtitles come too seldom to wait for the first one behind the end.
        self._awaited = {selection.video.index, *(t.index for t in selection.tracks if t.type == "audio")}
        self._flushed = False
        self._pending: Packets = []
        self._timeline = Timeline(selection.container.format.name, selection.frame_ticks)
        self._order = DisplayOrder(selection.container.format.name, reorders=selection.video.has_b_frames)
        self._deinterlacer = Deinterlacer(selection.video) if selection.deinterlace else None
        self._frames = self._decode()

    def __next__(self) -> DecodedFrame:
        return next(self._frames)

    def _decode(self) -> Iterator[DecodedFrame]:
        video = self._selection.video
        for packet in self._packets():
            if packet.stream is not video:
                self._take_track(packet)
                continue
            self._flushed = self._flushed or (packet.dts is None and packet.size == 0)
            yield from self._in_range(packet)
        # A file that breaks off has frames left in the decoder.
        if not self._flushed and video.index in self._awaited:
            yield from self._in_range(None)
        self.trailing = self._pending
        self._judge()

    def _packets(self) -> Iterator[Packet[Stream]]:
        """Yields packets until every track that is waited for has passed the end of the part."""
        demuxed = self._selection.container.demux(self._selection.video, *self._selection.tracks)
        while self._awaited:
            try:
                packet = next(demuxed)
            except StopIteration:
                return
            except (av.error.FFmpegError, OSError) as error:
                self._failure = reason_of(error)
                return
            self._timeline.place(packet)
            yield packet

    def _take_track(self, packet: Packet[Stream]) -> None:
        """Keeps a packet of sound or subtitles that lies in the part, for the next frame."""
        pts = packet.dts if packet.pts is None else packet.pts
        if pts is None:
            return
        dts = pts if packet.dts is None else packet.dts  # Matroska leaves it out
        time = pts * packet.time_base
        if self._selection.is_common_length:
            self._end = max(self._end, time)
        part = self._selection.range
        if part.has_passed(time):
            self._awaited.discard(packet.stream.index)
        elif part.contains(time):
            shift = round(part.start / packet.time_base)
            packet.pts, packet.dts = pts - shift, dts - shift
            self._pending.append(packet)

    def _in_range(self, packet: Packet[Stream] | None) -> Iterator[DecodedFrame]:
        """Yields the frames of the part that a packet of the video completes; None is for the decoder's last ones."""
        base, part = self._selection.time_base, self._selection.range
        for frame, pts in self._decode_packet(packet):
            if part.has_passed(pts * base):
                self._awaited.discard(self._selection.video.index)
            elif part.contains(pts * base):
                packets, self._pending = self._pending, []
                yield DecodedFrame(frame, pts, packets)

    def _decode_packet(self, packet: Packet[Stream] | None) -> list[tuple[VideoFrame, int]]:
        """Returns the frames that a packet completes, each with its time in ticks."""
        is_last = packet is None or (packet.dts is None and packet.size == 0)
        if packet is not None and not is_last:
            if packet.size == 0:  # AVI repeats a frame so; a decoder would take it for the end
                return []
            self._damaged += packet.is_corrupt
            self._order.prepare(packet)
        frames: list[VideoFrame] = []
        try:
            frames = self._selection.decoder.decode(packet)
        except (av.error.FFmpegError, ValueError):
            self._damaged += 1
        frames = self._order.arrange(frames, last=is_last)
        base = self._selection.time_base
        for frame in frames:
            if frame.pts is None:
                frame.pts = round(self._reached / base)
            elif self.entered is None:
                self.entered = frame.pts * base
            self._reached = (frame.pts + (frame.duration or self._selection.frame_ticks)) * base
        if self._deinterlacer is not None:
            frames = self._deinterlacer(frames, last=is_last)
        return [(frame, frame.pts) for frame in frames if frame.pts is not None]

    def _judge(self) -> None:
        """Adds warnings if the file is not whole."""
        path, length = self._selection.path, self._selection.length
        if self._damaged:
            parts = "part was" if self._damaged == 1 else "parts were"
            self.warnings.append(f"{path}: {self._damaged} damaged {parts} passed over")
        end = float(max(self._end, self._reached))
        early = length is not None and self._selection.range.end is None and length - end > _TOLERATED_GAP
        if self._failure or early:
            ends = f"ends after {end:.2f} of {length:.2f} seconds" if early else "ends early"
            why = f" ({self._failure})" if self._failure else ""
            self.warnings.append(f"{path}: {ends}{why}; it is cut short or damaged, and what could be read is used")


def begin_decoding(selection: Selection, *, begins: Fraction, seek: bool) -> tuple[Decoding, DecodedFrame | None]:
    """Begins to decode the selected part.

    Transport and program streams are entered at any packet, and nothing can be decoded before the next keyframe. So
    the container is sought earlier and earlier, until the first frame that can be decoded lies before the part.

    Args:
        selection: what to decode.
        begins: when the file begins, on its own clock.
        seek: whether to look for the part rather than to read from where the container is.

    Returns:
        The decoding and the first frame of the part, which is None if not one frame of it can be decoded.
    """
    if not seek:
        return _begin_here(selection)
    start = selection.range.start
    begun: tuple[Decoding, DecodedFrame | None] | None = None
    earlier = [start - seconds for seconds in _SEEK_BACK if start - seconds > begins]
    # A file's first packet may be one of its sound: seeking to a second before it finds those of the video too.
    for moment in (*earlier, begins - 1, begins):
        try:
            selection.container.seek(int(moment * av.time_base), backward=True)
        except av.error.FFmpegError:
            continue
        selection.decoder.flush_buffers()  # PyAV does so for the decoders that it opened itself
        begun = _begin_here(selection)
        entered = begun[0].entered
        if moment <= begins or (entered is not None and entered <= start):
            return begun
    # A file that cannot be sought in is read from its beginning.
    return begun if begun is not None and begun[1] is not None else _begin_here(selection)


def _begin_here(selection: Selection) -> tuple[Decoding, DecodedFrame | None]:
    """Decodes from where the container is up to the first frame of the part."""
    decoding = Decoding(selection)
    return decoding, next(decoding, None)
