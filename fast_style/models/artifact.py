"""The files of an exported model: its metadata, written and read, and where models are found.

Standard library and safetensors alone: reading a model's metadata imports no torch.
"""

from __future__ import annotations

import difflib
import json
import shlex
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TypedDict

from fast_style.errors import ModelError, ModelNotFoundError
from fast_style.models.migration import JsonObject, migrate_card, migrate_metadata
from fast_style.system.paths import check_no_url, resource

SCHEMA_VERSION = "1.2"
"""Version of the metadata. 1.1 renamed the dial to strength, see `migration`; 1.2 added `styles`."""
DEFAULT_MODEL = "starry_night"
"""The model of every command that stylizes, and the one that a page of all models opens with."""
SAFETENSORS = "model.safetensors"
ONNX = "model.onnx"
CARD_JSON = "card.json"
CARD_MD = "card.md"
PREVIEW = "preview.jpg"
MODEL_FILES = (SAFETENSORS, ONNX, CARD_JSON, CARD_MD, PREVIEW)
"""The files that an export writes into a model's folder."""
LARGEST_MINIMUM_SIDE = 1024
"""Pixels: pictures are padded up to the side that a model asks for."""
COLOR = "uint8 RGB (sRGB), NHWC, in and out"


class InputRange(TypedDict):
    """The values that an input of a network takes."""

    default: float
    minimum: float
    maximum: float


STRENGTH_RANGE: InputRange = {"default": 1.0, "minimum": 0.0, "maximum": 1.5}
"""Strengths of the networks that take one: 0 gives the photo back, 1 is the style as it was trained."""


class StyleInfo(TypedDict):
    """One of the styles of a network that holds several."""

    name: str
    title: str


@dataclass(frozen=True)
class ModelInfo:
    """The metadata of one model; each field is one key of JSON in the file."""

    name: str
    network: str
    network_arguments: JsonObject
    style_title: str
    style_credit: str
    minimum_side: int
    """Smallest H and W that the network takes, in pixels."""
    training: JsonObject = field(default_factory=dict)
    inputs: dict[str, InputRange] = field(default_factory=dict)
    """What the network takes besides the picture, such as `strength`."""
    styles: list[StyleInfo] = field(default_factory=list)
    """The styles of a network that holds several, in the order of its input `style`; empty for a network of one."""
    color: str = COLOR
    package_version: str = ""
    git_commit: str | None = None
    schema_version: str = SCHEMA_VERSION

    def to_metadata(self) -> dict[str, str]:
        """Returns each field as a JSON string, the form in which safetensors and ONNX store metadata."""
        return {key: json.dumps(value, ensure_ascii=False) for key, value in asdict(self).items()}

    @classmethod
    def from_metadata(cls, metadata: dict[str, str] | None, source: Path) -> ModelInfo:
        """Reads what `to_metadata` wrote, in this or an earlier version; unknown keys of a newer one are ignored.

        Args:
            metadata: keys and JSON strings.
            source: the file that they come from, which errors name.

        Raises:
            ModelError: the metadata is not ours, is damaged, or has another major schema version.
        """
        try:
            values = {key: json.loads(text) for key, text in (metadata or {}).items() if key in _FIELDS}
            version = values["schema_version"]
            major = int(version.split(".")[0])
        except (KeyError, ValueError, AttributeError, RecursionError) as error:
            problem = f"{source}: not a fast_style model (no readable metadata)"
            raise ModelError(problem, remedy="export it again") from error
        if major != int(SCHEMA_VERSION.split(".")[0]):
            raise ModelError(
                f"{source}: model schema {version}, this fast_style reads {SCHEMA_VERSION}",
                remedy="update fast_style, or export the model again with this version",
            )
        try:
            info = cls(**migrate_metadata(values))
        except TypeError as error:
            raise ModelError(f"{source}: incomplete metadata ({error})", remedy="export it again") from error
        invalid = info._first_invalid_field()
        if invalid is not None:
            problem = f"{source}: damaged metadata ({invalid}={getattr(info, invalid)!r})"
            raise ModelError(problem, remedy="export it again")
        return info

    def _first_invalid_field(self) -> str | None:
        """Returns the first field with a value that its type does not allow: files come from anywhere."""
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
        if not isinstance(self.styles, list) or len(self.styles) == 1:
            return "styles"
        for style in self.styles:
            if not isinstance(style, dict) or not all(isinstance(style.get(key), str) for key in ("name", "title")):
                return "styles"
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
        """The folder that holds the model."""
        path = self.safetensors or self.onnx
        assert path is not None
        return path.parent

    def card(self) -> JsonObject:
        """Returns the content of card.json, empty where the file is missing or damaged."""
        try:
            card = json.loads((self.folder / CARD_JSON).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        return migrate_card(card) if isinstance(card, dict) else {}

    def size(self) -> int:
        """Returns the bytes of the larger of the two model files."""
        return max(p.stat().st_size for p in (self.safetensors, self.onnx) if p is not None)


def title_of(name: str) -> str:
    """Returns a title for a style that has none but its file's name."""
    return name.replace("_", " ").capitalize()


def model_folders() -> list[Path]:
    """Returns the folders in which names are looked up: `./checkpoints`, then what came with the package."""
    folders = [Path("checkpoints").resolve(), resource("checkpoints")]
    return list(dict.fromkeys(folder for folder in folders if folder.is_dir()))


def list_models() -> list[ModelFiles]:
    """Returns every model that has a name: those in `./checkpoints`, and those that came with the package.

    Returns:
        The files of each model, sorted by name; one of your own hides a shipped one of the same name. `Stylizer.load`
        and `load_network` take an entry of it.
    """
    found: dict[str, ModelFiles] = {}
    for folder in model_folders():
        for path in sorted(folder.iterdir()):
            files = _files_in(path)
            if files is not None:
                found.setdefault(files.name, files)
    return [found[name] for name in sorted(found)]


def find_model(model: str | Path | ModelFiles) -> ModelFiles:
    """Returns the files of a model given by its name, its folder, or one of its files; files are returned as they are.

    Raises:
        ModelNotFoundError: there is none; the message says what was probably meant, or lists the names there are.
        ModelError: the path is a file of another kind.
    """
    if isinstance(model, ModelFiles):
        return model
    path = Path(model).expanduser()
    if path.is_file():
        if path.suffix == ".onnx":
            return ModelFiles(path.parent.name, onnx=path)
        if path.suffix == ".safetensors":
            return ModelFiles(path.parent.name, safetensors=path)
        raise _not_found(model, path)
    files = _files_in(path)
    if files is not None:
        return files
    if path.name == str(model):
        for folder in model_folders():
            files = _files_in(folder / path.name)
            if files is not None:
                return files
    raise _not_found(model, path)


def _not_found(model: str | Path, path: Path) -> ModelError:
    """Returns the error for what is no model, with what was probably meant."""
    from fast_style.images.formats import IMAGE_SUFFIXES  # which imports Pillow

    check_no_url(model, ModelNotFoundError)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        image = shlex.quote(str(model))
        return ModelNotFoundError(
            f"{model}: a style image is not a model yet", remedy=f"train one: fast-style train style.image={image}"
        )
    if path.suffix == ".ckpt" or (path.is_dir() and any(path.glob("*.ckpt"))):
        checkpoint = shlex.quote(str(model if path.suffix == ".ckpt" else path / "last.ckpt"))
        return ModelNotFoundError(
            f"{model}: a checkpoint is not a model yet",
            remedy=f"make one: fast-style export {checkpoint} -o checkpoints/NAME",
        )
    if path.is_file():
        return ModelError(f"{path}: a model is a .safetensors or .onnx file, or a folder that holds one")
    names = [files.name for files in list_models()]
    similar = difflib.get_close_matches(str(model), names, n=1)
    if similar:
        return ModelNotFoundError(f"no model {model}", remedy=f"did you mean {similar[0]}?")
    return ModelNotFoundError(f"no model {model}", remedy=f"give a path or a name: {', '.join(names) or 'none yet'}")


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
    """Returns the metadata of a `.safetensors` file, from its header alone.

    Raises:
        ModelNotFoundError: there is no such file.
        ModelError: the file is damaged or not ours.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata()
    except FileNotFoundError as error:
        raise ModelNotFoundError(f"{path}: not readable as a model (no such file)") from error
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: not readable as a model ({error})") from error
    return ModelInfo.from_metadata(metadata, path)
