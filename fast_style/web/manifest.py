"""The content of `site.json`, which names everything that a page fetches: styles, samples and onnxruntime-web."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from fast_style.models.artifact import InputRange, ModelInfo, title_of
from fast_style.system.downloads import digest_of
from fast_style.web import runtime
from fast_style.web.npm import NpmFile, sha256_integrity


class FileEntry(TypedDict):
    """A file that the page fetches, and checks before use."""

    url: str
    bytes: int
    integrity: str


class ModelEntry(FileEntry):
    """A style in the manifest: its model's file, what that says about itself, and its pictures.

    `painting` is the same for the styles that are one painting by several networks. `values` are those of inputs that
    choose the style in a model of several.
    """

    name: str
    title: str
    painting: str
    credit: str
    network: str
    minimum_side: int
    inputs: dict[str, InputRange]
    values: dict[str, list[float]]
    preview: str
    thumbnail: str


class Sample(TypedDict):
    """A photo for visitors who have none at hand."""

    title: str
    url: str


class Manifest(TypedDict):
    """The content of `site.json`."""

    version: str
    scene: str
    samples: list[Sample]
    models: list[ModelEntry]
    engines: dict[str, dict[str, FileEntry]]


@dataclass(frozen=True)
class Look:
    """A style as the page offers it.

    Attributes:
        name: the name in addresses.
        title: the title that visitors read.
        credit: who painted it.
        painting: the name that it shares with the same painting by other networks.
        model: the name of its model's file.
        info: what the model says about itself.
        style: the name of the style in a model of several.
    """

    name: str
    title: str
    credit: str
    painting: str
    model: str
    info: ModelInfo
    style: str | None = None


def looks_of(infos: dict[str, ModelInfo]) -> list[Look]:
    """Returns the styles of models, by the names of their files: several of a model that holds several."""
    alone = {model: _look_of_one(model, info, infos) for model, info in infos.items() if not info.styles}
    looks = []
    for model, info in infos.items():
        looks += [alone[model]] if model in alone else _looks_of_several(model, info, list(alone.values()))
    return looks


def _looks_of_several(model: str, info: ModelInfo, alone: list[Look]) -> list[Look]:
    """Returns the styles of a model that holds several; one that is also in `alone` is the same painting."""
    looks = []
    for style in info.styles:
        name = f"{model}-{re.sub(r'[^A-Za-z0-9._-]+', '-', style['name'])}"
        called = {title_of(style[key]).casefold() for key in ("title", "name")}
        same = [look for look in alone if called & {title_of(text).casefold() for text in (look.title, look.painting)}]
        title, credit, painting = style["title"], info.style_credit, name
        if same:
            title, credit, painting = same[0].title, same[0].credit, same[0].painting
        looks.append(Look(name, title, credit, painting, model, info, style["name"]))
    return looks


def _look_of_one(name: str, info: ModelInfo, infos: dict[str, ModelInfo]) -> Look:
    """Returns the style of a model that holds one.

    A style that was trained anew for another network is called after both: mosaic_johnson, Mosaic johnson.
    """
    painting, title = (re.sub(rf"[ ._-]{re.escape(info.network)}$", "", text) for text in (name, info.style_title))
    first = infos.get(painting)
    if painting == name or (first is not None and not _same_style(title, painting, first)):
        return Look(name, info.style_title, info.style_credit, name, name, info)
    if first is not None:
        return Look(name, first.style_title, first.style_credit, painting, name, info)
    return Look(name, title, info.style_credit, painting, name, info)


def _same_style(title: str, name: str, other: ModelInfo) -> bool:
    """Whether the style called `title`, or else by its model's `name`, is that of another model."""
    own, others = (
        {title_of(text).casefold() for text in texts} for texts in ((title, name), (other.style_title, other.name))
    )
    return bool(own & others)


def model_entry(folder: Path, look: Look) -> ModelEntry:
    """Returns the entry of a style whose files are in a page's folder."""
    path = folder / "models" / f"{look.model}.onnx"
    digest = digest_of(path, "sha256")
    styles = look.info.styles
    return {
        "name": look.name,
        "title": look.title,
        "painting": look.painting,
        "credit": look.credit,
        "network": look.info.network,
        # The query keeps a browser from using an older file of the same name.
        "url": f"models/{look.model}.onnx?{digest[:12]}",
        "bytes": path.stat().st_size,
        "integrity": sha256_integrity(digest),
        "minimum_side": look.info.minimum_side,
        "inputs": look.info.inputs,
        "values": {"style": [float(style["name"] == look.style) for style in styles]} if styles else {},
        "preview": f"previews/{look.name}.jpg",
        "thumbnail": f"thumbnails/{look.name}.jpg",
    }


def runtime_entry(file: NpmFile, *, cdn: bool) -> FileEntry:
    """Returns the entry of a file of onnxruntime-web, in the page's folder or on a public server."""
    url = f"{runtime.CDN}{file.path}" if cdn else f"ort/{file.name}"
    return {"url": url, "bytes": file.bytes, "integrity": file.integrity}
