"""onnxruntime-web, which runs the models in a browser: one pinned version, installed once from npm, never committed."""

from __future__ import annotations

import base64
import tarfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from fast_style.downloads import check_url, digest_of, fetch
from fast_style.errors import DataError, WebError, first_line
from fast_style.images import atomic_write
from fast_style.resources import cache_folder

VERSION = "1.30.0"
TARBALL = f"https://registry.npmjs.org/onnxruntime-web/-/onnxruntime-web-{VERSION}.tgz"
INTEGRITY = "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
"""npm's own checksum of the tarball (`npm view onnxruntime-web dist.integrity`)."""
CDN = f"https://cdn.jsdelivr.net/npm/onnxruntime-web@{VERSION}/dist/"


@dataclass(frozen=True)
class RuntimeFile:
    """A file of the package's `dist/`."""

    name: str
    bytes: int
    sha256: str

    def entry(self, base: str) -> dict[str, str | int]:
        """How the page's manifest names it, at `base` plus its name."""
        return {"url": base + self.name, "bytes": self.bytes, "integrity": integrity(self.sha256)}


ENGINES = {
    "wasm": {
        "api": RuntimeFile(
            "ort.wasm.min.mjs", 50126, "219e6a1fc8a9938268d18efca3c91d310bd2f4a59bbd13744df5b2b7fc6cee3b"
        ),
        "loader": RuntimeFile(
            "ort-wasm-simd-threaded.mjs", 24381, "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b"
        ),
        "binary": RuntimeFile(
            "ort-wasm-simd-threaded.wasm", 14239897, "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2"
        ),
    },
    "webgpu": {
        "api": RuntimeFile(
            "ort.webgpu.min.mjs", 66349, "3dffff71811bc13a3a3d9591c57ca5ee5735b8f5f3eaf789510b02bb040ae3a0"
        ),
        "loader": RuntimeFile(
            "ort-wasm-simd-threaded.asyncify.mjs",
            53057,
            "3d1c85995364bb643302fc6fd877a0c3ba5ae72401815e0f24828a53d9191e28",
        ),
        "binary": RuntimeFile(
            "ort-wasm-simd-threaded.asyncify.wasm",
            26781914,
            "39f9f0894d478800487ed9f7dbe92618498db320cf55c8e3d89adff8dce658da",
        ),
    },
}
"""The two builds that the page chooses from, each of three files."""

FILES = tuple(file for engine in ENGINES.values() for file in engine.values())


def integrity(sha256: str) -> str:
    """A SHA-256 in hexadecimal as browsers want it: `sha256-` and base64."""
    return "sha256-" + base64.b64encode(bytes.fromhex(sha256)).decode()


def runtime_folder() -> Path:
    """Where the files are installed; it may not exist."""
    return cache_folder() / f"onnxruntime-web-{VERSION}"


def check_installed() -> Path:
    """The folder that holds every file, each with its checksum.

    Raises:
        WebError: not installed, or damaged.
    """
    folder = runtime_folder()
    for file in FILES:
        path = folder / file.name
        if not path.is_file():
            raise WebError(
                f"onnxruntime-web {VERSION} is not installed in {folder}; run once: fast-style web --install "
                "(or write a page that loads it from a public server: --cdn)"
            )
        if digest_of(path, "sha256") != file.sha256:
            raise WebError(
                f"{path}: damaged (another SHA-256 than onnxruntime-web {VERSION}'s); run: fast-style web --install"
            )
    return folder


def install(*, url: str | None = None, console: Console, quiet: bool) -> Path:
    """Fetches the package from npm, checks it, and keeps the files that the page needs. Does nothing where they are.

    Args:
        url: of the tarball, if not npm's own: http, https or file. Its checksum has to be the same.

    Returns:
        The folder they are in.

    Raises:
        DataError: no connection, or another file than the pinned one.
        FastStyleError: the cache folder can't be written to.
    """
    try:
        return check_installed()
    except WebError:
        pass
    folder = runtime_folder()
    address = url or TARBALL
    check_url(address)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WebError(f"cannot write {folder} ({error.strerror}); choose another with FAST_STYLE_CACHE") from error
    packed = folder / "package.tgz"
    checksum = base64.b64decode(INTEGRITY.removeprefix("sha512-")).hex()
    fetch(address, packed, checksum, algorithm="sha512", console=console, quiet=quiet)
    try:
        with tarfile.open(packed) as archive:
            for file in FILES:
                member = archive.extractfile(f"package/dist/{file.name}")
                assert member is not None
                with atomic_write(folder / file.name) as temporary:
                    temporary.write_bytes(member.read())
    except (tarfile.TarError, KeyError, EOFError) as error:
        raise DataError(f"{address}: not the package expected ({first_line(error)}); check --url") from error
    packed.unlink(missing_ok=True)
    return check_installed()
