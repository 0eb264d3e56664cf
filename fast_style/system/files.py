"""Files that are never seen half written, and checks that a folder can be written to.

Everything that is written goes to a temporary name in the same folder, is flushed to the disk, and is then renamed.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fast_style.errors import FastStyleError, WriteError, reason_of


def temporary_name(suffix: str = "") -> str:
    """Returns a name for a temporary file or folder; it is hidden, and no other process picks the same."""
    return f".fast-style-{secrets.token_hex(6)}{suffix}"


def write_target(path: str | Path) -> Path:
    """Returns the file that writing to `path` replaces: the target of a link, so that the link stays.

    Raises:
        WriteError: A folder or a device has this name.
    """
    # realpath, unlike Path.resolve, does not raise on a link that points to itself.
    target = Path(os.path.realpath(path))
    try:
        irregular = target.exists() and not target.is_file()
    except OSError as error:
        raise write_error(path, error) from error
    if irregular:
        raise WriteError(f"cannot write {path}: it is not a regular file", remedy="choose another name")
    return target


def write_error(path: str | Path, error: OSError) -> WriteError:
    """Returns the error that says why a file or folder cannot be written."""
    return WriteError(f"cannot write {path}: {reason_of(error)}", remedy="check its folder, permissions and free space")


def flush_and_rename(temporary: Path, target: Path) -> None:
    """Flushes a complete file to the disk and renames it, in place of an earlier one.

    Raises:
        OSError: The disk is full, or the folder cannot be written to.
    """
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    temporary.replace(target)


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Yields an empty temporary file beside `path`, with the same suffix, to be filled inside the `with`.

    On success it is flushed to the disk and replaces `path`. On any exception it is removed, and `path` stays as it
    was. A link keeps pointing at its target. Missing folders are made. The file gets the permissions that the umask
    allows.

    Raises:
        WriteError: In place of an OSError: no permission, a full disk, or a folder or device of this name.
    """
    target = write_target(path)
    temporary = target.with_name(temporary_name(target.suffix))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # mkstemp would leave 0600 on the final file; asking for 0666 lets the umask decide without reading
        # it, which no thread can do safely.
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        os.close(descriptor)
        yield temporary
        temporary.chmod(mode)  # a library may have replaced the temporary file by a private one of its own
        flush_and_rename(temporary, target)
    except FastStyleError:  # WriteError is an OSError, too
        raise
    except OSError as error:
        raise write_error(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(folder: str | Path) -> Iterator[Path]:
    """Yields an empty temporary folder inside `folder`, for several files that belong together.

    On success the files in it are flushed and moved into `folder`, in the order of their names; other files there are
    kept. On any exception nothing of them is left, and `folder`, made if it was missing, stays.

    Raises:
        WriteError: In place of an OSError: no permission or a full disk, for example.
    """
    folder = Path(folder)
    temporary = folder / temporary_name()
    try:
        temporary.mkdir(parents=True)
        yield temporary
        move_files(temporary, folder)
    except FastStyleError:
        raise
    except OSError as error:
        raise write_error(folder, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def move_files(source: Path, folder: Path) -> list[str]:
    """Flushes all files of one folder and moves them into another on the same disk, in the order of their names.

    Returns:
        The names of the files.

    Raises:
        OSError: The disk is full, or a folder cannot be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = sorted(source.iterdir())
    for path in paths:
        flush_and_rename(path, folder / path.name)
    return [path.name for path in paths]


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
