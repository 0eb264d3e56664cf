"""The files that commands make for a user: where they may go, and what they may take the place of.

A result never takes the place of a file that no command of fast_style made, unless the user says so. What they made is
known by a record in the cache, of file identities and without names, so that it works for every format: a file that was
edited since, or copied there, counts as the user's own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from fast_style.errors import UNSET, WriteError
from fast_style.system.files import atomic_write
from fast_style.system.paths import cache_folder, url_of

RECORD = "results"
"""Name of the record in the cache: a line for each file, with device, inode, bytes and time of the last change."""
LONGEST_RECORD = 1 << 22
"""Bytes of the record above which the older half is dropped: about 80 000 files."""


@dataclass(frozen=True)
class ResultPolicy:
    """What a user allows the results of a command."""

    overwrite: bool | None = None
    """Whether to replace files that are there: all of them, none, or, by default, those that a command made."""
    parents: bool = False
    """Whether to make folders that are missing above a result."""

    @contextmanager
    def guard(self, find: Callable[[], Iterable[Path]]) -> Iterator[None]:
        """Checks results before the work in a `with`, and records afterwards what was written, if it failed, too.

        Args:
            find: Returns the results that there are or will be; it is asked before and after.

        Raises:
            WriteError: A file is there that may not be replaced.
        """
        before = {path: found for path in find() if (found := _identity(path)) is not None}
        self._check(before)
        try:
            yield
        finally:
            after = {path: found for path in find() if (found := _identity(path)) is not None}
            _remember(found for path, found in after.items() if before.get(path) != found)

    def _check(self, present: dict[Path, str]) -> None:
        if self.overwrite or not present:
            return
        made = set() if self.overwrite is False else _remembered()
        kept = [path for path, identity in present.items() if identity not in made]
        if not kept:
            return
        others = f" (and {len(kept) - 1} more)" if len(kept) > 1 else ""
        raise WriteError(
            f"{kept[0]} exists already{others}"
            + ("" if self.overwrite is False else ", and is no result of fast-style"),
            remedy="give the result another name, or replace what is there with {overwrite}",
            suggestions={"overwrite": True},
        )

    def check_file(self, path: Path) -> None:
        """Checks that the folder of a file exists, or may be made.

        Raises:
            WriteError: It does not, or the path is a URL.
        """
        self._check_parent(path)

    def check_folder(self, path: Path) -> None:
        """Checks that a folder exists, or that the folder around it does, in which it is made, or may be made.

        Raises:
            WriteError: Neither does, or the path is a URL.
        """
        if not path.exists():
            self._check_parent(path)

    def _check_parent(self, path: Path) -> None:
        url = url_of(path)
        if url is not None:
            raise WriteError(f"{url}: results are not written to URLs", remedy="give a path")
        parent = Path(os.path.realpath(path)).parent  # of a link, the file is written that it leads to
        if self.parents or parent.exists():
            return
        shown = path.parent if not path.is_symlink() else parent
        raise WriteError(
            f"cannot write {path}: there is no folder {shown}",
            remedy="check the path, or have it made with {parents}",
            suggestions={"parents": UNSET},
        )


def is_result(path: Path) -> bool:
    """Returns whether a file is there that a command made and nobody changed since."""
    identity = _identity(path)
    return identity is not None and identity in _remembered()


def record_results(paths: Iterable[Path]) -> None:
    """Records files that a command has just made, where it has rules of its own for what they take the place of."""
    _remember(found for path in paths if (found := _identity(path)) is not None)


def _identity(path: Path) -> str | None:
    """Returns what tells a file from all others, in its present state; None where there is none."""
    with suppress(OSError):
        status = path.stat()
        if path.is_file():
            return f"{status.st_dev} {status.st_ino} {status.st_size} {status.st_mtime_ns}"
    return None


def _remembered() -> set[str]:
    with suppress(OSError, ValueError):
        return set((cache_folder() / RECORD).read_text(encoding="ascii").splitlines())
    return set()


def _remember(identities: Iterable[str]) -> None:
    """Adds files to the record. Where there can be none, they count as the user's own from now on."""
    lines = "".join(f"{identity}\n" for identity in identities)
    if not lines:
        return
    path = cache_folder() / RECORD
    with suppress(OSError, ValueError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="ascii") as record:  # one write at the end of the file, whoever else appends
            record.write(lines)
        if path.stat().st_size > LONGEST_RECORD:
            kept = path.read_text(encoding="ascii").splitlines(keepends=True)
            with atomic_write(path) as temporary:
                temporary.write_text("".join(kept[len(kept) // 2 :]), encoding="ascii")
