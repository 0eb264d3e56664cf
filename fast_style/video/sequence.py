"""Sequences of pictures as video: a folder of them, or a pattern such as `frames/%05d.png`."""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from fast_style.errors import FastStyleError, ImageError, MediaError
from fast_style.images.codec import IMAGE_SUFFIXES, load_rgb, save_rgb
from fast_style.video.media import BT709, Format, Frame, check_part, path_errors

_NUMBER = re.compile(r"%0?(\d*)d")


@dataclass(frozen=True)
class _Pattern:
    """The names of numbered pictures, as `frame%05d.png`."""

    before: str
    digits: int
    after: str

    @classmethod
    def of(cls, name: str) -> _Pattern | None:
        found = _NUMBER.search(name)
        return cls(name[: found.start()], int(found[1] or 0), name[found.end() :]) if found else None

    def name(self, number: int) -> str:
        return f"{self.before}{number:0{self.digits}d}{self.after}"

    def names(self, file: Path) -> bool:
        """Is a file one of them, whatever the digits of its number?"""
        return re.fullmatch(re.escape(self.before) + r"\d+" + re.escape(self.after), file.name) is not None


_UNNAMED = _Pattern("", 5, ".png")
"""What pictures are called in a folder without a pattern."""


@path_errors()
def is_sequence(path: str | Path) -> bool:
    """Does it name many pictures: a folder, a pattern, or (to write) something without a suffix?"""
    path = Path(path)
    return path.is_dir() or not path.suffix or _Pattern.of(path.name) is not None


@path_errors()
def overwrites(target: Path, source: str) -> bool:
    """Would pictures that are written to `target` be called as those, or as the video, that `source` names?

    Raises:
        MediaError: there is no such source, or it may not be looked at.
    """
    path, pattern = Path(source), _Pattern.of(target.name)
    folder = target.parent if pattern else target
    if "://" in source or not folder.is_dir():
        return False
    files = [path] if path.is_file() or not is_sequence(path) else _pictures(path)
    return any((pattern or _UNNAMED).names(file) for file in files) and files[0].parent.samefile(folder)


def _pictures(path: Path) -> list[Path]:
    """Those of a folder or pattern, in the order of their numbers: frame2 before frame10."""
    pattern = None if path.is_dir() else _Pattern.of(path.name)
    folder = path.parent if pattern else path
    if not folder.is_dir():
        raise MediaError(f"{folder}: no such folder; check the path")
    if pattern:
        files = [f for f in folder.iterdir() if pattern.names(f)]
    else:
        files = [f for f in folder.iterdir() if f.suffix.lower() in IMAGE_SUFFIXES and not f.name.startswith(".")]
    return sorted(files, key=lambda f: [(int(p), "") if p.isdecimal() else (0, p) for p in re.split(r"(\d+)", f.name)])


class SequenceReader:
    """The pictures of a folder, in the order of their numbers, or those that a pattern names.

    Args:
        path: a folder, or a pattern with one `%d`.
        rate: frames per second.
        start, duration: in seconds; the part to read.
        longest: larger pictures are scaled to this longer side.

    Raises:
        MediaError: no pictures there, or no such part of them.
    """

    @path_errors()
    def __init__(
        self,
        path: str | Path,
        rate: Fraction,
        *,
        start: float = 0,
        duration: float | None = None,
        longest: int | None = None,
    ) -> None:
        check_part(start, duration)
        self.path = Path(path)
        self.warnings: list[str] = []
        self.tracks: list[Any] = []
        self.trailing: list[Any] = []
        self.metadata: dict[str, str] = {}
        self._longest = longest
        files = _pictures(self.path)
        if not files:
            raise MediaError(f"{path}: no pictures there; want {' '.join(sorted(IMAGE_SUFFIXES))}")
        first = round(start * rate)
        if first >= len(files):
            raise MediaError(
                f"{path}: --start {start:g} lies behind its end, at {float(len(files) / rate):.2f} seconds"
            )
        count = len(files) if duration is None else max(1, round(duration * rate))
        self._chosen = files[first : first + count]
        self.seconds: float | None = float(len(self._chosen) / rate)
        height, width = load_rgb(self._chosen[0], max_side=longest).shape[:2]
        self.format = Format(width, height, time_base=1 / rate, rate=rate, matrix=BT709)

    def __iter__(self) -> Iterator[Frame]:
        size = (self.format.height, self.format.width)
        for number, file in enumerate(self._chosen):
            try:
                rgb = load_rgb(file, max_side=self._longest)
            except ImageError as error:
                self.warnings.append(f"{error}: the frame is left out")
                continue
            if rgb.shape[:2] != size:
                raise MediaError(
                    f"{file}: is {rgb.shape[1]}x{rgb.shape[0]}, those before it are {size[1]}x{size[0]}; "
                    f"frames of one video are equally large"
                )
            yield Frame(rgb, number, 1)

    def close(self) -> None:
        """Nothing is held open."""


class SequenceWriter:
    """Each frame as a picture. They are in their folder when all of them are written.

    Args:
        path: a folder, which gets 00001.png …, or a pattern with one `%d`, which counts from 1.
        quality: of JPEG, WebP and AVIF.

    Raises:
        MediaError: the pattern's suffix is of no known kind, or the folder can't be made.
    """

    @path_errors()
    def __init__(self, path: Path, *, quality: int = 95) -> None:
        pattern = _Pattern.of(path.name)
        if pattern and path.suffix.lower() not in IMAGE_SUFFIXES:
            raise MediaError(f"{path}: unknown suffix {path.suffix!r}; use one of {' '.join(sorted(IMAGE_SUFFIXES))}")
        self.folder = path.parent if pattern else path
        if self.folder.exists() and not self.folder.is_dir():
            raise MediaError(f"cannot write {self.folder}: it is a file, not a folder; choose another name")
        self.warnings: list[str] = []
        self._named = path.name if pattern else ""
        self._pattern = pattern or _UNNAMED
        self._quality = quality
        self._count = 0
        # Renaming works inside a folder that is there: it may be a mount point, or its parent not ours to write to.
        if self.folder.is_dir():
            place, self._partial = self.folder, self.folder / "partial"
        else:
            place, self._partial = self.folder.parent, self.folder.with_name(f"{self.folder.name}.partial")
        self._temporary = place / f".fast-style-{secrets.token_hex(6)}"
        try:
            self._temporary.mkdir(parents=True)
        except OSError as error:
            raise MediaError(f"cannot write {path}: {error.strerror}; check its folder and permissions") from error

    def copy(self, packets: list[Any]) -> None:
        """Pictures have no sound."""

    def write(self, frame: Frame) -> None:
        """Writes one picture."""
        self._count += 1
        try:
            save_rgb(frame.rgb, self._temporary / self._pattern.name(self._count), quality=self._quality)
        except FastStyleError as error:
            raise MediaError(str(error).replace(str(self._temporary), str(self.folder))) from error

    def finish(self, *, partial: bool = False) -> Path:
        """Moves the pictures to their folder, or to one named as a part. Returns what to call them."""
        folder = self._partial if partial else self.folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            written = sorted(self._temporary.iterdir())
            for file in written:
                file.replace(folder / file.name)
            self._temporary.rmdir()
            self._warn_of_others(folder, {file.name for file in written})
        except OSError as error:
            raise MediaError(f"cannot write {folder}: {error.strerror}; check its permissions") from error
        return folder / self._named

    def _warn_of_others(self, folder: Path, written: set[str]) -> None:
        """Pictures of a longer video would go on where this one ends."""
        others = sorted(f.name for f in folder.iterdir() if self._pattern.names(f) and f.name not in written)
        if others:
            count = "one picture" if len(others) == 1 else f"{len(others)} pictures"
            self.warnings.append(
                f"{folder}: {count} of an earlier run left there, as {others[0]}; remove what isn't wanted"
            )

    def discard(self) -> None:
        """Removes what was written, unless it is finished."""
        with suppress(OSError):
            shutil.rmtree(self._temporary)
