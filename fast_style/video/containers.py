"""Container files: which suffixes are read and written, and what libav says when one fails."""

from __future__ import annotations

from pathlib import Path

from fast_style.errors import MediaError
from fast_style.images.formats import WRITTEN_SUFFIXES

VIDEO_SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".ts"})
"""Suffixes of the video files that are written. All these containers can show a frame at any time."""

QUICKTIME_SUFFIXES = frozenset({".mp4", ".m4v", ".mov"})
"""Suffixes of the containers that descend from QuickTime."""

ANIMATION_SUFFIXES = frozenset({".gif", ".webp", ".apng"})
"""Suffixes of the animated pictures that are written."""


def check_suffix(path: Path) -> None:
    """Raises a MediaError unless something here writes files with this suffix."""
    if path.suffix.lower() not in VIDEO_SUFFIXES | ANIMATION_SUFFIXES | WRITTEN_SUFFIXES:
        known = " ".join([*sorted(VIDEO_SUFFIXES), *sorted(ANIMATION_SUFFIXES)])
        raise MediaError(
            f"cannot write {path}: unknown suffix {path.suffix!r}",
            remedy=f"use {known}, a folder, or frames/%05d.png",
        )
