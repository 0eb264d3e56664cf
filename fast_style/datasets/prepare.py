"""Photos of any kind and size to a folder of small JPEGs, written once: what a training then reads in no time."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import stat
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path, PurePosixPath
from typing import Any

from rich.console import Console
from rich.filesize import decimal

from fast_style.errors import DataError, ImageError
from fast_style.images.arrays import RGB
from fast_style.images.decode import load_rgb, open_image
from fast_style.images.encode import save_rgb
from fast_style.images.folders import find_images
from fast_style.system.files import atomic_write
from fast_style.system.progress import ProgressDisplay
from fast_style.system.signals import ignore_interrupts, interrupts_blocked

log = logging.getLogger("fast_style")

RECORD = ".fast-style.json"
"""In a prepared folder: what it was made from and how. Its name keeps it from being taken for a photo."""

JPEG_SIDE = 65_500
"""Pixels: the most that libjpeg writes."""

AHEAD = 4  # photos for each process that wait or are worked on: enough that none is idle, few enough to hold


@dataclass(frozen=True)
class Photo:
    """One photo to write."""

    name: str
    """What messages call it."""
    target: Path
    """Kept where it is there already: see `forget` for those that must not be."""
    source: Path | Callable[[], bytes]
    """A file, or what gives the bytes of one: called in the main process, raises ImageError where it can't."""


@dataclass(frozen=True)
class Prepared:
    """What became of the photos."""

    folder: Path
    written: int
    kept: int
    skipped: list[str]
    """One line for each photo that can't be read."""
    size: int
    """Bytes of all that were written and kept."""

    def __str__(self) -> str:
        return (
            f"{self.written} written, {self.kept} kept, {len(self.skipped)} skipped: "
            f"{decimal(self.size)} in {self.written + self.kept} photos"
        )


def shrink(source: Path | bytes, size: int) -> RGB:
    """A photo with its shorter side at `size` pixels, upright, as uint8 sRGB `[H, W, 3]`; never enlarged.

    Raises:
        ImageError: an unreadable photo.
    """
    with open_image(source) as image:
        short, long = sorted(image.size)
    # The longer side, rounded, leaves the shorter one less than half a pixel off `size`, which rounds to it.
    return load_rgb(source, max_side=(2 * long * size + short) // (2 * short) if short > size else None)


def write_photo(name: str, source: Path | bytes, target: Path, size: int, quality: int) -> int:
    """Writes a photo as a small JPEG.

    Args:
        name: what messages call it.
        source: a file, or what was in one.
        target: the JPEG.
        size: of its shorter side, in pixels.
        quality: of the JPEG, 1 to 100.

    Returns:
        Its size in bytes.

    Raises:
        ImageError: the photo can't be read, or is too long for a JPEG.
        DataError: the target can't be written, or there is not enough memory: the next photo would fare no better.
    """
    try:
        rgb = shrink(source, size)
    except ImageError as error:
        if isinstance(source, bytes):  # of which the message can't know the name
            raise ImageError(f"{name}: {error}") from error
        raise
    except MemoryError as error:
        raise DataError(f"{name}: not enough memory for it; run again with fewer --jobs to go on") from error
    height, width = rgb.shape[:2]
    if max(height, width) > JPEG_SIDE:
        raise ImageError(f"{name} would be {width} x {height} pixels; a JPEG has at most {JPEG_SIDE} a side; crop it")
    try:
        save_rgb(rgb, target, quality=quality)
        return target.stat().st_size
    except ImageError as error:
        raise DataError(str(error)) from error


def target_names(sources: Iterable[PurePosixPath]) -> list[PurePosixPath]:
    """The name that each photo gets: its own with the suffix `.jpg`.

    Of several that would get the same, the one that has it already gets it, else the first; the others keep their
    suffix: `a.jpg` stays `a.jpg`, `a.png` becomes `a.png.jpg`. Names that differ in case only count as the same.
    """
    sources = list(sources)
    names: dict[int, PurePosixPath] = {}
    taken: set[str] = set()
    for number in sorted(range(len(sources)), key=lambda n: sources[n].suffix != ".jpg"):
        source = sources[number]
        endings = chain([""], (f"-{n}" for n in count(2)))
        candidates = chain([source.with_suffix(".jpg")], (source.with_name(f"{source.name}{e}.jpg") for e in endings))
        names[number] = next(name for name in candidates if str(name).casefold() not in taken)
        taken.add(str(names[number]).casefold())
    return [names[number] for number in range(len(sources))]


def claim(folder: Path, *, source: str, size: int, quality: int) -> dict[str, Any]:
    """Makes a folder, or checks that it is a prepared one from the same source by the same settings.

    Returns:
        What its record says.

    Raises:
        DataError: it is no folder, was prepared otherwise, or holds other images, which might be overwritten.
        FastStyleError: it can't be written to.
    """
    wanted = {"source": source, "size": size, "quality": quality}
    record = folder / RECORD
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder} is a file; give a folder to write into")
    try:
        found = json.loads(record.read_text(encoding="utf-8")) if record.exists() else None
        if found is not None and not (isinstance(found, dict) and isinstance(found.get("made_from", {}), dict)):
            raise ValueError
    except OSError as error:
        raise DataError(f"{folder} can't be used ({error.strerror}); check path and permissions") from error
    except ValueError as error:
        raise DataError(f"{record} is damaged; remove {folder} to begin again, or give another folder") from error
    if found is None:
        if folder.is_dir() and (others := find_images(folder)):
            raise DataError(f"{folder} holds images already ({others[0].name}); give an empty folder or a new one")
        found = wanted
        write_record(folder, found)
    elif {key: found.get(key) for key in wanted} != wanted:
        raise DataError(
            f"{folder} was made from {found.get('source')} with --size {found.get('size')} --quality "
            f"{found.get('quality')}, not {source} with {size} and {quality}; give another folder or remove this one"
        )
    return found


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Writes what `claim` finds in a folder; makes the folder.

    Raises:
        FastStyleError: it can't be written.
    """
    with atomic_write(folder / RECORD) as temporary:
        temporary.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def write_photos(
    photos: list[Photo],
    folder: Path,
    *,
    origin: Path,
    size: int,
    quality: int,
    jobs: int | None,
    console: Console,
    quiet: bool,
) -> Prepared:
    """Writes photos as small JPEGs, by several processes, with a progress bar. Unreadable ones are named in the log.

    Args:
        photos: what to write; those whose target is there are kept.
        folder: where all targets lie.
        origin: where the photos come from, for messages.
        size: of the shorter side, in pixels.
        quality: of the JPEGs, 1 to 100.
        jobs: processes; as many as cores where None.

    Raises:
        DataError: a target can't be written, not one photo is readable, or a process died. What was written by then
            is whole and is kept by the next run.
    """
    todo: list[Photo] = []
    total = 0
    for photo in photos:
        kept = _size_if_there(photo.target)
        if kept is None:
            todo.append(photo)
        else:
            total += kept
    reasons: dict[int, str] = {}
    with ProgressDisplay(console, quiet=quiet) as display:
        task = display.add("preparing", len(photos), completed=len(photos) - len(todo))
        began = time.perf_counter()
        processes = min(jobs or os.cpu_count() or 1, max(1, len(todo)))
        # Closed at once on Ctrl-C too, not when its last reference goes.
        with closing(_work(todo, size, quality, processes)) as outcomes:
            for done, (number, outcome) in enumerate(outcomes, 1):
                if isinstance(outcome, ImageError):
                    reasons[number] = str(outcome)
                else:
                    total += outcome
                task.advance()
                task.update(detail=f"{done / (time.perf_counter() - began):.0f} photos/s")
    skipped = [reasons[number] for number in sorted(reasons)]
    if len(skipped) == len(photos):
        found = f"none of its {len(photos)} images is readable ({skipped[0]})" if skipped else "it holds no images"
        raise DataError(f"{origin}: {found}; give JPEG, PNG or WebP photos")
    for reason in skipped:
        log.warning("skipped: %s", reason)
    return Prepared(folder, len(todo) - len(skipped), len(photos) - len(todo), skipped, total)


def _size_if_there(target: Path) -> int | None:
    try:
        status = target.stat()
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _work(
    photos: list[Photo], size: int, quality: int, jobs: int
) -> Generator[tuple[int, int | ImageError], None, None]:
    """Does the photos in no certain order; yields the number of each with its bytes, or why it can't be read."""
    # Spawned, not forked: this process has the threads of the progress bar and the pool, whose locks a fork would
    # copy in whatever state they are. A new interpreter costs a third of a second, once.
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), initializer=_begin_process)
    pending: dict[Future[int], int] = {}
    try:
        for number, photo in enumerate(photos):
            try:
                source = photo.source if isinstance(photo.source, Path) else photo.source()
            except ImageError as error:
                yield number, error
                continue
            # The processes finish the photo they are at; this one, which Ctrl-C reaches a moment later, ends them.
            with interrupts_blocked():
                pending[pool.submit(write_photo, photo.name, source, photo.target, size, quality)] = number
            if len(pending) >= AHEAD * jobs:
                yield from _finished(pending)
        while pending:
            yield from _finished(pending)
    except BrokenProcessPool as error:
        raise DataError(
            "a process that wrote photos was killed, perhaps for want of memory; run again with fewer --jobs to go on"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _finished(pending: dict[Future[int], int]) -> Iterator[tuple[int, int | ImageError]]:
    """Waits for one at least; takes those that are done out of `pending`."""
    for future in wait(pending, return_when=FIRST_COMPLETED).done:
        number = pending.pop(future)
        try:
            yield number, future.result()
        except ImageError as error:
            yield number, error


def _begin_process() -> None:
    # That only the first frame of an animation is used is nothing to tell of each of thousands.
    log.setLevel(logging.ERROR)
    # Windows has no mask to inherit: there it is from here on that Ctrl-C ends none of them.
    ignore_interrupts()
    parent = multiprocessing.parent_process()
    assert parent is not None

    def end_with_parent() -> None:
        parent.join()
        os._exit(1)

    # A pool's process would wait for ever for work from a parent that was killed.
    threading.Thread(target=end_with_parent, daemon=True).start()


def _identity(path: Path, name: PurePosixPath) -> str:
    try:
        status = path.stat()
    except OSError:  # it has just vanished: reading it will say so
        return f"{name}, gone"
    return f"{name}, {status.st_size} bytes, changed at {status.st_mtime_ns} ns"


def forget(folder: Path, before: dict[str, str], now: dict[str, str]) -> None:
    """Removes the targets that were not made from what they are to be made from now.

    Once that is done the record may say `now`, before the first photo is written: a target that is there is the right
    one, however the run ends.

    Args:
        folder: of the targets.
        before, now: from the name of each target to what it was made from, and is to be.

    Raises:
        DataError: one can't be removed.
    """
    for name, source in now.items():
        if before.get(name) != source and (folder / name).is_file():
            try:
                (folder / name).unlink()
            except OSError as error:
                raise DataError(f"cannot replace {folder / name} ({error.strerror}); check its permissions") from error


def prepare_folder(
    source: Path, target: Path, *, size: int, quality: int, jobs: int | None, console: Console, quiet: bool
) -> Prepared:
    """What `fast-style data prepare` does: every image below `source` as a small JPEG below `target`, under the name
    that `target_names` gives it. What is there already is kept where it came from the very same file.

    Raises:
        DataError: `source` is missing or has no readable photo; `target` lies inside it, was prepared otherwise, holds
            other images or can't be written.
        FastStyleError: one of the two folders can't be read or written.
    """
    if not source.is_dir():
        raise DataError(f"{source}: no such folder of photos; check the path")
    origin = source.resolve()
    if target.resolve().is_relative_to(origin):
        raise DataError(
            f"{target} lies inside {source}, where its photos would be taken for more sources; give a folder outside"
        )
    found = find_images(source)
    if not found:
        raise DataError(f"{source}: it holds no images; give a folder of JPEG, PNG or WebP photos")
    record = claim(target, source=str(origin), size=size, quality=quality)
    sources = [PurePosixPath(path.relative_to(source).as_posix()) for path in found]
    targets = target_names(sources)
    made_from = {str(name): _identity(path, own) for name, path, own in zip(targets, found, sources, strict=True)}
    if made_from != record.get("made_from"):
        forget(target, record.get("made_from", {}), made_from)
        write_record(target, {**record, "made_from": made_from})
    photos = [Photo(str(path), target / name, path) for path, name in zip(found, targets, strict=True)]
    return write_photos(
        photos, target, origin=source, size=size, quality=quality, jobs=jobs, console=console, quiet=quiet
    )
