"""Files that are never seen half written, and folders that can be written to."""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fast_style.errors import FastStyleError, WriteError, one_line


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, an empty file with the same suffix; fill it inside the `with`.

    On success it is flushed to the disk and takes the place of `path`, which so is never seen half written; a
    link keeps pointing at its target. On any exception it is removed and `path` is left as it was. Missing
    folders are made; the file gets the permissions that the umask allows.

    Raises FastStyleError in place of an OSError: no permission, disk full, `path` is a folder or a device.
    """
    # realpath, unlike Path.resolve, does not raise on a link that points to itself.
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".fast-style-{secrets.token_hex(6)}{target.suffix}")
    try:
        if target.exists() and not target.is_file():
            raise FastStyleError(f"cannot write {path}: it is not a regular file; choose another name")
        target.parent.mkdir(parents=True, exist_ok=True)
        # mkstemp would leave 0600 on the final file; asking for 0666 lets the umask decide without reading
        # it, which no thread can do safely.
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        os.close(descriptor)
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(mode)  # a writer may have put a private file of its own in the place
        temporary.replace(target)
    except OSError as error:
        raise FastStyleError(
            f"cannot write {path}: {one_line(error)}; check its folder, permissions and free space"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def check_writable(folder: Path, setting: str) -> None:
    """Checks that files can be created in a folder: hours of training must not end in "permission denied".

    Args:
        folder: The folder; where it does not exist yet, the closest one above it that does is tried.
        setting: The setting that chose the folder.

    Raises:
        WriteError: Files cannot be created there.
    """
    existing = folder
    try:
        while not existing.exists():
            existing = existing.parent
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise WriteError(
            f"cannot write to {existing} ({error.strerror})",
            setting=setting,
            remedy=f"choose another with {{{setting}}}",
            suggestions={setting: "PATH"},
        ) from error
