"""Video files written frame by frame, with sound, subtitles, titles and chapters copied from the source."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from fast_style.errors import UNSET, ConfigError, WriteError, reason_of
from fast_style.video.codecs import VideoCodec, choose_codec, is_hardware
from fast_style.video.container_writer import EncodingWriter
from fast_style.video.containers import QUICKTIME_SUFFIXES
from fast_style.video.conversion import FULL_RANGE, LIMITED_RANGE, YuvConverter
from fast_style.video.libraries import av
from fast_style.video.media import Frame, StreamFormat
from fast_style.video.reader import VideoReader
from fast_style.video.tracks import Track, add_track

if TYPE_CHECKING:
    from av.video.stream import VideoStream

    from fast_style.video.media import Packets

_COPIED_METADATA = frozenset({"title", "artist", "comment", "creation_time"})

_READ_FROM_TS = frozenset({"mpeg1video", "mpeg2video", "mpeg4", "h264", "hevc", "vvc", "cavs", "dirac"})
"""The video codecs that are recognized in a transport stream."""


class VideoWriter(EncodingWriter):
    """A video file, encoded frame by frame; it gets its name when it is complete.

    Args:
        path: the file; its suffix names the container.
        stream_format: what all frames have in common.
        codec: a key of `VIDEO_CODECS` or an encoder of libav; by default H.264, in .webm VP9.
        crf: constant quality, lower is better and larger; by default the codec's own.
        source: the video whose tracks, titles and chapters are copied.
        tracks: whether to copy sound and subtitles.

    Raises:
        ConfigError: an unknown codec, one that this container or size does not go with, or a `crf` out of range.
        WriteError: the file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        stream_format: StreamFormat,
        *,
        codec: str | None = None,
        crf: int | None = None,
        source: VideoReader | None = None,
        tracks: bool = True,
    ) -> None:
        super().__init__(path, stream_format)
        os.environ.setdefault("SVT_LOG", "1")  # keeps the AV1 encoder from writing to stderr
        self._source = source if tracks else None
        self._suffix = path.suffix.lower()
        chosen, options = choose_codec(path, codec, crf)
        with self._setting_up("try another {codec} or a .mkv", {"codec": UNSET}):
            self._create(**{"movflags": "+faststart"} if self._suffix in QUICKTIME_SUFFIXES else {})
            self._stream = self._add_video(chosen, options)
            self._tracks = self._add_tracks(source) if source is not None and tracks else {}
            if source is not None:
                self._copy_metadata(source)
            self._container.start_encoding()
        assert self._stream.pix_fmt is not None
        self._convert = YuvConverter(stream_format, self._stream.pix_fmt)
        self._last_pts = -(1 << 62)

    def _add_video(self, codec: VideoCodec, options: dict[str, str]) -> VideoStream:
        """Adds the stream that frames are encoded to."""
        pixel_format = self._pixel_format(codec)
        try:
            if self._suffix == ".ts" and av.codec.Codec(codec.encoder, "w").canonical_name not in _READ_FROM_TS:
                raise ValueError  # libav writes it, as data of no kind
            stream = self._container.add_stream(codec.encoder, rate=self._rate, options=options)
        except ValueError as error:
            raise ConfigError(
                f"a {self._suffix} file cannot hold it",
                setting="codec",
                value=codec.encoder,
                remedy="leave {codec} out, or write a .mkv",
                suggestions={"codec": UNSET},
            ) from error
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = self.format.width, self.format.height, pixel_format
        stream.time_base = self.format.time_base
        context = stream.codec_context
        context.time_base = self.format.time_base
        context.sample_aspect_ratio = self.format.pixel_aspect
        context.colorspace = self.format.matrix
        context.color_range = FULL_RANGE if self.format.full_range else LIMITED_RANGE
        context.color_primaries, context.color_trc = self.format.primaries, self.format.transfer
        # Writes the durations of frames to the file: otherwise that of the last one is a guess at a variable rate.
        context.flags |= av.codec.context.Flags.frame_duration
        if codec.quicktime_tag is not None and self._suffix in QUICKTIME_SUFFIXES:
            context.codec_tag = codec.quicktime_tag
        if is_hardware(codec.encoder):
            self._open_hardware(stream, codec.encoder)
        return stream

    @staticmethod
    def _open_hardware(stream: VideoStream, encoder: str) -> None:
        """Opens an encoder that is a device, so that its absence is not taken for a fault of the file."""
        try:
            stream.codec_context.open()
        except (av.error.FFmpegError, ValueError) as error:
            raise ConfigError(
                f"its hardware or driver is not found here, or does not take these frames ({reason_of(error)})",
                setting="codec",
                value=encoder,
                remedy="use {codec}",
                suggestions={"codec": "h264"},
            ) from error

    def _pixel_format(self, codec: VideoCodec) -> str:
        """Returns 4:2:0, which everything plays, or 4:4:4 for odd sizes where the codec has no odd 4:2:0."""
        formats = av.codec.codec.Codec(codec.encoder, "w").video_formats or []
        offered = [pixel_format.name for pixel_format in formats] or ["yuv420p"]
        pixel_format = "yuv420p" if "yuv420p" in offered else offered[0]
        is_odd = self.format.width % 2 or self.format.height % 2
        if not is_odd or codec.odd_sizes or pixel_format != "yuv420p":
            return pixel_format
        if "yuv444p" in offered:
            return "yuv444p"
        raise ConfigError(
            f"takes even sizes only, and the frames are {self.format.width}x{self.format.height}",
            setting="codec",
            value=codec.encoder,
            remedy="use {codec}, or shrink the frames with {max_size}",
            suggestions={"codec": "h264", "max_size": UNSET},
        )

    def _add_tracks(self, source: VideoReader) -> dict[int, Track]:
        """Adds the tracks of sound and subtitles that the file can hold. Returns them by their index in the source."""
        tracks: dict[int, Track] = {}
        for track in source.tracks:
            added, loss = add_track(self._container, track, source.label(track))
            if loss is not None:
                self.warnings.append(loss)
            if added is not None:
                tracks[track.index] = added
        self.warnings += source.unreadable_tracks
        return tracks

    def _copy_metadata(self, source: VideoReader) -> None:
        """Copies titles and chapters."""
        self._container.metadata.update({k: v for k, v in source.metadata.items() if k in _COPIED_METADATA})
        if source.chapters:
            self._container.set_chapters(source.chapters)

    def copy(self, packets: Packets) -> None:
        """Writes sound and subtitles of the source.

        Raises:
            WriteError: they cannot be written.
        """
        for packet in packets:
            track = self._tracks.get(packet.stream.index)
            if track is not None:
                self._mux_track(track, track.take(packet))

    def _mux_track(self, track: Track, packets: Packets) -> None:
        """Writes packets of a track; one that the container refuses, being damaged, does not end the video."""
        for packet in packets:
            try:
                self._mux([packet])
            except WriteError as error:
                if not isinstance(error.__cause__, av.error.InvalidDataError | av.error.ArgumentError):
                    raise
                track.refused += 1

    def write(self, frame: Frame) -> bool:
        """Encodes a frame. One that does not come after the last one is left out: no file can hold both.

        Returns:
            Whether it is in the file.

        Raises:
            WriteError: it cannot be encoded or written.
        """
        self.copy(frame.packets)
        if frame.pts <= self._last_pts:
            self.left_out += 1
            return False
        self._last_pts = frame.pts
        self._encode(self._convert(frame))
        return True

    def _flush(self) -> None:
        super()._flush()
        if self._source is not None and self._source.has_captions:
            self.warnings.append(f"{self._source.path}: closed captions inside the video are left out")
        for track in self._tracks.values():
            self._mux_track(track, track.finish())
            self.warnings += track.warnings
            if track.refused:
                self.warnings.append(f"{track.label}: {track.refused} damaged packets left out")
