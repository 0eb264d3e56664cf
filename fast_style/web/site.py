"""Writes the page: its own files, the models with their pictures, onnxruntime-web, and `site.json`, which names them.

The folder is complete and static: any web server can offer it. Nothing in it refers to anything outside it, unless it
was asked to (`cdn`).
"""

from __future__ import annotations

import json
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fast_style import __version__
from fast_style.errors import ModelError, WebError
from fast_style.images.codec import RGB, load_rgb, save_rgb
from fast_style.inference.stylizer import Stylizer
from fast_style.models.artifact import DEFAULT_MODEL, ModelFiles, find_model, list_models
from fast_style.system.downloads import digest_of
from fast_style.system.files import atomic_write
from fast_style.system.paths import resource
from fast_style.web import runtime
from fast_style.web.npm import NpmFile, sha256_integrity

PAGE = Path(__file__).with_name("page")
MANIFEST = "site.json"
SCENE = "data/scenes/lake.jpg"
THUMBNAIL_SIDE = 240
MADE = ("models/*.onnx", "previews/*.jpg", "thumbnails/*.jpg", "ort/ort*.mjs", "ort/ort*.wasm")
"""Files that only some pages have: those that the latest manifest does not name are of an earlier one."""

HEADERS = {
    # The two that give a page threads.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""What a web server should send with each file; `_headers` says so to hosts that read it (Netlify, Cloudflare)."""


@dataclass(frozen=True)
class Site:
    """What was written."""

    folder: Path
    models: list[str]
    bytes: int

    def __str__(self) -> str:
        return f"{', '.join(self.models)}: {self.bytes / 1e6:.1f} MB"


def write_site(models: list[str], folder: Path, *, cdn: bool = False) -> Site:
    """Writes the page into a folder; a page that was there before is replaced, other files are left alone.

    Args:
        models: names or paths, of which the first opens the page; every model that has a name where empty.
        folder: made where missing.
        cdn: the page loads onnxruntime-web from a public server, with its checksum, in place of its own copy.

    Raises:
        ModelError: no such model, not readable, or without an `.onnx` file.
        WebError: onnxruntime-web is not installed, two models share a name, or the folder is not one that can be used.
    """
    found = _choose(models)
    own = None if cdn else runtime.check_installed()
    scene = load_rgb(resource(SCENE))
    # Everything that can fail by what the user asked for comes before the first file.
    pictures = {name: _stylized_scene(name, path, scene) for name, path in found.items()}
    _check_target(folder)
    for name, path in found.items():
        _copy(path, folder / "models" / f"{name}.onnx")
        save_rgb(pictures[name][1], folder / "previews" / f"{name}.jpg", quality=85)
        save_rgb(_thumbnail(pictures[name][1]), folder / "thumbnails" / f"{name}.jpg", quality=82)
    save_rgb(scene, folder / "scene.jpg", quality=88)
    if own is not None:
        for file in runtime.PACKAGE.files:
            _copy(own / file.name, folder / "ort" / file.name)
    for path in sorted(PAGE.iterdir()):
        _copy(path, folder / path.name)
    _write_text(folder / "_headers", "/*\n" + "".join(f"  {key}: {value}\n" for key, value in HEADERS.items()))
    manifest: dict[str, Any] = {
        "version": __version__,
        "scene": "scene.jpg",
        "models": [_model_entry(folder, name, pictures[name][0]) for name in found],
        "engines": {
            engine: {role: _runtime_entry(file, cdn) for role, file in files.items()}
            for engine, files in runtime.ENGINES.items()
        },
    }
    # Last: the page finds all that it names.
    _write_text(folder / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
    _remove_earlier(folder, manifest)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Site(folder, list(found), size)


def _choose(models: list[str]) -> dict[str, Path]:
    """The name and the .onnx file of each model; the names are good as file names and in addresses."""
    named = (files for files in list_models() if files.onnx is not None)
    files = [find_model(model) for model in models] or sorted(named, key=lambda model: model.name != DEFAULT_MODEL)
    if not files:
        raise ModelError("no models yet: train one with fast-style train, or give a path with --model")
    found: dict[str, Path] = {}
    for model in files:
        if model.onnx is None:
            raise ModelError(f"{model.folder}: has no .onnx file, which browsers need; export the model again")
        name = _web_name(model)
        if name in found:
            raise WebError(f"{found[name]} and {model.onnx} would both be called {name}; rename one's folder")
        found[name] = model.onnx
    return found


def _web_name(model: ModelFiles) -> str:
    assert model.onnx is not None
    name = model.name if model.onnx.stem == "model" else model.onnx.stem
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name or model.onnx.resolve().parent.name).strip("-.") or "model"


def _stylized_scene(name: str, path: Path, scene: RGB) -> tuple[Stylizer, RGB]:
    """The model, which is so proved to run, and what it makes of the scene that every site shows."""
    stylizer = Stylizer.load(path, engine="onnx", device="cpu")
    return stylizer, stylizer(scene)


def _thumbnail(picture: RGB) -> RGB:
    import numpy as np
    from PIL import Image

    image = Image.fromarray(picture)
    image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
    return np.array(image)


def _model_entry(folder: Path, name: str, stylizer: Stylizer) -> dict[str, Any]:
    path = folder / "models" / f"{name}.onnx"
    sha256 = digest_of(path, "sha256")
    info = stylizer.info
    return {
        "name": name,
        "title": info.style_title,
        "credit": info.style_credit,
        "network": info.network,
        # The question mark's part keeps a browser from an older file of the same name.
        "url": f"models/{name}.onnx?{sha256[:12]}",
        "bytes": path.stat().st_size,
        "integrity": sha256_integrity(sha256),
        "minimum_side": info.minimum_side,
        "inputs": info.inputs,
        "preview": f"previews/{name}.jpg",
        "thumbnail": f"thumbnails/{name}.jpg",
    }


def _runtime_entry(file: NpmFile, cdn: bool) -> dict[str, Any]:
    url = f"{runtime.CDN}{file.path}" if cdn else f"ort/{file.name}"
    return {"url": url, "bytes": file.bytes, "integrity": file.integrity}


def _check_target(folder: Path) -> None:
    """A folder that is empty, missing, or holds a page of ours: a page's files don't mix with others."""
    try:
        if folder.exists() and not folder.is_dir():
            raise WebError(f"-o {folder}: is a file; give a folder for the page")
        if folder.is_dir() and any(folder.iterdir()) and not (folder / MANIFEST).is_file():
            raise WebError(f"-o {folder}: holds other files; give an empty or a new folder for the page")
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WebError(f"-o {folder}: cannot be written ({error.strerror}); choose another folder") from error


def _remove_earlier(folder: Path, manifest: dict[str, Any]) -> None:
    """Styles and engines of the page that was here before."""
    urls = [model[kind] for model in manifest["models"] for kind in ("url", "preview", "thumbnail")]
    urls += [file["url"] for engine in manifest["engines"].values() for file in engine.values()]
    # Some disks take two cases of a name for one file.
    named = {str(folder / url.split("?")[0]).casefold() for url in urls}
    for path in sorted(path for pattern in MADE for path in folder.glob(pattern)):
        # A folder that is a link leads to a place that holds more than this page.
        if str(path).casefold() in named or path.is_dir() or path.parent.is_symlink():
            continue
        try:
            path.unlink()
        except OSError as error:
            raise WebError(f"{path}: of an earlier page, not to be removed ({error.strerror}); remove it") from error
    with suppress(OSError):  # is used, or holds more
        (folder / "ort").rmdir()


def _copy(source: Path, target: Path) -> None:
    with atomic_write(target) as temporary:
        shutil.copyfile(source, temporary)


def _write_text(path: Path, text: str) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
