"""Serves a written page on this machine alone, with the headers that threads need and the types that modules need."""

from __future__ import annotations

import errno
import signal
import sys
import tempfile
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from rich.console import Console

from fast_style.errors import WebError
from fast_style.web.site import HEADERS, write_site

HOST = "127.0.0.1"  # this machine; browsers also take it for secure, so that the camera works

TYPES = {
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
    """Files of one folder; says nothing of its own."""

    extensions_map = TYPES  # in place of the machine's own table, which often lacks .mjs
    protocol_version = "HTTP/1.1"

    def end_headers(self) -> None:
        for key, value in HEADERS.items():
            self.send_header(key, value)
        self.send_header("Cache-Control", "no-cache")  # a page written anew is seen at once
        super().end_headers()

    def list_directory(self, path: Any) -> None:
        self.send_error(404, "File not found")

    def log_message(self, format: str, *values: Any) -> None:
        pass

    def copyfile(self, source: Any, outputfile: Any) -> None:
        # A visitor who leaves in the middle of a file is no error.
        try:
            super().copyfile(source, outputfile)
        except ConnectionError:
            self.close_connection = True


class PageServer(ThreadingHTTPServer):
    """One thread for each connection; none of them keeps the program alive."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # connections that a browser drops


def open_server(folder: Path, port: int) -> PageServer:
    """A server that listens; `serve_forever()` begins its work, `server_port` is its port.

    Args:
        folder: a page that was written.
        port: 0 for any free one.

    Raises:
        WebError: the port is taken or may not be used.
    """
    try:
        return PageServer((HOST, port), partial(PageHandler, directory=str(folder)))
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        why = "is taken by another program" if taken else f"can't be used ({error.strerror})"
        raise WebError(f"--port {port} {why}; choose another, or 0 for any free one") from error


def serve_site(
    models: list[str], folder: Path | None, *, cdn: bool, port: int, browse: bool, console: Console, quiet: bool
) -> None:
    """What `fast-style web --serve` does: writes the page, prints its address, and serves it until Ctrl-C.

    Args:
        models, cdn: as `write_site`.
        folder: for the page; a temporary one where None.
        port: 0 for any free one.
        browse: open it in the user's browser.

    Raises:
        WebError, ModelError: as `open_server` and `write_site`.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that the temporary folder goes, too
    with tempfile.TemporaryDirectory(prefix="fast-style-web-") as scratch, suppress(KeyboardInterrupt):
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
