"""onnxruntime-web, which runs models in a browser: one pinned version, installed once from npm, never committed."""

from __future__ import annotations

from pathlib import Path

from fast_style.errors import UNSET, MissingPackageError
from fast_style.web.npm import NpmFile, NpmPackage

BUILDS = {
    "wasm": {
        "api": NpmFile(
            "dist/ort.wasm.min.mjs",
            50126,
            "219e6a1fc8a9938268d18efca3c91d310bd2f4a59bbd13744df5b2b7fc6cee3b",
        ),
        "loader": NpmFile(
            "dist/ort-wasm-simd-threaded.mjs",
            24381,
            "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b",
        ),
        "binary": NpmFile(
            "dist/ort-wasm-simd-threaded.wasm",
            14239897,
            "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
        ),
    },
    "webgpu": {
        "api": NpmFile(
            "dist/ort.webgpu.min.mjs",
            66349,
            "3dffff71811bc13a3a3d9591c57ca5ee5735b8f5f3eaf789510b02bb040ae3a0",
        ),
        "loader": NpmFile(
            "dist/ort-wasm-simd-threaded.asyncify.mjs",
            53057,
            "3d1c85995364bb643302fc6fd877a0c3ba5ae72401815e0f24828a53d9191e28",
        ),
        "binary": NpmFile(
            "dist/ort-wasm-simd-threaded.asyncify.wasm",
            26781914,
            "39f9f0894d478800487ed9f7dbe92618498db320cf55c8e3d89adff8dce658da",
        ),
    },
}
"""The two builds that the page chooses from, by the name of the backend; each consists of three files."""

PACKAGE = NpmPackage(
    "onnxruntime-web",
    "1.30.0",
    "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ==",
    tuple(file for build in BUILDS.values() for file in build.values()),
)

CDN = f"https://cdn.jsdelivr.net/npm/{PACKAGE.name}@{PACKAGE.version}/"


def check_installed() -> Path:
    """Returns the folder that holds the files.

    Raises:
        MissingPackageError: They are not installed, or damaged; the message says what to do.
    """
    try:
        return PACKAGE.check_installed()
    except MissingPackageError as error:
        raise MissingPackageError(
            error.problem,
            remedy="run once: fast-style web {install} (or {cdn}: a page that loads it from a public server)",
            suggestions={"install": UNSET, "cdn": UNSET},
        ) from error
