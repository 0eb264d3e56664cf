"""Stylizer: a trained model, loaded once, that stylises any picture in one forward pass.

An `.onnx` file runs on ONNX Runtime and imports no torch; a `.safetensors` file runs on torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from fast_style.artifact import ModelInfo, find_model, read_info
from fast_style.errors import ImageError, ModelError, first_line

if TYPE_CHECKING:
    from PIL.Image import Image

Picture = TypeVar("Picture", np.ndarray, "Image")

ENGINES = ("auto", "onnx", "torch")
DEVICES = ("auto", "cpu", "cuda", "mps")


class Engine(Protocol):
    """Runs an exported network: uint8 RGB `[N, H, W, 3]` to the same shape."""

    info: ModelInfo
    device: str

    def __call__(self, images: np.ndarray, strength: float | None) -> np.ndarray:
        """A strength for a network with a dial, None for one without."""


def open_session(path: Path, providers: list[str]) -> Any:
    """An ONNX Runtime session without its chatter.

    Raises:
        ModelError: not readable as an ONNX model.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(path, options, providers=providers)
    except Exception as error:  # its exception types live in a private module
        raise ModelError(f"{path}: not readable as an ONNX model ({first_line(error)})") from error


class OnnxEngine:
    """ONNX Runtime on the CPU, or on CUDA where its GPU package is installed."""

    def __init__(self, path: Path, device: str) -> None:
        import onnxruntime as ort

        providers = ["CPUExecutionProvider"]
        if device == "cuda" or (device == "auto" and "CUDAExecutionProvider" in ort.get_available_providers()):
            providers.insert(0, "CUDAExecutionProvider")
        if device == "mps":
            raise ModelError("device=mps: ONNX Runtime has no Metal engine here; use --engine torch or --device cpu")
        if providers[0] not in ort.get_available_providers():
            raise ModelError("device=cuda: install onnxruntime-gpu for it, or use --engine torch or --device cpu")
        self.session = open_session(path, providers)
        self.info = ModelInfo.from_metadata(self.session.get_modelmeta().custom_metadata_map, path)
        self.device = "cuda" if self.session.get_providers()[0] == "CUDAExecutionProvider" else "cpu"

    def __call__(self, images: np.ndarray, strength: float | None) -> np.ndarray:
        dial = {} if strength is None else {"strength": np.array([strength], np.float32)}
        return self.session.run(["stylized"], {"image": images, **dial})[0]


class TorchEngine:
    """torch, in float32, on the CPU, CUDA or Metal."""

    def __init__(self, path: Path, device: str) -> None:
        self.info = read_info(path)
        import torch

        from fast_style.networks import PixelInterface, load_network

        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        if device == "cuda" and not torch.cuda.is_available():
            raise ModelError("device=cuda: this torch sees no CUDA GPU; use --device cpu")
        if device == "mps" and not torch.backends.mps.is_available():
            raise ModelError("device=mps: this torch sees no Metal GPU; use --device cpu")
        self.device = device
        network = load_network(path)
        self._network = PixelInterface(network).eval().to(device).to(memory_format=torch.channels_last)
        self._torch = torch

    def __call__(self, images: np.ndarray, strength: float | None) -> np.ndarray:
        torch = self._torch
        dial = None if strength is None else torch.tensor([strength], device=self.device)
        with torch.inference_mode():
            return self._network(torch.from_numpy(images).to(self.device), dial).cpu().numpy()


class Stylizer:
    """A model ready to stylise. Make one with `Stylizer.load`.

    ```python
    stylizer = Stylizer.load("starry_night")
    stylized = stylizer(photo)  # PIL image in, PIL image out; uint8 RGB array in, array out
    ```
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @property
    def info(self) -> ModelInfo:
        """What the model says of itself."""
        return self.engine.info

    @classmethod
    def load(cls, model: str | Path, *, engine: str = "auto", device: str = "auto") -> Stylizer:
        """Loads a model by name, by folder or by file.

        Args:
            model: a name (`starry_night`), a model folder, or a `.safetensors` or `.onnx` file.
            engine: `onnx`, `torch`, or `auto`: the one that the file is for; of a folder, ONNX Runtime, which
                starts faster, but torch for a GPU.
            device: `cpu`, `cuda`, `mps`, or `auto`: the best there is.

        Raises:
            ModelError: no such model, unreadable, of an unknown schema, or not usable with this engine.
        """
        if engine not in ENGINES:
            raise ModelError(f"engine={engine}: must be one of {', '.join(ENGINES)}")
        if device not in DEVICES:
            raise ModelError(f"device={device}: must be one of {', '.join(DEVICES)}")
        files = find_model(model)
        if engine == "auto":
            wants_torch = device in ("cuda", "mps") and files.safetensors is not None
            engine = "torch" if wants_torch or files.onnx is None else "onnx"
        path = files.onnx if engine == "onnx" else files.safetensors
        if path is None:
            wanted = ".onnx" if engine == "onnx" else ".safetensors"
            raise ModelError(
                f"engine={engine}: {files.folder} has no {wanted} file; choose the other engine or export again"
            )
        return cls(OnnxEngine(path, device) if engine == "onnx" else TorchEngine(path, device))

    @property
    def has_strength(self) -> bool:
        """Whether the model has a dial."""
        return "strength" in self.info.inputs

    def __call__(self, picture: Picture, *, strength: float | None = None) -> Picture:
        """Stylises one picture, or a batch of equal size.

        Args:
            picture: uint8 RGB array `[H, W, 3]` or `[N, H, W, 3]`, or a PIL image of any mode.
            strength: of the style, for a model with a dial: from 0, nearly the picture itself, over 1, as trained
                and by default, to 1.5.

        Returns:
            The same kind, exactly as large.

        Raises:
            ImageError: another type, dtype or shape.
            ModelError: a strength out of range, or for a model without a dial.
        """
        strength = self._checked(strength)
        if not isinstance(picture, np.ndarray):
            return self._pil(picture, strength)
        if picture.dtype != np.uint8 or picture.ndim not in (3, 4) or picture.shape[-1] != 3 or 0 in picture.shape:
            raise ImageError(
                f"cannot stylise {picture.dtype} {list(picture.shape)}: want uint8 RGB [H, W, 3] or [N, H, W, 3]"
            )
        batch = picture if picture.ndim == 4 else picture[None]
        height, width = batch.shape[1:3]
        # Pictures smaller than the network takes are mirrored outwards, and cut back after.
        short_h, short_w = (max(0, self.info.minimum_side - side) for side in (height, width))
        if short_h or short_w:
            batch = np.pad(batch, ((0, 0), (0, short_h), (0, short_w), (0, 0)), mode="symmetric")
        result = self.engine(np.ascontiguousarray(batch), strength)[:, :height, :width]
        return result if picture.ndim == 4 else result[0]

    def _checked(self, strength: float | None) -> float | None:
        """The strength to run with: None for a model without a dial."""
        if not self.has_strength:
            if strength in (None, 1):
                return None
            raise ModelError(
                f"strength={strength}: {self.info.name} has no dial; use a model with one, or leave it out"
            )
        dial = self.info.inputs["strength"]
        if strength is None:
            return dial["default"]
        if not dial["minimum"] <= strength <= dial["maximum"]:
            raise ModelError(f"strength={strength}: must lie from {dial['minimum']:g} to {dial['maximum']:g}")
        return strength

    def _pil(self, picture: Any, strength: float | None) -> Any:
        from PIL import Image

        from fast_style.images import decode_rgb

        if not isinstance(picture, Image.Image):
            raise ImageError(f"cannot stylise a {type(picture).__name__}: want a uint8 RGB array or a PIL image")
        return Image.fromarray(self(decode_rgb(picture), strength=strength))
