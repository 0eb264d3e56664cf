"""What compiled libraries write to stderr, past Python: caught, so that it can be said of which file it is."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_STDERR = 2


@contextmanager
def lines_caught(pattern: re.Pattern[bytes], report: Callable[[str], None]) -> Iterator[None]:
    """Catches what is written to the process's stderr during the `with`, also where that ends in an exception.

    One thread at a time catches lines. What does not look like the library's is from other threads, and is written
    again.

    Args:
        pattern: What a line of the library begins with.
        report: Called for each such line, but once for equal ones.
    """
    with _lock:
        try:
            sys.stderr.flush()
            real = os.dup(_STDERR)
        except (OSError, ValueError, AttributeError):  # stderr is closed, so nobody sees the lines anyway
            yield
            return
        with tempfile.TemporaryFile() as caught:
            os.dup2(caught.fileno(), _STDERR)
            try:
                yield
            finally:
                for line in dict.fromkeys(_ended(caught.fileno(), real).splitlines(keepends=True)):
                    if pattern.match(line):
                        report(line.decode(errors="replace").strip())
                    else:
                        os.write(_STDERR, line)


def _ended(caught: int, real: int) -> bytes:
    """Gives stderr back, and returns what was caught."""
    os.dup2(real, _STDERR)
    os.close(real)
    os.lseek(caught, 0, os.SEEK_SET)
    return os.read(caught, os.fstat(caught).st_size)
