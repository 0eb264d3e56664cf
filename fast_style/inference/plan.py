"""The plan of a batch: which picture is stylized into which file."""

from __future__ import annotations

import glob
import logging
import os
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fast_style.errors import UNSET, ConfigError, ImageError, ImageNotFoundError
from fast_style.images.folders import distinct_names, find_images
from fast_style.images.formats import (
    HEIC_SUFFIXES,
    IMAGE_SUFFIXES,
    OTHER_SUFFIXES,
    WRITTEN_SUFFIXES,
    format_of,
    result_suffix,
)
from fast_style.system.paths import check_no_url
from fast_style.system.results import ResultPolicy, is_result

_log = logging.getLogger("fast_style")

STREAM = Path("-")
"""Standard input, or standard output."""
KNOWN_SUFFIXES = " ".join(sorted(WRITTEN_SUFFIXES))


@dataclass(frozen=True)
class PictureJob:
    """One picture to stylize: where it comes from and where the result goes."""

    source: Path
    target: Path


def plan_jobs(inputs: Sequence[Path], output: str | Path, suffix: str | None = None) -> list[PictureJob]:
    """Decides which file becomes which.

    One picture goes to `output` itself if that has an image suffix. Otherwise everything goes into the folder
    `output`, under its own name and, for folders and patterns, with its subfolders. Pictures of kinds that can't be
    read are left out of folders and patterns; a log message counts them.

    Args:
        inputs: files, folders, patterns that the shell left as they are (`photos/**/*.jpg`), or `-`.
        output: a file, a folder, or `-`. What exists as a folder or ends in a slash is one, whatever its suffix.
        suffix: of the files in a folder, in place of their own.

    Raises:
        ImageNotFoundError: an input is missing, or nothing matches a pattern.
        ImageError: a folder holds no picture, or a picture would be written over itself or over another one.
        ConfigError: several pictures would go into one file, one into a file of an unknown suffix, or two would
            get the same name.
    """
    if suffix is not None:
        format_of(f"picture{suffix}")
    for path in inputs:
        check_no_url(path, ImageNotFoundError)
    target_folder = _target_folder(inputs, output)
    jobs: list[PictureJob] = []
    other_kinds: list[Path] = []
    for path in inputs:
        if path == STREAM or (target_folder is None and path.exists()):
            jobs.append(PictureJob(path, Path(output)))
            continue
        if path.is_dir() or _is_pattern(path):
            folder, found = _pictures_of(path, Path(output))
        elif path.exists():
            folder, found = path.parent, [path]
        else:
            raise ImageNotFoundError(f"{path}: no such file or folder; check the path")
        assert target_folder is not None
        for source in found:
            if path == source or source.suffix.lower() in IMAGE_SUFFIXES:
                jobs.append(PictureJob(source, target_folder / source.relative_to(folder)))
            else:
                other_kinds.append(source)
    if target_folder is not None:
        jobs = _with_suffixes(jobs, suffix)
    _check_targets(jobs)
    if other_kinds:
        _log.warning("pictures of other kinds were left out (%s); %s", _count_kinds(other_kinds), _remedy(other_kinds))
    return jobs


def split_output(paths: Sequence[Path], *, replaces: bool = False) -> tuple[list[Path], str]:
    """Returns the source and the output of a command without an option for the latter: `photo.jpg painted.jpg`.

    The last of two paths is the output, as it is for `cp`, unless it is a picture that no command of ours made.

    Args:
        paths: what the user named.
        replaces: takes the last one for the output even then.

    Raises:
        ConfigError: there are not two, or the last one is a picture of the user's own.
        ImageNotFoundError: the source is a URL, or alone and not there.
    """
    output = paths[-1]
    check_no_url(paths[0], ImageNotFoundError)
    if len(paths) == 1 and output != STREAM and not _is_pattern(output) and not output.exists():
        raise ImageNotFoundError(f"{output}: no such file or folder; check the path")
    given = " ".join(map(str, paths))
    remedy, suggestions = "say where the result goes with {output}", {"output": "OUT"}
    if len(paths) == 1:
        raise ConfigError(f"{given}: the output is missing", remedy=remedy, suggestions=suggestions)
    if len(paths) > 2:
        remedy, suggestions = "say where the results go with {output}", {"output": "FOLDER"}
        raise ConfigError(f"{len(paths)} sources, and no output", remedy=remedy, suggestions=suggestions)
    if output == STREAM or _is_pattern(output) or (output.is_file() and not (replaces or is_result(output))):
        raise ConfigError(f"{given}: {output} is a picture to stylize, too", remedy=remedy, suggestions=suggestions)
    return [paths[0]], str(output)


def check_place(jobs: Sequence[PictureJob], output: str | Path, policy: ResultPolicy) -> None:
    """Checks that results may go where `plan_jobs` sends them.

    Raises:
        WriteError: the folder does not exist, and may not be made.
    """
    path = Path(output)
    if path == STREAM:
        return
    if len(jobs) == 1 and jobs[0].target == path:
        policy.check_file(path)
    else:
        policy.check_folder(path)


def _with_suffixes(jobs: Sequence[PictureJob], suffix: str | None) -> list[PictureJob]:
    """Returns the jobs with targets in the format asked for, or each in its own or the nearest that is written.

    Two pictures that differ in their suffix only get different names; two with the same name are left as they are.
    """
    wanted: dict[str, list[Path]] = {}
    for target in dict.fromkeys(job.target for job in jobs):
        wanted.setdefault(suffix or result_suffix(target.suffix), []).append(target)
    named: dict[Path, Path] = {}
    for ending, targets in wanted.items():
        named |= zip(targets, map(Path, distinct_names(targets, ending)), strict=True)
    return [PictureJob(job.source, named[job.target]) for job in jobs]


def unfinished(jobs: Sequence[PictureJob]) -> list[PictureJob]:
    """Returns the jobs whose result does not exist yet. A result is never half written."""
    return [job for job in jobs if job.target == STREAM or not job.target.is_file()]


def _target_folder(inputs: Sequence[Path], output: str | Path) -> Path | None:
    """Returns the folder that results go into, None where `output` is a file or the stream for one picture."""
    ends_in_slash = str(output).endswith(("/", os.sep))
    output = Path(output)
    is_folder = ends_in_slash or output.is_dir()
    is_file = output == STREAM or (output.suffix.lower() in WRITTEN_SUFFIXES and not is_folder)
    one = len(inputs) == 1 and (inputs[0] == STREAM or not (inputs[0].is_dir() or _is_pattern(inputs[0])))
    if is_file and not one:
        name = "standard output" if output == STREAM else str(output)
        raise _output_error(f"{name}: several pictures can't go into one file", "give a folder as {output}")
    if not is_file and output.is_file():
        remedy = f"give a folder, or for one picture a name that ends in one of {KNOWN_SUFFIXES}"
        raise _output_error(f"{output}: is a file", remedy)
    if one and output.suffix and not is_file and not is_folder:
        remedy = f"use one of {KNOWN_SUFFIXES}, or end a folder's name in /"
        raise _output_error(f"{output}: unknown suffix {output.suffix!r}", remedy)
    if not is_file and STREAM in inputs:
        remedy = "give a file as {output}, or - for standard output"
        raise _output_error(f"{output}: standard input has no name", remedy)
    return None if is_file else output


def _output_error(problem: str, remedy: str) -> ConfigError:
    return ConfigError(problem, remedy=remedy, suggestions={"output": UNSET})


def _check_targets(jobs: Sequence[PictureJob]) -> None:
    """Raises where two results would get the same name, or one would be written over a picture to stylize."""
    sources = {_file_identity(job.source): job.source for job in jobs if job.source != STREAM}
    targets: dict[Path, Path] = {}
    for job in jobs:
        if job.target in targets:
            raise ConfigError(
                f"{job.source} and {targets[job.target]} would both become {job.target}",
                remedy="stylize them into two folders",
            )
        identity = _file_identity(job.target) if job.target != STREAM else None
        if identity is not None and identity in sources:
            itself = identity == _file_identity(job.source)
            lost = "itself" if itself else f"{sources[identity]}, a picture to stylize"
            raise ImageError(
                f"{job.source}: would be written over {lost}",
                remedy="give another file or folder as {output}",
                suggestions={"output": UNSET},
            )
        targets[job.target] = job.source


def _file_identity(path: Path) -> tuple[int, int] | None:
    """Returns what all names of a file share, links and other spellings too; None where there is no file."""
    with suppress(OSError):
        status = path.stat()
        return status.st_dev, status.st_ino
    return None


def _is_pattern(path: Path) -> bool:
    return not path.exists() and glob.has_magic(str(path.relative_to(_existing_parent(path))))


def _existing_parent(pattern: Path) -> Path:
    """Returns the folder that a pattern's names are relative to: the part that exists, where brackets are literal."""
    return next((folder for folder in pattern.parents if folder.exists()), Path(pattern.anchor))


def _pictures_of(path: Path, output: Path) -> tuple[Path, list[Path]]:
    """Returns the pictures of all kinds that a folder or pattern stands for, and the folder they are relative to."""
    folder, found = _find(path)
    results = output.resolve()
    # What an earlier run left in a folder inside is no picture to stylize.
    if not folder.resolve().is_relative_to(results):
        found = [p for p in found if not p.resolve().is_relative_to(results)]
    if not found and path.is_dir():
        raise ImageError(f"{path}: no pictures in this folder; want {' '.join(sorted(IMAGE_SUFFIXES))}")
    if not found:
        raise ImageNotFoundError(f"{path}: no picture matches this pattern; check the path")
    if not any(p.suffix.lower() in IMAGE_SUFFIXES for p in found):
        raise ImageError(f"{path}: only pictures of other kinds ({_count_kinds(found)})", remedy=_remedy(found))
    return folder, found


def _find(path: Path) -> tuple[Path, list[Path]]:
    suffixes = IMAGE_SUFFIXES | OTHER_SUFFIXES
    if path.is_dir():
        return path, find_images(path, suffixes)
    folder = _existing_parent(path)
    names = glob.glob(str(path.relative_to(folder)), root_dir=folder, recursive=True)  # noqa: PTH207
    found = sorted({folder / name for name in names})
    return folder, [p for p in found if p.suffix.lower() in suffixes and p.is_file()]


def _remedy(paths: Sequence[Path]) -> str:
    if any(path.suffix.lower() in HEIC_SUFFIXES for path in paths):
        return "pip install 'fast-style[heic]' reads HEIC; save others as JPEG or PNG first"
    return "save them as JPEG or PNG first"


def _count_kinds(paths: Sequence[Path]) -> str:
    """Returns how many pictures there are of each suffix: `1 .dng, 3 .heic`."""
    counts = Counter(path.suffix.lower() for path in paths)
    return ", ".join(f"{count} {suffix}" for suffix, count in sorted(counts.items()))
