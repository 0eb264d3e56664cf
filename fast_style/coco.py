"""The photos of COCO 2017 (Lin et al. 2014, arXiv 1405.0312), fetched, checked and prepared for training."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import (
    FileHandler,
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from fast_style import __version__
from fast_style.errors import DataError, ImageError, first_line
from fast_style.images import IMAGE_SUFFIXES, find_images
from fast_style.prepare import Photo, Prepared, claim, target_names, write_photos, write_record

CHUNK = 1 << 20  # bytes
SECONDS = 60.0  # without a byte until a connection counts as lost

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

Report = Callable[[int, int | None], None]
"""Called with the bytes so far and their total, or None where that is not known."""


def _nothing(done: int, total: int | None) -> None:
    pass


def _opener() -> OpenerDirector:
    """Knows http, https and file, and no other scheme, wherever a server redirects to."""
    opener = OpenerDirector()
    for handler in (
        ProxyHandler, HTTPHandler, HTTPSHandler, FileHandler, HTTPDefaultErrorHandler, HTTPRedirectHandler,
        HTTPErrorProcessor, UnknownHandler,
    ):  # fmt: skip
        opener.add_handler(handler())
    opener.addheaders = [("User-Agent", f"fast-style/{__version__}")]
    return opener


def check_url(url: str) -> None:
    """Raises DataError for what is no http, https or file URL."""
    try:
        scheme = urlsplit(url).scheme
    except ValueError:
        scheme = ""
    if scheme not in {"http", "https", "file"}:
        raise DataError(f"--url {url}: not a URL that can be fetched; want http://…, https://… or file:///…")


def _reason(error: BaseException) -> str:
    if isinstance(error, URLError) and isinstance(error.reason, BaseException):
        return _reason(error.reason)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return first_line(error)


def _request(url: str, start: int) -> Any:
    """The answer to a request for a file from byte `start` on.

    Raises:
        HTTPError: the server says that the file has no such byte.
        DataError: anything else that is not the file.
    """
    try:
        return _opener().open(Request(url, headers={"Range": f"bytes={start}-"} if start else {}), timeout=SECONDS)
    except HTTPError as error:
        if error.code == 416 and start:
            raise
        error.close()
        remedy = "run again later to go on" if error.code >= 500 or error.code == 429 else "check --url"
        raise DataError(f"{url}: the server says {error.code} {error.reason}; {remedy}") from error
    except (OSError, HTTPException) as error:
        raise DataError(f"{url}: can't be reached ({_reason(error)}); run again to go on") from error
    except ValueError as error:
        raise DataError(f"{url}: not a usable URL ({first_line(error)}); check --url") from error


def download(url: str, part: Path, report: Report = _nothing) -> None:
    """Fetches a file, or the rest of it where `part` holds its beginning.

    Args:
        url: http, https or file. A server that knows no ranges is asked for all of it again.
        part: what is filled; a lost connection or Ctrl-C leaves what there is for the next call.
        report: told how far it is.

    Raises:
        DataError: no connection, a lost one, an answer that is not the file, or a disk that is full.
    """
    try:
        have = part.stat().st_size if part.exists() else 0
        try:
            response = _request(url, have)
        except HTTPError as error:
            error.close()
            if error.headers.get("Content-Range", "").strip() == f"bytes */{have}":
                return None
            part.unlink()
            return download(url, part, report)
        with response:
            resumed = response.status == 206
            if resumed and not response.headers.get("Content-Range", "").strip().startswith(f"bytes {have}-"):
                part.unlink()
                return download(url, part, report)
            start = have if resumed else 0
            length = response.headers.get("Content-Length", "")
            total = start + int(length) if length.isdecimal() else None
            room = shutil.disk_usage(part.parent).free + (0 if resumed else have)
            if total is not None and total - start > room:
                raise DataError(
                    f"{part.parent}: no room for the {decimal(total - start)} still to fetch from {url}, "
                    f"{decimal(room)} are free; make room and run again to go on"
                )
            done = start
            with part.open("ab" if resumed else "wb") as file:
                while chunk := _read(response, url, done):
                    file.write(chunk)
                    done += len(chunk)
                    report(done, total)
                file.flush()
                os.fsync(file.fileno())
        if total is not None and done != total:
            raise DataError(f"{url}: connection lost after {decimal(done)} of {decimal(total)}; run again to go on")
    except OSError as error:  # of the disk: those of the network are DataErrors by now
        raise DataError(f"cannot write {part} ({_reason(error)}); make room and run again to go on") from error


def _read(response: Any, url: str, done: int) -> bytes:
    try:
        chunk: bytes = response.read(CHUNK)
    except (OSError, HTTPException) as error:
        raise DataError(
            f"{url}: connection lost after {decimal(done)} ({_reason(error)}); run again to go on"
        ) from error
    return chunk


def md5_of(path: Path, report: Report = _nothing) -> str:
    """The MD5 of a file in hexadecimal.

    Raises:
        DataError: it can't be read.
    """
    digest = hashlib.md5(usedforsecurity=False)
    done = 0
    try:
        total = path.stat().st_size
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
                done += len(chunk)
                report(done, total)
    except OSError as error:
        raise DataError(f"{path}: can't be read ({_reason(error)}); check its permissions") from error
    return digest.hexdigest()


def fetch(url: str, target: Path, md5: str, *, console: Console, quiet: bool) -> None:
    """Sees to it that `target` is the file of that MD5; fetches it, through `target` with `.part` added, if need be.

    Raises:
        DataError: as `download`; or the MD5 is another one: what was fetched is then removed, a file that was there
            before is not.
    """
    progress = Progress(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(),
        console=console, transient=True, disable=quiet or not console.is_terminal,
    )  # fmt: skip

    def bar(description: str) -> Report:
        task = progress.add_task(description, total=None)
        return lambda done, total: progress.update(task, completed=done, total=total)

    part = target.with_name(f"{target.name}.part")
    with progress:
        if target.exists():
            found = md5_of(target, bar("checking"))
            if found != md5:
                raise DataError(f"{target}: its MD5 is {found}, not {md5}; remove the file, or check --checksum")
            return
        download(url, part, bar("fetching"))
        found = md5_of(part, bar("checking"))
        try:
            if found != md5:
                part.unlink()
                raise DataError(
                    f"{url}: the file's MD5 is {found}, not {md5}, and it was removed; run again to fetch it anew, "
                    "or check --url and --checksum"
                )
            part.replace(target)
        except OSError as error:
            raise DataError(f"cannot write {target} ({_reason(error)}); check its folder") from error


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
        # The checksum says that the zip is the same as ever: what was written from it is never too old.
        Photo(f"{archive.filename}/{name}", folder / target, 0.0, partial(read_member, archive, info))
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
        raise DataError(f"{archive.filename}: can't be read ({_reason(error)}); run again to go on") from error
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
