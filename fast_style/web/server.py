"""Serves a page on this machine alone, with the headers that threads need and the MIME types that modules need."""

from __future__ import annotations

import errno
import os
import signal
import sys
import tempfile
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from fast_style.errors import WebError, one_line
from fast_style.system.signals import catch_signals
from fast_style.web.site import HEADERS, write_site

if TYPE_CHECKING:
    from _typeshed import SupportsRead, SupportsWrite

HOST = "127.0.0.1"  # this machine alone; browsers treat it as secure, so that the camera works

MIME_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".wasm": "application/wasm",
    ".onnx": "application/octet-stream",
    ".svg": "image/svg+xml",
    ".jpg": "image/jpeg",
}


class PageHandler(SimpleHTTPRequestHandler):
    """Serves the files of one folder, without listings and without a log."""

    extensions_map = MIME_TYPES  # the operating system's own table often lacks .mjs
    protocol_version = "HTTP/1.1"

    def end_headers(self) -> None:
        for key, value in HEADERS.items():
            self.send_header(key, value)
        self.send_header("Cache-Control", "no-cache")  # a page written anew is seen at once
        super().end_headers()

    def list_directory(self, path: str | os.PathLike[str]) -> None:
        self.send_error(404, "File not found")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class names it)
        pass

    def copyfile(self, source: SupportsRead[bytes], outputfile: SupportsWrite[bytes]) -> None:  # type: ignore[override]
        # A visitor who leaves in the middle of a file causes no error.
        try:
            super().copyfile(source, outputfile)
        except ConnectionError:
            self.close_connection = True


class PageServer(ThreadingHTTPServer):
    """Serves each connection in a thread of its own, none of which keeps the program alive."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # browsers drop connections all the time


def open_server(folder: Path, port: int) -> PageServer:
    """Returns a server that listens at `server_port`, and answers once `serve_forever()` is called.

    Args:
        folder: The folder of a written page.
        port: The port to listen at; 0 for any free one.

    Raises:
        WebError: The port is taken or may not be used.
    """
    try:
        return PageServer((HOST, port), partial(PageHandler, directory=str(folder)))
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        why = "taken by another program" if taken else f"can't be used ({one_line(error)})"
        raise WebError(why, setting="port", value=port, remedy="choose another, or 0 for any free one") from error


def serve_site(
    models: list[str], folder: Path | None, *, cdn: bool, port: int, browse: bool, console: Console, quiet: bool
) -> None:
    """Writes the page, prints its address, and serves it until Ctrl-C or SIGTERM.

    Args:
        models: Names or paths, as in `write_site`.
        folder: The folder for the page; a temporary one where None.
        cdn: As in `write_site`.
        port: The port to listen at; 0 for any free one.
        browse: Opens the page in the user's browser.
        console: Where the summary is written.
        quiet: Writes no summary.

    Raises:
        FastStyleError: As in `open_server` and `write_site`.
    """
    with (
        catch_signals([signal.SIGTERM], lambda number: sys.exit(0)),  # removes the temporary folder
        tempfile.TemporaryDirectory(prefix="fast-style-web-") as scratch,
        suppress(KeyboardInterrupt),
    ):
        target = folder or Path(scratch)
        with open_server(target, port) as server:
            site = write_site(models, target, cdn=cdn)
            address = f"http://{HOST}:{server.server_port}/"
            if not quiet:
                console.print(f"{site}; Ctrl-C ends it", highlight=False, soft_wrap=True)
            print(address, flush=True)
            if browse:
                import webbrowser

                webbrowser.open(address)
            server.serve_forever()
