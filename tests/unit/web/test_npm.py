"""npm packages: fetched once, checked, and what is said of damaged ones."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
from pathlib import Path

import pytest
from rich.console import Console

from fast_style.errors import ConfigError, DataError, MissingPackageError, WriteError
from fast_style.web.npm import NpmFile, NpmPackage


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
    with pytest.raises(ConfigError, match="url=ftp"):
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
