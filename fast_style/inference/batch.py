"""Files in, stylised files out: what `fast-style stylize` does with its arguments.

Pictures are decoded and encoded in threads while the network works on another one.
"""

from __future__ import annotations

import glob
import logging
import os
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from fast_style.errors import FastStyleError, ImageError
from fast_style.images.codec import (
    IMAGE_SUFFIXES,
    OTHER_SUFFIXES,
    Picture,
    check_size,
    encode_rgb,
    format_of,
    load_picture,
    open_image,
    save_rgb,
)
from fast_style.images.folders import find_images
from fast_style.inference.stylizer import Stylizer
from fast_style.system.hardware import available_memory
from fast_style.system.progress import ProgressDisplay

_log = logging.getLogger("fast_style")

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


def plan(inputs: list[Path], output: str | Path, suffix: str | None = None) -> list[Job]:
    """Which file becomes which: one picture goes to `output` itself if that has an image suffix, else
    everything goes into the folder `output`, under its own name and, of folders and patterns, with its sub-folders.

    Pictures of kinds that can't be read are left out of folders and patterns; a log message counts them.

    Args:
        inputs: files, folders, patterns that the shell left as they are (`photos/**/*.jpg`), or `-`.
        output: a file, a folder, or `-`. What is there as a folder or ends in a slash is one, whatever its suffix.
        suffix: of the files in a folder, in place of their own.

    Raises:
        ImageError: a missing input, an empty folder, several pictures for one file, one for a file of an unknown
            suffix, two for the same name, or a picture that would be written over itself or over another one.
    """
    known = " ".join(sorted(IMAGE_SUFFIXES))
    if suffix is not None:
        format_of(f"picture{suffix}")
    ends_in_slash = str(output).endswith(("/", os.sep))
    output = Path(output)
    is_folder = ends_in_slash or output.is_dir()
    is_file = output == STREAM or (output.suffix.lower() in IMAGE_SUFFIXES and not is_folder)
    place = "standard output" if output == STREAM else str(output)
    one = len(inputs) == 1 and (inputs[0] == STREAM or not (inputs[0].is_dir() or _is_pattern(inputs[0])))
    if is_file and not one:
        raise ImageError(f"{place}: several pictures can't go into one file; give a folder with -o")
    if not is_file and output.is_file():
        raise ImageError(f"{output}: is a file; give a folder, or for one picture a name that ends in one of {known}")
    if one and output.suffix and not is_file and not is_folder:
        raise ImageError(f"{output}: unknown suffix {output.suffix!r}; use one of {known}, or end a folder's name in /")
    if not is_file and STREAM in inputs:
        raise ImageError(f"{output}: standard input has no name; give a file with -o, or - for standard output")

    def target(source: Path, folder: Path) -> Path:
        kept = output / source.relative_to(folder)
        return kept.with_suffix(suffix) if suffix is not None else kept

    jobs: list[Job] = []
    others: list[Path] = []
    for path in inputs:
        if path == STREAM or (is_file and path.exists()):
            jobs.append(Job(path, output))
        elif path.is_dir() or _is_pattern(path):
            folder, found = _find(path)
            results = output.resolve()
            # What an earlier run left in a folder inside is no picture to stylise.
            if not folder.resolve().is_relative_to(results):
                found = [p for p in found if not p.resolve().is_relative_to(results)]
            pictures = [p for p in found if p.suffix.lower() in IMAGE_SUFFIXES]
            if found and not pictures:
                raise ImageError(f"{path}: only pictures of other kinds ({_kinds(found)}); save them as JPEG or PNG")
            if not found and path.is_dir():
                raise ImageError(f"{path}: no pictures in this folder; want {known}")
            if not found:
                raise ImageError(f"{path}: no picture matches this pattern; check the path")
            jobs += [Job(source, target(source, folder)) for source in pictures]
            others += [p for p in found if p.suffix.lower() not in IMAGE_SUFFIXES]
        elif path.exists():
            jobs.append(Job(path, target(path, path.parent)))
        else:
            raise ImageError(f"{path}: no such file or folder; check the path")
    sources = {_file(job.source): job.source for job in jobs if job.source != STREAM}
    targets: dict[Path, Path] = {}
    for job in jobs:
        if job.target in targets:
            raise ImageError(
                f"{job.source} and {targets[job.target]} would both become {job.target}; stylise them into two folders"
            )
        there = _file(job.target) if job.target != STREAM else None
        if there is not None and there in sources:
            lost = "itself" if there == _file(job.source) else f"{sources[there]}, a picture to stylise"
            raise ImageError(f"{job.source}: would be written over {lost}; give another file or folder with -o")
        targets[job.target] = job.source
    if others:
        _log.warning("pictures of other kinds were left out (%s); save them as JPEG or PNG first", _kinds(others))
    return jobs


def _file(path: Path) -> tuple[int, int] | None:
    """What all names of a file share, links and other spellings too; None where there is none."""
    with suppress(OSError):
        status = path.stat()
        return status.st_dev, status.st_ino
    return None


def _is_pattern(path: Path) -> bool:
    return not path.exists() and glob.has_magic(str(path.relative_to(_fixed_part(path))))


def _fixed_part(pattern: Path) -> Path:
    """The folder that a pattern's names are relative to: as much as exists, where brackets are no wildcards."""
    return next((folder for folder in pattern.parents if folder.exists()), Path(pattern.anchor))


def _find(path: Path) -> tuple[Path, list[Path]]:
    """The folder that names are relative to, and the pictures of all kinds that a folder or pattern stands for."""
    suffixes = IMAGE_SUFFIXES | OTHER_SUFFIXES
    if path.is_dir():
        return path, find_images(path, suffixes)
    folder = _fixed_part(path)
    names = glob.glob(str(path.relative_to(folder)), root_dir=folder, recursive=True)  # noqa: PTH207
    found = sorted({folder / name for name in names})
    return folder, [p for p in found if p.suffix.lower() in suffixes and p.is_file()]


def _kinds(paths: list[Path]) -> str:
    """How many there are of each suffix: `1 .dng, 3 .heic`."""
    counts = Counter(path.suffix.lower() for path in paths)
    return ", ".join(f"{count} {suffix}" for suffix, count in sorted(counts.items()))


def stylize_files(jobs: list[Job], stylizer: Stylizer, options: Options, *, console: Console, quiet: bool) -> list[str]:
    """Does the jobs with a progress bar; goes on after a bad picture.

    Returns:
        One line for each picture that failed.

    Raises:
        FastStyleError: a setting that fits no picture.
    """
    check_settings(stylizer, options)
    failures: list[str] = []
    with ProgressDisplay(console, quiet=quiet) as display:
        task = display.add("stylizing", len(jobs))
        began = time.perf_counter()
        number = 0

        def advance(share: float) -> None:
            task.update(completed=number + share)

        for failure in run(jobs, stylizer, options, advance=advance):
            number += 1
            if failure is not None:
                failures.append(failure)
            task.update(completed=number, detail=f"{number / (time.perf_counter() - began):.1f} pictures/s")
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
    decoding: deque[tuple[Job, int, Future[Picture]]] = deque()
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
                    encoding[pool.submit(_encode, job, _stylize(decoded, stylizer, options, advance), options)] = pixels
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
    decoded: Future[Picture], stylizer: Stylizer, options: Options, advance: Callable[[float], None]
) -> Picture:
    picture = decoded.result()
    stylized = stylizer(
        picture.rgb, strength=options.strength, keep_color=options.keep_color, stroke=options.stroke, advance=advance
    )
    return picture._replace(rgb=stylized)


def _pixels(job: Job, options: Options) -> int:
    """How many a job is going to have in memory, from the picture's header; what can't be written fails here."""
    if job.source == STREAM:
        return 0
    with open_image(job.source, max_side=options.max_size, option="--max-size") as image:
        width, height = image.size
    if options.max_size is None and job.target != STREAM:
        check_size(format_of(job.target), width, height, job.target)
    return width * height


def _decode(job: Job, options: Options) -> Picture:
    if job.source != STREAM:
        return load_picture(job.source, max_side=options.max_size)
    remedy = "send a picture: fast-style stylize - -o out.jpg <photo.jpg"
    if sys.stdin is None:  # as Python has it when the shell closed it
        raise ImageError(f"standard input is closed; {remedy}")
    try:
        given = sys.stdin.buffer.read()
    except OSError as error:
        raise ImageError(f"cannot read standard input: {error.strerror or error}; {remedy}") from error
    if not given:
        raise ImageError(f"standard input is empty; {remedy}")
    return load_picture(given, max_side=options.max_size)


def _encode(job: Job, picture: Picture, options: Options) -> None:
    kept: dict[str, Any] = {
        "quality": options.quality,
        "metadata": picture.metadata if options.metadata else None,
        "alpha": picture.alpha,
    }
    if job.target != STREAM:
        save_rgb(picture.rgb, job.target, **kept)
        return
    kind = format_of(f"picture{options.format}") if options.format else picture.metadata.format
    _write_stdout(encode_rgb(picture.rgb, kind, **kept))


def _write_stdout(data: bytes) -> None:
    if sys.stdout is None:  # as Python has it when the shell closed it
        raise ImageError("standard output is closed; give a file with -o, or send it somewhere: -o - >out.jpg")
    try:
        # Not sys.stdout.buffer: Python would try again at its end to write what failed here, and print a traceback.
        with os.fdopen(sys.stdout.fileno(), "wb", closefd=False) as stream:
            stream.write(data)
    except OSError as error:
        raise ImageError(
            f"cannot write standard output: {error.strerror or error}; check free space, or give a file with -o"
        ) from error


def unfinished(jobs: list[Job]) -> list[Job]:
    """Those whose result is not there yet. Results are never there by half."""
    return [job for job in jobs if job.target == STREAM or not job.target.is_file()]
