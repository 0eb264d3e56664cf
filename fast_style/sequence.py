"""Sequences of pictures as video: a folder of them, or a pattern such as `frames/%05d.png`."""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

from fast_style.errors import FastStyleError, ImageError, MediaError
from fast_style.images import IMAGE_SUFFIXES, load_rgb, save_rgb
from fast_style.media import BT709, Format, Frame

_NUMBER = re.compile(r"%0?(\d*)d")


def is_sequence(path: str | Path) -> bool:
    """Does it name many pictures: a folder, a pattern, or (to write) something without a suffix?"""
    path = Path(path)
    return path.is_dir() or not path.suffix or _NUMBER.search(path.name) is not None


def _pattern(path: Path) -> str:
    """`%05d` in the form that Python's `format` takes."""
    return _NUMBER.sub(lambda found: f"{{:0{found[1]}d}}" if found[1] else "{:d}", path.name, count=1)


class SequenceReader:
    """The pictures of a folder, in the order of their numbers, or those that a pattern names.

    Args:
        path: a folder, or a pattern with one `%d`.
        rate: frames per second.
        start, duration: in seconds; the part to read.
        longest: larger pictures are scaled to this longer side.

    Raises:
        MediaError: no pictures there.
    """

    def __init__(
        self,
        path: str | Path,
        rate: Fraction,
        *,
        start: float = 0,
        duration: float | None = None,
        longest: int | None = None,
    ) -> None:
        self.path = Path(path)
        self.warnings: list[str] = []
        self.tracks: list[Any] = []
        self.trailing: list[Any] = []
        self.metadata: dict[str, str] = {}
        self._longest = longest
        files = self._files()
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

    def _files(self) -> list[Path]:
        folder = self.path if self.path.is_dir() else self.path.parent
        if not folder.is_dir():
            raise MediaError(f"{folder}: no such folder; check the path")
        if self.path.is_dir():
            files = [f for f in folder.iterdir() if f.suffix.lower() in IMAGE_SUFFIXES and not f.name.startswith(".")]
        else:
            before, _, after = _NUMBER.sub("\0", self.path.name, count=1).partition("\0")
            number = re.compile(re.escape(before) + r"\d+" + re.escape(after))
            files = [f for f in folder.iterdir() if number.fullmatch(f.name)]
        # frame2 before frame10.
        return sorted(
            files, key=lambda f: [(int(p), "") if p.isdigit() else (0, p) for p in re.split(r"(\d+)", f.name)]
        )

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

    def __init__(self, path: Path, *, quality: int = 95) -> None:
        is_pattern = _NUMBER.search(path.name) is not None
        if is_pattern and path.suffix.lower() not in IMAGE_SUFFIXES:
            raise MediaError(f"{path}: unknown suffix {path.suffix!r}; use one of {' '.join(sorted(IMAGE_SUFFIXES))}")
        self.folder = path.parent if is_pattern else path
        if self.folder.exists() and not self.folder.is_dir():
            raise MediaError(f"cannot write {self.folder}: it is a file, not a folder; choose another name")
        self.warnings: list[str] = []
        self.named = path
        self._name = _pattern(path) if is_pattern else "{:05d}.png"
        self._quality = quality
        self._count = 0
        self._temporary = self.folder.resolve().with_name(f".fast-style-{secrets.token_hex(6)}")
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
            save_rgb(frame.rgb, self._temporary / self._name.format(self._count), quality=self._quality)
        except FastStyleError as error:
            raise MediaError(str(error).replace(str(self._temporary), str(self.folder))) from error

    def finish(self, *, partial: bool = False) -> Path:
        """Moves the pictures to their folder, or to one named as a part. Returns what to call them."""
        folder = self.folder.with_name(f"{self.folder.name}.partial") if partial else self.folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for file in sorted(self._temporary.iterdir()):
                file.replace(folder / file.name)
            self._temporary.rmdir()
        except OSError as error:
            raise MediaError(f"cannot write {folder}: {error.strerror}; check its permissions") from error
        return folder / self.named.name if _NUMBER.search(self.named.name) else folder

    def discard(self) -> None:
        """Removes what was written, unless it is finished."""
        with suppress(OSError):
            shutil.rmtree(self._temporary)
