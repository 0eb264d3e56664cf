"""Photos to small JPEGs, by several processes at a time."""

from __future__ import annotations

import logging
import multiprocessing
import os
import stat
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.filesize import decimal

from fast_style.errors import UNSET, DataError, ImageError
from fast_style.images.arrays import RGB
from fast_style.images.decode import load_rgb, open_image
from fast_style.images.encode import save_rgb
from fast_style.images.formats import LARGEST_SIDE
from fast_style.system.progress import ProgressDisplay
from fast_style.system.signals import ignore_interrupts, interrupts_blocked
from fast_style.system.wording import counted, none_of

log = logging.getLogger("fast_style")

PENDING_PER_PROCESS = 4
"""Photos that wait or are worked on for each process: enough that none is idle, few enough to hold in memory."""


@dataclass(frozen=True)
class PrepareOptions:
    """How photos are prepared."""

    size: int = 256
    """Shorter side of the JPEGs in pixels; no photo is enlarged."""
    quality: int = 90
    """Quality of the JPEGs, 1 to 100."""
    jobs: int | None = None
    """Number of processes; None for one per core."""


@dataclass(frozen=True)
class PhotoJob:
    """One photo to be written as a JPEG."""

    name: str
    """Name of the photo in messages."""
    target: Path
    """The JPEG; where it exists already, it is kept."""
    source: Path | Callable[[], bytes]
    """A file, or a function that returns the content of one. The function is called in the main process; it raises
    an ImageError where the photo cannot be had."""


@dataclass(frozen=True)
class PreparedFolder:
    """A folder of JPEGs, and what became of the photos that it was made from."""

    folder: Path
    written: int
    """Number of JPEGs that were written now."""
    kept: int
    """Number of JPEGs that were there already."""
    skipped: list[str]
    """For each photo that cannot be read, a line that says why."""
    size: int
    """Bytes of all JPEGs, written and kept."""

    def __str__(self) -> str:
        return (
            f"{self.written} written, {self.kept} kept, {len(self.skipped)} skipped: "
            f"{decimal(self.size)} in {counted(self.written + self.kept, 'photo')}"
        )


def load_shrunk(source: Path | bytes, size: int) -> RGB:
    """Reads a photo, shrunk to a shorter side of `size` pixels; a smaller one is not enlarged.

    Returns:
        uint8 `[H, W, 3]`, sRGB, upright.

    Raises:
        ImageError: The photo is unreadable.
    """
    with open_image(source) as image:
        short, long = sorted(image.size)
    # The longer side, rounded, leaves the shorter one less than half a pixel off `size`, which rounds to it.
    return load_rgb(source, max_side=(2 * long * size + short) // (2 * short) if short > size else None)


def write_photo(name: str, source: Path | bytes, target: Path, options: PrepareOptions) -> int:
    """Writes a photo as a small JPEG.

    Args:
        name: Name of the photo in messages.
        source: A file, or the content of one.
        target: The JPEG.
        options: Its size and quality.

    Returns:
        The size of the JPEG in bytes.

    Raises:
        ImageError: The photo cannot be read, or is too long for a JPEG.
        WriteError: The JPEG cannot be written.
        DataError: There is not enough memory, so that the next photo would fare no better.
    """
    try:
        rgb = load_shrunk(source, options.size)
    except ImageError as error:
        if isinstance(source, bytes):  # the message cannot know the name
            raise ImageError(f"{name}: {error}") from error
        raise
    except MemoryError as error:
        raise DataError(
            f"{name}: not enough memory for it",
            remedy="run again with fewer {jobs} to go on",
            suggestions={"jobs": UNSET},
        ) from error
    height, width = rgb.shape[:2]
    if max(height, width) > LARGEST_SIDE["JPEG"]:
        raise ImageError(
            f"{name} would be {width} x {height} pixels, a JPEG has at most {LARGEST_SIDE['JPEG']} a side",
            remedy="crop it",
        )
    save_rgb(rgb, target, quality=options.quality)
    return target.stat().st_size


def write_photos(
    jobs: list[PhotoJob], folder: Path, options: PrepareOptions, *, origin: Path, console: Console, quiet: bool
) -> PreparedFolder:
    """Writes photos as small JPEGs, by several processes, with a progress bar; unreadable ones are named in the log.

    Args:
        jobs: The photos; those whose JPEG exists are not written again.
        folder: The folder that all JPEGs lie in.
        options: Size, quality and number of processes.
        origin: Where the photos come from, for messages.
        console: Where progress is shown.
        quiet: Shows no progress.

    Raises:
        DataError: No photo is readable, or a process died.
        WriteError: A JPEG cannot be written. Those written by then are complete, and the next run keeps them.
    """
    todo: list[PhotoJob] = []
    total = 0
    for job in jobs:
        kept = _size_of_file(job.target)
        if kept is None:
            todo.append(job)
        else:
            total += kept
    reasons: dict[int, str] = {}
    with ProgressDisplay(console, quiet=quiet) as display:
        task = display.add("preparing", len(jobs), completed=len(jobs) - len(todo))
        began = time.perf_counter()
        # Closed at once on Ctrl-C too, not when its last reference goes.
        with closing(_write_in_processes(todo, options)) as outcomes:
            for done, (number, outcome) in enumerate(outcomes, 1):
                if isinstance(outcome, ImageError):
                    reasons[number] = str(outcome)
                else:
                    total += outcome
                task.advance()
                task.update(detail=f"{done / (time.perf_counter() - began):.0f} photos/s")
    skipped = [reasons[number] for number in sorted(reasons)]
    if len(skipped) == len(jobs):
        found = (
            none_of(len(jobs), "image", "is", f"readable ({skipped[0]})", whole="its") if jobs else "it holds no images"
        )
        raise DataError(f"{origin}: {found}", remedy="give JPEG, PNG or WebP photos")
    for reason in skipped:
        log.warning("skipped: %s", reason)
    return PreparedFolder(folder, len(todo) - len(skipped), len(jobs) - len(todo), skipped, total)


def _size_of_file(path: Path) -> int | None:
    """Returns the size of a regular file in bytes; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _write_in_processes(
    jobs: list[PhotoJob], options: PrepareOptions
) -> Generator[tuple[int, int | ImageError], None, None]:
    """Does the jobs in no certain order; yields each one's number with the bytes written, or why it was not read."""
    processes = min(options.jobs or os.cpu_count() or 1, max(1, len(jobs)))
    # Spawned, not forked: this process has the threads of the progress bar and the pool, and a fork would copy their
    # locks in whatever state they are. A new interpreter costs a third of a second, once.
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), initializer=_start_process)
    pending: dict[Future[int], int] = {}
    try:
        for number, job in enumerate(jobs):
            try:
                source = job.source if isinstance(job.source, Path) else job.source()
            except ImageError as error:
                yield number, error
                continue
            # Ctrl-C must not reach the processes: they finish their photo, and this process ends them a moment later.
            with interrupts_blocked():
                pending[pool.submit(write_photo, job.name, source, job.target, options)] = number
            if len(pending) >= PENDING_PER_PROCESS * processes:
                yield from _completed(pending)
        while pending:
            yield from _completed(pending)
    except BrokenProcessPool as error:
        raise DataError(
            "a process that wrote photos was killed, perhaps for want of memory",
            remedy="run again with fewer {jobs} to go on",
            suggestions={"jobs": UNSET},
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _completed(pending: dict[Future[int], int]) -> Iterator[tuple[int, int | ImageError]]:
    """Waits until at least one job is done; takes those that are done out of `pending`."""
    for future in wait(pending, return_when=FIRST_COMPLETED).done:
        number = pending.pop(future)
        try:
            yield number, future.result()
        except ImageError as error:
            yield number, error


def _start_process() -> None:
    """Prepares a process of the pool."""
    # That only the first frame of an animation is used is not worth a message for each of thousands.
    log.setLevel(logging.ERROR)
    # Windows cannot block signals: there a process ignores Ctrl-C only from here on.
    ignore_interrupts()
    parent = multiprocessing.parent_process()
    assert parent is not None

    def end_with_parent() -> None:
        parent.join()
        os._exit(1)

    # Otherwise the process would wait forever for work if the main process were killed.
    threading.Thread(target=end_with_parent, daemon=True).start()
