"""What an exported model says of itself: its metadata, written and read, and where models are found.

Standard library and safetensors alone: the running side imports neither torch nor Lightning to read it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from fast_style.errors import ModelError
from fast_style.models.migration import migrate_card, migrate_metadata
from fast_style.system.paths import resource

SCHEMA_VERSION = "1.1"
DEFAULT_MODEL = "starry_night"
"""Of every command that stylises, and what a page of all models opens with."""
SAFETENSORS = "model.safetensors"
ONNX = "model.onnx"
CARD_JSON = "card.json"
CARD_MD = "card.md"
PREVIEW = "preview.jpg"
MODEL_FILES = (SAFETENSORS, ONNX, CARD_JSON, CARD_MD, PREVIEW)
"""What an export writes into a model's folder."""
LARGEST_MINIMUM_SIDE = 1024
"""Pixels: pictures are padded up to the side that a model asks for."""
COLOR = "uint8 RGB (sRGB), NHWC, in and out"


@dataclass(frozen=True)
class ModelInfo:
    """The metadata of one model; each field is one key of JSON in the file."""

    name: str
    network: str
    network_arguments: dict[str, Any]
    style_title: str
    style_credit: str
    minimum_side: int  # smallest H and W that the network takes, in pixels
    training: dict[str, Any] = field(default_factory=dict)
    # What it takes besides the picture: for `strength`, its `default`, `minimum` and `maximum`.
    inputs: dict[str, dict[str, float]] = field(default_factory=dict)
    color: str = COLOR
    package_version: str = ""
    git_commit: str | None = None
    schema_version: str = SCHEMA_VERSION

    def to_metadata(self) -> dict[str, str]:
        """String to JSON string, as safetensors and ONNX store it."""
        return {key: json.dumps(value, ensure_ascii=False) for key, value in asdict(self).items()}

    @classmethod
    def from_metadata(cls, metadata: dict[str, str] | None, source: Path) -> ModelInfo:
        """Reads what `to_metadata` wrote; unknown keys of a newer minor version are ignored.

        Raises:
            ModelError: no metadata of ours, damaged, or of another major schema version.
        """
        try:
            values = migrate_metadata({k: json.loads(text) for k, text in (metadata or {}).items() if k in _FIELDS})
            version = values["schema_version"]
            major = int(version.split(".")[0])
        except (KeyError, ValueError, AttributeError, RecursionError) as error:
            raise ModelError(f"{source}: not a fast_style model (no readable metadata); export it again") from error
        if major != int(SCHEMA_VERSION.split(".")[0]):
            raise ModelError(
                f"{source}: model schema {version}, this fast_style reads {SCHEMA_VERSION}; update fast_style, "
                f"or export the model again with this version"
            )
        try:
            info = cls(**values)
        except TypeError as error:
            raise ModelError(f"{source}: incomplete metadata ({error}); export it again") from error
        wrong = info._wrong()
        if wrong is not None:
            raise ModelError(f"{source}: damaged metadata ({wrong}={getattr(info, wrong)!r}); export it again")
        return info

    def _wrong(self) -> str | None:
        """The first field that its type does not allow: files come from anywhere."""
        texts = ("name", "network", "style_title", "style_credit", "color", "package_version")
        objects = ("network_arguments", "training", "inputs")
        for kind, names in ((str, texts), (dict, objects)):
            for name in names:
                if not isinstance(getattr(self, name), kind):
                    return name
        if type(self.minimum_side) is not int or not 1 <= self.minimum_side <= LARGEST_MINIMUM_SIDE:
            return "minimum_side"
        for values in self.inputs.values():
            keys = ("default", "minimum", "maximum")
            if not isinstance(values, dict) or not all(isinstance(values.get(key), int | float) for key in keys):
                return "inputs"
        return None


_FIELDS = frozenset(f.name for f in fields(ModelInfo))


@dataclass(frozen=True)
class ModelFiles:
    """The files of one model that exist."""

    name: str
    safetensors: Path | None = None
    onnx: Path | None = None

    @property
    def folder(self) -> Path:
        path = self.safetensors or self.onnx
        assert path is not None
        return path.parent

    def card(self) -> dict[str, Any]:
        """card.json, or nothing where it is missing or damaged."""
        try:
            card = json.loads((self.folder / CARD_JSON).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return migrate_card(card) if isinstance(card, dict) else {}

    def size(self) -> int:
        """Bytes of the larger of its model files."""
        return max(p.stat().st_size for p in (self.safetensors, self.onnx) if p is not None)


def model_folders() -> list[Path]:
    """Where names are looked up: `./checkpoints`, then what came with the package."""
    folders = [Path("checkpoints").resolve(), resource("checkpoints")]
    return list(dict.fromkeys(folder for folder in folders if folder.is_dir()))


def list_models() -> list[ModelFiles]:
    """Every model that has a name, sorted; one of your own hides a shipped one of the same name."""
    found: dict[str, ModelFiles] = {}
    for folder in model_folders():
        for path in sorted(folder.iterdir()):
            files = _files_in(path)
            if files is not None:
                found.setdefault(files.name, files)
    return [found[name] for name in sorted(found)]


def find_model(model: str | Path) -> ModelFiles:
    """The files of a model given by name, by folder, or by one of its files.

    Raises:
        ModelError: there is none; the message lists the names there are.
    """
    path = Path(model).expanduser()
    if path.is_file():
        if path.suffix == ".onnx":
            return ModelFiles(path.parent.name, onnx=path)
        if path.suffix == ".safetensors":
            return ModelFiles(path.parent.name, safetensors=path)
        raise ModelError(f"{path}: a model is a .safetensors or .onnx file, or a folder that holds one")
    files = _files_in(path)
    if files is not None:
        return files
    if path.name == str(model):
        for folder in model_folders():
            files = _files_in(folder / path.name)
            if files is not None:
                return files
    names = ", ".join(files.name for files in list_models()) or "none yet"
    raise ModelError(f"no model {model}: give a path, or one of these names: {names}")


def _files_in(folder: Path) -> ModelFiles | None:
    safetensors, onnx = folder / SAFETENSORS, folder / ONNX
    if not safetensors.is_file() and not onnx.is_file():
        return None
    return ModelFiles(
        folder.name,
        safetensors if safetensors.is_file() else None,
        onnx if onnx.is_file() else None,
    )


def read_info(path: Path) -> ModelInfo:
    """The metadata of a `.safetensors` file, from its header alone.

    Raises:
        ModelError: missing, damaged, or not ours.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata()
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: not readable as a model ({error})") from error
    return ModelInfo.from_metadata(metadata, path)
