"""What a Trainer needs before its first step: devices, precision, a working compiler, and a quiet Lightning."""

from __future__ import annotations

import logging
import os
import warnings
from typing import Any

import torch

from fast_style.errors import ConfigError, first_line
from fast_style.models.precision import cpu_computes_bf16


def lightning_precision(precision: str, accelerator: str, *, section: str = "trainer.") -> Any:
    """Lightning's name for `trainer.precision`; `auto` is bfloat16 where the processor computes in it.

    Args:
        precision: fp32, bf16, fp16 or auto.
        accelerator: as Lightning names it.
        section: of the configuration that both settings stand in.

    Raises:
        ConfigError: fp16 on a CPU, where Lightning would train in bfloat16 without a word.
    """
    on_gpu = trains_on_cuda(accelerator)
    if precision == "fp16" and not on_gpu:
        raise ConfigError(f"{section}precision=fp16 needs a CUDA GPU; use bf16, fp32 or auto here")
    if precision == "auto":
        if on_gpu:
            precision = "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
        elif accelerator == "cpu" or (accelerator == "auto" and not torch.backends.mps.is_available()):
            precision = "bf16" if cpu_computes_bf16() else "fp32"
        else:
            precision = "fp32"
    return {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}[precision]


def trains_on_cuda(accelerator: str) -> bool:
    """Whether `trainer.accelerator` means an NVIDIA GPU here."""
    return torch.cuda.is_available() and accelerator in ("auto", "gpu", "cuda")


def check_compiler(accelerator: str, *, section: str = "trainer.") -> None:
    """Has PyTorch compile next to nothing.

    Args:
        accelerator: as Lightning names it.
        section: of the configuration that `compile` stands in.

    Raises:
        ConfigError: it can't.
    """
    try:
        torch.compile(torch.sin)(torch.zeros(64, device="cuda" if trains_on_cuda(accelerator) else "cpu"))
    except Exception as error:  # of the compiler, of Triton and of whatever they call
        raise ConfigError(
            f"{section}compile=true: PyTorch can't compile here ({first_line(error)[:200]}); install a C++ compiler "
            f"(apt-get install g++), or give {section}compile=false"
        ) from error


def count_devices(accelerator: str, devices: int | str, num_nodes: int, *, section: str = "trainer.") -> int:
    """How many devices will train, on all machines together.

    Args:
        accelerator, devices, num_nodes: as Lightning takes them.
        section: of the configuration that they stand in.

    Raises:
        ConfigError: an accelerator or a number of devices that can't be had here.
    """
    from pytorch_lightning import Trainer
    from pytorch_lightning.utilities.exceptions import MisconfigurationException

    try:
        trainer = Trainer(
            accelerator=accelerator, devices=devices, num_nodes=num_nodes, logger=False,
            enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        )  # fmt: skip
        return int(trainer.num_devices * trainer.num_nodes)
    except (MisconfigurationException, ValueError, TypeError) as error:
        raise ConfigError(
            f"{section}accelerator={accelerator} {section}devices={devices}: {first_line(error)}; "
            f"auto takes what there is"
        ) from error


def is_leader() -> bool:
    """Whether this process is the only one, or the first of several on one or more machines."""
    from pytorch_lightning.utilities import rank_zero_only

    rank: int = getattr(rank_zero_only, "rank", 0)
    # Before there is a Trainer, the first process of another machine counts itself 0 too.
    return rank == 0 and os.environ.get("NODE_RANK", "0") == "0"


def quieten_lightning() -> None:
    """Advice that does not apply here: what it says is decided on purpose."""
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    for message in (
        ".*does not have many workers.*",
        ".*dataloader is not resumable.*",
        ".*logging interval.*",
        ".*LeafSpec.*",
        ".*Checkpoint directory.*exists and is not empty.*",
        ".*dirpath has changed.*",
        ".*isn't supported.*GPU.*",
        ".*GPU available but not used.*",
        ".*in eval mode at the start of training.*",
        ".*no pre-optimization state was saved.*",
    ):
        warnings.filterwarnings("ignore", message)
