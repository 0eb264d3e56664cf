"""One training session: a Trainer with its run folder, checkpoints, log, guard and signals.

`fast_style.training.train` and `fast_style.distillation.distill` both train in a session, and neither builds a Trainer
of its own. A session is prepared in two steps, so that whatever is wrong with the settings is found before the first
file is written: `plan_session` checks, `Session` writes.
"""

from __future__ import annotations

import logging
import os
import signal
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pytorch_lightning import Callback, LightningDataModule, LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.utilities import rank_zero_only
from rich.console import Console
from torch.utils.data import DataLoader

from fast_style.system.signals import catch_signals
from fast_style.training.callbacks import ProgressBar, Throughput
from fast_style.training.checkpoints import AtomicCheckpointIO, BestCheckpoint
from fast_style.training.crops import Batch
from fast_style.training.devices import LightningPrecision, check_compiler, count_devices, lightning_precision
from fast_style.training.divergence import Guard
from fast_style.training.failures import explain_failed_writes, explain_failures
from fast_style.training.interruption import Interrupted, Interruption
from fast_style.training.run_dir import LAST, find_checkpoint, make_run_dir, requeued_checkpoint
from fast_style.training.tensorboard import RunLogger

IRRELEVANT_WARNINGS = (
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
)
"""Advice from Lightning about what is decided on purpose here."""


@dataclass(frozen=True)
class SessionSettings:
    """The settings of a session; those without an explanation are as in `fast_style.config.schema.TrainerConfig`."""

    runs: Path
    """Parent of the run folders."""
    resume: str | None
    """A checkpoint to continue from, or a folder of runs; None to start a new run."""
    max_steps: int
    checkpoint_every: int
    accelerator: str
    precision: str
    compile: bool
    quiet: bool
    """Whether to show neither progress nor messages."""
    memory_settings: Mapping[str, object]
    """Settings that take less memory when they are smaller, with their values."""
    devices: int | str = 1
    num_nodes: int = 1
    log_every: int = 10
    val_every: int | None = None
    """Number of steps between validations, the best of which gets a checkpoint of its own; None for no validation."""
    gradient_clip: float = 0.0


@dataclass(frozen=True)
class SessionPlan:
    """What is known of a session before anything is written."""

    settings: SessionSettings
    console: Console
    """For messages: silent in all processes but the first."""
    is_leader: bool
    """Whether this is the first of all processes."""
    device_count: int
    """Number of devices, on all nodes together."""
    precision: LightningPrecision
    resume: Path | None
    """The checkpoint to continue from; None to start a new run."""


def plan_session(settings: SessionSettings) -> SessionPlan:
    """Checks the settings of a session against this machine. Writes nothing.

    Raises:
        ConfigError: this machine lacks a device, a precision or a compiler that the settings ask for. The error names
            settings of the `trainer` section.
        NotFoundError: there is no checkpoint to continue from.
    """
    quieten_lightning()
    leader = is_leader()
    device_count = count_devices(settings.accelerator, settings.devices, settings.num_nodes)
    precision = lightning_precision(settings.precision, settings.accelerator)
    if settings.compile:
        check_compiler(settings.accelerator)
    return SessionPlan(
        settings=settings,
        console=Console(stderr=True, markup=False, quiet=settings.quiet or not leader),
        is_leader=leader,
        device_count=device_count,
        precision=precision,
        resume=find_checkpoint(settings.resume) if settings.resume else requeued_checkpoint(settings.runs),
    )


class Session:
    """A Trainer, and everything that a run needs around it.

    Args:
        plan: what `plan_session` found out.
        guard: inspects what is trained, in particular before each checkpoint.
        callbacks: further callbacks.

    Raises:
        WriteError: the run folder cannot be made.
    """

    def __init__(self, plan: SessionPlan, guard: Guard, callbacks: Sequence[Callback] = ()) -> None:
        self.plan = plan
        # The first process makes the folder; Lightning tells the callbacks of the others about it.
        if plan.resume is not None:
            self.run_dir = plan.resume.parent
        else:
            self.run_dir = make_run_dir(plan.settings.runs) if plan.is_leader else plan.settings.runs
        self.logger = RunLogger(self.run_dir)
        self.interruption = Interruption(self.run_dir / LAST, guard)
        self.trainer = self._build_trainer(
            [
                *self._checkpoints(),
                Throughput(plan.settings.log_every),
                *callbacks,
                guard,
                self.interruption,
                *([] if plan.settings.quiet else [ProgressBar(plan.console)]),
            ]
        )

    def _checkpoints(self) -> list[Callback]:
        callbacks: list[Callback] = [
            ModelCheckpoint(
                dirpath=self.run_dir,
                filename=LAST.removesuffix(".ckpt"),
                every_n_train_steps=self.plan.settings.checkpoint_every,
                enable_version_counter=False,
            )
        ]
        if self.plan.settings.val_every is not None:
            callbacks.append(
                BestCheckpoint(
                    dirpath=self.run_dir,
                    filename="best",
                    monitor="val/total",
                    enable_version_counter=False,
                    save_on_train_epoch_end=False,
                )
            )
        return callbacks

    def _build_trainer(self, callbacks: list[Callback]) -> Trainer:
        settings = self.plan.settings
        validates = settings.val_every is not None
        return Trainer(
            max_epochs=-1,
            max_steps=settings.max_steps,
            accelerator=settings.accelerator,
            devices=settings.devices,
            num_nodes=settings.num_nodes,
            precision=self.plan.precision,
            gradient_clip_val=settings.gradient_clip or None,
            val_check_interval=min(settings.val_every, settings.max_steps) if settings.val_every else None,
            check_val_every_n_epoch=None if validates else 1,
            num_sanity_val_steps=0,
            log_every_n_steps=settings.log_every,
            callbacks=callbacks,
            logger=self.logger,
            plugins=[AtomicCheckpointIO()],
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,  # EndlessSampler divides the samples itself, and can start anywhere
            default_root_dir=self.run_dir,
        )

    def fit(self, module: LightningModule, data: LightningDataModule | DataLoader[Batch]) -> None:
        """Trains to the last step, and saves.

        Raises:
            Interrupted: a signal ended the run; it is saved, and how to continue is printed.
            FastStyleError: something that the user can mend ended the run.
        """
        failures = explain_failures(self.run_dir, self.trainer, self.plan.settings.memory_settings)
        try:
            with failures, self.interruption.handle_signals():
                self.trainer.fit(module, data, ckpt_path=self.plan.resume, weights_only=True)
        except Interrupted as interrupted:
            self.print(f"interrupted by {interrupted}, saved; continue with resume={self.run_dir}")
            raise
        with self.writing():
            # Where max_steps is no multiple of checkpoint_every, the last steps are not saved yet.
            self.trainer.save_checkpoint(self.run_dir / LAST)

    @contextmanager
    def completing(self) -> Iterator[None]:
        """Handles signals inside a `with` in which the model is made, after the last step was saved.

        Raises:
            Interrupted: a signal arrived; how to get the model is printed.
        """
        received: list[int] = []

        def receive(number: int) -> None:
            received.append(number)
            raise KeyboardInterrupt

        try:
            with catch_signals([signal.SIGINT, signal.SIGTERM], receive):
                yield
        except (KeyboardInterrupt, SystemExit):  # Lightning makes the latter of the former
            if not received:
                raise
            interrupted = Interrupted(received[0], self.trainer.global_step)
            self.print(f"interrupted by {interrupted}, without a model yet; get it with resume={self.run_dir}")
            raise interrupted from None

    def writing(self) -> AbstractContextManager[None]:
        """Explains a full disk or a lost mount inside a `with`: see `explain_failed_writes`."""
        return explain_failed_writes(self.run_dir, self.trainer)

    def print(self, message: str) -> None:
        """Prints a message on stderr, from the first process alone."""
        self.plan.console.print(message, highlight=False, soft_wrap=True)


def is_leader() -> bool:
    """Whether this process is the only one, or the first of several on one or more nodes."""
    rank: int = getattr(rank_zero_only, "rank", 0)
    # Before there is a Trainer, the first process of every node takes itself for number 0.
    return rank == 0 and os.environ.get("NODE_RANK", "0") == "0"


def quieten_lightning() -> None:
    """Silences Lightning's messages, and its warnings about what is decided on purpose here."""
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    for message in IRRELEVANT_WARNINGS:
        warnings.filterwarnings("ignore", message)


def trainer_without_files(
    accelerator: str, precision: LightningPrecision, max_steps: int, callbacks: Sequence[Callback]
) -> Trainer:
    """Returns a Trainer for one device that neither validates nor writes anything, to time steps with."""
    return Trainer(
        max_epochs=-1,
        max_steps=max_steps,
        accelerator=accelerator,
        devices=1,
        precision=precision,
        limit_val_batches=0,
        callbacks=list(callbacks),
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
