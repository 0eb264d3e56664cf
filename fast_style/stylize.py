"""Files in, stylised files out: what `fast-style stylize` does with its arguments.

Pictures are decoded and encoded in threads while the network works on another one.
"""

from __future__ import annotations

import glob
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fast_style.errors import FastStyleError, ImageError
from fast_style.images import (
    IMAGE_SUFFIXES,
    check_size,
    encode_rgb,
    find_images,
    format_of,
    load_picture,
    open_image,
    save_rgb,
)
from fast_style.machine import available_memory
from fast_style.metadata import Metadata
from fast_style.stylizer import Stylizer

STREAM = Path("-")
"""Standard input, or standard output."""
BYTES_PER_PIXEL = 20
"""Of a picture on its way: decoded, stylised, and what Pillow copies while it reads and writes."""


@dataclass(frozen=True)
class Job:
    source: Path
    target: Path


@dataclass(frozen=True)
class Options:
    """What is done to each picture."""

    strength: float | None = None
    keep_color: bool = False
    stroke: float = 1.0
    max_size: int | None = None
    quality: int = 95
    format: str | None = None
    """Suffix of the files to write, `.png`; by default each picture's own."""
    metadata: bool = True
    jobs: int = 2
    """Threads that read and write."""


def plan(inputs: list[Path], output: Path, suffix: str | None = None) -> list[Job]:
    """Which file becomes which: one picture goes to `output` itself if that has an image suffix, else
    everything goes into the folder `output`, under its own name and, of folders and patterns, with its sub-folders.

    Args:
        inputs: files, folders, patterns that the shell left as they are (`photos/**/*.jpg`), or `-`.
        output: a file, a folder, or `-`.
        suffix: of the files in a folder, in place of their own.

    Raises:
        ImageError: a missing input, an empty folder, several pictures for one file, two for the same name, or a
            picture that would be written over itself.
    """
    if suffix is not None:
        format_of(f"picture{suffix}")
    is_file = output == STREAM or (output.suffix.lower() in IMAGE_SUFFIXES and not output.is_dir())
    place = "standard output" if output == STREAM else str(output)
    if is_file and (len(inputs) != 1 or inputs[0].is_dir() or _is_pattern(inputs[0])):
        raise ImageError(f"{place}: several pictures can't go into one file; give a folder with -o")
    if not is_file and output.is_file():
        raise ImageError(f"{output}: has no suffix of an image format; want one of {' '.join(sorted(IMAGE_SUFFIXES))}")
    if not is_file and STREAM in inputs:
        raise ImageError(f"{output}: standard input has no name; give a file with -o, or - for standard output")

    def target(source: Path, folder: Path) -> Path:
        kept = output / source.relative_to(folder)
        return kept.with_suffix(suffix) if suffix is not None else kept

    jobs: list[Job] = []
    for path in inputs:
        if path == STREAM or (is_file and path.exists()):
            jobs.append(Job(path, output))
        elif path.is_dir():
            # What an earlier run left in a folder inside is no picture to stylise.
            inside = not path.resolve().is_relative_to(output.resolve())
            found = [p for p in find_images(path) if not (inside and p.resolve().is_relative_to(output.resolve()))]
            if not found:
                raise ImageError(f"{path}: no pictures in this folder; want {' '.join(sorted(IMAGE_SUFFIXES))}")
            jobs += [Job(source, target(source, path)) for source in found]
        elif path.exists():
            jobs.append(Job(path, target(path, path.parent)))
        elif _is_pattern(path):
            found = sorted(Path(name) for name in glob.glob(str(path), recursive=True))  # noqa: PTH207
            found = [p for p in found if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file()]
            if not found:
                raise ImageError(f"{path}: no picture matches this pattern; check the path")
            jobs += [Job(source, target(source, _fixed_part(path))) for source in found]
        else:
            raise ImageError(f"{path}: no such file or folder; check the path")
    targets: dict[Path, Path] = {}
    for job in jobs:
        if job.target in targets:
            raise ImageError(
                f"{job.source} and {targets[job.target]} would both become {job.target}; stylise them into two folders"
            )
        if job.target != STREAM and job.target.exists() and job.target.samefile(job.source):
            raise ImageError(f"{job.source}: would be written over itself; give another file or folder with -o")
        targets[job.target] = job.source
    return jobs


def _is_pattern(path: Path) -> bool:
    return not path.exists() and glob.has_magic(str(path))


def _fixed_part(pattern: Path) -> Path:
    """The folder that a pattern's names are relative to: what stands before its first wildcard."""
    parts: list[str] = []
    for part in pattern.parts[:-1]:
        if glob.has_magic(part):
            break
        parts.append(part)
    return Path(*parts)


def stylize_files(jobs: list[Job], stylizer: Stylizer, options: Options, *, console: Console, quiet: bool) -> list[str]:
    """Does the jobs with a progress bar; goes on after a bad picture.

    Returns:
        One line for each picture that failed.

    Raises:
        FastStyleError: a setting that fits no picture.
    """
    check_settings(stylizer, options)
    failures: list[str] = []
    progress = Progress(
        TextColumn("stylising"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    )
    with progress:
        task = progress.add_task("stylising", total=len(jobs), rate="")
        began = time.perf_counter()
        number = 0

        def advance(share: float) -> None:
            progress.update(task, completed=number + share)

        for failure in run(jobs, stylizer, options, advance=advance):
            number += 1
            if failure is not None:
                failures.append(failure)
            progress.update(task, completed=number, rate=f"{number / (time.perf_counter() - began):.1f} pictures/s")
    done = len(jobs) - len(failures)
    if not quiet and done:
        where = str(jobs[0].target) if len(jobs) == 1 else f"{done} pictures"
        where = "standard output" if where == "-" else where
        how = stylizer.engine.describe()
        console.print(f"{stylizer.info.style_title}: {where} ({how})", highlight=False, soft_wrap=True, markup=False)
    return failures


def check_settings(stylizer: Stylizer, options: Options) -> None:
    """Raises what every single picture would fail with."""
    blank = np.zeros((1, 1, 3), np.uint8)
    stylizer(blank, strength=options.strength, stroke=options.stroke)


def run(
    jobs: list[Job], stylizer: Stylizer, options: Options, *, advance: Callable[[float], None] = lambda share: None
) -> Iterator[str | None]:
    """Does the jobs; for each one that is finished yields None, or what went wrong.

    Some are decoded ahead and some still encoded, as many as `options.jobs` and as memory allows.
    """
    waiting = deque(jobs)
    limit = available_memory() // 4 // BYTES_PER_PIXEL
    decoding: deque[tuple[Job, int, Future[tuple[np.ndarray, Metadata]]]] = deque()
    encoding: dict[Future[None], int] = {}
    under_way = 0
    pool = ThreadPoolExecutor(options.jobs, thread_name_prefix="fast-style")
    try:
        while waiting or decoding or encoding:
            while waiting and len(decoding) <= options.jobs:
                try:
                    pixels = _pixels(waiting[0], options)
                except FastStyleError as error:
                    waiting.popleft()
                    yield str(error)
                    continue
                if under_way and under_way + pixels > limit:
                    break
                job = waiting.popleft()
                decoding.append((job, pixels, pool.submit(_decode, job, options)))
                under_way += pixels
            if decoding:
                job, pixels, decoded = decoding.popleft()
                try:
                    encoding[pool.submit(_encode, job, *_stylize(decoded, stylizer, options, advance), options)] = (
                        pixels
                    )
                except FastStyleError as error:
                    under_way -= pixels
                    yield str(error) if str(job.source) in str(error) else f"{job.source}: {error}"
                del decoded  # and the picture in it
            # With nothing to stylise, or more results than writers, wait for one of them.
            full = not decoding or len(encoding) > options.jobs
            for written in wait(encoding, None if full else 0, FIRST_COMPLETED).done if encoding else ():
                under_way -= encoding.pop(written)
                failure = written.exception()
                if failure is not None and not isinstance(failure, FastStyleError):
                    raise failure
                yield None if failure is None else str(failure)
    finally:
        pool.shutdown(cancel_futures=True)


def _stylize(
    decoded: Future[tuple[np.ndarray, Metadata]],
    stylizer: Stylizer,
    options: Options,
    advance: Callable[[float], None],
) -> tuple[np.ndarray, Metadata]:
    array, metadata = decoded.result()
    stylized = stylizer(
        array, strength=options.strength, keep_color=options.keep_color, stroke=options.stroke, advance=advance
    )
    return stylized, metadata


def _pixels(job: Job, options: Options) -> int:
    """How many a job is going to have in memory, from the picture's header; what can't be written fails here."""
    if job.source == STREAM:
        return 0
    with open_image(job.source) as image:
        width, height = image.size
    if options.max_size is None and job.target != STREAM:
        check_size(format_of(job.target), width, height, job.target)
    return width * height


def _decode(job: Job, options: Options) -> tuple[np.ndarray, Metadata]:
    if job.source != STREAM:
        return load_picture(job.source, max_side=options.max_size)
    given = sys.stdin.buffer.read()
    if not given:
        raise ImageError("standard input is empty; send a picture: fast-style stylize - -o out.jpg <photo.jpg")
    return load_picture(given, max_side=options.max_size)


def _encode(job: Job, array: np.ndarray, metadata: Metadata, options: Options) -> None:
    kept: dict[str, Any] = {"quality": options.quality, "metadata": metadata if options.metadata else None}
    if job.target != STREAM:
        save_rgb(array, job.target, **kept)
        return
    kind = format_of(f"picture{options.format}") if options.format else metadata.format
    sys.stdout.buffer.write(encode_rgb(array, kind, **kept))
    sys.stdout.buffer.flush()


def unfinished(jobs: list[Job]) -> list[Job]:
    """Those whose result is not there yet. Results are never there by half."""
    return [job for job in jobs if job.target == STREAM or not job.target.is_file()]
