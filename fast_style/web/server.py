"""Serves a page on this machine alone, with the headers that threads need and the MIME types that modules need."""

from __future__ import annotations

import errno
import logging
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self
from wsgiref.headers import Headers

from rich.console import Console
from waitress.server import create_server
from waitress.wasyncore import close_all
from whitenoise import WhiteNoise

from fast_style.errors import WebError, reason_of
from fast_style.system.signals import catch_signals
from fast_style.web.site import read_headers, write_site

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

HOST = "127.0.0.1"  # this machine alone; browsers treat it as secure, so that the camera works
THREADS = 4
CONNECTIONS = 100
"""More of them wait until others are closed."""
IDLE_SECONDS = 15
"""Connections on which nothing happened for so long are closed."""

MIME_TYPES = {
    # The operating system's own table often lacks these.
    ".mjs": "text/javascript",
    ".js": "text/javascript",
    ".json": "application/json",
    ".wasm": "application/wasm",
    ".onnx": "application/octet-stream",
    ".webmanifest": "application/manifest+json",
}


class _Files(WhiteNoise):  # type: ignore[misc]
    """The files of one folder, as they are at the time of each request."""

    def candidate_paths_for_url(self, url: str) -> Iterator[str]:
        for path in super().candidate_paths_for_url(url):
            # A link may lead out of the folder, to what nobody meant to show.
            if any(Path(path).resolve().is_relative_to(Path(root).resolve()) for root, _ in self.directories):
                yield path


class PageServer:
    """A server of one folder, without listings and without a log."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        files = _Files(
            _not_found, autorefresh=True, index_file=True, max_age=None, allow_all_origins=False,
            mimetypes=MIME_TYPES, add_headers_function=self._add_headers,
        )  # fmt: skip
        files.add_files(str(folder))
        logging.getLogger("waitress").setLevel(logging.ERROR)  # browsers open and drop connections all the time
        self._server = create_server(
            files, host=HOST, port=port, threads=THREADS, connection_limit=CONNECTIONS, channel_timeout=IDLE_SECONDS,
            cleanup_interval=min(5, IDLE_SECONDS), ident=None, expose_tracebacks=False,
        )  # fmt: skip
        self.server_address = (HOST, int(self._server.effective_port))

    @property
    def server_port(self) -> int:
        """The port that the server listens at."""
        return self.server_address[1]

    def _add_headers(self, headers: Headers, path: str, url: str) -> None:
        with suppress(OSError):  # not written yet
            for key, value in read_headers(self._folder).items():
                headers[key] = value
        headers["Cache-Control"] = "no-cache"  # a page written anew is seen at once

    def serve_forever(self) -> None:
        """Answers requests until `shutdown()`, Ctrl-C, or a signal that ends the program."""
        self._server.run()

    def shutdown(self) -> None:
        """Ends `serve_forever()`, which runs in another thread."""
        with suppress(OSError):  # the other thread was awake, and closed all before it was woken
            self._server.trigger.pull_trigger(lambda: close_all(self._server._map))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.task_dispatcher.shutdown()
        close_all(self._server._map)


def _not_found(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
    return [b"There is no such file.\n"]


def open_server(folder: Path, port: int) -> PageServer:
    """Returns a server that listens at `server_port`, and answers once `serve_forever()` is called.

    Args:
        folder: The folder of a written page.
        port: The port to listen at; 0 for any free one.

    Raises:
        WebError: The port is taken or may not be used.
    """
    try:
        return PageServer(folder, port)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        why = "taken by another program" if taken else f"can't be used ({reason_of(error)})"
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
