"""Where files lie: those that come with the package, `conf/`, `data/` and the shipped `checkpoints/`; and caches.

In a wheel they are inside the package; in a checkout (an editable install) they stand beside it.
"""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path

PACKAGE = Path(__file__).resolve().parent.parent


def resource(name: str) -> Path:
    """The absolute path of `conf`, `data`, `checkpoints` or something inside them; it may not exist."""
    packaged = PACKAGE / name
    return packaged if packaged.exists() else PACKAGE.parent / name


def find_input(path: str | Path) -> Path:
    """`path` itself where it exists, else a file of this path that comes with the package, else `path`."""
    given = Path(path).expanduser()
    if given.exists() or given.is_absolute():
        return given
    shipped = resource(str(path))
    return shipped if shipped.exists() else given


def cache_folder() -> Path:
    """`FAST_STYLE_CACHE`, or the operating system's place for caches; it may not exist."""
    chosen = os.environ.get("FAST_STYLE_CACHE")
    return Path(chosen).expanduser() if chosen else user_cache_path("fast_style")
