"""The page without a browser: what is written, what is served, what is fetched, and what is said of mistakes."""

from __future__ import annotations

import base64
import hashlib
import http.client
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

from fast_style.errors import DataError, MissingPackageError, ModelError, WebError, WriteError
from fast_style.inference.stylizer import Stylizer
from fast_style.models.artifact import ModelFiles
from fast_style.models.networks import build_network
from fast_style.training.export import export_model
from fast_style.web import runtime
from fast_style.web.npm import NpmFile, NpmPackage
from fast_style.web.server import PageServer, open_server
from fast_style.web.site import PAGE, write_site


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    network = build_network("johnson", width=4, blocks=1)
    folder = tmp_path_factory.mktemp("models") / "tiny"
    return export_model(network, folder, name="tiny", training={}, style_title="Tiny — ü").folder


@pytest.fixture(scope="module")
def site(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_site([str(model)], tmp_path_factory.mktemp("web") / "site", cdn=True).folder


def package(content: dict[str, bytes], *, damaged: bool = False) -> tuple[NpmPackage, bytes]:
    """A package of npm with these files, and its tarball."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, data in content.items():
            info = tarfile.TarInfo(f"package/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(stream.getvalue()).digest()).decode()
    files = tuple(NpmFile(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in content.items())
    return NpmPackage("small", "1.2.3", integrity, files), stream.getvalue() + (b"x" if damaged else b"")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FAST_STYLE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def install(made: NpmPackage, tarball: bytes, folder: Path) -> Path:
    path = folder / "small.tgz"
    path.write_bytes(tarball)
    return made.install(url=path.as_uri(), console=Console(stderr=True), quiet=True)


def test_a_package_is_fetched_once_and_only_its_files_kept(cache: Path, tmp_path: Path) -> None:
    made, tarball = package({"dist/a.mjs": b"export {}", "dist/b.wasm": b"\0asm"})
    with pytest.raises(MissingPackageError, match=r"small 1\.2\.3 is not installed in"):
        made.check_installed()
    folder = install(NpmPackage(made.name, made.version, made.integrity, made.files[:1]), tarball, tmp_path)
    assert folder == cache / "small-1.2.3"
    assert [path.name for path in folder.iterdir()] == ["a.mjs"]
    assert (folder / "a.mjs").read_bytes() == b"export {}"
    assert made.tarball == "https://registry.npmjs.org/small/-/small-1.2.3.tgz"
    install(made, tarball, tmp_path)
    (tmp_path / "small.tgz").unlink()
    made.install(url=(tmp_path / "small.tgz").as_uri(), console=Console(stderr=True), quiet=True)  # is not asked for


def test_another_package_than_the_pinned_one_is_refused(cache: Path, tmp_path: Path) -> None:
    made, tarball = package({"dist/a.mjs": b"export {}"}, damaged=True)
    with pytest.raises(DataError, match=r"small\.tgz: the file's SHA512 is .* and it was removed"):
        install(made, tarball, tmp_path)
    assert list(cache.rglob("*.*mjs")) == []
    good, tarball = package({"dist/a.mjs": b"export {}"})
    missing = NpmPackage(good.name, good.version, good.integrity, (NpmFile("dist/c.mjs", 1, "00"),))
    with pytest.raises(DataError, match=r"lacks files of small .*check url"):
        install(missing, tarball, tmp_path)
    with pytest.raises(DataError, match="--url ftp"):
        good.install(url="ftp://x/y", console=Console(stderr=True), quiet=True)


def test_a_damaged_file_is_noticed_and_fetched_anew(cache: Path, tmp_path: Path) -> None:
    made, tarball = package({"dist/a.mjs": b"export {}"})
    file = install(made, tarball, tmp_path) / "a.mjs"
    file.write_bytes(b"export x")
    with pytest.raises(MissingPackageError, match=r"a\.mjs: not the file of small 1\.2\.3"):
        made.check_installed()
    install(made, tarball, tmp_path)
    assert file.read_bytes() == b"export {}"


def test_a_cache_that_cannot_be_written_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("FAST_STYLE_CACHE", str(tmp_path / "file"))
    made, tarball = package({"dist/a.mjs": b"export {}"})
    with pytest.raises(WriteError, match="FAST_STYLE_CACHE"):
        install(made, tarball, tmp_path)


def test_the_runtime_is_pinned() -> None:
    assert len(base64.b64decode(runtime.PACKAGE.integrity.removeprefix("sha512-"))) == 64
    assert len({file.name for file in runtime.PACKAGE.files}) == 6
    for file in runtime.PACKAGE.files:
        assert len(bytes.fromhex(file.sha256)) == 32
        assert file.integrity.startswith("sha256-")


def test_the_site_names_its_models_with_their_checksums(site: Path, model: Path) -> None:
    manifest = json.loads((site / "site.json").read_text(encoding="utf-8"))
    (entry,) = manifest["models"]
    stylizer = Stylizer.load(model, engine="onnx")
    content = (site / entry["url"].split("?")[0]).read_bytes()
    assert content == (model / "model.onnx").read_bytes()
    assert entry["bytes"] == len(content)
    assert entry["integrity"] == "sha256-" + base64.b64encode(hashlib.sha256(content).digest()).decode()
    assert (entry["name"], entry["title"], entry["network"]) == ("tiny", "Tiny — ü", "johnson")
    assert entry["minimum_side"] == stylizer.info.minimum_side
    assert entry["inputs"] == {}
    scene = np.array(Image.open(site / manifest["scene"]))
    preview = np.array(Image.open(site / entry["preview"]))
    assert preview.shape == scene.shape
    # Both went through JPEG.
    assert np.abs(preview.astype(int) - stylizer(scene)).mean() < 12
    assert max(Image.open(site / entry["thumbnail"]).size) == 240
    assert not (site / "ort").exists()
    assert {urls["url"].rsplit("/", 1)[0] for files in manifest["engines"].values() for urls in files.values()} == {
        "https://cdn.jsdelivr.net/npm/onnxruntime-web@1.30.0/dist"
    }


def test_the_page_refers_to_nothing_elsewhere(site: Path) -> None:
    for source in PAGE.iterdir():
        text = source.read_text(encoding="utf-8")
        assert (site / source.name).read_text(encoding="utf-8") == text
        assert "https://" not in text, source.name
        assert text.replace("http://www.w3.org/2000/svg", "").count("http://") == 0, source.name
    assert "Cross-Origin-Embedder-Policy: require-corp" in (site / "_headers").read_text()


def test_a_strength_is_told(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build_network("johnson", width=4, blocks=1, takes_strength=True)
    folder = export_model(network, tmp_path / "adjustable", name="adjustable", training={}).folder
    write_site([str(folder)], tmp_path / "site", cdn=True)
    (entry,) = json.loads((tmp_path / "site" / "site.json").read_text())["models"]
    assert entry["inputs"] == {"strength": {"default": 1.0, "minimum": 0.0, "maximum": 1.5}}


def test_a_site_is_written_anew_over_itself_alone(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    write_site([str(model)], folder, cdn=True)
    (folder / "CNAME").write_text("style.example")
    write_site([str(model)], folder, cdn=True)
    assert (folder / "CNAME").exists()
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.tex").touch()
    with pytest.raises(WebError, match="holds other files"):
        write_site([str(model)], other, cdn=True)
    assert [path.name for path in other.iterdir()] == ["thesis.tex"]
    with pytest.raises(WebError, match="is a file"):
        write_site([str(model)], other / "thesis.tex", cdn=True)


def test_what_an_earlier_page_alone_needed_is_removed(model: Path, tmp_path: Path) -> None:
    copies = [tmp_path / f"{name}.onnx" for name in ("one", "two")]
    for copy in copies:
        copy.write_bytes((model / "model.onnx").read_bytes())
    folder = tmp_path / "site"
    write_site(list(map(str, copies)), folder, cdn=True)
    engine = folder / "ort" / runtime.PACKAGE.files[0].name
    engine.parent.mkdir()
    engine.touch()
    own = [folder / name for name in ("CNAME", "models/README.md", "previews/two.png", "notes/two.onnx")]
    for path in own:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    write_site([str(copies[0])], folder, cdn=True)
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*") if path not in own) == sorted([
        "models/one.onnx", "previews/one.jpg", "thumbnails/one.jpg", "scene.jpg", "site.json",
        *(path.name for path in PAGE.iterdir()),
    ])  # fmt: skip
    assert not engine.parent.exists()
    assert all(path.is_file() for path in own)


def test_a_linked_folder_of_models_keeps_the_others(model: Path, tmp_path: Path) -> None:
    folder, others = tmp_path / "site", tmp_path / "others"
    write_site([str(model)], folder, cdn=True)
    (folder / "models").rename(others)
    (others / "mine.onnx").touch()
    try:
        (folder / "models").symlink_to(others, target_is_directory=True)
    except OSError:
        pytest.skip("this system gives no links")
    write_site([str(model)], folder, cdn=True)
    assert sorted(path.name for path in others.iterdir()) == ["mine.onnx", "tiny.onnx"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["flow", "starry_night", "wave"], ["starry_night", "flow", "wave"]),
        (["flow", "wave"], ["flow", "wave"]),
    ],
)
def test_a_page_of_all_models_opens_with_the_default_one(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str], expected: list[str]
) -> None:
    files = [ModelFiles(name, onnx=model / "model.onnx") for name in names]
    monkeypatch.setattr("fast_style.web.site.list_models", lambda: files)
    assert write_site([], tmp_path / "site", cdn=True).models == expected
    manifest = json.loads((tmp_path / "site" / "site.json").read_text())
    assert [entry["name"] for entry in manifest["models"]] == expected


def test_models_that_cannot_be_shown(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "site"
    with pytest.raises(ModelError, match="no model nothing"):
        write_site(["nothing"], target, cdn=True)
    torch_only = tmp_path / "torch only"
    torch_only.mkdir()
    (torch_only / "model.safetensors").write_bytes((model / "model.safetensors").read_bytes())
    with pytest.raises(ModelError, match=r"no \.onnx file"):
        write_site([str(torch_only)], target, cdn=True)
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes((model / "model.onnx").read_bytes()[:200])
    with pytest.raises(ModelError, match="not readable"):
        write_site([str(damaged)], target, cdn=True)
    with pytest.raises(WebError, match="would both be called tiny"):
        write_site([str(model), str(model / "model.onnx")], target, cdn=True)
    monkeypatch.setenv("FAST_STYLE_CACHE", str(tmp_path / "empty"))
    with pytest.raises(MissingPackageError, match="fast-style web install"):
        write_site([str(model)], target)
    assert not target.exists()


def test_names_fit_into_addresses(model: Path, tmp_path: Path) -> None:
    odd = tmp_path / "Mon été #1?"
    odd.mkdir()
    for name in ("model.onnx", "second.onnx"):
        (odd / name).write_bytes((model / "model.onnx").read_bytes())
    assert write_site([str(odd), str(odd / "second.onnx")], tmp_path / "site", cdn=True).models == [
        "Mon-t-1", "second",
    ]  # fmt: skip


def test_a_model_may_have_any_name_of_the_page_s_own_pictures(model: Path, tmp_path: Path) -> None:
    names = ["scene", "x", "x-small"]
    for name in names:
        (tmp_path / f"{name}.onnx").write_bytes((model / "model.onnx").read_bytes())
    write_site([str(tmp_path / f"{name}.onnx") for name in names], tmp_path / "site", cdn=True)
    manifest = json.loads((tmp_path / "site" / "site.json").read_text())
    kinds = ("url", "preview", "thumbnail")
    assert len({manifest["scene"], *(entry[kind] for entry in manifest["models"] for kind in kinds)}) == 10
    scene = Image.open(tmp_path / "site" / manifest["scene"])
    for entry in manifest["models"]:
        assert Image.open(tmp_path / "site" / entry["preview"]).size == scene.size
        assert max(Image.open(tmp_path / "site" / entry["thumbnail"]).size) == 240


@pytest.fixture
def server(site: Path) -> Iterator[PageServer]:
    with open_server(site, 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
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
        ("/", "text/html; charset=utf-8"),
        ("/app.mjs", "text/javascript; charset=utf-8"),
        ("/style.css", "text/css; charset=utf-8"),
        ("/site.json", "application/json"),
        ("/models/tiny.onnx?0123", "application/octet-stream"),
        ("/icon.svg", "image/svg+xml"),
    ],
)
def test_files_are_served_with_type_and_headers(server: PageServer, path: str, kind: str) -> None:
    response = answer(server, path)
    assert response.status == 200
    assert response.headers["Content-Type"] == kind
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
