"""A batch of files on a pool of workers: only names travel between machines, and each result is written where it is
made.
"""

from __future__ import annotations

import pickle
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rich.console import Console

from fast_style.errors import ConfigError, FastStyleError, Spelling, spell_setting
from fast_style.inference.batch import BatchOptions, BatchReport, JobFailure, PictureResult, print_summary
from fast_style.inference.plan import STREAM, PictureJob
from fast_style.inference.ray.session import LOCAL, quiet_data, ray_session
from fast_style.inference.ray.workers import Errand, FileWorker, Loading, Outcome
from fast_style.system.files import atomic_write, temporary_name, write_error
from fast_style.system.optional import require
from fast_style.system.progress import ProgressDisplay
from fast_style.system.results import is_result
from fast_style.system.signals import sigterm_as_interrupt

FAILURES = "failures.parquet"
"""The file beside the results that says which pictures failed, and why."""
MOST_JOBS = 16
"""Pictures of an errand: what a worker that is killed has to do again, at most."""
FEWEST_ERRANDS = 8
"""Errands for each core of the cluster, so that all have work to the end."""


def check_on_ray(jobs: Sequence[PictureJob]) -> None:
    """Checks that a batch can be done on other machines.

    Raises:
        ConfigError: A picture comes from standard input or goes to standard output.
    """
    if any(STREAM in (job.source, job.target) for job in jobs):
        raise ConfigError(
            "workers have neither standard input nor standard output", setting="ray",
            remedy="give files and a folder, or leave it out",
        )  # fmt: skip


def stylize_files_on_ray(
    jobs: Sequence[PictureJob],
    loading: Loading,
    options: BatchOptions,
    *,
    address: str = LOCAL,
    title: str,
    console: Console,
    quiet: bool,
) -> BatchReport:
    """Does the jobs on the workers of a cluster, with a progress bar; goes on after a bad picture.

    Args:
        jobs: The plan; the paths are the same on all machines of the cluster.
        loading: How each worker loads the model.
        options: How pictures are read, stylized and written.
        address: As in `ray_session`.
        title: The style's title, for the last line.
        console: Where the bar and the last line go.
        quiet: Shows neither.

    Returns:
        What came of them, in the order of the plan.

    Raises:
        ConfigError: No cluster answers at the address.
        MissingPackageError: Ray is not installed.
        WriteError: The results' folder cannot be written to.
    """
    check_on_ray(jobs)
    outcomes: list[Outcome] = []
    # Ray takes SIGTERM for itself when it starts; so it is caught once more.
    with ray_session(address) as ray, sigterm_as_interrupt(), ProgressDisplay(console, quiet=quiet) as display:
        task = display.add("stylizing", len(jobs))
        with _staging(_common_folder(jobs)) as staging:
            errands = list(_errands(jobs, staging, _errand_size(len(jobs), ray.cluster_resources().get("CPU", 1))))
            began, number = time.perf_counter(), 0
            for outcome in _run(ray, errands, loading, options):
                outcomes.append(outcome)
                number += len(outcome.done) + len(outcome.failed)
                task.update(completed=number, detail=f"{number / (time.perf_counter() - began):.1f} pictures/s")
    report = _merged(outcomes, jobs)
    if not quiet:
        print_summary(report, jobs, title, console)
    return report


def failures_file(jobs: Sequence[PictureJob]) -> Path:
    """Returns where the failures of a batch are written down."""
    return _common_folder(jobs) / FAILURES


def write_failures(path: Path, failures: Sequence[JobFailure], spell: Spelling = spell_setting) -> None:
    """Writes a Parquet table of failures with the columns `path` and `error`; where there are none, removes our last.

    Raises:
        WriteError: The file cannot be written.
    """
    if not failures:
        if is_result(path):
            with suppress(OSError):
                path.unlink()
        return
    arrow: Any = require("pyarrow", "ray")
    parquet: Any = require("pyarrow.parquet", "ray")
    table = arrow.table(
        {
            "path": arrow.array([str(failure.source) for failure in failures], arrow.string()),
            "error": arrow.array([failure.error.render(spell) for failure in failures], arrow.string()),
        }
    )
    with atomic_write(path) as temporary:
        parquet.write_table(table, temporary)


def _run(ray: Any, errands: Sequence[Errand], loading: Loading, options: BatchOptions) -> Iterator[Outcome]:
    """Yields what came of each errand, in the order in which they end."""
    data = quiet_data()
    sent = [ray.put(loading)]  # referred to, so that workers can be started again
    # A block for each errand: Ray hands out and repeats whole blocks.
    rows = data.from_items([{"errand": pickle.dumps(errand)} for errand in errands], override_num_blocks=len(errands))
    painted = rows.map(
        FileWorker,
        fn_constructor_args=(sent, options),
        compute=data.ActorPoolStrategy(min_size=1, max_size=len(errands)),
        **loading.share.as_arguments(),
    )
    try:
        for row in painted.iter_rows():
            yield pickle.loads(row["outcome"])
    except FastStyleError:
        raise
    except Exception as error:
        ours = _cause(error)
        if ours is None:
            raise
        raise ours from error


def _cause(error: BaseException) -> FastStyleError | None:
    """Returns the error of ours that Ray has wrapped, if there is one."""
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, FastStyleError):
        seen = getattr(seen, "cause", None) or seen.__cause__
    return seen


def _errand_size(jobs: int, cores: float) -> int:
    return max(1, min(MOST_JOBS, int(jobs / max(1.0, cores) / FEWEST_ERRANDS)))


def _errands(jobs: Sequence[PictureJob], staging: Path, size: int) -> Iterator[Errand]:
    for start in range(0, len(jobs), size):
        shown = jobs[start : start + size]
        absolute = [PictureJob(job.source.absolute(), job.target.absolute()) for job in shown]
        yield Errand(range(start, start + len(shown)), absolute, shown, staging)


def _common_folder(jobs: Sequence[PictureJob]) -> Path:
    """Returns the folder that all results are in, some of them in folders inside."""
    parents = [job.target.parent for job in jobs]
    shortest = min(parents, key=lambda parent: len(parent.parts))
    return next(
        folder
        for folder in (shortest, *shortest.parents)
        if all(parent.is_relative_to(folder) for parent in parents)
    )  # fmt: skip


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """Makes a hidden folder for results that are not complete, and removes it, be there an error or Ctrl-C."""
    staging = folder.absolute() / temporary_name()
    try:
        staging.mkdir(parents=True)
    except OSError as error:
        raise write_error(folder, error) from error
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _merged(outcomes: Sequence[Outcome], jobs: Sequence[PictureJob]) -> BatchReport:
    report = BatchReport()
    done = {number: found for outcome in outcomes for number, found in outcome.done.items()}
    failed = {number: error for outcome in outcomes for number, error in outcome.failed.items()}
    report.results = [PictureResult(jobs[number].source, jobs[number].target, *done[number]) for number in sorted(done)]
    report.failures = [JobFailure(jobs[number].source, failed[number]) for number in sorted(failed)]
    for outcome in outcomes:
        report.engines += outcome.engines
        for stage, seconds in outcome.seconds.items():
            report.timings.add(stage, seconds)
    return report
