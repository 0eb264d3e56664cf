"""Files that libav writes to, which keep room for what makes them playable when the disk is full."""

from __future__ import annotations

import errno
import os
from pathlib import Path

_STEP = 1 << 16
"""Bytes by which the room for a file grows."""

_NO_RESERVATION = frozenset({errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS})
"""Errors of file systems that cannot set room aside."""


class OutputFile:
    """A file that is written by libav, with room set aside behind its end.

    Without that, a full disk leaves an .mp4 without its table of frames, and so without use. Where the system cannot
    set room aside the file is an ordinary one.

    Args:
        path: the file to create.

    Attributes:
        name: its path, by which libav knows the container and opens the file again.
        reserve: bytes to set aside.
        size: bytes written.
        failure: why no more room can be set aside, from when on only the reserve is left to write to.

    Raises:
        OSError: it cannot be created.
    """

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self.reserve = _STEP
        self.size = 0
        self.failure: OSError | None = None
        self._file = path.open("w+b", buffering=0)
        self._room = 0
        self._reserves = hasattr(os, "posix_fallocate")

    def write(self, data: bytes | memoryview) -> int:
        """Writes all of the data at the current position."""
        position = self._file.tell()
        self._make_room(position + len(data) + self.reserve)
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]
        self.size = max(self.size, position + len(data))
        return len(data)

    def _make_room(self, end: int) -> None:
        """Sets room aside up to a position."""
        if not self._reserves or self.failure is not None or end <= self._room:
            return
        try:
            os.posix_fallocate(self._file.fileno(), self._room, end + _STEP - self._room)
        except OSError as error:
            if error.errno in _NO_RESERVATION:
                self._reserves = False
            else:
                self.failure = error
        else:
            self._room = end + _STEP

    def read(self, count: int = -1) -> bytes:
        """Reads what was written."""
        return self._file.read(count) or b""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Moves to a position, of which the end is that of what was written."""
        return self._file.seek(self.size + offset) if whence == os.SEEK_END else self._file.seek(offset, whence)

    def tell(self) -> int:
        """Returns the position."""
        return self._file.tell()

    def close(self) -> None:
        """Gives back the room that was not needed. Closing the file again does nothing."""
        if not self._file.closed:
            self._file.truncate(self.size)
            self._file.close()
