"""What the devices of this machine can do for a training run, asked before its first step."""

from __future__ import annotations

import logging
from typing import Literal

import torch

from fast_style.errors import ConfigError, reason_of
from fast_style.models.precision import cpu_computes_bf16

LightningPrecision = Literal["32-true", "bf16-mixed", "16-mixed"]

LIGHTNING_PRECISIONS: dict[str, LightningPrecision] = {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}


def lightning_precision(precision: str, accelerator: str) -> LightningPrecision:
    """Returns Lightning's name of a precision.

    Args:
        precision: `fp32`, `bf16`, `fp16`, or `auto` for bfloat16 where the processor computes in it.
        accelerator: the accelerator as Lightning names it.

    Raises:
        ConfigError: fp16 on a CPU, where Lightning would train in bfloat16 without a word.
    """
    on_cuda = trains_on_cuda(accelerator)
    if precision == "fp16" and not on_cuda:
        raise ConfigError(
            "needs a CUDA GPU", setting="trainer.precision", value=precision, remedy="use bf16, fp32 or auto here"
        )
    return LIGHTNING_PRECISIONS[_automatic_precision(accelerator) if precision == "auto" else precision]


def _automatic_precision(accelerator: str) -> str:
    if trains_on_cuda(accelerator):
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    on_cpu = accelerator == "cpu" or (accelerator == "auto" and not torch.backends.mps.is_available())
    return "bf16" if on_cpu and cpu_computes_bf16() else "fp32"


def trains_on_cuda(accelerator: str) -> bool:
    """Whether this accelerator means an NVIDIA GPU on this machine."""
    return torch.cuda.is_available() and accelerator in ("auto", "gpu", "cuda")


def check_compiler(accelerator: str) -> None:
    """Makes PyTorch compile next to nothing, to find out whether it can.

    Args:
        accelerator: the accelerator as Lightning names it.

    Raises:
        ConfigError: PyTorch cannot compile on this machine.
    """
    # Where torch is built for CUDA and there is no GPU, it would warn of that.
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    try:
        torch.compile(torch.sin)(torch.zeros(64, device="cuda" if trains_on_cuda(accelerator) else "cpu"))
    except Exception as error:  # the compiler, Triton and what they call raise types of their own
        raise ConfigError(
            f"PyTorch cannot compile here ({reason_of(error)[:200]})",
            setting="trainer.compile",
            value=True,
            remedy="install a C++ compiler (apt-get install g++), or use {trainer.compile}",
            suggestions={"trainer.compile": False},
        ) from error


def count_devices(accelerator: str, devices: int | str, num_nodes: int) -> int:
    """Returns the number of devices that will train, on all nodes together.

    Args:
        accelerator: the accelerator as Lightning names it.
        devices: number of devices on each node, or `auto`.
        num_nodes: number of nodes.

    Raises:
        ConfigError: this machine does not have such an accelerator, or not so many devices.
    """
    found = _count_devices(accelerator, devices, num_nodes)
    if isinstance(found, int):
        return found
    accelerator_exists = devices != "auto" and isinstance(_count_devices(accelerator, "auto", num_nodes), int)
    setting, value = ("trainer.devices", devices) if accelerator_exists else ("trainer.accelerator", accelerator)
    raise ConfigError(reason_of(found), setting=setting, value=value, remedy="auto takes what there is") from found


def _count_devices(accelerator: str, devices: int | str, num_nodes: int) -> int | Exception:
    from lightning_fabric.utilities.exceptions import MisconfigurationException
    from pytorch_lightning import Trainer

    try:
        trainer = Trainer(
            accelerator=accelerator, devices=devices, num_nodes=num_nodes, logger=False,
            enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        )  # fmt: skip
    except (MisconfigurationException, ImportError, ValueError, TypeError) as error:
        return error
    return int(trainer.num_devices * trainer.num_nodes)
