"""train(): one style goes in, a trained and exported model comes out."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

import torch
from pytorch_lightning import Callback
from torch import Tensor

from fast_style.config.compose import CONFIG, style_name, write_config
from fast_style.config.entry import compose_training
from fast_style.config.python_values import overrides_of, style_overrides
from fast_style.config.schema import TrainConfig
from fast_style.errors import UNSET, ConfigError, TrainingError
from fast_style.evaluation.photos import SMALLEST_MEASURED
from fast_style.images.tensors import to_float
from fast_style.models.artifact import CARD_MD, ModelFiles
from fast_style.models.migration import JsonObject
from fast_style.perceptual.losses import PerceptualLoss
from fast_style.perceptual.objective import build_loss, painting_grams
from fast_style.perceptual.style_image import load_styles
from fast_style.system.files import check_writable
from fast_style.system.stage_times import Timings
from fast_style.system.wording import counted
from fast_style.training.adversary import build_adversary
from fast_style.training.callbacks import LearningRates, PhotoRows, SkippedPhotos
from fast_style.training.data import StyleDataModule
from fast_style.training.divergence import DivergenceGuard
from fast_style.training.export import back_up_model, export_model
from fast_style.training.module import Hyperparameters, StyleModule
from fast_style.training.paintings import NearestPaintings, PaintingTargets
from fast_style.training.progress import ProgressFunction, user_callbacks
from fast_style.training.record import count_earlier_steps, training_record
from fast_style.training.scoring import MEASURED_PHOTOS, comparison, measure_model
from fast_style.training.session import Session, SessionSettings, plan_session
from fast_style.training.warm_start import check_same_run, find_initial_model, load_initial_weights, nearest_blend

log = logging.getLogger("fast_style")

GRID_PHOTOS = 4
"""Number of held-out photos that TensorBoard shows."""

STAGES = ("prepare", "train", "validate", "export", "measure")
"""The parts of a run. Validations between two steps belong to `train`."""

TYPICAL_PHOTOS = 16
"""Number of held-out photos whose features are the measure of content errors."""


@dataclass(frozen=True)
class TrainResult:
    """Where everything is, and how well training went."""

    model_dir: Path
    """Folder of the exported model, which `Stylizer.load` and `load_network` take."""
    run_dir: Path
    """Folder of checkpoints, TensorBoard's log and settings, which the setting `resume` takes."""
    metrics: dict[str, float]
    """Terms of the last validation by name, such as `val/total`."""
    skipped: list[str]
    """One line for each unreadable photo."""
    steps: int
    """Number of steps that are trained, those before a resume included."""
    device: str
    """Kind of the device that the network was trained on: `cpu`, `cuda` or `mps`."""
    stages: dict[str, float]
    """Seconds that each of `STAGES` took."""


def train(
    config: TrainConfig | None = None,
    *,
    style: str | PathLike[str] | Mapping[str, object] | None = None,
    photos: str | PathLike[str] | None = None,
    callbacks: Sequence[Callback] = (),
    progress: ProgressFunction | None = None,
    **settings: object,
) -> TrainResult:
    """Trains one style, validates it, and exports the model.

    ```python
    result = train(style="painting.jpg", photos="photos/", trainer={"max_steps": 300})
    stylizer = Stylizer.load(result.model_dir)
    ```

    Whatever is wrong with the settings is found before the first file is written.

    Args:
        config: all settings, as `compose_training` returns them, in place of `style`, `photos` and `settings`.
        style: path of the style image, or of a folder of images, each of which becomes a style of one network; the name
            of one of the project's own styles, such as `wave`; or a mapping of the settings of the section `style`,
            such as `{"image": "van_gogh/"}` for a single style of several paintings. None for the project's default
            style.
        photos: folder of photos to learn from, subfolders included; None for synthetic images.
        callbacks: further callbacks of Lightning, which are called after those of the run.
        progress: called with a `TrainingProgress` after every step.
        settings: those of `fast-style train`: a section as a mapping, `trainer={"max_steps": 300}`; a setting by its
            full name, `**{"trainer.max_steps": 300}`; a group's choice, `model="johnson"` or `experiment="release"`.

    Returns:
        Where the model and the run are, and the terms of the last validation.

    Raises:
        ConfigError: a setting is unknown, has a wrong type or an impossible value, or cannot be had on this machine.
        ImageError: a style image cannot be read.
        DataError: there are no photos, or they cannot be read.
        EncoderError: the encoder's weights are missing or damaged, or lack a layer.
        ModelError: the model to begin with is unreadable.
        TrainingError: the loss diverges, the memory or the disk is full.
        FastStyleError: anything else that the user can put right; all of these are kinds of it.
        Interrupted: a signal ended the run, which was saved.
    """
    if config is None:
        config = compose_training(
            [
                *([] if style is None else style_overrides(style)),
                *([] if photos is None else overrides_of({"data.dir": photos})),
                *overrides_of(settings),
            ]
        )
    else:
        _check_alone(config, {"style": style, "photos": photos, **settings})
    return _run(config, user_callbacks(callbacks, progress))


def _check_alone(config: object, given: Mapping[str, object]) -> None:
    """Raises a ConfigError unless these are settings, and nothing was given beside them."""
    if not isinstance(config, TrainConfig):
        raise ConfigError(
            f"must be settings as compose_training returns them, not a {type(config).__name__}",
            setting="config",
            remedy="give the painting as {style}",
            suggestions={"style": repr(str(config))},
        )
    more = [name for name, value in given.items() if value is not None]
    if more:
        raise ConfigError(f"holds all settings, and there are more beside it ({', '.join(more)})", setting="config")


def _run(config: TrainConfig, callbacks: Sequence[Callback]) -> TrainResult:
    began, stages = time.perf_counter(), Timings(*STAGES)
    name = style_name(config)
    model_dir = Path(config.output_dir).expanduser() / name
    config = replace(config, init_from=find_initial_model(config))
    plan = plan_session(session_settings(config, name))
    styles = load_styles(config)
    torch.manual_seed(config.seed)
    criterion = build_loss(config, *(style.paintings for style in styles))
    names = [style.name for style in styles]
    module = StyleModule(hyperparameters(config, plan.device_count, names), criterion)
    earlier_steps = count_earlier_steps(config.init_from)
    if plan.resume:
        check_same_run(plan.resume, module.hyperparameters, name)
    check_writable(model_dir, "output_dir")
    data = StyleDataModule(config.data, seed=config.seed)
    photos = torch.stack(data.validation.photos[:GRID_PHOTOS])
    typical = to_float(torch.stack(data.validation.photos[:TYPICAL_PHOTOS]))
    module.content_energies = criterion.content_energies(typical)
    (paintings, *more) = (style.paintings for style in styles)
    nearest = NearestPaintings(criterion, paintings, typical) if not more and len(paintings) > 1 else None
    module.painting_targets = painting_targets(config, criterion, paintings, nearest)
    module.adversary = build_adversary(config, paintings)
    if config.init_from and not plan.resume:
        load_initial_weights(
            config.init_from,
            module.network,
            names,
            lambda trained, style: nearest_blend(trained, criterion, to_float(photos), style),
        )

    rows = PhotoRows(photos, {style.name: style.paintings for style in styles})
    guard = DivergenceGuard(config.trainer.log_every, checkpoint_every=config.trainer.checkpoint_every)
    session = Session(plan, guard, [LearningRates(config.trainer.log_every), SkippedPhotos(data), rows, *callbacks])
    if plan.is_leader:
        write_config(config, session.run_dir)
        if not plan.resume:
            settings = (session.run_dir / CONFIG).read_text(encoding="utf-8")
            session.logger.log_text("settings", f"```yaml\n{settings}```")
    session.print(
        f"{'resuming' if plan.resume else 'training'} {name} {f'from {config.init_from} ' if config.init_from else ''}"
        f"on {data.source}, "
        f"{session.trainer.strategy.root_device.type} {plan.precision}; TensorBoard: tensorboard --logdir "
        f"{config.runs_dir}"
    )
    stages.add("prepare", time.perf_counter() - began)
    with stages.measure("train"):
        session.fit(module, data)
    with session.completing():
        with stages.measure("validate"):
            metrics = validate(session, module, data)
        if session.trainer.is_global_zero:
            learning_rate, steps = module.hyperparameters.learning_rate, session.trainer.global_step
            record = training_record(config, learning_rate, steps, metrics, earlier_steps=earlier_steps)
            with stages.measure("export"):
                files = export_network(config, session, module, model_dir, record)
            with stages.measure("measure"):
                score(config, session, files, data, criterion)
    if data.skipped:
        log.warning("skipped %s", counted(len(data.skipped), "unreadable photo"))
    device = session.trainer.strategy.root_device.type
    return TrainResult(
        model_dir, session.run_dir, metrics, list(data.skipped), session.trainer.global_step, device, stages.totals()
    )


def painting_targets(
    config: TrainConfig, criterion: PerceptualLoss, paintings: Sequence[Tensor], nearest: NearestPaintings | None
) -> PaintingTargets | None:
    """Returns what each photo is compared with, as `style.choice` says; None where that is the criterion's target.

    Args:
        config: settings of the run.
        criterion: the loss, whose target is the mean of all paintings.
        paintings: those of the style.
        nearest: finds the nearest of them; None for a single one.
    """
    if nearest is None or config.style.choice == "mean":
        return None
    grams = painting_grams(criterion.encoder, paintings, config.loss)
    return PaintingTargets(grams, nearest if config.style.choice == "nearest" else None, seed=config.seed)


def session_settings(config: TrainConfig, name: str) -> SessionSettings:
    """Returns the settings of the session that trains the model of this name."""
    trainer = config.trainer
    return SessionSettings(
        runs=Path(config.runs_dir).expanduser() / name,
        resume=config.resume,
        max_steps=trainer.max_steps,
        checkpoint_every=trainer.checkpoint_every,
        accelerator=trainer.accelerator,
        precision=trainer.precision,
        compile=trainer.compile,
        quiet=config.quiet,
        memory_settings={"data.batch_size": config.data.batch_size, "data.image_size": config.data.image_size},
        devices=trainer.devices,
        num_nodes=trainer.num_nodes,
        log_every=trainer.log_every,
        val_every=trainer.val_every,
        gradient_clip=trainer.gradient_clip,
    )


def hyperparameters(config: TrainConfig, device_count: int = 1, styles: Sequence[str] = ()) -> Hyperparameters:
    """Returns the hyperparameters of a run on this many devices, for a network of these styles."""
    model, trainer = config.model, config.trainer
    return Hyperparameters(
        network=model.name,
        network_arguments={
            "width": model.width,
            "blocks": model.blocks,
            "takes_strength": model.strength,
            **({"styles": len(styles)} if len(styles) > 1 else {}),
            **model.arguments,
        },
        styles=list(styles) if len(styles) > 1 else [],
        optimizer=trainer.optimizer,
        learning_rate=scaled_learning_rate(config, device_count),
        schedule=trainer.schedule,
        warmup_steps=trainer.warmup_steps,
        max_steps=trainer.max_steps,
        strength_share=trainer.strength_share,
        stability_weight=config.loss.stability_weight,
        compile=trainer.compile,
        seed=config.seed,
    )


def scaled_learning_rate(config: TrainConfig, device_count: int) -> float:
    """Returns `trainer.learning_rate`, adapted to the number of photos in a step.

    The rate grows with the square root of that number, because the gradient of more photos is less noisy by this factor
    (Malladi et al. 2022, arXiv 2205.10287, for Adam).
    """
    batch = config.trainer.learning_rate_batch
    ratio = 1.0 if batch is None else config.data.batch_size * device_count / batch
    rate: float = config.trainer.learning_rate * ratio**0.5
    return rate


def validate(session: Session, module: StyleModule, data: StyleDataModule) -> dict[str, float]:
    """Validates the network after the last step.

    Returns:
        The terms by name, such as `val/total`.

    Raises:
        TrainingError: the loss is not finite, or the run folder cannot be written.
    """
    with session.writing():
        metrics = dict(session.trainer.validate(module, data, verbose=False)[0])
    if not math.isfinite(metrics["val/total"]):
        raise TrainingError(
            f"the loss is {metrics['val/total']} at the end; no model is exported",
            remedy="check the encoder's weights, or use a smaller {trainer.learning_rate}",
            suggestions={"trainer.learning_rate": UNSET},
        )
    return metrics


def export_network(
    config: TrainConfig, session: Session, module: StyleModule, model_dir: Path, record: JsonObject
) -> ModelFiles:
    """Exports the trained network; an earlier model of the same name is kept in the run folder.

    Args:
        config: settings of the run.
        session: the session that has trained the network.
        module: holds the network.
        model_dir: the model folder to write.
        record: what is known about the training.
    """
    session.print("exporting the model, and comparing both of its files on pictures")
    with session.writing():
        backup = back_up_model(model_dir, session.run_dir)
    files = export_model(
        module.trained_network(session.trainer.global_step),
        model_dir,
        name=model_dir.name,
        training=record,
        style_title=config.style.title,
        style_credit=config.style.credit,
        styles=module.hyperparameters.styles,
        half_weights=config.export.half_weights,
    )
    if backup is not None:
        session.print(f"replaced: the earlier {model_dir.name} is kept in {backup}")
    return files


def score(
    config: TrainConfig,
    session: Session,
    files: ModelFiles,
    data: StyleDataModule,
    criterion: PerceptualLoss,
) -> None:
    """Measures the exported model, if photos are large enough, and logs what TensorBoard compares runs by."""
    photos = [photo.permute(1, 2, 0).numpy() for photo in data.validation.photos[:MEASURED_PHOTOS]]
    card = None
    if config.data.image_size >= SMALLEST_MEASURED:
        session.print(f"measuring the model on {len(photos)} held-out photos")
        card = measure_model(files, photos, criterion)
    with session.writing():
        session.logger.log_settings(comparison(config, card))
        text = (files.folder / CARD_MD).read_text(encoding="utf-8")
        session.logger.log_text("card", text, session.trainer.global_step)
        session.logger.save()
