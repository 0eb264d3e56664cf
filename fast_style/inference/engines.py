"""Engines: what runs an exported network. ONNX Runtime imports no torch and starts at once; torch computes in
bfloat16 where the processor can, and on GPUs.
"""

from __future__ import annotations

import ctypes
import logging
import platform
import sys
import threading
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fast_style.errors import ModelError, first_line
from fast_style.models.artifact import ModelFiles, ModelInfo, read_info
from fast_style.models.precision import PRECISIONS
from fast_style.system.hardware import keep_freed_memory, usable_cores

if TYPE_CHECKING:
    from fast_style.inference.tiling import TiledNetwork

ENGINES = ("auto", "onnx", "torch")
DEVICES = ("auto", "cpu", "cuda", "mps", "coreml", "directml")

_PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
}
_DEVICE_NAMES = {"cpu": "the CPU", "cuda": "CUDA", "mps": "Metal", "coreml": "Core ML", "directml": "DirectML"}
_PRECISION_NAMES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


class Engine(Protocol):
    """Runs an exported network: uint8 RGB `[N, H, W, 3]` to the same shape. May be called by several threads."""

    info: ModelInfo
    device: str
    precision: str

    def __call__(self, images: np.ndarray, strength: float | None) -> np.ndarray:
        """A strength for a network with a dial, None for one without.

        Raises:
            ModelError: the runtime fails, for want of memory as a rule.
        """

    def bytes_per_pixel(self) -> float:
        """About how much memory one pixel takes while it is stylised."""

    def free_memory(self) -> int | None:
        """Bytes that are free on a device with memory of its own."""

    def describe(self) -> str:
        """Itself, for people."""


def load_engine(
    files: ModelFiles, *, engine: str = "auto", device: str = "auto", precision: str = "auto", compile: bool = False
) -> Engine:
    """The engine asked for, or, of what is left open, the fastest that works on this machine.

    Left open, a GPU that torch or ONNX Runtime can use is taken; without one ONNX Runtime on the CPU.

    Raises:
        ModelError: a value that does not exist, or can't be had here or with these files.
    """
    for name, value, known in (
        ("engine", engine, ENGINES),
        ("device", device, DEVICES),
        ("precision", precision, PRECISIONS),
    ):
        if value not in known:
            raise ModelError(f"{name}={value}: must be one of {', '.join(known)}")
    if engine == "auto":
        wants_torch = device == "mps" or compile or precision in ("bf16", "fp16") or (device == "cuda" and not _cuda())
        wants_torch = wants_torch or (device == "auto" and not _cuda() and _maybe_gpu())
        wants_torch = wants_torch and device not in ("coreml", "directml")
        engine = "torch" if files.onnx is None or (wants_torch and files.safetensors) else "onnx"
        if engine == "torch" and device == "auto" and files.onnx is not None and not compile and precision == "auto":
            found = TorchEngine(files.safetensors or Path(), device)
            return OnnxEngine(files.onnx, device) if found.device == "cpu" else found
    path = files.onnx if engine == "onnx" else files.safetensors
    if path is None:
        wanted = ".onnx" if engine == "onnx" else ".safetensors"
        raise ModelError(
            f"engine={engine}: {files.folder} has no {wanted} file; choose the other engine or export again"
        )
    if engine == "torch":
        return TorchEngine(path, device, precision=precision, compile=compile)
    if compile or precision in ("bf16", "fp16"):
        asked = "compile" if compile else f"precision={precision}"
        raise ModelError(f"{asked}: ONNX Runtime computes in float32 as it is; use --engine torch for it")
    return OnnxEngine(path, device)


def torch_device(device: str) -> str:
    """What torch computes on: `auto` is a GPU where it sees one.

    Raises:
        ModelError: a device that torch has not, or does not see here.
    """
    import torch

    if device not in DEVICES:
        raise ModelError(f"device={device}: must be one of {', '.join(DEVICES)}")
    if device in ("coreml", "directml"):
        raise ModelError(f"device={device}: is ONNX Runtime's; use --engine onnx, or --device auto")
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise ModelError("device=cuda: this torch sees no CUDA GPU; use --device cpu")
    if device == "mps" and not torch.backends.mps.is_available():
        raise ModelError("device=mps: this torch sees no Metal GPU; use --device cpu")
    return device


def _cuda() -> bool:
    """Whether ONNX Runtime's GPU package is installed."""
    import onnxruntime as ort

    return _PROVIDERS["cuda"] in ort.get_available_providers()


def _maybe_gpu() -> bool:
    """Whether it is worth the seconds that torch takes to start to ask it for a GPU."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    with suppress(OSError, AttributeError):
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        count = ctypes.c_int(0)
        return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0
    return False


def open_session(path: Path, providers: list[str]) -> Any:
    """An ONNX Runtime session without its chatter, with one thread for each core.

    Raises:
        ModelError: not readable as an ONNX model.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = usable_cores()
    options.inter_op_num_threads = 1
    # Threads that spin while they wait take the processor from whoever decodes and encodes.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if _PROVIDERS["directml"] in providers:
        options.enable_mem_pattern = False
    try:
        return ort.InferenceSession(path, options, providers=providers)
    except Exception as error:  # its exception types live in a private module
        raise ModelError(f"{path}: not readable as an ONNX model ({first_line(error)})") from error


class OnnxEngine:
    """ONNX Runtime, in float32: on the CPU, or on CUDA, Core ML or DirectML where its package has them."""

    precision = "fp32"

    def __init__(self, path: Path, device: str) -> None:
        import onnxruntime as ort

        if device == "mps":
            raise ModelError("device=mps: ONNX Runtime has no Metal engine; use coreml, --engine torch or --device cpu")
        there = ort.get_available_providers()
        if device != "auto" and _PROVIDERS[device] not in there:
            remedy = {
                "cuda": "install onnxruntime-gpu for it, or use --engine torch",
                "coreml": "ONNX Runtime has it on macOS alone; use --device auto",
                "directml": "install onnxruntime-directml for it, on Windows",
            }[device]
            raise ModelError(f"device={device}: {remedy}, or --device cpu")
        # Core ML only when asked for: it splits networks of varying size into many small parts.
        wanted = ["cuda", "directml", "cpu"] if device == "auto" else [device]
        self._path = path
        for name in wanted:
            if _PROVIDERS[name] in there:
                self.session = open_session(path, list(dict.fromkeys([_PROVIDERS[name], _PROVIDERS["cpu"]])))
                self.device = name
                # A provider whose libraries are missing gives way to the CPU with no more than a log message.
                if self.session.get_providers()[0] == _PROVIDERS[name] and (name == "cpu" or self._works()):
                    break
        else:
            raise ModelError(f"device={device}: ONNX Runtime can't start it here; use --device cpu")
        self.info = ModelInfo.from_metadata(self.session.get_modelmeta().custom_metadata_map, path)

    def _works(self) -> bool:
        info = ModelInfo.from_metadata(self.session.get_modelmeta().custom_metadata_map, self._path)
        try:
            self(np.zeros((1, 64, 64, 3), np.uint8), 1.0 if "strength" in info.inputs else None)
        except ModelError:
            return False
        return True

    def __call__(self, images: np.ndarray, strength: float | None) -> np.ndarray:
        dial = {} if strength is None else {"strength": np.array([strength], np.float32)}
        try:
            return self.session.run(["stylized"], {"image": images, **dial})[0]
        except Exception as error:  # its exception types live in a private module
            raise ModelError(f"ONNX Runtime failed ({first_line(error)[:200]})") from error

    def bytes_per_pixel(self) -> float:
        return onnx_bytes_per_pixel(self._path)

    def free_memory(self) -> int | None:
        return None

    def describe(self) -> str:
        return f"ONNX Runtime on {_DEVICE_NAMES[self.device]}"


def onnx_bytes_per_pixel(path: Path, side: int = 64) -> float:
    """About how much memory ONNX Runtime takes for one pixel: what is alive at once, of a small picture."""
    import onnx
    import onnxruntime as ort

    model = onnx.load(path)
    graph = model.graph
    nodes = list(graph.node)
    names = [name for node in nodes for name in node.output]
    strength = {"strength": np.ones(1, np.float32)} if len(graph.input) > 1 else {}
    graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name != graph.output[0].name)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(model.SerializeToString(), options, providers=[_PROVIDERS["cpu"]])
    values = session.run(names, {"image": np.zeros((1, side, side, 3), np.uint8), **strength})
    weights = {tensor.name for tensor in graph.initializer}
    sizes = {name: value.nbytes for name, value in zip(names, values, strict=True)}
    for node in nodes:
        if set(node.input) <= weights:  # a weight that is unpacked, whatever the picture
            weights |= set(node.output)
    last = {name: number for number, node in enumerate(nodes) for name in node.input}
    alive: dict[str, int] = {}
    most = 0
    for number, node in enumerate(nodes):
        alive |= {name: sizes[name] for name in node.output if name not in weights}
        most = max(most, sum(alive.values()))
        alive = {name: size for name, size in alive.items() if last.get(name, -1) > number}
    # Its arena grows in steps, and convolutions take scratch space.
    return 2.0 * most / side**2


class TorchEngine:
    """torch, on the CPU, CUDA or Metal.

    Args:
        precision: `auto` is bfloat16 where the processor has instructions for it, which is nearly twice as fast and
            differs by a quarter of a level of 255 in the mean; else float32. On CUDA bfloat16, or float16 where the
            GPU has none.
        compile: compiles the network for the first size that comes: seconds to a minute once, then faster. For
            video. On CUDA with CUDA graphs.
    """

    def __init__(self, path: Path, device: str, *, precision: str = "auto", compile: bool = False) -> None:
        self.info = read_info(path)
        import torch

        from fast_style.models.networks import PixelInterface, load_network
        from fast_style.models.precision import cpu_computes_bf16

        device = torch_device(device)
        if precision == "fp16" and device == "cpu":
            raise ModelError("precision=fp16: needs a GPU; use bf16, fp32 or auto on a CPU")
        if precision == "auto":
            if device == "cuda":
                precision = "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
            else:
                precision = "bf16" if device == "cpu" and cpu_computes_bf16() else "fp32"
        if device == "cpu":
            keep_freed_memory()
        self.device = device
        self.precision = precision
        self._torch = torch
        self._dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
        self._interface = PixelInterface(load_network(path)).eval().to(device).to(memory_format=torch.channels_last)
        self._network: Any = self._interface
        self._compiled = compile
        if compile:
            # It warns of what it does not find on the way.
            logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
            mode = "reduce-overhead" if device == "cuda" else "default"
            self._network = torch.compile(self._interface, mode=mode)
        # The compiler, CUDA graphs and the buffers below are not for two threads at a time.
        self._lock: AbstractContextManager[Any] = threading.Lock() if compile or device == "cuda" else nullcontext()
        self._tiled: TiledNetwork | None = None
        self._buffers: tuple[Any, Any] | None = None

    def autocast(self) -> AbstractContextManager[Any]:
        torch = self._torch
        return torch.autocast(self.device, dtype=self._dtype) if self.precision != "fp32" else nullcontext()

    def __call__(self, images: np.ndarray, strength: float | None) -> np.ndarray:
        torch = self._torch
        try:
            with self._lock, torch.inference_mode(), self.autocast():
                dial = None if strength is None else torch.tensor([strength], device=self.device)
                if not images.flags.writeable:  # PyTorch warns of such arrays, though nothing is written here
                    images = images.copy()
                if self.device == "cuda":
                    return self._on_cuda(images, dial)
                return self._network(torch.from_numpy(images).to(self.device), dial).cpu().numpy()
        except Exception as error:  # out of memory, or a compiler that is not there: types of many packages
            remedy = "; leave --compile out" if self._compiled else ""
            raise ModelError(f"torch failed ({first_line(error)[:200]}){remedy}") from error

    def _on_cuda(self, images: np.ndarray, dial: Any) -> np.ndarray:
        """Through page-locked buffers, which are kept for the next pictures of this size."""
        torch = self._torch
        if self._buffers is None or self._buffers[0].shape != images.shape:
            self._buffers = tuple(torch.empty(images.shape, dtype=torch.uint8).pin_memory() for _ in range(2))
        assert self._buffers is not None
        given, taken = self._buffers
        given.numpy()[:] = images
        taken.copy_(self._network(given.to("cuda", non_blocking=True), dial), non_blocking=True)
        torch.cuda.current_stream().synchronize()
        return taken.numpy().copy()

    def tiled(self) -> TiledNetwork:
        """The same network, for pictures of any size."""
        if self._tiled is None:
            from fast_style.inference.tiling import TiledNetwork

            kept = self._torch.float16 if self.precision == "fp32" else self._dtype
            self._tiled = TiledNetwork(self._interface, device=self.device, autocast=self.autocast, kept_dtype=kept)
        return self._tiled

    def bytes_per_pixel(self) -> float:
        return self.tiled().bytes_per_pixel()

    def free_memory(self) -> int | None:
        return self._torch.cuda.mem_get_info()[0] if self.device == "cuda" else None

    def describe(self) -> str:
        compiled = ", compiled" if self._compiled else ""
        return f"torch on {_DEVICE_NAMES[self.device]} in {_PRECISION_NAMES[self.precision]}{compiled}"
