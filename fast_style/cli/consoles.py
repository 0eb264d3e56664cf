"""The consoles that commands write to.

Answers go to stdout; progress, warnings and errors go to stderr. Neither takes the brackets in a name for markup.
"""

from __future__ import annotations

import sys

from rich.console import Console

stdout = Console(markup=False)
stderr = Console(stderr=True, markup=False)


def note(text: str, *, quiet: bool = False) -> None:
    """Writes a line to stderr as it is, however long; nothing if quiet."""
    if not quiet:
        stderr.print(text, highlight=False, soft_wrap=True)


def complain(command: str, text: str) -> None:
    """Writes what went wrong in a command to stderr, in one line: `fast-style stylize: …`."""
    print(f"{f'fast-style {command}'.strip()}: {text}", file=sys.stderr)
