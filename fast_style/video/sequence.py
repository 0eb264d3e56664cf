"""Sequences of pictures as video: a folder of them, or a pattern such as `frames/%05d.png`."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from fast_style.errors import FastStyleError, ImageError, MediaError, MediaNotFoundError, WriteError
from fast_style.images.decode import load_rgb
from fast_style.images.encode import save_rgb
from fast_style.images.formats import IMAGE_SUFFIXES, WRITTEN_SUFFIXES
from fast_style.system.files import move_files, temporary_name
from fast_style.video.media import BT709, Frame, StreamFormat, check_time_range, ends_before, path_errors

if TYPE_CHECKING:
    from fast_style.video.media import Packets

_NUMBER = re.compile(r"%0?(\d*)d")


@dataclass(frozen=True)
class _Pattern:
    """The names of numbered pictures, such as `frame%05d.png`."""

    prefix: str
    digits: int
    suffix: str

    @classmethod
    def parse(cls, name: str) -> _Pattern | None:
        """Returns the pattern in a name, or None if it has no `%d`."""
        found = _NUMBER.search(name)
        return cls(name[: found.start()], int(found[1] or 0), name[found.end() :]) if found else None

    def name(self, number: int) -> str:
        """Returns the name of the picture with this number."""
        return f"{self.prefix}{number:0{self.digits}d}{self.suffix}"

    def matches(self, file: Path) -> bool:
        """Returns whether a file is one of the pictures, however many digits its number has."""
        return re.fullmatch(re.escape(self.prefix) + r"\d+" + re.escape(self.suffix), file.name) is not None


_DEFAULT_PATTERN = _Pattern("", 5, ".png")
"""The names of pictures that are written to a folder without a pattern."""


@path_errors()
def is_sequence(path: str | Path) -> bool:
    """Returns whether a path names many pictures: a folder, a pattern, or something without a suffix, to be written.

    Raises:
        MediaError: the system refuses to look at the path.
    """
    path = Path(path)
    return path.is_dir() or not path.suffix or _Pattern.parse(path.name) is not None


@path_errors()
def overwrites(target: Path, source: str) -> bool:
    """Returns whether pictures written to `target` would be named like the pictures, or the video, of `source`.

    Raises:
        MediaNotFoundError: there is no such source.
        MediaError: the system refuses to look at it.
    """
    path, pattern = Path(source), _Pattern.parse(target.name)
    folder = target.parent if pattern else target
    if "://" in source or not folder.is_dir():
        return False
    files = [path] if path.is_file() or not is_sequence(path) else _list_pictures(path)
    return any((pattern or _DEFAULT_PATTERN).matches(file) for file in files) and files[0].parent.samefile(folder)


def written_pictures(target: Path) -> list[Path]:
    """Returns the pictures that are in the folder of a sequence under the names that its writer gives."""
    pattern = _Pattern.parse(target.name)
    folder = target.parent if pattern else target
    if not folder.is_dir():
        return []
    return sorted(file for file in folder.iterdir() if (pattern or _DEFAULT_PATTERN).matches(file))


def _list_pictures(path: Path) -> list[Path]:
    """Returns the pictures of a folder or pattern in the order of their numbers: frame2 before frame10.

    Raises:
        MediaNotFoundError: there is no such folder.
    """
    pattern = None if path.is_dir() else _Pattern.parse(path.name)
    folder = path.parent if pattern else path
    if not folder.is_dir():
        raise MediaNotFoundError(f"{folder}: no such folder; check the path")
    if pattern:
        files = [f for f in folder.iterdir() if pattern.matches(f)]
    else:
        files = [f for f in folder.iterdir() if f.suffix.lower() in IMAGE_SUFFIXES and not f.name.startswith(".")]
    return sorted(files, key=lambda f: [(int(p), "") if p.isdecimal() else (0, p) for p in re.split(r"(\d+)", f.name)])


class SequenceReader:
    """The pictures of a folder, or those that a pattern names, as frames of a video.

    Args:
        path: a folder, or a pattern with one `%d`.
        rate: frames per second.
        start: where the part to read begins, in seconds.
        duration: how long that part is, in seconds; None reads up to the end.
        max_side: larger pictures are scaled down to this longer side.

    Attributes:
        format: what all frames have in common.
        seconds: length of the part.
        warnings: pictures that were left out; complete after the last frame.
        trailing: empty: pictures have no sound.

    Raises:
        MediaNotFoundError: there is no such folder, or no picture in it.
        MediaError: the first picture cannot be read.
        ConfigError: the sequence has no such part.
    """

    @path_errors()
    def __init__(
        self,
        path: str | Path,
        rate: Fraction,
        *,
        start: float = 0,
        duration: float | None = None,
        max_side: int | None = None,
    ) -> None:
        check_time_range(start, duration)
        self.path = Path(path)
        self.warnings: list[str] = []
        self.trailing: Packets = []
        self._max_side = max_side
        files = _list_pictures(self.path)
        if not files:
            known = " ".join(sorted(IMAGE_SUFFIXES))
            raise MediaNotFoundError(f"{path}: no pictures there", remedy=f"the suffixes that are read are {known}")
        first = round(start * rate)
        if first >= len(files):
            raise ends_before(path, start, len(files) / rate)
        count = len(files) if duration is None else max(1, round(duration * rate))
        self._files = files[first : first + count]
        self.seconds = float(len(self._files) / rate)
        height, width = load_rgb(self._files[0], max_side=max_side).shape[:2]
        self.format = StreamFormat(width, height, time_base=1 / rate, rate=rate, matrix=BT709)

    def __iter__(self) -> Iterator[Frame]:
        """Yields the pictures. One that is damaged is left out with a warning.

        Raises:
            MediaError: a picture has another size than the first one.
        """
        size = (self.format.height, self.format.width)
        for number, file in enumerate(self._files):
            try:
                rgb = load_rgb(file, max_side=self._max_side)
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
        """Does nothing: no file is held open."""


class SequenceWriter:
    """Writes each frame as a picture. They appear in their folder when all of them are written.

    Args:
        path: a folder, in which pictures are named 00001.png and so on, or a pattern with one `%d`, which counts
            from 1.
        quality: quality of JPEG, WebP and AVIF, from 1 to 100.

    Attributes:
        folder: where the pictures go.
        warnings: what went wrong without ending the video.

    Raises:
        MediaError: the suffix of the pattern is of no known kind.
        WriteError: the folder cannot be created.
    """

    @path_errors()
    def __init__(self, path: Path, *, quality: int = 95) -> None:
        pattern = _Pattern.parse(path.name)
        if pattern and path.suffix.lower() not in WRITTEN_SUFFIXES:
            raise MediaError(f"{path}: unknown suffix {path.suffix!r}; use one of {' '.join(sorted(WRITTEN_SUFFIXES))}")
        self.folder = path.parent if pattern else path
        if self.folder.exists() and not self.folder.is_dir():
            raise WriteError(f"cannot write {self.folder}: it is a file, not a folder; choose another name")
        self.warnings: list[str] = []
        self._pattern_name = path.name if pattern else ""
        self._pattern = pattern or _DEFAULT_PATTERN
        self._quality = quality
        self._count = 0
        # Renaming works inside a folder that exists: it may be a mount point, or its parent not ours to write to.
        if self.folder.is_dir():
            place, self._partial = self.folder, self.folder / "partial"
        else:
            place, self._partial = self.folder.parent, self.folder.with_name(f"{self.folder.name}.partial")
        self._temporary = place / temporary_name()
        try:
            self._temporary.mkdir(parents=True)
        except OSError as error:
            raise WriteError(f"cannot write {path}: {error.strerror}; check its folder and permissions") from error

    def copy(self, packets: Packets) -> None:
        """Does nothing: pictures have no sound."""

    def write(self, frame: Frame) -> bool:
        """Writes one picture, and returns True: each frame has its own.

        Raises:
            WriteError: it cannot be written.
        """
        self._count += 1
        try:
            save_rgb(
                frame.rgb, self._temporary / self._pattern.name(self._count), quality=self._quality, alpha=frame.alpha
            )
        except FastStyleError as error:
            raise WriteError(str(error).replace(str(self._temporary), str(self.folder))) from error
        return True

    def finish(self, *, partial: bool = False) -> Path:
        """Moves the pictures to their folder.

        Args:
            partial: moves them to a folder named as an unfinished result instead.

        Returns:
            The folder, or the pattern in it.

        Raises:
            WriteError: they cannot be moved.
        """
        folder = self._partial if partial else self.folder
        try:
            written = move_files(self._temporary, folder)
            self._temporary.rmdir()
            self._warn_of_leftovers(folder, set(written))
        except OSError as error:
            raise WriteError(f"cannot write {folder}: {error.strerror}; check its permissions") from error
        return folder / self._pattern_name

    def _warn_of_leftovers(self, folder: Path, written: set[str]) -> None:
        """Warns of pictures of an earlier, longer video, which would go on where this one ends."""
        others = sorted(f.name for f in folder.iterdir() if self._pattern.matches(f) and f.name not in written)
        if others:
            count = "one picture" if len(others) == 1 else f"{len(others)} pictures"
            self.warnings.append(
                f"{folder}: {count} of an earlier run left there, as {others[0]}; remove what isn't wanted"
            )

    def discard(self) -> None:
        """Removes what was written, unless it is finished."""
        with suppress(OSError):
            shutil.rmtree(self._temporary)
