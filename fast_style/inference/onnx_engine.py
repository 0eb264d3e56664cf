"""ONNX Runtime: sessions, the engine around one, and how much memory a network takes in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from fast_style.errors import ConfigError, ModelError, reason_of
from fast_style.inference.engines import DEVICE_NAMES, Pixels, StyleWeights
from fast_style.models.artifact import ModelInfo
from fast_style.system.hardware import usable_cores
from fast_style.system.optional import is_installed

if TYPE_CHECKING:
    import onnx

Array = npt.NDArray[np.generic]

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
}
"""ONNX Runtime's own names of devices."""
_DEVICE_REMEDIES = {
    "cuda": "install onnxruntime-gpu, or use {engine} or {device}",
    "coreml": "ONNX Runtime has it on macOS alone, use {device}",
    "directml": "install onnxruntime-directml on Windows, or use {device}",
}

BYTES_PER_PIXEL = {"lite": 150.0}
"""What `onnx_bytes_per_pixel` measures on networks of width 32, rounded up."""
LARGEST_BYTES_PER_PIXEL = 1000.0
"""What it measures on `johnson`, the hungriest of our networks, at width 32, rounded up."""


class OnnxValue(Protocol):
    """An input of a model."""

    name: str


class OnnxMetadata(Protocol):
    """What an ONNX file says about itself."""

    custom_metadata_map: dict[str, str]


class OnnxSession(Protocol):
    """The part of `onnxruntime.InferenceSession` that is used here; it ships no types."""

    def run(self, output_names: Sequence[str] | None, inputs: Mapping[str, Array]) -> list[Array]:
        """Returns the outputs asked for, or all of them."""

    def get_inputs(self) -> list[OnnxValue]:
        """Returns the model's inputs."""

    def get_providers(self) -> list[str]:
        """Returns the providers in use, the preferred one first."""

    def get_modelmeta(self) -> OnnxMetadata:
        """Returns the model's metadata."""


def available_providers() -> list[str]:
    """Returns the names of the devices that this build of ONNX Runtime is made for."""
    import onnxruntime as ort

    providers: list[str] = ort.get_available_providers()
    return providers


def open_session(path: Path, providers: list[str]) -> OnnxSession:
    """Opens an ONNX Runtime session that logs nothing, with one thread for each core.

    Raises:
        ModelError: the file is not readable as an ONNX model.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = usable_cores()
    options.inter_op_num_threads = 1
    # Threads that spin while they wait take the processor from whoever decodes and encodes.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if PROVIDERS["directml"] in providers:
        options.enable_mem_pattern = False
    try:
        session: OnnxSession = ort.InferenceSession(path, options, providers=providers)
    except Exception as error:  # its exception types live in a private module
        raise ModelError(f"{path}: not readable as an ONNX model ({reason_of(error)})") from error
    return session


class OnnxEngine:
    """ONNX Runtime in float32, on the CPU, or on CUDA, Core ML or DirectML where its package has them.

    Args:
        path: an `.onnx` file.
        device: `auto` is CUDA or DirectML where they work, else the CPU.

    Raises:
        ConfigError: ONNX Runtime does not have this device, or cannot start it here.
        ModelError: the file is damaged or not ours.
    """

    precision = "fp32"

    def __init__(self, path: Path, device: str) -> None:
        available = available_providers()
        _check_device(device, available)
        # Core ML only when asked for: it splits networks of varying size into many small parts.
        candidates = ["cuda", "directml", "cpu"] if device == "auto" else [device]
        self._path = path
        for candidate in candidates:
            if PROVIDERS[candidate] in available:
                self.session = open_session(path, list(dict.fromkeys([PROVIDERS[candidate], PROVIDERS["cpu"]])))
                self.device = candidate
                self.info = ModelInfo.from_metadata(self.session.get_modelmeta().custom_metadata_map, path)
                # A provider whose libraries are missing gives way to the CPU with no more than a log message.
                started = self.session.get_providers()[0] == PROVIDERS[candidate]
                if started and (candidate == "cpu" or self._works()):
                    break
        else:
            raise ConfigError(
                "ONNX Runtime cannot start it here",
                setting="device",
                value=device,
                remedy="use {device}",
                suggestions={"device": "cpu"},
            )

    def _works(self) -> bool:
        try:
            self(np.zeros((1, 64, 64, 3), np.uint8), 1.0 if "strength" in self.info.inputs else None, self._any_style())
        except ModelError:
            return False
        return True

    def _any_style(self) -> StyleWeights | None:
        styles = self.info.styles
        return tuple(1 / len(styles) for _ in styles) if styles else None

    def __call__(self, images: Pixels, strength: float | None, style: StyleWeights | None = None) -> Pixels:
        """Stylizes a batch; see `Engine`."""
        inputs: dict[str, Array] = {"image": images}
        if strength is not None:
            inputs["strength"] = np.array([strength], np.float32)
        if style is not None:
            inputs["style"] = np.array(style, np.float32)
        try:
            (stylized,) = self.session.run(["stylized"], inputs)
        except Exception as error:  # its exception types live in a private module
            raise ModelError(f"ONNX Runtime failed ({reason_of(error)[:200]})") from error
        return stylized.astype(np.uint8, copy=False)

    def bytes_per_pixel(self) -> float:
        """Returns about how much memory one pixel takes while it is stylized.

        It is measured where the package onnx is installed, which training brings, and estimated elsewhere.
        """
        if is_installed("onnx"):
            return onnx_bytes_per_pixel(self._path)
        width = self.info.network_arguments.get("width")
        channels = width if isinstance(width, int) else 32
        return max(1.0, channels / 32) * BYTES_PER_PIXEL.get(self.info.network, LARGEST_BYTES_PER_PIXEL)

    def free_memory(self) -> int | None:
        """Returns None: ONNX Runtime does not tell."""
        return None

    def describe(self) -> str:
        """Returns library and device, for people."""
        return f"ONNX Runtime on {DEVICE_NAMES[self.device]}"


def _check_device(device: str, available: list[str]) -> None:
    if device == "mps":
        raise ConfigError(
            "ONNX Runtime has no Metal engine",
            setting="device",
            value=device,
            remedy="use coreml, {engine} or {device}",
            suggestions={"engine": "torch", "device": "cpu"},
        )
    if device != "auto" and PROVIDERS[device] not in available:
        raise ConfigError(
            "this ONNX Runtime does not have it",
            setting="device",
            value=device,
            remedy=_DEVICE_REMEDIES[device],
            suggestions={"engine": "torch", "device": "cpu"},
        )


def onnx_bytes_per_pixel(path: Path, side: int = 64) -> float:
    """Measures about how much memory ONNX Runtime takes for one pixel.

    A small picture, `side` pixels wide and high, runs through the network with every intermediate value as an
    output; the largest sum of values that are alive at once counts.
    """
    import onnx
    import onnxruntime as ort

    model = onnx.load(path)
    graph = model.graph
    names = [name for node in graph.node for name in node.output]
    further = {
        value.name: np.ones([d.dim_value for d in value.type.tensor_type.shape.dim], np.float32)
        for value in graph.input[1:]
    }
    graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name != graph.output[0].name)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session: OnnxSession = ort.InferenceSession(model.SerializeToString(), options, providers=[PROVIDERS["cpu"]])
    values = session.run(names, {"image": np.zeros((1, side, side, 3), np.uint8), **further})
    sizes = {name: value.nbytes for name, value in zip(names, values, strict=True)}
    # Its arena grows in steps, and convolutions take scratch space.
    return 2.0 * _largest_sum_alive(graph, sizes) / side**2


def _largest_sum_alive(graph: onnx.GraphProto, sizes: Mapping[str, int]) -> int:
    """Returns the most bytes that are in use at once; each value lives from its node to the last that reads it."""
    nodes = list(graph.node)
    weights = {tensor.name for tensor in graph.initializer}
    for node in nodes:
        if set(node.input) <= weights:  # a weight that is unpacked, whatever the picture
            weights |= set(node.output)
    last_use = {name: number for number, node in enumerate(nodes) for name in node.input}
    alive: dict[str, int] = {}
    most = 0
    for number, node in enumerate(nodes):
        alive |= {name: sizes[name] for name in node.output if name not in weights}
        most = max(most, sum(alive.values()))
        alive = {name: size for name, size in alive.items() if last_use.get(name, -1) > number}
    return most
