"""Video files as upright RGB frames; sound and subtitles travel beside them as packets, which are never decoded."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from fast_style.errors import MediaError, MediaNotFoundError, reason_of
from fast_style.images.arrays import fit
from fast_style.system.paths import url_of
from fast_style.video.captions import has_captions
from fast_style.video.conversion import ColorTags, RgbConverter
from fast_style.video.decoders import open_decoder
from fast_style.video.decoding import DecodedFrame, Selection, TimeRange, begin_decoding
from fast_style.video.libraries import av
from fast_style.video.media import Frame, StreamFormat, check_start, check_time_range, exact_seconds, path_errors
from fast_style.video.orientation import Orientation

if TYPE_CHECKING:
    from av.container.core import Chapter
    from av.container.input import InputContainer
    from av.stream import Stream
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    from fast_style.video.media import Packets

# libav reads all sorts of files as a video: pictures, and text as an ANSI animation.
_NOT_VIDEO = frozenset({"tty", "srt", "ass", "webvtt", "lrc", "image2"})
_MISTAKEN = {".mjpeg": "mjpeg", ".mjpg": "mjpeg"}
"""Formats of files that libav takes for a picture, by their suffixes."""
# Transport and program streams begin at an arbitrary time.
_ARBITRARY_ORIGIN = frozenset({"mpegts", "mpeg"})
_OPEN_TIMEOUT = 30
"""Seconds to wait for a server."""


class VideoReader:
    """Upright RGB frames of a video file, and the packets of its sound and subtitles.

    Args:
        path: a file, or a URL that libav opens.
        start: where the part to read begins, in seconds; the times of its frames begin at 0.
        duration: how long that part is, in seconds; None reads up to the end.
        max_side: larger frames are scaled down to this longer side.
        square: stretches pixels that are not square until they are.
        deinterlace: makes whole frames of interlaced ones.

    Attributes:
        format: what all frames have in common.
        seconds: length of the part, where it is known.
        tracks: the streams of sound and subtitles.
        unreadable_tracks: messages about sound and subtitles that libav cannot read.
        has_captions: whether closed captions lie inside the frames read so far.
        metadata: title, artist and the like.
        chapters: chapters of the file; none where only a part is read, whose times would be others.

    Raises:
        MediaNotFoundError: there is no such file.
        MediaError: the file is no video, or not one frame of it can be decoded.
        ConfigError: the video has no such part.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        start: float = 0,
        duration: float | None = None,
        max_side: int | None = None,
        square: bool = False,
        deinterlace: bool = True,
    ) -> None:
        check_time_range(start, duration)
        self.path = path
        self._container = _open_container(path)
        try:
            video = _choose_stream(self._container, path)
            found = [*self._container.streams.audio, *self._container.streams.subtitles]
            self.tracks: list[Stream] = [track for track in found if track.codec_context]
            self.unreadable_tracks = [
                f"{self.label(track)}: left out, since its codec is not known here"
                for track in found
                if not track.codec_context
            ]
            self.has_captions = False
            self.metadata = dict(self._container.metadata)
            selection, begins = self._select(video, start, duration, deinterlace=deinterlace)
            # Streams without times, such as .h264, cannot be sought in.
            seek = bool(start) and self._container.start_time is not None
            self._decoding, first = begin_decoding(selection, begins=begins, seek=seek)
            if first is None:
                where = f" from second {start:g} on" if start else ""
                raise MediaError(f"{path}: not one frame can be decoded{where}; it is damaged or cut short")
            self._first: DecodedFrame | None = first
            self._shift = round(selection.range.start / selection.time_base)
            self._frame_ticks = selection.frame_ticks
            self._prepare(first.frame, video, max_side, square)
        except BaseException:
            self.close()
            raise

    def _select(
        self, video: VideoStream, start: float, duration: float | None, *, deinterlace: bool
    ) -> tuple[Selection, Fraction]:
        """Returns the part to decode, and when the file begins on its own clock."""
        container, base = self._container, video.time_base
        assert base is not None
        begins = Fraction(container.start_time or 0, av.time_base)
        trimmed = bool(start) or duration is not None
        origin = begins if container.format.name in _ARBITRARY_ORIGIN else Fraction(0)
        if trimmed:  # start and duration count from the first frame, which may come later than the sound
            origin = begins if video.start_time is None else max(begins, video.start_time * base)
        range_start = origin + exact_seconds(start)
        range_end = None if duration is None else range_start + exact_seconds(duration)
        time_range = TimeRange(range_start, range_end, trimmed=trimmed)

        length = float(video.duration * base) if video.duration else None
        # Some containers give the length of the longest track as that of each.
        lengths = [
            float(track.duration * track.time_base) for track in self.tracks if track.duration and track.time_base
        ]
        is_common_length = length is None or any(abs(length - other) < 0.001 for other in lengths)
        if length is None and container.duration:
            length = float(Fraction(container.duration, av.time_base))
        check_start(self.path, start, length)
        self.seconds = None if length is None else max(0.0, length - start)
        if duration is not None:
            self.seconds = duration if self.seconds is None else min(duration, self.seconds)
        self.chapters: list[Chapter] = [] if time_range.trimmed else container.chapters()
        self._rate = video.average_rate or video.guessed_rate or Fraction(25)
        frame_ticks = max(1, round(1 / (self._rate * base)))
        decoder, loss = open_decoder(video)
        self._losses = [] if loss is None else [f"{self.path}: {loss}"]
        selection = Selection(
            self.path, container, video, decoder, self.tracks, time_range, frame_ticks, length, is_common_length,
            deinterlace,
        )  # fmt: skip
        return selection, begins

    def _prepare(self, frame: VideoFrame, video: VideoStream, max_side: int | None, square: bool) -> None:
        """Decides how frames are scaled, turned and converted, from the first one."""
        aspect = video.sample_aspect_ratio or Fraction(1)
        aspect = aspect if aspect > 0 else Fraction(1)
        width, height = frame.width, frame.height
        if square and aspect != 1:
            width, height = (round(width * aspect), height) if aspect > 1 else (width, round(height / aspect))
            aspect = Fraction(1)
        # Frames are scaled before they are turned: fewer pixels to turn.
        size = fit(max(1, width), max(1, height), max_side)
        colors = ColorTags.of(frame)
        made = colors.converted()
        self._convert = RgbConverter(size, colors)
        self._orientation = Orientation.of(frame)
        transposed = self._orientation is not None and self._orientation.transposed
        assert video.time_base is not None
        self.format = StreamFormat(
            *(size[::-1] if transposed else size),
            time_base=video.time_base,
            rate=self._rate,
            pixel_aspect=1 / aspect if transposed else aspect,
            matrix=made.matrix,
            full_range=made.full_range,
            primaries=made.primaries,
            transfer=made.transfer,
        )

    def label(self, track: Stream) -> str:
        """Returns what messages call a track of this file: `in.mkv: sound 2 (deu, opus)`."""
        kind = "sound" if track.type == "audio" else "subtitles"
        streams = self._container.streams.audio if track.type == "audio" else self._container.streams.subtitles
        codec = track.codec_context.codec.canonical_name if track.codec_context else "unknown codec"
        language = track.metadata.get("language", "und").replace("und", "")
        number = [stream.index for stream in streams].index(track.index) + 1
        return f"{self.path}: {kind} {number} ({', '.join(filter(None, (language, codec)))})"

    @property
    def warnings(self) -> list[str]:
        """What is damaged or left out; complete after the last frame."""
        return [*self._losses, *self._decoding.warnings]

    @property
    def trailing(self) -> Packets:
        """Packets of sound and subtitles behind the last frame; complete after it."""
        return self._decoding.trailing

    def __iter__(self) -> Iterator[Frame]:
        """Yields each frame once; a second iteration yields nothing."""
        decoded, self._first = self._first, None
        while decoded is not None:
            frame = decoded.frame
            self.has_captions = self.has_captions or has_captions(frame)
            rgb = self._convert(frame)
            if self._orientation is not None:
                rgb = self._orientation.apply(rgb)
            yield Frame(rgb, decoded.pts - self._shift, frame.duration or self._frame_ticks, decoded.packets)
            decoded = next(self._decoding, None)

    def close(self) -> None:
        """Closes the file. Closing it again does nothing."""
        self._container.close()


@path_errors()
def _open_container(path: str | Path) -> InputContainer:
    """Opens a file or URL that libav takes for a video.

    Raises:
        MediaNotFoundError: there is no such file.
        MediaError: it cannot be opened, or is something other than a video.
    """
    address = url_of(path) or str(path)
    remedy = "check the address and the connection"
    if "://" not in address:
        file, remedy = Path(path), "check path and permissions"
        address = str(file.absolute())  # libav takes the 12: of 12:30.mp4 for a protocol
        if not file.exists():
            raise MediaNotFoundError(f"{file}: no such file; check the path")
        if file.is_file() and file.stat().st_size == 0:
            raise MediaError(f"{file}: is empty (0 bytes); copy or download it again")
    try:
        kind = _MISTAKEN.get(Path(address).suffix.lower())
        container = av.open(address, "r", kind, metadata_errors="replace", timeout=_OPEN_TIMEOUT)
    except av.error.InvalidDataError as error:
        raise MediaError(f"{path}: is no video, or damaged beyond reading; check it with a player") from error
    except (av.error.FFmpegError, ValueError, OSError) as error:
        reason = reason_of(error)
        shown = address if "://" in address else path
        raise MediaError(f"{shown}: cannot be opened ({reason}); {remedy}") from error
    kind = container.format.name
    is_picture = kind == "image2" or kind.endswith("_pipe")
    if is_picture or kind in _NOT_VIDEO:
        container.close()
        hint = "a picture, not a video; use fast-style stylize" if is_picture else "text, not a video"
        raise MediaError(f"{path}: is {hint}")
    return container


def _choose_stream(container: InputContainer, path: str | Path) -> VideoStream:
    """Returns the stream to stylize: libav's choice, unless that is a cover picture, which is a video stream too.

    Raises:
        MediaError: the file has no moving picture.
    """
    cover = av.stream.Disposition.attached_pic
    streams = [s for s in container.streams.video if not s.disposition & cover and s.codec_context]
    if not streams:
        raise MediaError(f"{path}: has no moving picture in it")
    best = container.streams.best("video")
    stream = next((s for s in streams if s is best), streams[0])
    stream.thread_type = av.codec.context.ThreadType.AUTO
    return stream
