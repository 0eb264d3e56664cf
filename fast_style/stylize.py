"""Files in, stylised files out: what `fast-style stylize` does with its arguments."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fast_style.errors import FastStyleError, ImageError
from fast_style.images import IMAGE_SUFFIXES, find_images, load_rgb, save_rgb
from fast_style.stylizer import Stylizer


@dataclass(frozen=True)
class Job:
    source: Path
    target: Path


def plan(inputs: list[Path], output: Path) -> list[Job]:
    """Which file becomes which: one picture goes to `output` itself if that has an image suffix, else
    everything goes into the folder `output`, under its own name and, of folders, with its sub-folders.

    Raises:
        ImageError: a missing input, an empty folder, several pictures for one file, or two for the same name.
    """
    is_file = output.suffix.lower() in IMAGE_SUFFIXES and not output.is_dir()
    if is_file and (len(inputs) != 1 or inputs[0].is_dir()):
        raise ImageError(f"{output}: several pictures can't go into one file; give a folder with -o")
    if not is_file and output.is_file():
        raise ImageError(f"{output}: has no suffix of an image format; want one of {' '.join(sorted(IMAGE_SUFFIXES))}")
    jobs: list[Job] = []
    for path in inputs:
        if path.is_dir():
            found = find_images(path)
            if not found:
                raise ImageError(f"{path}: no pictures in this folder; want {' '.join(sorted(IMAGE_SUFFIXES))}")
            jobs += [Job(source, output / source.relative_to(path)) for source in found]
        elif path.exists():
            jobs.append(Job(path, output if is_file else output / path.name))
        else:
            raise ImageError(f"{path}: no such file or folder; check the path")
    targets: dict[Path, Path] = {}
    for job in jobs:
        if job.target in targets:
            raise ImageError(
                f"{job.source} and {targets[job.target]} would both become {job.target}; stylise them into two folders"
            )
        targets[job.target] = job.source
    return jobs


def stylize_files(
    jobs: list[Job],
    model: str,
    *,
    engine: str,
    device: str,
    max_size: int | None,
    quality: int,
    console: Console,
    quiet: bool,
) -> list[str]:
    """Does the jobs with a progress bar; goes on after a bad picture.

    Returns:
        One line for each picture that failed.

    Raises:
        ModelError: the model can't be loaded.
    """
    stylizer = Stylizer.load(model, engine=engine, device=device)
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
        for number, job in enumerate(jobs, 1):
            try:
                save_rgb(stylizer(load_rgb(job.source, max_side=max_size)), job.target, quality=quality)
            except FastStyleError as error:
                failures.append(str(error))
            progress.update(task, advance=1, rate=f"{number / (time.perf_counter() - began):.1f} pictures/s")
    if not quiet:
        done = len(jobs) - len(failures)
        where = jobs[0].target if len(jobs) == 1 else f"{done} pictures"
        if done:
            console.print(f"{stylizer.info.style_title}: {where}", highlight=False, soft_wrap=True)
    return failures
