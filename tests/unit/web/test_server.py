"""The server of the page: types, headers, and what it refuses."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fast_style.errors import WebError
from fast_style.web.server import PageServer, open_server
from fast_style.web.site import PAGE


@pytest.fixture
def server(site: Path) -> Iterator[PageServer]:
    with open_server(site, 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def answer(server: PageServer, path: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.request("GET", path)
    return connection.getresponse()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", ("text/html", "utf-8")),
        *((f"/{path.name}", ("text/javascript", "utf-8")) for path in sorted(PAGE.glob("*.mjs"))),
        ("/style.css", ("text/css", "utf-8")),
        ("/site.json", ("application/json", None)),
        ("/models/tiny.onnx?0123", ("application/octet-stream", None)),
        ("/icon.svg", ("image/svg+xml", None)),
    ],
)
def test_files_are_served_with_type_and_headers(server: PageServer, path: str, kind: tuple[str, str | None]) -> None:
    response = answer(server, path)
    assert response.status == 200
    assert (response.headers.get_content_type(), response.headers.get_content_charset()) == kind
    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert response.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert len(response.read()) == int(response.headers["Content-Length"])


def test_wasm_has_its_type(site: Path, server: PageServer) -> None:
    (site / "a.wasm").write_bytes(b"\0asm")
    assert answer(server, "/a.wasm").headers["Content-Type"] == "application/wasm"


def test_nothing_else_is_served(server: PageServer) -> None:
    assert server.server_address[0] == "127.0.0.1"
    for path in ("/models/", "/nothing", "/../../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd"):
        assert answer(server, path).status == 404, path


def test_a_busy_port_is_one_line(site: Path, server: PageServer) -> None:
    with pytest.raises(WebError, match=rf"port={server.server_port}: taken .*0 for any free one"):
        open_server(site, server.server_port)
