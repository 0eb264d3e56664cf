"""Folders of pictures: which files are in them, and which of those can be read."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Sequence
from contextlib import suppress
from glob import glob
from itertools import chain, count
from pathlib import Path, PurePath

from fast_style.errors import DataError, DataNotFoundError, ImageError, ImageNotFoundError, reason_of
from fast_style.images.decode import check_readable
from fast_style.images.formats import IMAGE_SUFFIXES
from fast_style.system.paths import check_no_url, resource
from fast_style.system.wording import none_of

_log = logging.getLogger("fast_style")


def find_images(folder: str | Path, suffixes: Collection[str] = IMAGE_SUFFIXES) -> list[Path]:
    """Returns all image files under a folder, ordered by their path relative to it, character by character.

    Names that start with a dot and `__MACOSX` are passed over. Links to folders are followed, and each folder is read
    once, however many names lead to it; one that may not be read is logged and passed over.

    Args:
        folder: The folder.
        suffixes: Lower-case suffixes of the files; by default those of the images that can be read.

    Raises:
        ImageError: The folder is missing, not a folder, or may not be read.
    """
    folder = Path(folder)
    endings = tuple(suffixes)
    found: list[str] = []
    seen: set[tuple[int, int]] = set()
    pending = [""]
    while pending:
        prefix = pending.pop()
        try:
            entries = _unseen_entries(folder / prefix, seen)
        except OSError as error:
            if not prefix:
                raise ImageError(
                    f"cannot list folder {folder} ({reason_of(error)})", remedy="check the path"
                ) from error
            _log.warning("%s is passed over: %s", folder / prefix, reason_of(error))
            continue
        for entry in entries:
            with suppress(OSError):  # a link that points to itself is neither file nor folder
                if entry.is_dir():
                    pending.append(f"{prefix}{entry.name}/")
                elif entry.name.lower().endswith(endings) and entry.is_file():
                    found.append(prefix + entry.name)
    return [folder / name for name in sorted(found)]


def distinct_names(sources: Sequence[PurePath], suffix: str) -> list[PurePath]:
    """Returns the names that files get in another format: their own with its suffix.

    If several would get the same name, the one that has it already gets it, otherwise the first; the others keep their
    suffix: `a.jpg` stays `a.jpg`, `a.png` becomes `a.png.jpg`. Names that differ in case only count as the same.

    Args:
        sources: The files, relative to their folder.
        suffix: The suffix of the format.
    """
    names: dict[int, PurePath] = {}
    taken: set[str] = set()
    for number in sorted(range(len(sources)), key=lambda n: sources[n].suffix != suffix):
        source = sources[number]
        endings = chain([""], (f"-{n}" for n in count(2)))
        candidates = chain(
            [source.with_suffix(suffix)], (source.with_name(f"{source.name}{e}{suffix}") for e in endings)
        )
        names[number] = next(name for name in candidates if str(name).casefold() not in taken)
        taken.add(str(names[number]).casefold())
    return [names[number] for number in range(len(sources))]


def _unseen_entries(folder: Path, seen: set[tuple[int, int]]) -> list[os.DirEntry[str]]:
    """Returns what is visible in a folder, nothing if it is in `seen`, to which it is added.

    Raises:
        OSError: The folder cannot be read.
    """
    status = folder.stat()
    identity = (status.st_dev, status.st_ino)
    if identity in seen:
        return []
    seen.add(identity)
    with os.scandir(folder) as entries:
        visible = [entry for entry in entries if not entry.name.startswith(".") and entry.name != "__MACOSX"]
    # Sorted, because the order decides which name a folder with several goes by.
    return sorted(visible, key=lambda entry: entry.name, reverse=True)


def readable_photos(folder: Path, *, setting: str | None = None) -> tuple[list[Path], list[str]]:
    """Finds the photos below a folder that look readable.

    Args:
        folder: The folder.
        setting: Name of the setting that chose the folder, for errors.

    Returns:
        The readable photos, in a stable order, and for each of the others a line that says why it is not.

    Raises:
        DataNotFoundError: There is no such folder.
        DataError: There is no readable photo in it.
    """
    if not folder.is_dir():
        check_no_url(folder, DataNotFoundError, setting=setting)
        raise DataNotFoundError(
            f"{folder}: no such folder of photos",
            remedy="check the path" if setting is None else f"give one with {{{setting}}}",
            suggestions={} if setting is None else {setting: "PATH"},
        )
    return _checked(find_images(folder), folder, setting)


def matching_photos(pattern: str, *, setting: str | None = None) -> tuple[list[Path], list[str]]:
    """Finds the photos that a pattern such as `paintings/*.jpg` or `paintings/**/*.jpg` matches.

    Where it is relative and nothing matches, it is tried among the files that come with the package.

    Args:
        pattern: The pattern, in the form of Python's `glob`.
        setting: Name of the setting that it was given for, for errors.

    Returns:
        As `readable_photos`.

    Raises:
        ImageNotFoundError: It matches no image.
        DataError: It matches none that is readable.
    """
    for candidate in (Path(pattern).expanduser(), resource(pattern)):
        # Path.glob takes no absolute patterns, and refuses some others with errors of its own.
        matches = [Path(name) for name in sorted(glob(str(candidate), recursive=True))]  # noqa: PTH207
        found = [path for path in matches if path.name.lower().endswith(tuple(IMAGE_SUFFIXES)) and path.is_file()]
        if found:
            return _checked(found, pattern, setting)
    raise ImageNotFoundError(
        "no image matches this pattern",
        setting=setting,
        value=pattern,
        remedy="check the path, and put it in quotes in a shell",
    )


def _checked(paths: Sequence[Path], source: object, setting: str | None) -> tuple[list[Path], list[str]]:
    """Divides photos into readable ones and reasons; see `readable_photos`.

    Raises:
        DataError: None of them is readable.
    """
    good: list[Path] = []
    bad: list[str] = []
    for path in paths:
        try:
            check_readable(path)
        except ImageError as error:
            bad.append(str(error))
        else:
            good.append(path)
    if not good:
        found = none_of(len(bad), "image", "is", f"readable ({bad[0]})", whole="its") if bad else "it holds no images"
        raise DataError(f"{source}: {found}", setting=setting, remedy="give a folder of JPEG, PNG or WebP photos")
    return good, bad
