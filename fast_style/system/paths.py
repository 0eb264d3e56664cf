"""Locations of files: `conf/`, `data/` and `checkpoints/`, which come with the package, and the cache.

In a wheel those three folders are inside the package `fast_style`; in a checkout, installed as editable, they are
beside it.
"""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path

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


def cache_folder() -> Path:
    """Returns the folder in `FAST_STYLE_CACHE`, or the system's place for caches; it may not exist."""
    chosen = os.environ.get("FAST_STYLE_CACHE")
    return Path(chosen).expanduser() if chosen else user_cache_path("fast_style")
