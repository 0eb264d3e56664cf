"""Folders of pictures: what is in them, and which of it can be read."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from fast_style.errors import DataError, ImageError, one_line
from fast_style.images.codec import IMAGE_SUFFIXES, _log, check_readable


def find_images(folder: str | Path, suffixes: Collection[str] = IMAGE_SUFFIXES) -> list[Path]:
    """All files under a folder with one of these lower-case suffixes, by default those of the images that can be
    read, ordered by their path relative to it, character by character.

    Names that start with a dot and `__MACOSX` are passed over. Linked folders are followed, each folder being
    read once however many names lead to it; one that may not be read is logged and passed over.

    Raises ImageError if `folder` is missing, not a folder or may not be read.
    """
    folder = Path(folder)
    endings = tuple(suffixes)
    found: list[str] = []
    seen: set[tuple[int, int]] = set()
    pending = [""]
    while pending:
        prefix = pending.pop()
        try:
            status = (folder / prefix).stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder / prefix) as entries:
                # Sorted, because order decides which name a folder with several goes by.
                listing = sorted(entries, key=lambda entry: entry.name, reverse=True)
        except OSError as error:
            if not prefix:
                raise ImageError(f"cannot list folder {folder} ({one_line(error)}); check the path") from error
            _log.warning("%s is passed over: %s", folder / prefix, one_line(error))
            continue
        for entry in listing:
            if entry.name.startswith(".") or entry.name == "__MACOSX":
                continue
            with suppress(OSError):  # a link that points to itself is neither file nor folder
                if entry.is_dir():
                    pending.append(f"{prefix}{entry.name}/")
                elif entry.name.lower().endswith(endings) and entry.is_file():
                    found.append(prefix + entry.name)
    return [folder / name for name in sorted(found)]


def readable_photos(folder: Path) -> tuple[list[Path], list[str]]:
    """The photos below `folder` that look readable, in a stable order, and why the others don't.

    Raises:
        DataError: no such folder, or no readable photo in it.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder of photos; give one with data.dir=PATH (or data.val_dir)")
    good: list[Path] = []
    bad: list[str] = []
    for path in find_images(folder):
        try:
            check_readable(path)
        except ImageError as error:
            bad.append(str(error))
        else:
            good.append(path)
    if not good:
        found = f"none of its {len(bad)} images is readable ({bad[0]})" if bad else "it holds no images"
        raise DataError(f"{folder}: {found}; give a folder of JPEG, PNG or WebP photos")
    return good, bad
