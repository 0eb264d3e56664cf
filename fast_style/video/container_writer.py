"""What all files that libav writes have in common: they have another name until they are complete."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from fast_style.errors import WriteError
from fast_style.system.files import flush_and_rename, temporary_name, write_target
from fast_style.video.containers import libav_reason
from fast_style.video.libraries import av
from fast_style.video.media import partial_name, path_errors

if TYPE_CHECKING:
    from av.container.output import OutputContainer
    from av.packet import Packet
    from av.stream import Stream


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

    def _create(self, **options: str) -> OutputContainer:
        """Creates the temporary file, and its folder where that is missing, with options of its container."""
        self._target.parent.mkdir(parents=True, exist_ok=True)
        self._open_container = av.open(str(self._temporary), "w", container_options=options)
        return self._open_container

    @property
    def _container(self) -> OutputContainer:
        assert self._open_container is not None
        return self._open_container

    @abstractmethod
    def _flush(self) -> None:
        """Writes what the encoder still holds back."""

    def _mux(self, packets: Packet[Stream] | Sequence[Packet[Stream]]) -> None:
        try:
            self._container.mux(packets)
        except (av.error.FFmpegError, ValueError, OSError) as error:
            raise WriteError(f"cannot write {self.path}: {libav_reason(error)}; is there free space?") from error

    def finish(self, *, partial: bool = False) -> Path:
        """Completes the file and gives it its name.

        Args:
            partial: names it as an unfinished result, `OUT.partial.mp4`, and leaves an earlier `OUT.mp4` alone.

        Returns:
            The path of the file.

        Raises:
            WriteError: the disk is full, for example.
        """
        self._flush()
        if self.left_out:
            frames = "one frame is" if self.left_out == 1 else f"{self.left_out} frames are"
            self.warnings.append(f"{self.path}: {frames} left out, shown too soon after the one before or not after it")
        target, path = self._target, self.path
        if partial:
            target, path = partial_name(target), partial_name(path)
        try:
            self._container.close()
            self._open_container = None
            flush_and_rename(self._temporary, target)
        except (av.error.FFmpegError, OSError) as error:
            raise WriteError(f"cannot write {path}: {libav_reason(error)}; is there free space?") from error
        return path

    def discard(self) -> None:
        """Removes what was written, unless it is finished."""
        if self._open_container is not None:
            with suppress(Exception):
                self._open_container.close()
            self._open_container = None
        with suppress(OSError):
            self._temporary.unlink(missing_ok=True)
