"""distill(config): trains a perceptual encoder to imitate a VGG; the `embedded` encoder was made by it.

The student sees photos, synthetic images and styles, clean and corrupted, and above all the pictures of `adversaries`
that are trained against it at the same time. It has to reproduce the teacher's features and their Gram matrices, each
relative to their energy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from pytorch_lightning import LightningModule, Trainer

from fast_style.config.schema import DistillConfig
from fast_style.distillation.data import (
    StyleSampler,
    content_loader,
    load_paintings,
    load_photos,
)
from fast_style.distillation.module import Distiller
from fast_style.errors import UNSET, ConfigError, EncoderError, FastStyleError, TrainingError
from fast_style.images.tensors import to_float
from fast_style.perceptual.encoders import (
    VGG_BLOCKS,
    VGG_CHANNELS,
    Embedded,
    Encoder,
    block_of,
    build_encoder,
    check_layers,
    finite,
)
from fast_style.system.files import check_writable
from fast_style.system.paths import find_input
from fast_style.system.wording import counted
from fast_style.training.checkpoints import read_checkpoint
from fast_style.training.divergence import Guard
from fast_style.training.run_dir import LAST
from fast_style.training.session import Session, SessionSettings, plan_session

UNIT_PHOTOS = 32
"""Number of photos over which the units of the teacher's layers are measured."""

SESSION_NAMES = {f"trainer.{name}": name for name in ("accelerator", "devices", "precision", "compile")}
"""Settings of a training run's session, and what a distillation calls them: it has no sections for them."""
TEACHER_NAMES = {
    "encoder": "teacher.name",
    "encoder.weights": "teacher.weights",
    "loss.style_layers": "teacher.layers",
    "loss.content_layers": "teacher.content_layer",
}
"""Settings of a training run's encoder, and what a distillation calls them for its teacher."""
STUDENT_NAMES = {"encoder.weights": "student.start"}
"""The same for its student."""


def distill(config: DistillConfig) -> Path:
    """Trains a student encoder and writes it.

    Returns:
        The file.

    Raises:
        FastStyleError: something that the user can put right.
        Interrupted: a signal ended the run, which was saved.
    """
    with own_setting_names(SESSION_NAMES):
        plan = plan_session(session_settings(config))
    torch.manual_seed(config.seed)
    teacher = build_teacher(config)
    student = build_student(config, teacher)
    paintings = load_paintings(config.styles)
    photos = load_photos(config)
    output = Path(config.output).expanduser()
    check_output(output)

    module = Distiller(config, student, teacher, StyleSampler(paintings, config.image_size, seed=config.seed))
    # After a resume the samples continue, but the adversaries start again: none of them lives long in any case.
    first_step = count_steps(plan.resume, module) if plan.resume else 0
    module.measure_units(to_float(torch.stack([photos[number].photo for number in range(UNIT_PHOTOS)])))
    session = Session(plan, StudentGuard(config))
    loader = content_loader(config, photos, first_step=first_step)
    content, style = counted(len(photos.paths), "photo"), counted(len(paintings), "style")
    session.print(f"distilling {teacher.name} into {output}: {content}, {style}")
    session.fit(module, loader)
    student.freeze()
    student.save(output)
    return output


def session_settings(config: DistillConfig) -> SessionSettings:
    """Returns the settings of the session that trains the student."""
    memory = {name: getattr(config, name) for name in ("new_pictures", "clean_pictures", "image_size")}
    return SessionSettings(
        runs=Path(config.runs_dir).expanduser() / "distill",
        resume=config.resume,
        max_steps=config.max_steps,
        checkpoint_every=config.checkpoint_every,
        accelerator=config.accelerator,
        precision=config.precision,
        compile=config.compile,
        quiet=config.quiet,
        memory_settings=memory,
    )


@contextmanager
def own_setting_names(names: Mapping[str, str]) -> Iterator[None]:
    """Renames settings in errors from inside the `with`, as the code there knows those of a training run.

    Args:
        names: settings of a training run, and what a distillation calls them.
    """
    try:
        yield
    except FastStyleError as error:
        if error.setting is not None:
            error.setting = names.get(error.setting, error.setting)
        if error.remedy is not None:
            for name in error.suggestions:
                error.remedy = error.remedy.replace(f"{{{name}}}", f"{{{names.get(name, name)}}}")
        error.suggestions = {names.get(name, name): value for name, value in error.suggestions.items()}
        raise


def build_teacher(config: DistillConfig) -> Encoder:
    """Builds the VGG that the student imitates.

    Raises:
        ConfigError: the teacher is no VGG.
        EncoderError: its weights cannot be read or downloaded, or do not reach its layers.
    """
    teacher = config.teacher
    if teacher.name not in VGG_BLOCKS:
        raise ConfigError(
            f"only {' and '.join(VGG_BLOCKS)} can be imitated", setting="teacher.name", value=teacher.name
        )
    weights = str(find_input(teacher.weights)) if teacher.weights else None
    with own_setting_names(TEACHER_NAMES):
        return build_encoder(teacher.name, teacher.layers, weights)


def build_student(config: DistillConfig, teacher: Encoder) -> Embedded:
    """Returns the encoder in the file `student.start`, or a new one with random weights, shaped like the teacher.

    Raises:
        ConfigError: the number of widths does not fit the teacher.
        EncoderError: the file is missing or unreadable, or its encoder does not have the teacher's layers.
    """
    layers, widths = config.teacher.layers, config.student.widths
    if config.student.start:
        with own_setting_names(STUDENT_NAMES):
            student = Embedded.load(Path(config.student.start))
        check_layers(f"student.start={config.student.start}", layers, student.layers)
        return student
    deepest = teacher.layers[-1]
    if len(widths) != block_of(deepest):
        raise ConfigError(
            f"{deepest} needs {block_of(deepest)} numbers, one for each block",
            setting="student.widths",
            value=list(widths),
        )
    heads = {layer: VGG_CHANNELS[block_of(layer) - 1] for layer in teacher.layers if layer in layers}
    return Embedded(teacher.layers, list(widths), heads, source=teacher.name)


def check_output(output: Path) -> None:
    """Checks that the student can be written to this file.

    Raises:
        ConfigError: it is a folder, or a file of another kind.
        FastStyleError: its folder cannot be written.
    """
    if output.is_dir():
        raise ConfigError("is a folder", setting="output", value=output, remedy="give the name of a file in it")
    check_writable(output.parent, "output")
    if output.is_file():
        try:
            Embedded.load(output)
        except EncoderError as error:
            raise ConfigError(
                "exists already, and is no encoder of fast-style distill", setting="output", value=output,
                remedy="give another name",
            ) from error  # fmt: skip


def count_steps(path: Path, module: Distiller) -> int:
    """Returns how many steps a checkpoint has trained, after checking that `module` can continue from it.

    Raises:
        ConfigError: the checkpoint is of something else, or cannot be read.
    """
    checkpoint = read_checkpoint(path, setting="resume")
    shapes = {key: value.shape for key, value in checkpoint.state_dict.items()}
    if shapes != {key: value.shape for key, value in module.state_dict().items()}:
        raise ConfigError(
            "is a checkpoint of something else",
            setting="resume",
            value=path,
            remedy="give one of `fast-style distill` with the same {teacher.layers} and {student.widths}",
            suggestions={"teacher.layers": UNSET, "student.widths": UNSET},
        )
    return checkpoint.step


class StudentGuard(Guard):
    """Ends a distillation whose student is no longer finite, before a checkpoint keeps it.

    It rolls nothing back: the loss jumps with each new adversary, so that no spike shows that the student diverges.

    Args:
        config: settings of the distillation.

    Raises:
        TrainingError: during training, when the student's weights are not finite.
    """

    def __init__(self, config: DistillConfig) -> None:
        super().__init__(checkpoint_every=config.checkpoint_every)
        self.config = config

    def inspect(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Checks the student's weights."""
        if finite(pl_module.state_dict()):
            return
        run_dir = Path(trainer.default_root_dir)
        start = "continue with {resume} and" if (run_dir / LAST).exists() else "start again with"
        raise TrainingError(
            f"step {trainer.global_step}: the student's weights are no longer finite",
            remedy=f"{start} a {{learning_rate}} below {self.config.learning_rate:g}, or {{precision}}",
            suggestions={"resume": run_dir, "learning_rate": UNSET, "precision": "fp32"},
        )
