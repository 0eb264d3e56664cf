"""Video files written: encoders, tracks copied from the source, and files that are whole or not there."""

from __future__ import annotations

import os
import secrets
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fast_style.errors import MediaError
from fast_style.system.optional import need
from fast_style.video.media import (
    Format,
    Frame,
    partial_name,
    path_errors,
)
from fast_style.video.reader import _SWS, FULL, LIMITED, QUICKTIME, VideoReader, reason


@dataclass(frozen=True)
class Encoder:
    """An encoder of libav and how it is run: fast enough to keep up with a network on the same processor."""

    name: str
    crf: int
    options: dict[str, str]


ENCODERS = {
    "h264": Encoder("libx264", 20, {"preset": "veryfast"}),
    "h265": Encoder("libx265", 23, {"preset": "veryfast", "x265-params": "log-level=error"}),
    "vp9": Encoder("libvpx-vp9", 30, {"deadline": "realtime", "cpu-used": "6", "row-mt": "1", "b": "0"}),
    "av1": Encoder("libsvtav1", 32, {"preset": "10"}),
}


ENCODERS["hevc"] = ENCODERS["h265"]


def choose_encoder(path: Path, codec: str | None, crf: int | None) -> tuple[str, dict[str, str]]:
    """The name of libav's encoder and its options.

    Raises:
        MediaError: no such codec, or `crf` is out of its range or unknown to it.
    """
    av = need("av", "video")
    wanted = codec or ("vp9" if path.suffix.lower() == ".webm" else "h264")
    encoder = ENCODERS.get(wanted.lower()) or next((e for e in ENCODERS.values() if e.name == wanted), None)
    name = encoder.name if encoder else wanted
    known = " ".join(sorted(ENCODERS))
    try:
        found = av.codec.Codec(name, "w")
    except (ValueError, av.error.FFmpegError) as error:
        raise MediaError(f"--codec {wanted}: no such encoder here; use one of {known}, or a name of libav's") from error
    if found.type != "video":
        raise MediaError(f"--codec {wanted}: is not for pictures; use one of {known}, or a name of libav's")
    options = dict(encoder.options) if encoder else {}
    option = next((o for o in found.create().supported_options.private if o.name == "crf"), None)
    if crf is not None and option is None:
        raise MediaError(f"--crf {crf}: {wanted} has no such setting; leave it out")
    highest = 51 if name in ("libx264", "libx265") else 63
    if crf is not None and not 0 <= crf <= highest:
        raise MediaError(f"--crf {crf}: must be between 0 and {highest} for {wanted}; lower is better and larger")
    if option is not None and (crf is not None or encoder is not None):
        options["crf"] = str(crf if crf is not None else encoder.crf if encoder else "")
    return name, options


class FileWriter(ABC):
    """A file of libav's that has another name until it is complete: what all kinds of them share."""

    @path_errors()
    def __init__(self, path: Path) -> None:
        self._av = need("av", "video")
        self.named = path
        self.warnings: list[str] = []
        # A link keeps pointing at its target; realpath, unlike resolve, takes one that points to itself.
        self._target = Path(os.path.realpath(path))
        self._temporary = self._target.with_name(f".fast-style-{secrets.token_hex(6)}{path.suffix.lower()}")
        self._container: Any = None
        if self._target.exists() and not self._target.is_file():
            raise MediaError(f"cannot write {path}: it is not a regular file; choose another name")

    def _create(self, **options: str) -> Any:
        self._target.parent.mkdir(parents=True, exist_ok=True)
        self._container = self._av.open(str(self._temporary), "w", container_options=options)
        return self._container

    @abstractmethod
    def _flush(self) -> None:
        """Writes what is still under way."""

    def _mux(self, packets: Any) -> None:
        try:
            self._container.mux(packets)
        except (self._av.error.FFmpegError, ValueError, OSError) as error:
            raise MediaError(f"cannot write {self.named}: {reason(error)}; is there free space?") from error

    def finish(self, *, partial: bool = False) -> Path:
        """Completes the file and gives it its name, or that of a part. Returns the name."""
        self._flush()
        target, named = self._target, self.named
        if partial:
            target, named = partial_name(target), partial_name(named)
        try:
            self._container.close()
            self._container = None
            with self._temporary.open("rb+") as file:
                os.fsync(file.fileno())
            self._temporary.replace(target)
        except (self._av.error.FFmpegError, OSError) as error:
            raise MediaError(f"cannot write {named}: {reason(error)}; is there free space?") from error
        return named

    def discard(self) -> None:
        """Removes what was written, unless it is finished."""
        if self._container is not None:
            with suppress(Exception):
                self._container.close()
            self._container = None
        with suppress(OSError):
            self._temporary.unlink(missing_ok=True)


class VideoWriter(FileWriter):
    """A video file, encoded frame by frame; it gets its name when it is complete.

    Args:
        path: its suffix names the container.
        format: of the frames.
        codec: a key of `ENCODERS` or a name of libav's; by default H.264, in .webm VP9.
        crf: constant quality, lower is better and larger; by default the codec's own.
        source: whose tracks, titles and chapters are copied.
        tracks: copy sound and subtitles?

    Raises:
        MediaError: an unknown suffix or codec, sound that the container can't hold, or a file that can't be written.
    """

    def __init__(
        self,
        path: Path,
        format: Format,
        *,
        codec: str | None = None,
        crf: int | None = None,
        source: VideoReader | None = None,
        tracks: bool = True,
    ) -> None:
        super().__init__(path)
        av = self._av
        os.environ.setdefault("SVT_LOG", "1")  # its chatter
        self.format = format
        self._suffix = path.suffix.lower()
        name, options = choose_encoder(path, codec, crf)
        try:
            self._create(**{"movflags": "+faststart"} if self._suffix in QUICKTIME else {})
            self._stream = self._add_video(name, options)
            self._copies = self._add_tracks(source, tracks) if source is not None else {}
            if source is not None:
                self._container.metadata.update(
                    {k: v for k, v in source.metadata.items() if k in ("title", "artist", "comment", "creation_time")}
                )
                if source.chapters:
                    self._container.set_chapters(source.chapters)
            self._container.start_encoding()
        except (av.error.FFmpegError, ValueError, OSError) as error:
            self.discard()
            remedy = "check its folder" if isinstance(error, OSError) else "try another --codec or a .mkv"
            raise MediaError(f"cannot write {path}: {reason(error)}; {remedy}") from error
        except BaseException:
            self.discard()
            raise
        self._reformatter = av.video.reformatter.VideoReformatter()
        how = av.video.reformatter.Interpolation
        self._rounding = int(how.BILINEAR | how.ACCURATE_RND)
        self._last = -(1 << 62)

    def _add_video(self, name: str, options: dict[str, str]) -> Any:
        av, format = self._av, self.format
        pixels = self._pixel_format(name)
        try:
            stream = self._container.add_stream(name, rate=format.rate.limit_denominator(1 << 16), options=options)
        except ValueError as error:
            raise MediaError(
                f"{self.named}: a {self._suffix} file can't hold {name}; leave --codec out, or write a .mkv"
            ) from error
        stream.width, stream.height, stream.pix_fmt = format.width, format.height, pixels
        stream.time_base = format.time_base
        context = stream.codec_context
        context.time_base = format.time_base
        context.sample_aspect_ratio = format.pixel_aspect
        context.colorspace = format.matrix
        context.color_range = FULL if format.full_range else LIMITED
        context.color_primaries, context.color_trc = format.primaries, format.transfer
        # Durations of frames reach the file: otherwise the last one of a variable rate is a guess.
        context.flags |= av.codec.context.Flags.frame_duration
        if name == "libx265" and self._suffix in QUICKTIME:
            context.codec_tag = "hvc1"  # what QuickTime asks for
        return stream

    def _pixel_format(self, name: str) -> str:
        """4:2:0, which everything plays; of odd sizes 4:4:4 where the codec has no odd 4:2:0."""
        av, format = self._av, self.format
        offered = [f.name for f in av.codec.Codec(name, "w").video_formats or []] or ["yuv420p"]
        pixels = "yuv420p" if "yuv420p" in offered else offered[0]
        odd = format.width % 2 or format.height % 2
        if (
            not odd
            or pixels != "yuv420p"
            or name.startswith(("libvpx", "libsvtav1", "libaom", "ffv1", "mpeg4", "mjpeg"))
        ):
            return pixels
        if "yuv444p" in offered:
            return "yuv444p"
        raise MediaError(
            f"{format.width}x{format.height}: {name} takes even sizes only; use --codec h264, or --max-size"
        )

    def _add_tracks(self, source: VideoReader, wanted: bool) -> dict[int, Any]:
        """Copies of sound and subtitle streams, by their index in the source."""
        copies: dict[int, Any] = {}
        for track in source.tracks if wanted else []:
            kind = track.codec_context.name
            try:
                copy = self._container.add_stream_from_template(track)
            except (ValueError, self._av.error.FFmpegError) as error:
                if track.type == "audio":
                    raise MediaError(
                        f"{self.named}: a {self._suffix} file can't hold the sound of {source.path} ({kind}); "
                        f"write a .mkv, or leave the sound out with --mute"
                    ) from error
                self.warnings.append(f"{self.named}: a {self._suffix} file can't hold {kind} subtitles: left out")
                continue
            copy.metadata.update({k: v for k, v in track.metadata.items() if k in ("language", "title")})
            copy.disposition = track.disposition
            copies[track.index] = copy
        return copies

    def copy(self, packets: list[Any]) -> None:
        """Writes packets of the source as they are."""
        for packet in packets:
            stream = self._copies.get(packet.stream.index)
            if stream is not None:
                packet.stream = stream
                self._mux(packet)

    def write(self, frame: Frame) -> None:
        """Encodes a frame. Of two with the same time the second is left out: no file can hold both."""
        self.copy(frame.packets)
        if frame.pts <= self._last:
            return
        self._last = frame.pts
        av, format = self._av, self.format
        picture = av.VideoFrame.from_ndarray(frame.rgb, "rgb24")
        picture = self._reformatter.reformat(
            picture, format=self._stream.pix_fmt, src_color_range=FULL, dst_colorspace=_SWS.get(format.matrix, 1),
            dst_color_range=FULL if format.full_range else LIMITED, interpolation=self._rounding, threads=1,
        )  # fmt: skip
        picture.pts, picture.duration, picture.time_base = frame.pts, frame.duration, format.time_base
        self._encode(picture)

    def _encode(self, picture: Any) -> None:
        try:
            packets = self._stream.encode(picture)
        except (self._av.error.FFmpegError, ValueError) as error:
            raise MediaError(f"cannot write {self.named}: the encoder failed ({reason(error)})") from error
        self._mux(packets)

    def _flush(self) -> None:
        self._encode(None)
