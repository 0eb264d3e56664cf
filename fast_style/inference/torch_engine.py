"""The torch engine. Importing this module imports torch."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch
from torch import Tensor

from fast_style.errors import UNSET, ConfigError, ModelError, reason_of
from fast_style.inference.engines import DEVICE_NAMES, Pixels, StyleWeights, check_choice
from fast_style.inference.options import DEVICE_CHOICES
from fast_style.inference.tiling import TiledNetwork
from fast_style.models.artifact import ModelInfo, read_info
from fast_style.models.networks import TransformationNetwork, load_network
from fast_style.models.pixel_interface import PixelInterface
from fast_style.models.precision import cpu_computes_bf16
from fast_style.system.hardware import keep_freed_memory

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_PRECISION_NAMES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


def torch_device(device: str) -> str:
    """Returns the device that torch computes on; `auto` is a GPU where torch sees one.

    Raises:
        ConfigError: torch does not have this device, or does not see it here.
    """
    check_choice("device", device, DEVICE_CHOICES)
    if device in ("coreml", "directml"):
        raise ConfigError(
            "only ONNX Runtime has it",
            setting="device",
            value=device,
            remedy="use {engine}, or {device}",
            suggestions={"engine": "onnx", "device": "auto"},
        )
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    missing = (device == "cuda" and not torch.cuda.is_available()) or (
        device == "mps" and not torch.backends.mps.is_available()
    )
    if missing:
        raise ConfigError(
            f"this torch sees no {DEVICE_NAMES[device]} GPU",
            setting="device",
            value=device,
            remedy="use {device}",
            suggestions={"device": "cpu"},
        )
    return device


def _resolve_precision(precision: str, device: str) -> str:
    if precision == "fp16" and device == "cpu":
        raise ConfigError("needs a GPU", setting="precision", value=precision, remedy="use bf16, fp32 or auto on a CPU")
    if precision != "auto":
        return precision
    if device == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    return "bf16" if device == "cpu" and cpu_computes_bf16() else "fp32"


class TorchEngine:
    """torch, on the CPU, CUDA or Metal.

    Args:
        path: a `.safetensors` file.
        device: `auto`, `cpu`, `cuda` or `mps`.
        precision: `auto` is bfloat16 where the processor has instructions for it, which is nearly twice as fast and
            differs by a quarter of a level of 255 in the mean; else float32. On CUDA bfloat16, or float16 where the
            GPU has none.
        compile: compiles the network for the first size that comes: seconds to a minute once, then faster. For
            video. On CUDA with CUDA graphs.

    Raises:
        ConfigError: torch does not have this device or precision here.
        ModelError: the file is missing, damaged or not ours.
    """

    def __init__(
        self,
        path: Path,
        device: str,
        *,
        precision: str = "auto",
        compile: bool = False,  # noqa: A002  # as in `load_engine`
    ) -> None:
        self.info: ModelInfo = read_info(path)
        self.device = torch_device(device)
        self.precision = _resolve_precision(precision, self.device)
        if self.device == "cpu":
            keep_freed_memory()
        interface = PixelInterface(load_network(path)).eval()
        self._interface = interface.to(self.device).to(memory_format=torch.channels_last)
        self._network: Callable[[Tensor, Tensor | None, Tensor | None], Tensor] = self._interface
        self._compiled = compile
        if compile:
            # It warns of what it does not find on the way.
            logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
            mode = "reduce-overhead" if self.device == "cuda" else "default"
            self._network = torch.compile(self._interface, mode=mode)
        # The compiler, CUDA graphs and the buffers below are not for two threads at a time.
        one_at_a_time = compile or self.device == "cuda"
        self._lock: AbstractContextManager[object] = threading.Lock() if one_at_a_time else nullcontext()
        self._tiled: tuple[StyleWeights | None, TiledNetwork] | None = None
        self._buffers: tuple[Tensor, Tensor] | None = None

    def autocast(self) -> AbstractContextManager[object]:
        """Returns the context that the network computes in."""
        return nullcontext() if self.precision == "fp32" else torch.autocast(self.device, dtype=_DTYPES[self.precision])

    def __call__(self, images: Pixels, strength: float | None, style: StyleWeights | None = None) -> Pixels:
        """Stylizes a batch; see `Engine`."""
        try:
            with self._lock, torch.inference_mode(), self.autocast():
                strengths = None if strength is None else torch.tensor([strength], device=self.device)
                styles = None if style is None else torch.tensor(style, device=self.device)
                if not images.flags.writeable:  # PyTorch warns of such arrays, though nothing is written here
                    images = images.copy()
                if self.device == "cuda":
                    return self._on_cuda(images, strengths, styles)
                return self._network(torch.from_numpy(images).to(self.device), strengths, styles).cpu().numpy()
        except Exception as error:  # out of memory, or a compiler that is not there: types of many packages
            raise ModelError(
                f"torch failed ({reason_of(error)[:200]})",
                remedy="leave {compile} out" if self._compiled else None,
                suggestions={"compile": UNSET},
            ) from error

    def _on_cuda(self, images: Pixels, strengths: Tensor | None, styles: Tensor | None) -> Pixels:
        """Stylizes through page-locked buffers, which are kept for the next pictures of this size."""
        if self._buffers is None or self._buffers[0].shape != images.shape:
            source, result = (torch.empty(images.shape, dtype=torch.uint8).pin_memory() for _ in range(2))
            self._buffers = source, result
        source, result = self._buffers
        source.numpy()[:] = images
        result.copy_(self._network(source.to("cuda", non_blocking=True), strengths, styles), non_blocking=True)
        torch.cuda.current_stream().synchronize()
        return result.numpy().copy()

    def tiled(self, style: StyleWeights | None = None) -> TiledNetwork:
        """Returns the same network, in a style, for pictures of any size."""
        if self._tiled is None or self._tiled[0] != style:
            interface = self._interface
            if style is not None:
                assert isinstance(interface.network, TransformationNetwork)
                single = interface.network.with_style(torch.tensor(style))
                interface = PixelInterface(single).eval().to(self.device).to(memory_format=torch.channels_last)
            stored = torch.float16 if self.precision == "fp32" else _DTYPES[self.precision]
            tiled = TiledNetwork(interface, device=self.device, autocast=self.autocast, stored_dtype=stored)
            self._tiled = style, tiled
        return self._tiled[1]

    def bytes_per_pixel(self) -> float:
        """Returns about how much memory one pixel takes while it is stylized."""
        styles = self.info.styles
        return self.tiled(tuple(1 / len(styles) for _ in styles) if styles else None).bytes_per_pixel()

    def free_memory(self) -> int | None:
        """Returns the free bytes of a CUDA device, None elsewhere."""
        return torch.cuda.mem_get_info()[0] if self.device == "cuda" else None

    def describe(self) -> str:
        """Returns library, device and precision, for people."""
        compiled = ", compiled" if self._compiled else ""
        return f"torch on {DEVICE_NAMES[self.device]} in {_PRECISION_NAMES[self.precision]}{compiled}"
