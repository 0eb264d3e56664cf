"""Files in, stylized files out.

Pictures are decoded and encoded in threads while the network works on another one.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console

from fast_style.errors import UNSET, FastStyleError, ImageError, Spelling, WriteError, printable, spell_setting
from fast_style.images.arrays import RGB
from fast_style.images.decode import Picture, load_picture, open_image
from fast_style.images.encode import encode_rgb, save_rgb
from fast_style.images.formats import check_fits_format, format_of
from fast_style.inference.options import Advance, StylizeOptions
from fast_style.inference.plan import STREAM, PictureJob
from fast_style.inference.stylizer import Stylizer
from fast_style.system.hardware import available_memory
from fast_style.system.progress import ProgressDisplay
from fast_style.system.stage_times import Timings
from fast_style.system.wording import counted

STAGES = ("decode", "stylize", "encode")
BYTES_PER_PIXEL = 20
"""Memory for a picture on its way: decoded, stylized, and what Pillow copies while it reads and writes."""


@dataclass(frozen=True)
class BatchOptions:
    """How each picture of a batch is read, stylized and written."""

    stylize: StylizeOptions = field(default_factory=StylizeOptions)
    max_size: int | None = None
    """Longer side in pixels that larger pictures are shrunk to."""
    quality: int = 95
    """Quality of JPEG, WebP and AVIF results, from 1 to 100."""
    format: str | None = None
    """Suffix of a picture that goes to standard output, `.png`; by default each picture's own."""
    metadata: bool = True
    """Whether camera, date, place and the like go along."""
    threads: int = 2
    """Threads that read and write."""
    partial: bool = False
    """Whether a JPEG that was cut short is stylized for what there is of it."""


@dataclass(frozen=True)
class PictureResult:
    """A picture that was stylized."""

    source: Path
    target: Path
    width: int
    height: int
    seconds: float
    """Time that was spent on it: decoding, stylizing and encoding."""


@dataclass
class BatchReport:
    """What came of a batch, as far as it has come."""

    results: list[PictureResult] = field(default_factory=list)
    failures: list[JobFailure] = field(default_factory=list)
    timings: Timings = field(default_factory=lambda: Timings(*STAGES))
    engines: Counter[str] = field(default_factory=Counter)
    """How many pictures each engine has painted, by its description."""

    def describe_engines(self) -> str:
        """Returns what painted the pictures, for people."""
        if len(self.engines) == 1:
            return next(iter(self.engines))
        return "; ".join(f"{counted(number, 'picture')}: {name}" for name, number in self.engines.items())


@dataclass(frozen=True)
class JobFailure:
    """A picture that could not be stylized, and why."""

    source: Path
    error: FastStyleError

    def render(self, spell: Spelling = spell_setting) -> str:
        """Returns one line that names the picture, with settings as `spell` writes them."""
        message, name = self.error.render(spell), printable(str(self.source))
        return message if self.source == STREAM or name in message else f"{name}: {message}"

    def __str__(self) -> str:
        return self.render()


def stylize_files(
    jobs: Sequence[PictureJob], stylizer: Stylizer, options: BatchOptions, *, console: Console, quiet: bool
) -> BatchReport:
    """Does the jobs with a progress bar; goes on after a bad picture.

    Returns:
        What came of them.

    Raises:
        ConfigError: a value that every picture would fail with.
    """
    check_options(stylizer, options)
    report = BatchReport()
    painted_before = Counter(stylizer.painted)
    with ProgressDisplay(console, quiet=quiet) as display:
        task = display.add("stylizing", len(jobs))
        began = time.perf_counter()
        number = 0

        def advance(done: float) -> None:
            task.update(completed=number + done)

        for _ in run_jobs(jobs, stylizer, options, advance=advance, report=report):
            number += 1
            task.update(completed=number, detail=f"{number / (time.perf_counter() - began):.1f} pictures/s")
    report.engines = stylizer.painted - painted_before
    if not quiet:
        print_summary(report, jobs, stylizer.info.style_title, console)
    return report


def print_summary(report: BatchReport, jobs: Sequence[PictureJob], title: str, console: Console) -> None:
    """Writes the last line of a batch: the style, how many pictures or where the only one is, and what painted them."""
    if not report.results:
        return
    where = printable(str(jobs[0].target)) if len(jobs) == 1 else counted(len(report.results), "picture")
    where = "standard output" if where == str(STREAM) else where
    how = report.describe_engines()
    console.print(f"{title}: {where} ({how})", highlight=False, soft_wrap=True, markup=False)


def check_options(stylizer: Stylizer, options: BatchOptions) -> None:
    """Raises the error that every single picture would fail with."""
    stylizer.stylize(np.zeros((1, 1, 1, 3), np.uint8), options.stylize)


def run_jobs(
    jobs: Sequence[PictureJob],
    stylizer: Stylizer,
    options: BatchOptions,
    *,
    advance: Advance = lambda done: None,
    report: BatchReport | None = None,
) -> Iterator[JobFailure | None]:
    """Does the jobs; yields None for each one that succeeds, or its failure.

    Some pictures are decoded ahead and some still encoded, as many as `options.threads` and as memory allows.

    Args:
        jobs: the plan.
        stylizer: the model.
        options: how pictures are read, stylized and written.
        advance: called now and then with the fraction of the current picture that is done.
        report: is filled in while the jobs are done.
    """
    pool = ThreadPoolExecutor(options.threads, thread_name_prefix="fast-style")
    try:
        yield from _Batch(jobs, stylizer, options, pool, advance, report or BatchReport()).run()
    finally:
        pool.shutdown(cancel_futures=True)


class _Batch:
    """The jobs of a batch that wait, are decoded and are encoded."""

    def __init__(
        self,
        jobs: Sequence[PictureJob],
        stylizer: Stylizer,
        options: BatchOptions,
        pool: ThreadPoolExecutor,
        advance: Advance,
        report: BatchReport,
    ) -> None:
        self.stylizer, self.options, self.pool, self.advance = stylizer, options, pool, advance
        self.report = report
        self.waiting = deque(jobs)
        self.decoding: deque[tuple[PictureJob, int, Future[tuple[Picture, float]]]] = deque()
        self.encoding: dict[Future[PictureResult], tuple[PictureJob, int]] = {}
        self.pixels = 0  # of all pictures that are decoded, stylized or encoded
        self.most_pixels = available_memory() // 4 // BYTES_PER_PIXEL

    def run(self) -> Iterator[JobFailure | None]:
        while self.waiting or self.decoding or self.encoding:
            yield from self._start_decoding()
            if self.decoding:
                yield from self._stylize_next()
            yield from self._finish_encoding()

    def _start_decoding(self) -> Iterator[JobFailure]:
        while self.waiting and len(self.decoding) <= self.options.threads:
            job = self.waiting[0]
            try:
                pixels = _pixels_in_memory(job, self.options)
            except FastStyleError as error:
                self.waiting.popleft()
                yield self._failed(job, error)
                continue
            if self.pixels and self.pixels + pixels > self.most_pixels:
                break
            self.waiting.popleft()
            self.decoding.append((job, pixels, self.pool.submit(self._decode, job)))
            self.pixels += pixels

    def _stylize_next(self) -> Iterator[JobFailure]:
        job, pixels, decoded = self.decoding.popleft()
        try:
            picture, seconds = decoded.result()
            began = time.perf_counter()
            painted = self.stylizer.stylize(picture.rgb[None], self.options.stylize, self.advance)[0]
            self.report.timings.add("stylize", time.perf_counter() - began)
            encoded = self.pool.submit(self._encode, job, picture, painted, seconds + time.perf_counter() - began)
        except FastStyleError as error:
            self.pixels -= pixels
            yield self._failed(job, error)
        else:
            self.encoding[encoded] = job, pixels

    def _finish_encoding(self) -> Iterator[JobFailure | None]:
        # With nothing to stylize, or more results than writers, wait for one of them.
        full = not self.decoding or len(self.encoding) > self.options.threads
        for written in wait(self.encoding, None if full else 0, FIRST_COMPLETED).done if self.encoding else ():
            job, pixels = self.encoding.pop(written)
            self.pixels -= pixels
            error = written.exception()
            if error is None:
                self.report.results.append(written.result())
                yield None
            elif isinstance(error, FastStyleError):
                yield self._failed(job, error)
            else:
                raise error

    def _failed(self, job: PictureJob, error: FastStyleError) -> JobFailure:
        failure = JobFailure(job.source, error)
        self.report.failures.append(failure)
        return failure

    def _decode(self, job: PictureJob) -> tuple[Picture, float]:
        """Returns a picture, and the seconds that it took."""
        began = time.perf_counter()
        picture = _decode(job, self.options)
        seconds = time.perf_counter() - began
        self.report.timings.add("decode", seconds)
        return picture, seconds

    def _encode(self, job: PictureJob, picture: Picture, painted: RGB, seconds: float) -> PictureResult:
        """Writes a picture, on which some seconds were spent before."""
        began = time.perf_counter()
        _encode(job, picture, painted, self.options)
        encoding = time.perf_counter() - began
        self.report.timings.add("encode", encoding)
        height, width = painted.shape[:2]
        return PictureResult(job.source, job.target, width, height, seconds + encoding)


def _pixels_in_memory(job: PictureJob, options: BatchOptions) -> int:
    """Returns how many pixels a job will have in memory, from its header; what can't be written fails here."""
    if job.source == STREAM:
        return 0
    with open_image(job.source, max_side=options.max_size, setting="max_size") as image:
        width, height = image.size
    if options.max_size is None and job.target != STREAM:
        check_fits_format(format_of(job.target), width, height, job.target)
    return width * height


def _decode(job: PictureJob, options: BatchOptions) -> Picture:
    source = _read_stdin() if job.source == STREAM else job.source
    return load_picture(source, max_side=options.max_size, partial=options.partial)


def _read_stdin() -> bytes:
    remedy = "send a picture: fast-style stylize - -o out.jpg <photo.jpg"
    if sys.stdin is None:  # as Python has it when the shell closed it
        raise ImageError("standard input is closed", remedy=remedy)
    try:
        content = sys.stdin.buffer.read()
    except OSError as error:
        raise ImageError(f"cannot read standard input: {error.strerror or error}", remedy=remedy) from error
    if not content:
        raise ImageError("standard input is empty", remedy=remedy)
    return content


def _encode(job: PictureJob, picture: Picture, painted: RGB, options: BatchOptions) -> None:
    if job.target != STREAM:
        kind = format_of(job.target)
    else:
        kind = format_of(f"picture{options.format}") if options.format else picture.metadata.format
    rgb, alpha = picture.repainted(painted, kind)
    metadata = picture.metadata if options.metadata else None
    if job.target != STREAM:
        save_rgb(rgb, job.target, quality=options.quality, metadata=metadata, alpha=alpha)
    else:
        _write_stdout(encode_rgb(rgb, kind, quality=options.quality, metadata=metadata, alpha=alpha))


def _write_stdout(data: bytes) -> None:
    if sys.stdout is None:  # as Python has it when the shell closed it
        raise ImageError(
            "standard output is closed",
            remedy="give a file as {output}, or redirect standard output to one",
            suggestions={"output": UNSET},
        )
    try:
        # Not sys.stdout.buffer: Python would try again at its end to write what failed here, and print a traceback.
        with os.fdopen(sys.stdout.fileno(), "wb", closefd=False) as stream:
            stream.write(data)
    except OSError as error:
        raise WriteError(
            f"cannot write standard output: {error.strerror or error}",
            remedy="check free space, or give a file as {output}",
            suggestions={"output": UNSET},
        ) from error
