"""Writes the page: its own files, the models with their pictures, onnxruntime-web, and `site.json`, which names them.

The folder is complete and static, so that any web server can offer it. Nothing in it refers to anything outside it,
except where onnxruntime-web is to come from a public server (`cdn`).
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from fast_style import __version__
from fast_style.errors import ModelError, WebError, WriteError, reason_of
from fast_style.images.arrays import RGB
from fast_style.images.decode import load_rgb
from fast_style.images.encode import save_rgb
from fast_style.inference.stylizer import Stylizer
from fast_style.models.artifact import DEFAULT_MODEL, find_model, list_models, title_of
from fast_style.system.downloads import digest_of
from fast_style.system.files import atomic_write
from fast_style.system.paths import resource
from fast_style.web import runtime
from fast_style.web.manifest import Manifest, looks_of, model_entry, runtime_entry

PAGE = Path(__file__).with_name("page")
MANIFEST = "site.json"
EDITION = "edition.js"
HEADERS_FILE = "_headers"
SCENES = "data/scenes"
SCENE = "lake.jpg"
"""The sample photo that the page opens with, already painted."""
THUMBNAIL_SIDE = 240
GENERATED = (
    "models/*.onnx", "previews/*.jpg", "thumbnails/*.jpg", "samples/*.jpg", "ort/ort*.mjs", "ort/ort*.wasm",
    "ort/ort*.gz",
)  # fmt: skip
"""Files that not every page has: the ones that the new manifest does not name belong to an earlier page."""

COMPRESSIBLE = {".html", ".mjs", ".js", ".css", ".json", ".svg", ".webmanifest"}
"""Files that lie beside a copy with gzip, which servers send to whoever takes it; models hardly shrink."""

HEADERS = {
    # A page gets threads only with the first two.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    # Workers have no policy but that of their own file's headers.
    "Content-Security-Policy": "default-src 'none'; script-src 'self' blob: 'wasm-unsafe-eval'; "
    "worker-src 'self' blob:; connect-src 'self' blob:{cdn}; style-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""Headers that a web server should send with each file; Netlify and Cloudflare read them from `_headers`."""


@dataclass(frozen=True)
class Site:
    """A page that was written.

    Attributes:
        folder: its folder.
        models: the names of its models, in their order on the page.
        bytes: the size of all its files.
    """

    folder: Path
    models: list[str]
    bytes: int

    def __str__(self) -> str:
        return f"{', '.join(self.models)}: {self.bytes / 1e6:.1f} MB"


def write_site(models: list[str], folder: Path, *, cdn: bool = False) -> Site:
    """Writes the page into a folder; a page that was there before is replaced, other files are left alone.

    Args:
        models: Names or paths, of which the first opens the page; every model that has a name where empty.
        folder: The folder for the page, made where it is missing.
        cdn: Makes the page load onnxruntime-web from a public server, by its checksum, in place of a copy of its own.

    Returns:
        The page that was written.

    Raises:
        ModelError: A model does not exist, is not readable or has no `.onnx` file.
        MissingPackageError: onnxruntime-web is not installed.
        WebError: Two models share a name, or the folder holds other files.
        WriteError: The folder cannot be written.
    """
    chosen = _choose(models)
    runtime_folder = None if cdn else runtime.check_installed()
    scene = load_rgb(resource(SCENES) / SCENE)
    # Whatever can fail because of a mistake of the user's comes before the first file.
    stylizers = {name: Stylizer.load(path, engine="onnx", device="cpu") for name, path in chosen.items()}
    looks = looks_of({name: stylizer.info for name, stylizer in stylizers.items()})
    paintings = {look.name: stylizers[look.model](scene, style=look.style) for look in looks}
    _check_target(folder)
    for name, path in chosen.items():
        _copy(path, folder / "models" / f"{name}.onnx")
    for name, painting in paintings.items():
        save_rgb(painting, folder / "previews" / f"{name}.jpg", quality=85)
        save_rgb(_thumbnail(painting), folder / "thumbnails" / f"{name}.jpg", quality=82)
    save_rgb(scene, folder / "scene.jpg", quality=88)
    samples = sorted(resource(SCENES).glob("*.jpg"))
    for path in samples:
        _copy(path, folder / "samples" / path.name)
    if runtime_folder is not None:
        for file in runtime.PACKAGE.files:
            _copy(runtime_folder / file.name, folder / "ort" / file.name)
            _copy(_compressed(runtime_folder / file.name), folder / "ort" / f"{file.name}.gz")
    for path in sorted(PAGE.iterdir()):
        _copy(path, folder / path.name)
    _write_headers(folder, cdn=cdn)
    manifest: Manifest = {
        "version": __version__,
        "scene": "scene.jpg",
        "samples": [{"title": title_of(path.stem), "url": f"samples/{path.name}"} for path in samples],
        "models": [model_entry(folder, look) for look in looks],
        "engines": {
            backend: {role: runtime_entry(file, cdn=cdn) for role, file in build.items()}
            for backend, build in runtime.BUILDS.items()
        },
    }
    # The manifest comes last: every file that it names is there by then.
    _write_text(folder / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
    _write_edition(folder, manifest)
    for path in sorted(folder.iterdir()):
        if path.suffix in COMPRESSIBLE:
            _write_bytes(path.with_name(f"{path.name}.gz"), gzip.compress(path.read_bytes(), mtime=0))
    _remove_earlier(folder, manifest)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Site(folder, list(chosen), size)


def _choose(models: list[str]) -> dict[str, Path]:
    """Returns the `.onnx` file of each model, by a name that is safe in file names and addresses."""
    named = (files for files in list_models() if files.onnx is not None)
    files = [find_model(model) for model in models] or sorted(named, key=lambda model: model.name != DEFAULT_MODEL)
    if not files:
        raise ModelError(
            "no models yet",
            remedy="train one with fast-style train, or give a path: {model}",
            suggestions={"model": "PATH"},
        )
    found: dict[str, Path] = {}
    for model in files:
        if model.onnx is None:
            raise ModelError(f"{model.folder}: has no .onnx file, which browsers need", remedy="export the model again")
        name = _web_name(model.name, model.onnx)
        if name in found:
            raise WebError(
                f"{found[name]} and {model.onnx} would both be called {name}", remedy="rename the folder of one of them"
            )
        found[name] = model.onnx
    return found


def _web_name(name: str, path: Path) -> str:
    """Returns a name that is safe in file names and addresses, for the model called `name` in the file `path`."""
    if path.stem != "model":
        name = path.stem
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name or path.resolve().parent.name).strip("-.") or "model"


def _thumbnail(picture: RGB) -> RGB:
    import numpy as np
    from PIL import Image

    image = Image.fromarray(picture)
    image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
    return np.array(image)


def _write_headers(folder: Path, *, cdn: bool) -> None:
    # For a page that loads onnxruntime-web from a public server, its workers may ask that server.
    values = {key: value.replace("{cdn}", f" {runtime.CDN}" if cdn else "") for key, value in HEADERS.items()}
    _write_text(folder / HEADERS_FILE, "/*\n" + "".join(f"  {key}: {value}\n" for key, value in values.items()))


def read_headers(folder: Path) -> dict[str, str]:
    """Returns the headers that a written page asks web servers to send with each of its files."""
    lines = (folder / HEADERS_FILE).read_text(encoding="utf-8").splitlines()[1:]
    return dict(line.strip().split(": ", 1) for line in lines)


def _write_edition(folder: Path, manifest: Manifest) -> None:
    """Writes the list of what the service worker keeps, which has another name whenever one of the files changes."""
    own = [path.name for path in sorted(PAGE.iterdir()) if path.name != "offline.js"]
    shown = [url for model in manifest["models"] for url in (model["thumbnail"], model["preview"])]
    files = [*own, MANIFEST, manifest["scene"], *shown]
    pictures = [sample["url"] for sample in manifest["samples"]]
    digests = "".join(digest_of(folder / name, "sha256") for name in [*files, *pictures, "offline.js"])
    edition = {
        "name": sha256(digests.encode()).hexdigest()[:16],
        "files": ["./", *files],
        "pictures": pictures,
    }
    _write_text(folder / EDITION, f"self.EDITION = {json.dumps(edition, indent=1)};\n")


def _check_target(folder: Path) -> None:
    """Checks that a folder is empty, missing or holds an earlier page: the page's files must not mix with others."""
    try:
        if folder.exists() and not folder.is_dir():
            raise WebError("is a file", setting="output", value=folder, remedy="give a folder for the page")
        if folder.is_dir() and any(folder.iterdir()) and not (folder / MANIFEST).is_file():
            raise WebError(
                "holds other files", setting="output", value=folder, remedy="give an empty or a new folder for the page"
            )
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(
            f"cannot be written ({reason_of(error)})", setting="output", value=folder, remedy="choose another folder"
        ) from error


def _remove_earlier(folder: Path, manifest: Manifest) -> None:
    """Removes the styles and engines that only an earlier page in this folder had."""
    urls = [url for model in manifest["models"] for url in (model["url"], model["preview"], model["thumbnail"])]
    urls += [sample["url"] for sample in manifest["samples"]]
    urls += [file["url"] for engine in manifest["engines"].values() for file in engine.values()]
    # Some file systems take names that differ only in case for the same file.
    named = {str(folder / f"{url.split('?')[0]}{suffix}").casefold() for url in urls for suffix in ("", ".gz")}
    for path in sorted(path for pattern in GENERATED for path in folder.glob(pattern)):
        # A folder that is a link may lead to a place that holds more than this page.
        if str(path).casefold() in named or path.is_dir() or path.parent.is_symlink():
            continue
        try:
            path.unlink()
        except OSError as error:
            raise WriteError(
                f"{path}: belongs to an earlier page and cannot be removed ({reason_of(error)})", remedy="remove it"
            ) from error
    with suppress(OSError):  # it is in use, or holds other files
        (folder / "ort").rmdir()


def _copy(source: Path, target: Path) -> None:
    with atomic_write(target) as temporary:
        shutil.copyfile(source, temporary)


def _compressed(path: Path) -> Path:
    """Returns a copy of an installed file with gzip, made when it is first needed: that takes seconds."""
    target = path.with_name(f"{path.name}.gz")
    if not target.is_file():
        _write_bytes(target, gzip.compress(path.read_bytes(), compresslevel=6, mtime=0))
    return target


def _write_bytes(path: Path, content: bytes) -> None:
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)


def _write_text(path: Path, text: str) -> None:
    _write_bytes(path, text.encode())
