"""The consoles that commands write to.

Answers go to stdout; progress, warnings and errors go to stderr. Neither takes the brackets in a name for markup.
"""

from __future__ import annotations

import io
import json
import logging
import sys
from contextlib import suppress

from rich.console import Console
from rich.text import Text

from fast_style.errors import printable

stdout = Console(markup=False)
stderr = Console(stderr=True, markup=False)


def show_any_name() -> None:
    """Lets stdout and stderr escape what their encoding lacks: a name must not fail a job that is done."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            with suppress(OSError):  # its file was replaced by another, in which it cannot find its place
                stream.reconfigure(errors="backslashreplace")


def note(text: str, *, quiet: bool = False) -> None:
    """Writes a line to stderr as it is, however long; nothing if quiet."""
    if not quiet:
        stderr.print(printable(text), highlight=False, soft_wrap=True)


def print_json(values: object) -> None:
    """Writes an answer to stdout as JSON, in ASCII, which every encoding of stdout has."""
    print(json.dumps(values, indent=2))


def complain(command: str, text: str) -> None:
    """Writes what went wrong in a command to stderr, in one line: `fast-style stylize: …`."""
    print(f"{f'fast-style {command}'.strip()}: {printable(text)}", file=sys.stderr)


class LogLines(logging.Handler):
    """Writes each log message to stderr as one line, however long, above the progress bars."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a message."""
        level = (f"{record.levelname:<8} ", f"logging.level.{record.levelname.lower()}")
        stderr.print(Text.assemble(level, printable(self.format(record))), highlight=False, soft_wrap=True)
