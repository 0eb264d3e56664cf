"""Tracks of sound and subtitles on their way from a source to a file: copied, encoded, or left out and why."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from fast_style.video.libraries import av

if TYPE_CHECKING:
    from av.audio.codeccontext import AudioCodecContext
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container.output import OutputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.subtitles.stream import SubtitleStream

    from fast_style.video.media import Packets

_COPIED_METADATA = frozenset({"language", "title"})

_READ_FROM_TS = frozenset({
    "mp1", "mp2", "mp3", "aac", "aac_latm", "ac3", "eac3", "dts", "truehd", "opus", "s302m", "pcm_bluray",
    "dvb_subtitle", "dvb_teletext", "hdmv_pgs_subtitle",
})  # fmt: skip
"""The codecs that are recognized in a transport stream; libav writes all others, too, as data of no kind."""

_SOUND_ENCODERS = {"webm": "libopus"}
_DEFAULT_SOUND_ENCODER = "aac"
_CODEC_NAMES = {"libopus": "Opus", "aac": "AAC"}
_BIT_RATES = {"libopus": 64_000, "aac": 80_000}
"""Bits per second and channel."""

_TOLERATED_GAP = Fraction(1, 10)
"""Seconds by which a time may lie after the end of the sound before it and still count as following it."""

_TEXT_ENCODERS = {"webm": "webvtt", "matroska": "subrip", "mp4": "mov_text", "mov": "mov_text", "ipod": "mov_text"}
"""The text subtitles that each container holds."""

_LAYOUTS = ("mono", "stereo", "2.1", "4.0", "5.0", "5.1", "6.1", "7.1")
"""What libav takes each number of channels for, from one on."""

_LENIENT = frozenset({"matroska", "webm"})
"""Containers in which two packets of a track may have the same time."""


class Track(ABC):
    """One track of a source that goes into a file.

    Args:
        stream: where it goes.
        label: what messages call it.

    Attributes:
        warnings: what was changed; complete after `finish`.
        refused: number of packets that the file would not take.
    """

    def __init__(self, stream: Stream, label: str) -> None:
        self.stream = stream
        self.label = label
        self.warnings: list[str] = []
        self.refused = 0

    @abstractmethod
    def take(self, packet: Packet[Stream]) -> Packets:
        """Takes a packet of the source, and returns those to be written for it."""

    def finish(self) -> Packets:
        """Returns what is still to be written after the last packet."""
        return []


class CopiedTrack(Track):
    """A track whose packets are written as they are. A time that does not ascend is moved to the next tick.

    Args:
        stream: where it goes.
        label: what messages call it.
        lenient: whether two packets may have the same time.
    """

    def __init__(self, stream: Stream, label: str, *, lenient: bool) -> None:
        super().__init__(stream, label)
        self._step = 0 if lenient else 1
        self._last: int | None = None
        self._moved = 0

    def take(self, packet: Packet[Stream]) -> Packets:
        packet.stream = self.stream
        assert self.stream.time_base is not None
        packet.rescale_ts(av.rational.AVRational(self.stream.time_base))
        dts, pts = packet.dts, packet.pts
        assert dts is not None
        assert pts is not None
        if self._last is not None and dts < self._last + self._step:
            dts = self._last + self._step
            self._moved += 1
        packet.dts, packet.pts = dts, max(pts, dts)
        self._last = dts
        return [packet]

    def finish(self) -> Packets:
        if self._moved:
            packets = "one packet has" if self._moved == 1 else f"{self._moved} packets have"
            self.warnings.append(f"{self.label}: {packets} a time that does not come after the one before: moved")
        return []


class EncodedSound(Track):
    """A track of sound that is decoded and encoded anew, for a container that cannot hold it as it is.

    Args:
        container: the file.
        track: the track of the source.
        label: what messages call it.

    Raises:
        ValueError: no encoder takes such sound.
    """

    stream: AudioStream

    def __init__(self, container: OutputContainer, track: AudioStream, label: str) -> None:
        encoder = _SOUND_ENCODERS.get(container.format.name, _DEFAULT_SOUND_ENCODER)
        source = track.codec_context
        _complete_layout(source)
        rate, layout = _encodable(encoder, source.sample_rate, source.layout.name)
        stream = container.add_stream(encoder, rate=rate, layout=layout)
        assert isinstance(stream, av.AudioStream)
        stream.bit_rate = _BIT_RATES[encoder] * stream.codec_context.layout.nb_channels
        super().__init__(stream, label)
        self._decoder = source
        self._next: Fraction | None = None
        self._damaged = 0
        self.warnings.append(
            f"{label}: encoded as {_CODEC_NAMES[encoder]}, since {_named(container)} cannot hold it as it is"
        )

    def take(self, packet: Packet[Stream]) -> Packets:
        made: Packets = []
        try:
            frames = self._decoder.decode(packet)
        except (av.error.FFmpegError, ValueError):
            self._damaged += 1
            return []
        for frame in frames:
            made += self._encode(frame)
        return made

    def _encode(self, frame: AudioFrame) -> Packets:
        rate = frame.sample_rate
        given = None if frame.pts is None or frame.time_base is None else frame.pts * frame.time_base
        # Samples are counted, since the times of many containers are rounded, and only a gap is followed.
        if self._next is None or (given is not None and given > self._next + _TOLERATED_GAP):
            self._next = given or Fraction(0)
        frame.pts, frame.time_base = round(self._next * rate), Fraction(1, rate)
        self._next += Fraction(frame.samples, rate)
        try:
            return list(self.stream.encode(frame))
        except (av.error.FFmpegError, ValueError):  # it has other channels or another rate than those before
            self._damaged += 1
            return []

    def finish(self) -> Packets:
        if self._damaged:
            self.warnings.append(f"{self.label}: {self._damaged} damaged parts passed over")
        made: Packets = []
        try:
            for frame in self._decoder.decode(None):
                made += self._encode(frame)
        except (av.error.FFmpegError, ValueError):
            pass
        return [*made, *self.stream.encode(None)] if self._next is not None else made


class ConvertedSubtitles(Track):
    """Subtitles that are text, written in the way in which the container holds such.

    Args:
        container: the file.
        track: the track of the source.
        label: what messages call it.
    """

    stream: SubtitleStream

    def __init__(self, container: OutputContainer, track: SubtitleStream, label: str) -> None:
        self._decoder = track.codec_context
        self._decoder.open(strict=False)
        stream = container.add_stream(_TEXT_ENCODERS[container.format.name])
        assert isinstance(stream, av.subtitles.stream.SubtitleStream)
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        stream.codec_context.subtitle_header = self._decoder.subtitle_header
        super().__init__(stream, label)
        self._damaged = 0

    def take(self, packet: Packet[Stream]) -> Packets:
        try:
            decoded = self._decoder.decode2(packet)
            if decoded is None or not len(decoded):
                return []
            made = self.stream.codec_context.encode_subtitle(decoded)
        except (av.error.FFmpegError, ValueError):
            self._damaged += 1
            return []
        made.stream, made.time_base = self.stream, packet.time_base
        made.pts, made.dts, made.duration = packet.pts, packet.pts, packet.duration
        return [made]

    def finish(self) -> Packets:
        if self._damaged:
            self.warnings.append(f"{self.label}: {self._damaged} damaged parts passed over")
        return []


def add_track(container: OutputContainer, track: Stream, label: str) -> tuple[Track | None, str | None]:
    """Adds a track of a source to a file: copied if the container holds it, otherwise converted if that is possible.

    Args:
        container: the file.
        track: sound or subtitles of the source.
        label: what messages call it.

    Returns:
        The track, or None and why it is left out.
    """
    kind = container.format.name
    if isinstance(track, av.AudioStream):
        _complete_layout(track.codec_context)
    added: Track
    if _holds(kind, track):
        stream = container.add_stream_from_template(track)
        if isinstance(stream, av.AudioStream):
            _complete_layout(stream.codec_context)
        added = CopiedTrack(stream, label, lenient=kind in _LENIENT or track.type == "subtitle")
    elif isinstance(track, av.AudioStream):
        try:
            added = EncodedSound(container, track, label)
        except (av.error.FFmpegError, ValueError):
            return None, f"{label}: left out, since {_named(container)} cannot hold it{_remedy(kind, track)}"
    elif (
        isinstance(track, av.subtitles.stream.SubtitleStream)
        and track.codec_context.codec.text_sub
        and kind in _TEXT_ENCODERS
    ):
        added = ConvertedSubtitles(container, track, label)
    else:
        return None, f"{label}: left out, since {_named(container)} cannot hold it{_remedy(kind, track)}"
    added.stream.metadata.update({k: v for k, v in track.metadata.items() if k in _COPIED_METADATA})
    added.stream.disposition = track.disposition
    return added, None


def _named(container: OutputContainer) -> str:
    return f"a {Path(container.name).suffix} file"


def _holds(kind: str, track: Stream) -> bool:
    """Returns whether a kind of container holds the packets of a track as they are, by trying."""
    if kind == "mpegts" and track.codec_context.codec.canonical_name not in _READ_FROM_TS:
        return False
    try:
        with av.open(io.BytesIO(), "w", format=kind) as trial:
            stream = trial.add_stream_from_template(track)
            if isinstance(stream, av.AudioStream):
                _complete_layout(stream.codec_context)
            trial.start_encoding()
    except (av.error.FFmpegError, ValueError, OSError):
        return False
    return True


def _remedy(kind: str, track: Stream) -> str:
    """Returns advice to write another kind of file, where that one has been tried and holds the track."""
    return "; a .mkv can" if kind != "matroska" and (_is_text(track) or _holds("matroska", track)) else ""


def _is_text(track: Stream) -> bool:
    """Returns whether a track is of subtitles that can be converted."""
    return track.type == "subtitle" and track.codec_context.codec.text_sub


def _complete_layout(context: AudioCodecContext) -> None:
    """Names the layout of channels of which only the number is known, as in most AVI files."""
    channels = context.layout.nb_channels
    is_named = context.layout.name != f"{channels} channels"
    if not is_named and 0 < channels <= len(_LAYOUTS) and not context.is_open:
        context.layout = _LAYOUTS[channels - 1]


def _encodable(encoder: str, rate: int, layout: str) -> tuple[int, str]:
    """Returns the rate and the layout closest to those given that an encoder takes.

    Raises:
        ValueError: it takes none.
    """
    rates = sorted(av.codec.Codec(encoder, "w").audio_rates or [rate])
    closest = next((offered for offered in rates if offered >= rate), rates[-1])
    for candidate in (layout, "stereo"):
        trial = av.CodecContext.create(encoder, "w")
        assert isinstance(trial, av.AudioCodecContext)
        try:
            trial.sample_rate, trial.layout = closest, candidate
            trial.format = (av.codec.Codec(encoder, "w").audio_formats or [av.AudioFormat("s16")])[0]
            trial.time_base = Fraction(1, closest)
            trial.open()
        except (av.error.FFmpegError, ValueError):
            continue
        return closest, candidate
    raise ValueError(f"{encoder} takes no such sound")
