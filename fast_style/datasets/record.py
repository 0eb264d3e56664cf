"""The record in a prepared folder: what it was made from and how, so that a later run can continue it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypedDict, cast

from fast_style.errors import DataError, WriteError
from fast_style.images.folders import find_images
from fast_style.system.files import atomic_write

RECORD_NAME = ".fast-style.json"
"""Name of the record in a prepared folder; the dot keeps it from being taken for a photo."""


class FolderRecord(TypedDict, total=False):
    """What a prepared folder was made from and how."""

    source: str
    """The folder or zip of photos."""
    size: int
    """Shorter side of the photos in pixels."""
    quality: int
    """Quality of the JPEGs, 1 to 100."""
    made_from: dict[str, str]
    """For the name of each JPEG, the identity of the photo that it is made from."""
    photos: int
    """Number of JPEGs, once all photos of a zip have been written."""


def open_prepared_folder(folder: Path, *, source: str, size: int, quality: int) -> FolderRecord:
    """Makes a folder with a record, or checks that an earlier run with the same settings made it.

    Args:
        folder: The folder.
        source: Where its photos come from.
        size: Their shorter side in pixels.
        quality: Quality of the JPEGs, 1 to 100.

    Returns:
        The record of the folder.

    Raises:
        DataError: It is not a folder, was prepared from another source or with other settings, or holds other images,
            which might be overwritten.
        WriteError: It cannot be written to.
    """
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder} is a file", remedy="give a folder to write into")
    record = _read_record(folder)
    if record is None:
        if folder.is_dir() and (others := find_images(folder)):
            raise DataError(
                f"{folder} holds images already ({others[0].name})", remedy="give an empty folder or a new one"
            )
        record = FolderRecord(source=source, size=size, quality=quality)
        write_record(folder, record)
    elif record.get("source") != source:
        raise DataError(
            f"{folder} was made from {record.get('source')}, not from {source}",
            remedy="give another folder or remove this one",
        )
    elif (record.get("size"), record.get("quality")) != (size, quality):
        raise DataError(
            f"{folder} was made with other settings",
            remedy="use {size} and {quality} as before, or give another folder or remove this one",
            suggestions={"size": record.get("size"), "quality": record.get("quality")},
        )
    return record


def _read_record(folder: Path) -> FolderRecord | None:
    """Returns the record in a folder; None where there is none."""
    path = folder / RECORD_NAME
    try:
        if not path.exists():
            return None
        record: object = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{folder} cannot be used ({error.strerror})", remedy="check path and permissions") from error
    except ValueError as error:
        raise _damaged(path) from error
    if not isinstance(record, dict) or not isinstance(record.get("made_from", {}), dict):
        raise _damaged(path)
    return cast(FolderRecord, record)


def _damaged(path: Path) -> DataError:
    return DataError(f"{path} is damaged", remedy=f"remove {path.parent} to begin again, or give another folder")


def write_record(folder: Path, record: FolderRecord) -> None:
    """Writes the record of a folder, which is made if it is missing.

    Raises:
        WriteError: It cannot be written.
    """
    with atomic_write(folder / RECORD_NAME) as temporary:
        temporary.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def remove_outdated(folder: Path, earlier: dict[str, str], current: dict[str, str]) -> None:
    """Removes the JPEGs whose photo has changed since they were written.

    After that the record may name the current photos before the first of them is written: however the run ends, a
    JPEG that is there is the right one.

    Args:
        folder: The prepared folder.
        earlier: For the name of each JPEG, the identity of the photo that it was made from.
        current: For each name, the identity of the photo that it is to be made from.

    Raises:
        WriteError: A JPEG cannot be removed.
    """
    for name, identity in current.items():
        target = folder / name
        if earlier.get(name) != identity and target.is_file():
            try:
                target.unlink()
            except OSError as error:
                raise WriteError(
                    f"cannot replace {target} ({error.strerror})", remedy="check its permissions"
                ) from error
