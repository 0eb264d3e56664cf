"""The engine that runs an exported network: what every engine can do, and which one is chosen.

ONNX Runtime imports no torch and starts at once; torch computes in bfloat16 where the processor can, and on GPUs.
"""

from __future__ import annotations

import ctypes
import platform
import sys
from contextlib import suppress
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from fast_style.errors import ConfigError, ModelError
from fast_style.inference.options import DEVICE_CHOICES, ENGINE_CHOICES
from fast_style.models.artifact import ModelFiles, ModelInfo
from fast_style.models.precision import PRECISIONS
from fast_style.system.optional import is_installed, require_extra

Pixels: TypeAlias = npt.NDArray[np.uint8]
"""uint8 RGB: `[H, W, 3]`, or a batch `[N, H, W, 3]`."""

StyleWeights: TypeAlias = tuple[float, ...]
"""The weight of each style of a network that holds several; they sum to 1."""

DEVICE_NAMES = {"cpu": "the CPU", "cuda": "CUDA", "mps": "Metal", "coreml": "Core ML", "directml": "DirectML"}


class Engine(Protocol):
    """An exported network and the library that runs it. Several threads may call it."""

    @property
    def info(self) -> ModelInfo:
        """The model's metadata."""

    @property
    def device(self) -> str:
        """The device it computes on: one of `DEVICE_CHOICES`, never `auto`."""

    @property
    def precision(self) -> str:
        """The precision it computes in: one of `PRECISIONS`, never `auto`."""

    def __call__(self, images: Pixels, strength: float | None, style: StyleWeights | None = None) -> Pixels:
        """Stylizes a batch.

        Args:
            images: uint8 RGB `[N, H, W, 3]`, at least the network's minimum side.
            strength: for a network that takes one, None for any other.
            style: for a network that holds several styles, None for any other.

        Returns:
            The same shape.

        Raises:
            ModelError: the library fails, for want of memory as a rule.
        """

    def bytes_per_pixel(self) -> float:
        """Returns about how much memory one pixel takes while it is stylized."""

    def free_memory(self) -> int | None:
        """Returns the free bytes of a device with memory of its own, None for any other device."""

    def describe(self) -> str:
        """Returns library, device and precision, for people."""


def load_engine(
    files: ModelFiles,
    *,
    engine: str = "auto",
    device: str = "auto",
    precision: str = "auto",
    compile: bool = False,  # noqa: A002  # the public name of the argument
) -> Engine:
    """Loads the engine asked for; of what is left open, the fastest that works on this machine.

    A GPU that torch or ONNX Runtime can use is taken; without one, ONNX Runtime on the CPU.

    Raises:
        ConfigError: a value is unknown, or cannot be had here or with the other values.
        ModelError: the model has no file for this engine, or its file is damaged.
    """
    for setting, value, choices in (
        ("engine", engine, ENGINE_CHOICES),
        ("device", device, DEVICE_CHOICES),
        ("precision", precision, PRECISIONS),
    ):
        check_choice(setting, value, choices)
    if engine == "auto":
        engine = _choose_engine(files, device=device, precision=precision, compiled=compile)
        nothing_asked = device == "auto" and precision == "auto" and not compile
        if engine == "torch" and nothing_asked and files.onnx is not None:
            # torch was chosen for a GPU that it may not see.
            loaded = _load_torch(files, device)
            return _load_onnx(files, device) if loaded.device == "cpu" else loaded
    if engine == "torch":
        return _load_torch(files, device, precision=precision, compiled=compile)
    if compile or precision in ("bf16", "fp16"):
        raise ConfigError(
            "ONNX Runtime computes in float32 as it is",
            setting="compile" if compile else "precision",
            value=compile or precision,
            remedy="use {engine} for it",
            suggestions={"engine": "torch"},
        )
    return _load_onnx(files, device)


def check_choice(setting: str, value: str, choices: tuple[str, ...]) -> None:
    """Checks a value of which there are only a few.

    Raises:
        ConfigError: the value is not among them.
    """
    if value not in choices:
        raise ConfigError(f"must be one of {', '.join(choices)}", setting=setting, value=value)


def _choose_engine(files: ModelFiles, *, device: str, precision: str, compiled: bool) -> str:
    if files.onnx is None:
        return "torch"
    if files.safetensors is None or device in ("coreml", "directml"):
        return "onnx"
    if device == "mps" or compiled or precision in ("bf16", "fp16"):
        return "torch"
    if device == "cuda":
        return "onnx" if _onnx_has_cuda() else "torch"
    # Where torch is not installed, a GPU is no reason to ask for it.
    gpu_for_torch = device == "auto" and is_installed("torch") and has_gpu() and not _onnx_has_cuda()
    return "torch" if gpu_for_torch else "onnx"


def _onnx_has_cuda() -> bool:
    from fast_style.inference.onnx_engine import PROVIDERS, available_providers

    return PROVIDERS["cuda"] in available_providers()


def has_gpu() -> bool:
    """Returns whether there is probably a GPU for torch: asking torch itself would take seconds to import it."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    with suppress(OSError, AttributeError):
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        count = ctypes.c_int(0)
        return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0
    return False


def _load_onnx(files: ModelFiles, device: str) -> Engine:
    from fast_style.inference.onnx_engine import OnnxEngine

    if files.onnx is None:
        raise _missing_file(files, "onnx", ".onnx", other="torch")
    return OnnxEngine(files.onnx, device)


def _load_torch(files: ModelFiles, device: str, *, precision: str = "auto", compiled: bool = False) -> Engine:
    if files.safetensors is None:
        raise _missing_file(files, "torch", ".safetensors", other="onnx")
    require_extra("torch")
    from fast_style.inference.torch_engine import TorchEngine

    return TorchEngine(files.safetensors, device, precision=precision, compile=compiled)


def _missing_file(files: ModelFiles, engine: str, suffix: str, *, other: str) -> ModelError:
    return ModelError(
        f"{files.folder} has no {suffix} file",
        setting="engine",
        value=engine,
        remedy="use {engine}, or export the model again",
        suggestions={"engine": other},
    )
