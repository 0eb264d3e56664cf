"""Locations of files: `conf/`, `data/` and `checkpoints/`, which come with the package, and the cache.

In a wheel those three folders are inside the package `fast_style`; in a checkout, installed as editable, they are
beside it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from platformdirs import user_cache_path

from fast_style.errors import FastStyleError

_URL = re.compile(r"(https?|ftps?|file|s3|gs|rtsp|rtmp):/+")

PACKAGE = Path(__file__).resolve().parent.parent
"""The folder of the package `fast_style`."""


def resource(name: str) -> Path:
    """Returns the absolute path of `conf`, `data`, `checkpoints` or something inside them; it may not exist."""
    packaged = PACKAGE / name
    return packaged if packaged.exists() else PACKAGE.parent / name


def find_input(path: str | Path) -> Path:
    """Returns `path` where it exists, else the file of this path that comes with the package, else `path`."""
    given = Path(path).expanduser()
    if given.exists() or given.is_absolute():
        return given
    shipped = resource(str(path))
    return shipped if shipped.exists() else given


def is_pattern(path: str) -> bool:
    """Returns whether a path may stand for several files, as `paintings/*.jpg` does."""
    return any(character in path for character in "*?[")


def name_of(path: str) -> str:
    """Returns the name of a file or folder without its suffix; for a pattern, that of the folder it looks in."""
    parts = Path(path).parts
    while parts and ("*" in parts[-1] or "?" in parts[-1]):
        parts = parts[:-1]
    return Path(*parts).stem


def url_of(path: str | Path) -> str | None:
    """Returns the URL that a path was made of, with both of its slashes, which `Path` merges; None for any other."""
    found = _URL.match(str(path))
    return None if found is None or Path(path).exists() else f"{found[1]}://{str(path)[found.end() :]}"


def check_no_url(path: str | Path, kind: type[FastStyleError], *, setting: str | None = None) -> None:
    """Checks that a path is not a URL.

    Args:
        path: The path, or what a user gave as one.
        kind: The error to raise.
        setting: The setting that it was given for, for the error.

    Raises:
        FastStyleError: Of the type `kind`: it is one.
    """
    url = url_of(path)
    if url is None:
        return
    remedy = "download it first, and give the path of the file"
    if setting is None:
        raise kind(f"{url}: URLs are not read here", remedy=remedy)
    raise kind("URLs are not read here", setting=setting, value=url, remedy=remedy)


def cache_folder() -> Path:
    """Returns the folder in `FAST_STYLE_CACHE`, or the system's place for caches; it may not exist."""
    chosen = os.environ.get("FAST_STYLE_CACHE")
    return Path(chosen).expanduser() if chosen else user_cache_path("fast_style")
