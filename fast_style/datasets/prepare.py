"""A folder of photos to a folder of small JPEGs."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from rich.console import Console

from fast_style.datasets.jpegs import PhotoJob, PreparedFolder, PrepareOptions, write_photos
from fast_style.datasets.record import open_prepared_folder, remove_outdated, write_record
from fast_style.errors import DataError, DataNotFoundError
from fast_style.images.folders import distinct_names, find_images
from fast_style.system.paths import check_no_url


def prepare_folder(
    source: Path, target: Path, options: PrepareOptions | None = None, *, console: Console, quiet: bool
) -> PreparedFolder:
    """Writes every image below a folder as a small JPEG below another, under the name that `distinct_names` gives it.

    A JPEG that exists is kept if it was made from the very same file.

    Args:
        source: The folder of photos.
        target: The folder to write, outside of `source`.
        options: Size, quality and number of processes.
        console: Where progress is shown.
        quiet: Shows no progress.

    Raises:
        DataNotFoundError: `source` is missing.
        DataError: `source` has no readable photo; `target` lies inside it, was prepared otherwise, or holds other
            images.
        WriteError: `target` cannot be written to.
    """
    options = options or PrepareOptions()
    if not source.is_dir():
        check_no_url(source, DataNotFoundError)
        raise DataNotFoundError(f"{source}: no such folder of photos", remedy="check the path")
    origin = source.resolve()
    if target.resolve().is_relative_to(origin):
        raise DataError(
            f"{target} lies inside {source}, where its photos would be taken for more sources",
            remedy="give a folder outside",
        )
    found = find_images(source)
    if not found:
        raise DataError(f"{source}: it holds no images", remedy="give a folder of JPEG, PNG or WebP photos")
    record = open_prepared_folder(target, source=str(origin), size=options.size, quality=options.quality)
    relative = [PurePosixPath(path.relative_to(source).as_posix()) for path in found]
    names = distinct_names(relative, ".jpg")
    made_from = {str(name): _identity(path, own) for name, path, own in zip(names, found, relative, strict=True)}
    if made_from != record.get("made_from"):
        remove_outdated(target, record.get("made_from", {}), made_from)
        record["made_from"] = made_from
        write_record(target, record)
    jobs = [PhotoJob(str(path), target / name, path) for path, name in zip(found, names, strict=True)]
    return write_photos(jobs, target, options, origin=source, console=console, quiet=quiet)


def _identity(path: Path, name: PurePosixPath) -> str:
    """Returns a text that tells a photo from any other that has stood or will stand in its place."""
    try:
        status = path.stat()
    except OSError:  # it has just vanished, and reading it will say so
        return f"{name}, gone"
    return f"{name}, {status.st_size} bytes, changed at {status.st_mtime_ns} ns"
