"""Files from the network, or a local mirror: fetched with the standard library alone, taken up where a connection
was lost, and checked.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
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

from fast_style import __version__
from fast_style.errors import DataError, first_line
from fast_style.system.progress import ProgressDisplay

CHUNK = 1 << 20  # bytes
SECONDS = 60.0  # without a byte until a connection counts as lost

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


def reason(error: BaseException) -> str:
    if isinstance(error, URLError) and isinstance(error.reason, BaseException):
        return reason(error.reason)
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
        raise DataError(f"{url}: can't be reached ({reason(error)}); run again to go on") from error
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
        raise DataError(f"cannot write {part} ({reason(error)}); make room and run again to go on") from error


def _read(response: Any, url: str, done: int) -> bytes:
    try:
        chunk: bytes = response.read(CHUNK)
    except (OSError, HTTPException) as error:
        raise DataError(
            f"{url}: connection lost after {decimal(done)} ({reason(error)}); run again to go on"
        ) from error
    return chunk


def digest_of(path: Path, algorithm: str, report: Report = _nothing) -> str:
    """The checksum of a file in hexadecimal.

    Args:
        algorithm: as hashlib names it: md5, sha256, sha512.

    Raises:
        DataError: it can't be read.
    """
    digest = hashlib.new(algorithm, usedforsecurity=False)
    done = 0
    try:
        total = path.stat().st_size
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
                done += len(chunk)
                report(done, total)
    except OSError as error:
        raise DataError(f"{path}: can't be read ({reason(error)}); check its permissions") from error
    return digest.hexdigest()


def fetch(url: str, target: Path, checksum: str, *, algorithm: str = "md5", console: Console, quiet: bool) -> None:
    """Sees to it that `target` is the file of that checksum; fetches it, through `target` with `.part` added, if need
    be.

    Raises:
        DataError: as `download`; or the checksum is another one: what was fetched is then removed, a file that was
            there before is not.
    """
    display = ProgressDisplay(console, quiet=quiet, unit="bytes")

    def bar(description: str) -> Report:
        task = display.add(description)
        return lambda done, total: task.update(completed=done, total=total)

    part = target.with_name(f"{target.name}.part")
    kind = algorithm.upper()
    with display:
        if target.exists():
            found = digest_of(target, algorithm, bar("checking"))
            if found != checksum:
                raise DataError(
                    f"{target}: its {kind} is {found}, not {checksum}; remove the file, or check the checksum"
                )
            return
        download(url, part, bar("fetching"))
        found = digest_of(part, algorithm, bar("checking"))
        try:
            if found != checksum:
                part.unlink()
                raise DataError(
                    f"{url}: the file's {kind} is {found}, not {checksum}, and it was removed; run again to fetch it "
                    "anew, or check the URL and the checksum"
                )
            part.replace(target)
        except OSError as error:
            raise DataError(f"cannot write {target} ({reason(error)}); check its folder") from error
