"""The photos of COCO 2017 (Lin et al. 2014, arXiv 1405.0312), fetched, checked and prepared for training."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from rich.console import Console
from rich.filesize import decimal

from fast_style.datasets.prepare import Photo, Prepared, claim, target_names, write_photos, write_record
from fast_style.errors import DataError, ImageError, first_line
from fast_style.images.folders import find_images
from fast_style.images.formats import IMAGE_SUFFIXES
from fast_style.system.downloads import check_url, fetch, reason

MAX_MEMBER = 128 << 20
"""Bytes: larger members of a zip are not read. Photos of COCO have a fifth of one MiB."""


@dataclass(frozen=True)
class Split:
    """Where a part of COCO is, and what its zip must be."""

    url: str
    md5: str


SPLITS = {
    "train2017": Split("http://images.cocodataset.org/zips/train2017.zip", "cced6f7f71b7629ddf16f17bbcfab6b2"),
    "val2017": Split("http://images.cocodataset.org/zips/val2017.zip", "442b8da7639aecaf257c1dceb8ba8c80"),
}


def member_photos(archive: zipfile.ZipFile, folder: Path) -> list[Photo]:
    """The images in a zip, each to be written directly into `folder`.

    Only the last part of a member's name counts, so that no name leads out of the folder. Members are read when their
    turn comes, up to `MAX_MEMBER` bytes each.
    """
    found = []
    for info in archive.infolist():
        path = PurePosixPath(info.filename.replace("\\", "/"))
        hidden = path.name.startswith(".") or "__MACOSX" in path.parts
        if not info.is_dir() and path.suffix.lower() in IMAGE_SUFFIXES and not hidden:
            found.append((info, PurePosixPath(path.name)))
    names = target_names(name for _, name in found)
    return [
        Photo(f"{archive.filename}/{name}", folder / target, partial(read_member, archive, info))
        for (info, name), target in zip(found, names, strict=True)
    ]


def read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """What is in a member of a zip.

    Raises:
        ImageError: it is damaged, encrypted, or has more than `MAX_MEMBER` bytes.
        DataError: the zip itself can't be read.
    """
    name = f"{archive.filename}/{PurePosixPath(info.filename).name}"
    if info.file_size > MAX_MEMBER:
        raise ImageError(f"{name} has {decimal(info.file_size)}, too many; at most {decimal(MAX_MEMBER)} are read")
    try:
        with archive.open(info) as file:
            return file.read(MAX_MEMBER)  # zipfile gives no more than the size that was looked at above
    except OSError as error:
        raise DataError(f"{archive.filename}: can't be read ({reason(error)}); run again to go on") from error
    except Exception as error:  # a damaged member makes zipfile and its decompressors raise nearly anything
        raise ImageError(f"{name} is damaged in the zip ({first_line(error)}); fetch the zip again") from error


def prepare_coco(
    folder: Path,
    split: str,
    *,
    size: int,
    quality: int,
    jobs: int | None,
    url: str | None,
    checksum: str | None,
    keep_zip: bool,
    console: Console,
    quiet: bool,
) -> Prepared:
    """What `fast-style data coco` does: fetches the zip of a split into `folder`, checks it, and writes its photos as
    small JPEGs into `folder/split`. Where all of them are there already, nothing is fetched.

    Args:
        folder: for the zip and the folder of photos.
        split: a name from `SPLITS`.
        size: of the photos' shorter side, in pixels.
        quality: of the JPEGs, 1 to 100.
        jobs: processes; as many as cores where None.
        url: of the zip, where it is not COCO's own.
        checksum: MD5 of the zip, where it is not COCO's own.
        keep_zip: don't remove the zip at the end.

    Raises:
        DataError: an unknown split, a bad URL or checksum; as `fetch`; no zip, or one without a readable photo.
        FastStyleError: the folder can't be written to.
    """
    if split not in SPLITS:
        raise DataError(f"--split {split}: unknown; want {' or '.join(SPLITS)}")
    address = url or SPLITS[split].url
    check_url(address)
    md5 = (checksum or SPLITS[split].md5).lower()
    if not re.fullmatch(r"[0-9a-f]{32}", md5):
        raise DataError(f"--checksum {checksum}: not an MD5; want 32 hexadecimal digits")
    target, packed = folder / split, folder / f"{split}.zip"
    record = claim(target, source=f"{split}.zip of MD5 {md5}", size=size, quality=quality)
    if record.get("photos"):
        there = find_images(target)
        if len(there) >= record["photos"]:
            return Prepared(target, 0, len(there), [], sum(path.stat().st_size for path in there))
    fetch(address, packed, md5, console=console, quiet=quiet)
    try:
        archive = zipfile.ZipFile(packed)
    except Exception as error:  # a damaged directory makes zipfile raise nearly anything
        raise DataError(f"{packed}: not a zip ({first_line(error)}); check --url, and remove the file") from error
    with archive:
        result = write_photos(
            member_photos(archive, target), target, origin=packed, size=size, quality=quality, jobs=jobs,
            console=console, quiet=quiet,
        )  # fmt: skip
    write_record(target, {**record, "photos": result.written + result.kept})
    if not keep_zip:
        packed.unlink(missing_ok=True)
    return result
