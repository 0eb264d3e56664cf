"""What every training run needs before its first step: precision, a folder, a checkpoint, peace."""

from __future__ import annotations

import logging
import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch

from fast_style.errors import ConfigError, first_line

LAST = "last.ckpt"
SLURM_NOTE = "slurm_job"
"""File in a run folder that names the job it belongs to."""


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


def cpu_computes_bf16() -> bool:
    """Whether this processor has bfloat16 instructions; emulated ones are slower than float32."""
    query = getattr(torch.cpu, "get_capabilities", None)
    features: dict[str, Any] = dict(query()) if query is not None else {}
    return any(features.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def find_checkpoint(path: str) -> Path:
    """`resume`: a checkpoint file, or a folder whose newest last.ckpt is meant.

    Raises:
        ConfigError: neither.
    """
    given = Path(path).expanduser()
    if given.is_file():
        return given
    found = sorted(given.rglob(LAST), key=lambda p: p.stat().st_mtime) if given.is_dir() else []
    if not found:
        raise ConfigError(f"resume={path}: no checkpoint there; give a .ckpt file or a run folder with {LAST}")
    return found[-1]


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint of `fast-style train`, on the CPU.

    Raises:
        ConfigError: missing, damaged, or something else.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: no such checkpoint; give the path of a .ckpt file")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        if {"state_dict", "global_step"} <= state.keys() and "network" in state["hyper_parameters"]:
            return dict(state)
        reason = "something else"
    except Exception as error:  # torch and pickle raise types of their own, for an empty file EOFError
        reason = type(error).__name__
    raise ConfigError(f"{path}: not a checkpoint of fast-style train ({reason}); give another")


def is_leader() -> bool:
    """Whether this process is the only one, or the first of several on one or more machines."""
    from pytorch_lightning.utilities import rank_zero_only

    rank: int = getattr(rank_zero_only, "rank", 0)
    # Before there is a Trainer, the first process of another machine counts itself 0 too.
    return rank == 0 and os.environ.get("NODE_RANK", "0") == "0"


def requeued_checkpoint(parent: Path) -> Path | None:
    """The last checkpoint, in a run folder below `parent`, of this very SLURM job before it was requeued; None where
    it is no such job."""
    job = slurm_job()
    if job is None or not os.environ.get("SLURM_RESTART_COUNT"):
        return None
    found = [note.parent for note in parent.glob(f"*/{SLURM_NOTE}") if note.read_text(encoding="utf-8").strip() == job]
    checkpoints = [folder / LAST for folder in found if (folder / LAST).is_file()]
    return max(checkpoints, key=lambda path: int(path.parent.name), default=None)


def slurm_job() -> str | None:
    """This SLURM job's number, with its task's in an array; None outside of SLURM."""
    array, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{task}" if array and task else os.environ.get("SLURM_JOB_ID")


def make_run_dir(parent: Path) -> Path:
    """A new folder `parent/NUMBER`, one above the highest there is.

    Raises:
        ConfigError: not writable.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        number = max((int(p.name) for p in parent.iterdir() if p.name.isdecimal()), default=0)
        while True:
            number += 1
            try:
                (parent / str(number)).mkdir()
            except FileExistsError:  # another run of a sweep was faster
                continue
            job = slurm_job()
            if job is not None:
                (parent / str(number) / SLURM_NOTE).write_text(f"{job}\n", encoding="utf-8")
            return parent / str(number)
    except OSError as error:
        raise ConfigError(
            f"runs_dir: cannot write to {parent} ({error.strerror}); choose another with runs_dir=PATH"
        ) from error


def check_writable(folder: Path, setting: str) -> None:
    """Hours of training must not end in "permission denied"; `setting` is what chose the folder.

    Raises:
        ConfigError: files can't be created in `folder`.
    """
    existing = folder
    try:
        while not existing.exists():
            existing = existing.parent
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise ConfigError(
            f"{setting}: cannot write to {existing} ({error.strerror}); choose another with {setting}=PATH"
        ) from error


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
