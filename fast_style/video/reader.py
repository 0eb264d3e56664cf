"""Video files, read and written with PyAV: colour, time, orientation and sound survive.

Reading gives upright RGB frames; sound and subtitles travel beside them as packets, which are never decoded.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from fast_style.errors import MediaError, first_line
from fast_style.images.codec import IMAGE_SUFFIXES, RGB, fit
from fast_style.system.optional import need
from fast_style.video.media import (
    BT601,
    BT709,
    BT2020,
    UNSPECIFIED,
    Format,
    Frame,
    check_part,
    path_errors,
)

VIDEO_SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".ts"})
"""Of the video files that are written. All of them can hold frames at any time."""

QUICKTIME = (".mp4", ".m4v", ".mov")

LIMITED, FULL = 1, 2  # libav's codes of the range

# libav reads all sorts of files as a video: pictures, and text as an ANSI animation.
_NOT_VIDEO = {"tty", "srt", "ass", "webvtt", "lrc", "image2"}
# Seconds before a part at which to look for the keyframe that it needs.
_BACK = (0, 2, 10, 60)
# Of libav's matrices, what swscale calls them.
_SWS = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}


class VideoReader:
    """Upright RGB frames of a video file, and the packets of its sound and subtitles.

    Args:
        path: a file, or a URL that libav opens.
        start, duration: in seconds; the part to read. Its frames' times begin anew at 0.
        longest: larger frames are scaled to this longer side.
        square: pixels that aren't square are stretched until they are.

    Raises:
        MediaError: missing, not a video, not one frame of it can be decoded, or it has no such part.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        start: float = 0,
        duration: float | None = None,
        longest: int | None = None,
        square: bool = False,
    ) -> None:
        self._av = need("av", "video")
        check_part(start, duration)
        self.path = path
        self.warnings: list[str] = []
        self.trailing: list[Any] = []
        self._container = self._open()
        try:
            self._prepare(start, duration, longest, square)
        except BaseException:
            self.close()
            raise

    @path_errors()
    def _open(self) -> Any:
        av, address = self._av, str(self.path)
        if "://" not in address:
            path = Path(self.path)
            address = str(path.absolute())  # libav takes the 12: of 12:30.mp4 for a protocol
            if not path.exists():
                raise MediaError(f"{path}: no such file; check the path")
            if path.is_file() and path.stat().st_size == 0:
                raise MediaError(f"{path}: is empty (0 bytes); copy or download it again")
        try:
            container = av.open(address, "r", metadata_errors="replace", timeout=30)
        except (av.error.FFmpegError, ValueError, OSError) as error:
            if isinstance(error, av.error.InvalidDataError):
                raise MediaError(
                    f"{self.path}: is no video, or damaged beyond reading; check it with a player"
                ) from error
            raise MediaError(f"{self.path}: cannot be opened ({reason(error)}); check path and permissions") from error
        kind = container.format.name
        if kind in _NOT_VIDEO or kind.endswith("_pipe"):
            container.close()
            picture = kind == "image2" or kind.endswith("_pipe")
            hint = "a picture, not a video; use fast-style stylize" if picture else "text, not a video"
            raise MediaError(f"{self.path}: is {hint}")
        return container

    def _prepare(self, start: float, duration: float | None, longest: int | None, square: bool) -> None:
        av, container = self._av, self._container
        # A cover picture is a video stream too.
        cover = av.stream.Disposition.attached_pic
        streams = [s for s in container.streams.video if not s.disposition & cover and s.codec_context]
        if not streams:
            raise MediaError(f"{self.path}: has no moving picture in it")
        best = container.streams.best("video")
        self._stream = best if best in streams else streams[0]
        self._stream.thread_type = "AUTO"
        self.tracks = [s for s in (*container.streams.audio, *container.streams.subtitles) if s.codec_context]
        self.metadata = dict(container.metadata)
        base = self._stream.time_base
        assert base is not None

        # Transport streams begin at an arbitrary time.
        begins = Fraction(container.start_time or 0, av.time_base)
        origin = begins if container.format.name in ("mpegts", "mpeg") or start else Fraction(0)
        self._from = origin + Fraction(start).limit_denominator(1_000_000)
        self._until = None if duration is None else self._from + Fraction(duration).limit_denominator(1_000_000)
        self._cut = bool(start) or duration is not None
        whole = self._stream.duration * base if self._stream.duration else None
        # Of some files only the length of all tracks together is known.
        self._of_all_tracks = whole is None
        if whole is None and container.duration:
            whole = Fraction(container.duration, av.time_base)
        self._whole = None if whole is None else float(whole)
        # Those of a part would have other times.
        self.chapters = [] if self._cut else container.chapters()
        self.seconds = None if self._whole is None else max(0.0, self._whole - start)
        if duration is not None:
            self.seconds = duration if self.seconds is None else min(duration, self.seconds)
        if self._whole is not None and start and start >= self._whole:
            raise MediaError(f"{self.path}: --start {start:g} lies behind its end, at {self._whole:.2f} seconds")

        self._shift = round(self._from / base)
        rate = self._stream.average_rate or self._stream.guessed_rate or Fraction(25)
        self._step = max(1, round(1 / (rate * base)))
        # Streams without times, as .h264, can't be sought in.
        self._first = self._begin(begins) if start and container.start_time is not None else self._anew()
        if self._first is None:
            where = f" from second {start:g} on" if start else ""
            raise MediaError(f"{self.path}: not one frame can be decoded{where}; it is damaged or cut short")
        frame = self._first[0]

        self._turn = _orientation(frame)
        aspect = self._stream.sample_aspect_ratio or Fraction(1)
        aspect = aspect if aspect > 0 else Fraction(1)
        width, height = frame.width, frame.height
        if square and aspect != 1:
            width, height = (round(width * aspect), height) if aspect > 1 else (width, round(height / aspect))
            aspect = Fraction(1)
        # Scaled before it is turned: fewer pixels to turn.
        self._size = fit(max(1, width), max(1, height), longest)
        matrix, full, is_rgb = _colours(frame)
        self._colours = {} if is_rgb else {"src_colorspace": _SWS[matrix], "src_color_range": FULL if full else LIMITED}
        turned = self._turn is not None and self._turn[0]
        self.format = Format(
            *(self._size[::-1] if turned else self._size),
            time_base=base,
            rate=rate,
            pixel_aspect=1 / aspect if turned else aspect,
            matrix=BT709 if is_rgb else matrix,
            full_range=full and not is_rgb,
            primaries=frame.color_primaries,
            transfer=frame.color_trc,
        )
        # Each remembers one conversion.
        self._reformatter, self._of_alpha = (av.video.reformatter.VideoReformatter() for _ in range(2))
        how = av.video.reformatter.Interpolation
        # Without these swscale rounds down, by two levels on average.
        exact = how.ACCURATE_RND | how.FULL_CHR_H_INT
        self._same_size, self._other_size = int(how.BILINEAR | exact), int(how.BICUBIC | exact)

    def _begin(self, begins: Fraction) -> tuple[Any, list[Any]] | None:
        """The first frame of a part of a file that begins at this time.

        Transport and program streams are entered at any packet, and nothing can be decoded before the next keyframe:
        so what comes first must not lie behind where the part begins.
        """
        first = None
        # A file's first packet may be one of its sound: a second before it finds those of the picture, too.
        for moment in (*(self._from - back for back in _BACK if self._from - back > begins), begins - 1, begins):
            try:
                self._container.seek(int(moment * self._av.time_base), backward=True)
            except self._av.error.FFmpegError:
                continue
            first = self._anew()
            if moment <= begins or (self._entered is not None and self._entered <= self._from):
                return first
        # What can't seek is read from its beginning.
        return first or self._anew()

    def _anew(self) -> tuple[Any, list[Any]] | None:
        """Decodes from where the container is. Returns the first frame of the part to read."""
        self.warnings.clear()
        self._damaged = 0
        self._broken: str | None = None
        self._entered: Fraction | None = None
        self._end = self._reached = Fraction(0)
        self._decoded = self._decode()
        return next(self._decoded, None)

    def _decode(self) -> Iterator[tuple[Any, list[Any]]]:
        """libav's frames within the part to read, each with the packets to copy that lay before it."""
        av, base = self._av, self._stream.time_base
        pending: list[Any] = []
        finished: set[int] = set()
        # Subtitles come too seldom to wait for the first one behind the end.
        heard = {self._stream.index, *(track.index for track in self.tracks if track.type == "audio")}
        demuxed = self._container.demux(self._stream, *self.tracks)
        flushed = False
        while finished < heard:
            try:
                packet = next(demuxed)
            except StopIteration:
                break
            except (av.error.FFmpegError, OSError) as error:
                self._broken = reason(error)
                break
            if packet.stream is not self._stream:
                if packet.pts is None and packet.dts is None:
                    continue
                packet.pts = packet.dts if packet.pts is None else packet.pts
                packet.dts = packet.pts if packet.dts is None else packet.dts  # Matroska leaves it out
                time = packet.pts * packet.time_base
                if self._of_all_tracks:
                    self._end = max(self._end, time)
                if self._until is not None and time >= self._until:
                    finished.add(packet.stream.index)
                elif time >= self._from or not self._cut:
                    self._move(packet)
                    pending.append(packet)
                continue
            flushed = flushed or (packet.dts is None and packet.size == 0)
            for frame in self._frames(packet):
                time = frame.pts * base
                if self._until is not None and time >= self._until:
                    finished.add(self._stream.index)
                elif time >= self._from or not self._cut:
                    yield frame, pending
                    pending = []
        if not flushed and self._stream.index not in finished:
            for frame in self._frames(None):
                if (frame.pts * base >= self._from or not self._cut) and (
                    self._until is None or frame.pts * base < self._until
                ):
                    yield frame, pending
                    pending = []
        self.trailing = pending
        self._judge()

    def _frames(self, packet: Any) -> list[Any]:
        """The frames that a packet completes, each with a time."""
        if packet is not None and packet.is_corrupt:
            self._damaged += 1
        try:
            frames = self._stream.codec_context.decode(packet)
        except (self._av.error.FFmpegError, ValueError):
            self._damaged += 1
            return []
        base = self._stream.time_base
        for frame in frames:
            if frame.pts is None:
                frame.pts = round(self._reached / base)
            elif self._entered is None:
                self._entered = frame.pts * base
            self._reached = frame.pts * base + (frame.duration or self._step) * base
        return frames

    def _move(self, packet: Any) -> None:
        """Subtracts where the part begins from a packet's times."""
        shift = round(self._from / packet.time_base)
        packet.pts -= shift
        packet.dts -= shift

    def _judge(self) -> None:
        """Says whether the file is whole."""
        if self._damaged:
            parts = "part was" if self._damaged == 1 else "parts were"
            self.warnings.append(f"{self.path}: {self._damaged} damaged {parts} passed over")
        end = float(max(self._end, self._reached))
        early = self._whole is not None and self._until is None and self._whole - end > 0.5
        if self._broken or early:
            ends = f"ends after {end:.2f} of {self._whole:.2f} seconds" if early else "ends early"
            why = f" ({self._broken})" if self._broken else ""
            self.warnings.append(
                f"{self.path}: {ends}{why}; it is cut short or damaged, and what could be read is used"
            )

    def __iter__(self) -> Iterator[Frame]:
        """Each frame once; a second iteration gives nothing."""
        if self._first is None:
            return
        (frame, packets), self._first = self._first, None
        while True:
            yield Frame(self._rgb(frame), frame.pts - self._shift, frame.duration or self._step, packets)
            following = next(self._decoded, None)
            if following is None:
                return
            frame, packets = following

    def _rgb(self, frame: Any) -> RGB:
        width, height = self._size
        colours = self._colours
        if frame.format.has_palette or any(component.is_alpha for component in frame.format.components):
            # Before it is scaled: else colours that nobody is to see come through at the edges.
            frame, colours = self._over_white(frame), {}
        scaled = (frame.width, frame.height) != self._size
        converted = self._reformatter.reformat(
            frame, width, height, "rgb24", interpolation=self._other_size if scaled else self._same_size,
            dst_color_range=FULL, threads=1, **colours,
        )  # fmt: skip
        rgb = converted.to_ndarray()
        if self._turn is not None:
            transposed, flip_x, flip_y = self._turn
            rgb = rgb.swapaxes(0, 1) if transposed else rgb
            rgb = np.ascontiguousarray(rgb[:: -1 if flip_y else 1, :: -1 if flip_x else 1])
        return rgb

    def _over_white(self, frame: Any) -> Any:
        """A frame with alpha as one without."""
        rgba = self._of_alpha.reformat(
            frame, format="rgba", interpolation=self._same_size, dst_color_range=FULL, threads=1, **self._colours
        ).to_ndarray()
        alpha = rgba[..., 3:].astype(np.uint16)
        rgb = (rgba[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255
        return self._av.VideoFrame.from_ndarray(rgb.astype(np.uint8), "rgb24")

    def close(self) -> None:
        # The generator holds the container: a second close is harmless.
        self._container.close()


def _orientation(frame: Any) -> tuple[bool, bool, bool] | None:
    """How to turn a frame upright: transposed?, then mirrored in x?, in y? None if it is."""
    side = frame.side_data.get("DISPLAYMATRIX")
    if side is None:
        return None
    a, b, _, c, d = np.frombuffer(bytes(side), np.int32)[:5].tolist()
    if a == d == 0 and b and c:
        return True, c < 0, b < 0
    if b == c == 0 and a and d and (a < 0 or d < 0):
        return False, a < 0, d < 0
    return None


def _colours(frame: Any) -> tuple[int, bool, bool]:
    """Matrix, full range?, RGB? of a frame; of an untagged one what players guess from its size."""
    name = frame.format.name
    is_rgb = frame.format.is_rgb or name in ("pal8", "gray")
    matrix = frame.colorspace if frame.colorspace in _SWS else UNSPECIFIED
    if matrix == UNSPECIFIED:
        matrix = BT2020 if frame.color_primaries == 9 else BT709 if max(frame.width, frame.height) >= 1280 else BT601
    return matrix, frame.color_range == FULL or name.startswith("yuvj"), is_rgb


def check_suffix(path: Path) -> None:
    """Raises a MediaError if nothing here writes a file of this name."""
    if path.suffix.lower() not in VIDEO_SUFFIXES | {".gif"} | IMAGE_SUFFIXES:
        known = " ".join(sorted(VIDEO_SUFFIXES))
        raise MediaError(
            f"cannot write {path}: unknown suffix {path.suffix!r}; use {known} .gif, a folder, or frames/%05d.png"
        )


def reason(error: BaseException) -> str:
    """What libav says, without its own addresses and file names."""
    return str(getattr(error, "strerror", None) or first_line(error)).rstrip(".")
