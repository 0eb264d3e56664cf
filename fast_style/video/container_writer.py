"""What all files that libav writes have in common: they have another name until they are complete."""

from __future__ import annotations

import errno
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from fast_style.errors import FastStyleError, WriteError, reason_of
from fast_style.system.files import flush_and_rename, temporary_name, write_target
from fast_style.video.libraries import av
from fast_style.video.media import partial_name, path_errors
from fast_style.video.output_file import OutputFile

if TYPE_CHECKING:
    from av.container.output import OutputContainer
    from av.packet import Packet
    from av.stream import Stream
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    from fast_style.video.media import StreamFormat

_MARGIN = 1 << 16
_BYTES_PER_PACKET = 48
"""Room that the tables at the end of a file need, and for each of its packets: at most 40 bytes in .mp4."""


class ContainerWriter(ABC):
    """A file that libav writes under a temporary name beside the final one.

    Args:
        path: the file to write. A link keeps pointing at its target.

    Attributes:
        path: the same.
        warnings: what went wrong without ending the video.
        left_out: number of frames that the file cannot hold beside their neighbors.

    Raises:
        WriteError: something other than a regular file has this name.
    """

    @path_errors()
    def __init__(self, path: Path) -> None:
        self.path = path
        self.warnings: list[str] = []
        self.left_out = 0
        self._target = write_target(path)
        self._temporary = self._target.with_name(temporary_name(path.suffix.lower()))
        self._open_container: OutputContainer | None = None
        self._file: OutputFile | None = None
        self._packets = self._bytes = 0

    def _create(self, **options: str) -> OutputContainer:
        """Creates the temporary file, and its folder where that is missing, with options of its container."""
        self._target.parent.mkdir(parents=True, exist_ok=True)
        self._file = OutputFile(self._temporary)
        self._open_container = av.open(self._file, "w", container_options=options)
        return self._open_container

    @property
    def _container(self) -> OutputContainer:
        if self._open_container is None:
            raise WriteError(f"cannot write {self.path}: it is closed already")
        return self._open_container

    @abstractmethod
    def _flush(self) -> None:
        """Writes what the encoder still holds back."""

    def _complete(self) -> None:
        """Adds to the closed file what libav does not write; nothing, in most containers."""
        return

    def _mux(self, packets: Sequence[Packet[Stream]]) -> None:
        assert self._file is not None
        for packet in packets:
            self._packets += 1
            self._bytes += packet.size
            # Packets wait inside libav for those of other tracks, and are written with the end at the latest.
            waiting = max(0, self._bytes - self._file.size)
            self._file.reserve = _MARGIN + _BYTES_PER_PACKET * self._packets + waiting
            try:
                self._container.mux(packet)
            except (av.error.FFmpegError, ValueError, OSError) as error:
                raise self._write_error(self.path, error) from error
            if self._file.failure is not None:
                raise self._write_error(self.path, self._file.failure) from self._file.failure

    @staticmethod
    def _write_error(path: Path, error: BaseException) -> WriteError:
        is_full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        return WriteError(f"cannot write {path}: {reason_of(error)}", remedy="make room" if is_full else None)

    def finish(self, *, partial: bool = False) -> Path:
        """Completes the file and gives it its name.

        Args:
            partial: names it as an unfinished result, `OUT.partial.mp4`, and leaves an earlier `OUT.mp4` alone.

        Returns:
            The path of the file.

        Raises:
            WriteError: the disk is full, for example.
        """
        assert self._file is not None
        if self._file.failure is None:
            with suppress(WriteError) if partial else nullcontext():
                self._flush()
        if self.left_out:
            frames = "one frame is" if self.left_out == 1 else f"{self.left_out} frames are"
            self.warnings.append(f"{self.path}: {frames} left out, shown too soon after the one before or not after it")
        target, path = self._target, self.path
        if partial:
            target, path = partial_name(target), partial_name(path)
        try:
            container, self._open_container = self._container, None
            container.close()
            self._file.close()
            self._complete()
            flush_and_rename(self._temporary, target)
        except (av.error.FFmpegError, OSError) as error:
            raise self._write_error(path, error) from error
        return path

    def discard(self) -> None:
        """Removes what was written, unless it is finished."""
        if self._open_container is not None:
            with suppress(Exception):
                self._open_container.close()
            self._open_container = None
        with suppress(OSError):
            if self._file is not None:
                self._file.close()
        with suppress(OSError):
            self._temporary.unlink(missing_ok=True)


class EncodingWriter(ContainerWriter):
    """A file in which one stream of pictures is encoded, `_stream`.

    Args:
        path: the file to write.
        stream_format: what all frames have in common.

    Raises:
        WriteError: something other than a regular file has this name.
    """

    _stream: VideoStream

    def __init__(self, path: Path, stream_format: StreamFormat) -> None:
        super().__init__(path)
        self.format = stream_format
        self._rate = stream_format.rate.limit_denominator(1 << 16)

    @contextmanager
    def _setting_up(
        self, remedy: str = "check its folder", suggestions: Mapping[str, object] | None = None
    ) -> Iterator[None]:
        """Removes the file where setting it up inside the `with` fails.

        Args:
            remedy: what to do about a failure that is not the system's.
            suggestions: the settings in it.

        Raises:
            WriteError: the file cannot be made, or libav refuses.
        """
        try:
            yield
        except FastStyleError:
            self.discard()
            raise
        except (av.error.FFmpegError, ValueError, OSError) as error:
            self.discard()
            raise WriteError(
                f"cannot write {self.path}: {reason_of(error)}",
                remedy="check its folder" if isinstance(error, OSError) else remedy,
                suggestions=suggestions,
            ) from error
        except BaseException:
            self.discard()
            raise

    def _encode(self, picture: VideoFrame | None) -> None:
        """Encodes a frame, or with None what the encoder still holds back."""
        try:
            packets = self._stream.encode(picture)
        except (av.error.FFmpegError, ValueError) as error:
            raise WriteError(f"cannot write {self.path}: the encoder failed ({reason_of(error)})") from error
        self._mux(packets)

    def _flush(self) -> None:
        self._encode(None)
