"""The server of the page: types, headers, and what it refuses."""

from __future__ import annotations

import gzip
import http.client
import socket
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


def answer(server: PageServer, path: str, **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.request("GET", path, headers=headers)
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
    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
    assert response.headers["Permissions-Policy"].startswith("camera=(self)")
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


def test_links_out_of_the_folder_are_not_followed(site: Path, server: PageServer, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    try:
        (site / "out.txt").symlink_to(tmp_path / "secret.txt")
        (site / "outside").symlink_to(tmp_path, target_is_directory=True)
        (site / "inside.json").symlink_to(site / "site.json")
    except OSError:
        pytest.skip("this system gives no links")
    assert answer(server, "/out.txt").status == 404
    assert answer(server, "/outside/secret.txt").status == 404
    assert answer(server, "/inside.json").status == 200


def test_ranges_and_compression(site: Path, server: PageServer) -> None:
    content = (site / "app.mjs").read_bytes()
    response = answer(server, "/app.mjs", Range="bytes=5-14")
    assert (response.status, response.read()) == (206, content[5:15])
    response = answer(server, "/app.mjs", **{"Accept-Encoding": "gzip"})
    assert response.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(response.read()) == content
    assert answer(server, "/app.mjs").headers["Content-Encoding"] is None


def test_idle_connections_are_closed_and_bounded(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fast_style.web.server.IDLE_SECONDS", 1)
    with open_server(site, 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        before = threading.active_count()
        idle = [socket.create_connection(("127.0.0.1", server.server_port), timeout=30) for _ in range(150)]
        assert threading.active_count() == before
        # All are closed in the end, those too that had to wait until they were let in.
        assert all(connection.recv(1) == b"" for connection in idle)
        for connection in idle:
            connection.close()
        assert answer(server, "/site.json").status == 200
        server.shutdown()
        thread.join()
