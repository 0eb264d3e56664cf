"""The photos of COCO 2017 (Lin et al. 2014, arXiv 1405.0312), fetched, checked and prepared for training."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from rich.console import Console
from rich.filesize import decimal

from fast_style.datasets.jpegs import PhotoJob, PreparedFolder, PrepareOptions, write_photos
from fast_style.datasets.record import open_prepared_folder, write_record
from fast_style.errors import UNSET, ConfigError, DataError, ImageError, reason_of
from fast_style.images.folders import distinct_names, find_images
from fast_style.images.formats import IMAGE_SUFFIXES
from fast_style.system.downloads import check_url, fetch

MAX_MEMBER_SIZE = 128 << 20
"""Bytes: larger members of a zip are not read. A photo of COCO has about 0.2 MiB."""


@dataclass(frozen=True)
class Split:
    """One part of COCO: the address of its zip, and the checksum."""

    url: str
    md5: str


SPLITS = {
    "train2017": Split("http://images.cocodataset.org/zips/train2017.zip", "cced6f7f71b7629ddf16f17bbcfab6b2"),
    "val2017": Split("http://images.cocodataset.org/zips/val2017.zip", "442b8da7639aecaf257c1dceb8ba8c80"),
}


def member_photos(archive: zipfile.ZipFile, folder: Path) -> list[PhotoJob]:
    """Returns a job for each image in a zip, to be written directly into `folder`.

    Only the last part of a member's name counts, so that no name leads out of the folder. Members are read when their
    turn comes, up to `MAX_MEMBER_SIZE` bytes each.
    """
    found = []
    for info in archive.infolist():
        path = PurePosixPath(info.filename.replace("\\", "/"))
        hidden = path.name.startswith(".") or "__MACOSX" in path.parts
        if not info.is_dir() and path.suffix.lower() in IMAGE_SUFFIXES and not hidden:
            found.append((info, PurePosixPath(path.name)))
    names = distinct_names([name for _, name in found], ".jpg")
    return [
        PhotoJob(f"{archive.filename}/{name}", folder / target, partial(read_member, archive, info))
        for (info, name), target in zip(found, names, strict=True)
    ]


def read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """Returns the content of a member of a zip.

    Raises:
        ImageError: The member is damaged, encrypted, or has more than `MAX_MEMBER_SIZE` bytes.
        DataError: The zip itself cannot be read.
    """
    name = f"{archive.filename}/{PurePosixPath(info.filename).name}"
    if info.file_size > MAX_MEMBER_SIZE:
        raise ImageError(f"{name} has {decimal(info.file_size)}, too many; at most {decimal(MAX_MEMBER_SIZE)} are read")
    try:
        with archive.open(info) as file:
            return file.read(MAX_MEMBER_SIZE)  # zipfile returns no more than the size that was checked above
    except OSError as error:
        raise DataError(
            f"{archive.filename}: cannot be read ({reason_of(error)})", remedy="run again to go on"
        ) from error
    except Exception as error:  # a damaged member makes zipfile and its decompressors raise nearly anything
        raise ImageError(f"{name} is damaged in the zip ({reason_of(error)})", remedy="fetch the zip again") from error


def prepare_coco(
    folder: Path,
    split: str,
    options: PrepareOptions | None = None,
    *,
    url: str | None = None,
    checksum: str | None = None,
    keep_zip: bool = False,
    console: Console,
    quiet: bool,
) -> PreparedFolder:
    """Fetches the zip of a split of COCO into `folder`, checks it, and writes its photos into `folder/split`.

    Where all photos are there already, nothing is fetched.

    Args:
        folder: The folder for the zip and for the folder of photos.
        split: A name from `SPLITS`.
        options: Size, quality and number of processes.
        url: Address of the zip, where it is not COCO's own.
        checksum: MD5 of the zip, where it is not COCO's own.
        keep_zip: Keeps the zip at the end.
        console: Where progress is shown.
        quiet: Shows no progress.

    Raises:
        ConfigError: The split is unknown, or the URL or checksum is not one.
        DataError: As in `fetch`; or the file is not a zip, or has no readable photo.
        WriteError: The folder cannot be written to.
    """
    options = options or PrepareOptions()
    if split not in SPLITS:
        raise ConfigError("unknown", setting="split", value=split, remedy=f"want {' or '.join(SPLITS)}")
    address = url or SPLITS[split].url
    check_url(address)
    md5 = (checksum or SPLITS[split].md5).lower()
    if not re.fullmatch(r"[0-9a-f]{32}", md5):
        raise ConfigError("not an MD5", setting="checksum", value=checksum, remedy="want 32 hexadecimal digits")
    target, packed = folder / split, folder / f"{split}.zip"
    record = open_prepared_folder(
        target, source=f"{split}.zip of MD5 {md5}", size=options.size, quality=options.quality
    )
    if record.get("photos"):
        present = find_images(target)
        if len(present) >= record["photos"]:
            return PreparedFolder(target, 0, len(present), [], sum(path.stat().st_size for path in present))
    fetch(address, packed, md5, console=console, quiet=quiet)
    with _open_zip(packed) as archive:
        result = write_photos(
            member_photos(archive, target), target, options, origin=packed, console=console, quiet=quiet
        )
    record["photos"] = result.written + result.kept
    write_record(target, record)
    if not keep_zip:
        packed.unlink(missing_ok=True)
    return result


def _open_zip(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except Exception as error:  # a damaged directory makes zipfile raise nearly anything
        raise DataError(
            f"{path}: not a zip ({reason_of(error)})",
            remedy="check {url}, and remove the file",
            suggestions={"url": UNSET},
        ) from error
