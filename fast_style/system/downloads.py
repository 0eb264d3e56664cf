"""Files from the network or a local mirror, fetched with the standard library alone.

A download continues where a connection was lost, and is checked against a checksum.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from email.message import Message
from http.client import HTTPException
from pathlib import Path
from typing import Protocol, Self, cast
from urllib.error import HTTPError
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
from fast_style.errors import UNSET, ConfigError, DataError, WriteError, reason_of
from fast_style.system.files import flush_and_rename
from fast_style.system.progress import ProgressDisplay

CHUNK_SIZE = 1 << 20  # bytes
TIMEOUT = 60.0  # seconds without a byte until a connection counts as lost

Report = Callable[[int, int | None], None]
"""A function that is called with the number of bytes so far and their total; None where that is not known."""


class _Response(Protocol):
    """What is used here of the answer to a request."""

    status: int | None
    headers: Message

    def read(self, amount: int, /) -> bytes: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> object: ...


def _report_nothing(done: int, total: int | None) -> None:
    pass


def _opener() -> OpenerDirector:
    """Returns an opener for http, https and file, which follows redirects to no other scheme."""
    opener = OpenerDirector()
    for handler in (
        ProxyHandler, HTTPHandler, HTTPSHandler, FileHandler, HTTPDefaultErrorHandler, HTTPRedirectHandler,
        HTTPErrorProcessor, UnknownHandler,
    ):  # fmt: skip
        opener.add_handler(handler())
    opener.addheaders = [("User-Agent", f"fast-style/{__version__}")]
    return opener


def check_url(url: str) -> None:
    """Checks that a URL is one of http, https or file.

    Raises:
        ConfigError: It is not; the error names the setting `url`.
    """
    try:
        scheme = urlsplit(url).scheme
    except ValueError:
        scheme = ""
    if scheme not in {"http", "https", "file"}:
        raise ConfigError(
            "not a URL that can be fetched",
            setting="url",
            value=url,
            remedy="give one that begins with http://, https:// or file:///",
        )


def _request(url: str, start: int) -> _Response:
    """Requests a file from byte `start` on.

    Raises:
        HTTPError: The server says that the file has no such byte.
        DataError: The server cannot be reached, or answers with anything else.
    """
    try:
        request = Request(url, headers={"Range": f"bytes={start}-"} if start else {})
        return cast(_Response, _opener().open(request, timeout=TIMEOUT))
    except HTTPError as error:
        if error.code == 416 and start:
            raise
        error.close()
        temporary = error.code >= 500 or error.code == 429
        raise DataError(
            f"{url}: the server says {error.code} {error.reason}",
            remedy="run again later to go on" if temporary else "check {url}",
            suggestions={"url": UNSET},
        ) from error
    except (OSError, HTTPException) as error:
        raise DataError(f"{url}: cannot be reached ({reason_of(error)})", remedy="run again to go on") from error
    except ValueError as error:
        raise DataError(
            f"{url}: not a usable URL ({reason_of(error)})", remedy="check {url}", suggestions={"url": UNSET}
        ) from error


def download(url: str, part: Path, report: Report = _report_nothing) -> None:
    """Fetches a file, or the rest of it where `part` holds its beginning.

    A server that does not support ranges is asked for the whole file again.

    Args:
        url: Address of the file: http, https or file.
        part: The file that is filled. A lost connection or Ctrl-C leaves it to the next call.
        report: Called after each piece.

    Raises:
        DataError: The server cannot be reached, the connection is lost, or the answer is not the file.
        WriteError: The disk is full, or `part` cannot be written.
    """
    try:
        have = part.stat().st_size if part.exists() else 0
        try:
            response = _request(url, have)
        except HTTPError as error:
            error.close()
            if error.headers.get("Content-Range", "").strip() == f"bytes */{have}":
                return
            part.unlink()
            download(url, part, report)
            return
        with response:
            resumed = response.status == 206
            if not resumed or response.headers.get("Content-Range", "").strip().startswith(f"bytes {have}-"):
                _receive(response, url, part, have if resumed else 0, report)
                return
        part.unlink()  # the server sent another range than the one asked for
        download(url, part, report)
    except WriteError:
        raise
    except OSError as error:  # from the disk: errors of the network are DataErrors by now
        raise WriteError(
            f"cannot write {part} ({reason_of(error)})", remedy="make room and run again to go on"
        ) from error


def _receive(response: _Response, url: str, part: Path, start: int, report: Report) -> None:
    """Writes what a server sends to `part`, from byte `start` on; errors as in `download`."""
    length = response.headers.get("Content-Length", "")
    total = start + int(length) if length.isdecimal() else None
    replaced = part.stat().st_size if part.exists() and not start else 0
    room = shutil.disk_usage(part.parent).free + replaced
    if total is not None and total - start > room:
        raise WriteError(
            f"{part.parent}: no room for the {decimal(total - start)} still to fetch from {url}, "
            f"{decimal(room)} are free",
            remedy="make room and run again to go on",
        )
    done = start
    with part.open("ab" if start else "wb") as file:
        while chunk := _read(response, url, done):
            file.write(chunk)
            done += len(chunk)
            report(done, total)
        # A later run continues where this file ends, so that it must hold what it seems to, also after a power cut.
        file.flush()
        os.fsync(file.fileno())
    if total is not None and done != total:
        raise DataError(
            f"{url}: connection lost after {decimal(done)} of {decimal(total)}", remedy="run again to go on"
        )


def _read(response: _Response, url: str, done: int) -> bytes:
    try:
        return response.read(CHUNK_SIZE)
    except (OSError, HTTPException) as error:
        raise DataError(
            f"{url}: connection lost after {decimal(done)} ({reason_of(error)})", remedy="run again to go on"
        ) from error


def digest_of(path: Path, algorithm: str, report: Report = _report_nothing) -> str:
    """Returns the checksum of a file in hexadecimal.

    Args:
        path: The file.
        algorithm: Its name in hashlib: `md5`, `sha256` or `sha512`.
        report: Called after each piece.

    Raises:
        DataError: The file cannot be read.
    """
    digest = hashlib.new(algorithm, usedforsecurity=False)
    done = 0
    try:
        total = path.stat().st_size
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_SIZE):
                digest.update(chunk)
                done += len(chunk)
                report(done, total)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({reason_of(error)})", remedy="check its permissions") from error
    return digest.hexdigest()


def fetch(url: str, target: Path, checksum: str, *, algorithm: str = "md5", console: Console, quiet: bool) -> None:
    """Fetches a file unless it is there already, and checks it.

    While it is fetched its name ends in `.part`.

    Args:
        url: Address of the file: http, https or file.
        target: Where it goes.
        checksum: Its checksum in hexadecimal.
        algorithm: That of the checksum, as `digest_of` takes it.
        console: Where progress is shown.
        quiet: Shows no progress.

    Raises:
        DataError: As in `download`, or the file has another checksum. A file that was fetched is then removed; one
            that was there before is not.
        WriteError: The file cannot be written.
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
                    f"{target}: its {kind} is {found}, not {checksum}",
                    remedy="remove the file, or check the checksum",
                )
            return
        download(url, part, bar("fetching"))
        found = digest_of(part, algorithm, bar("checking"))
        try:
            if found == checksum:
                flush_and_rename(part, target)
                return
            part.unlink()
        except OSError as error:
            raise WriteError(f"cannot write {target} ({reason_of(error)})", remedy="check its folder") from error
    raise DataError(
        f"{url}: the file's {kind} is {found}, not {checksum}, and it was removed",
        remedy="run again to fetch it anew, or check the URL and the checksum",
    )
