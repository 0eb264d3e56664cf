"""train(config): one style in, a trained and exported model out."""

from __future__ import annotations

import logging
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.callbacks import LearningRateMonitor, ModelCheckpoint
from pytorch_lightning.loggers import TensorBoardLogger
from rich.console import Console

from fast_style.config.compose import CONFIG, read_config, style_name, write_config
from fast_style.config.schema import TrainConfig
from fast_style.errors import ConfigError, TrainingError
from fast_style.evaluation.scorecard import SMALLEST, both_ways, scorecard
from fast_style.inference.stylizer import Stylizer
from fast_style.models.artifact import SAFETENSORS, ModelFiles, find_model
from fast_style.models.card import add_scorecard
from fast_style.models.networks import TransformationNetwork, is_strength_parameter, load_network
from fast_style.perceptual.losses import PerceptualLoss
from fast_style.perceptual.objective import build_loss
from fast_style.perceptual.style_image import load_style
from fast_style.system.files import check_writable
from fast_style.training.callbacks import ImageGrid, ProgressBar, SkippedPhotos, Throughput
from fast_style.training.checkpoints import BestCheckpoint, WholeCheckpoints
from fast_style.training.data import StyleDataModule
from fast_style.training.divergence import DivergenceGuard
from fast_style.training.export import export_model, keep_earlier
from fast_style.training.failures import fitting, writing
from fast_style.training.interruption import Interrupted, Interruption
from fast_style.training.module import StyleModule
from fast_style.training.record import steps_before, training_record
from fast_style.training.run_dir import LAST, find_checkpoint, make_run_dir, read_checkpoint, requeued_checkpoint
from fast_style.training.session import check_compiler, count_devices, is_leader, lightning_precision, quieten_lightning

log = logging.getLogger("fast_style")

SCORED = 8  # held-out photos that a new model is measured on: some seconds


@dataclass(frozen=True)
class TrainResult:
    """Where everything is, and how well it went."""

    model_dir: Path
    run_dir: Path
    metrics: dict[str, float]  # of the last validation
    skipped: list[str]  # one line per unreadable photo


def train(config: TrainConfig) -> TrainResult:
    """Trains, validates, checkpoints and exports.

    Everything that can be wrong with the settings is found before the first file is written.

    Raises:
        FastStyleError: what a user can put right.
    """
    quieten_lightning()
    leader = is_leader()
    console = Console(stderr=True, markup=False, quiet=config.quiet or not leader)
    name = style_name(config)
    devices = count_devices(config.trainer.accelerator, config.trainer.devices, config.trainer.num_nodes)
    if config.trainer.compile:
        check_compiler(config.trainer.accelerator)
    model_dir = Path(config.output_dir).expanduser() / name
    runs = Path(config.runs_dir).expanduser() / name
    resume = find_checkpoint(config.resume) if config.resume else requeued_checkpoint(runs)
    style = load_style(config)
    torch.manual_seed(config.seed)
    criterion = build_loss(config, style)
    precision = lightning_precision(config.trainer.precision, config.trainer.accelerator)
    module = build_module(config, criterion, devices=devices)
    before = steps_before(config.init_from)
    if resume:
        check_continues(resume, module, name)
    elif config.init_from:
        begin_with(config.init_from, module.network)
    check_writable(model_dir, "output_dir")
    data = StyleDataModule(config.data, seed=config.seed)
    # Only the leader of several processes makes a folder; the others' callbacks are told of it by Lightning.
    run_dir = resume.parent if resume else make_run_dir(runs) if leader else runs
    trainer_config = config.trainer
    grid_photos = torch.stack([data.validation[i].photo for i in range(min(4, len(data.validation)))])
    checkpoints = [
        ModelCheckpoint(
            dirpath=run_dir,
            filename=LAST.removesuffix(".ckpt"),
            every_n_train_steps=trainer_config.checkpoint_every,
            enable_version_counter=False,
        ),
        BestCheckpoint(
            dirpath=run_dir,
            filename="best",
            monitor="val/total",
            enable_version_counter=False,
            save_on_train_epoch_end=False,
        ),
    ]
    guard = DivergenceGuard(trainer_config.log_every, checkpoint_every=trainer_config.checkpoint_every)
    interruption = Interruption(run_dir / LAST, guard)
    callbacks: list[Callback] = [
        *checkpoints,
        LearningRateMonitor(logging_interval="step"),
        Throughput(trainer_config.log_every),
        SkippedPhotos(data),
        ImageGrid(grid_photos, style),
        guard,
        interruption,
    ]
    if not config.quiet:
        callbacks.append(ProgressBar(console))
    logger = TensorBoardLogger(save_dir=run_dir, name="", version="", default_hp_metric=False)
    trainer = Trainer(
        max_epochs=-1,
        max_steps=trainer_config.max_steps,
        accelerator=trainer_config.accelerator,
        devices=trainer_config.devices,
        num_nodes=trainer_config.num_nodes,
        precision=precision,
        gradient_clip_val=trainer_config.gradient_clip or None,
        val_check_interval=min(trainer_config.val_every, trainer_config.max_steps),
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        log_every_n_steps=trainer_config.log_every,
        callbacks=callbacks,
        logger=logger,
        plugins=[WholeCheckpoints()],
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,  # the sampler shares samples out by itself, and can start anywhere
        default_root_dir=run_dir,
    )
    if leader:
        write_config(config, run_dir)
    console.print(
        f"{'resuming' if resume else 'training'} {name} on {data.source}, "
        f"{trainer.strategy.root_device.type} {precision}; TensorBoard: tensorboard --logdir {config.runs_dir}",
        soft_wrap=True,
    )
    smaller = f"data.batch_size={config.data.batch_size} or data.image_size={config.data.image_size}"
    try:
        with fitting(run_dir, trainer, smaller), interruption.handled():
            trainer.fit(module, data, ckpt_path=resume, weights_only=True)
    except Interrupted as interrupted:
        console.print(
            f"interrupted by {interrupted}, saved; go on with resume={run_dir}", highlight=False, soft_wrap=True
        )
        raise
    with writing(run_dir, trainer):
        # Where max_steps is no multiple of the intervals, the last steps are neither validated nor saved yet.
        trainer.save_checkpoint(run_dir / LAST)
        metrics = dict(trainer.validate(module, data, verbose=False)[0])
    if not math.isfinite(metrics["val/total"]):
        raise TrainingError(
            f"the loss is {metrics['val/total']} at the end; no model is exported: check the encoder's weights, or "
            f"give a smaller trainer.learning_rate"
        )
    if trainer.is_global_zero:
        with writing(run_dir, trainer):
            kept = keep_earlier(model_dir, run_dir)
        files = export_model(
            module.learnt(trainer.global_step),
            model_dir,
            name=name,
            training=training_record(
                config, module.hparams["learning_rate"], trainer.global_step, metrics, before=before
            ),
            style_title=config.style.title,
            style_credit=config.style.credit,
            half_weights=config.export.half_weights,
        )
        if kept is not None:
            console.print(f"replaced: the earlier {name} is kept in {kept}", highlight=False, soft_wrap=True)
        card = measure(files, data, criterion, console)
        with writing(run_dir, trainer):
            logger.log_hyperparams(flat(asdict(config)), figures(card, metrics))
            logger.save()
    if data.skipped:
        log.warning("%d unreadable photos were skipped", len(data.skipped))
    return TrainResult(model_dir, run_dir, metrics, list(data.skipped))


def scaled_rate(config: TrainConfig, devices: int) -> float:
    """`trainer.learning_rate`, times the square root of how many photos are in a step for each one it is meant for.

    The gradient of more photos is less noisy, by that root (Malladi et al. 2022, arXiv 2205.10287, for Adam).
    """
    meant = config.trainer.learning_rate_batch
    share = 1.0 if meant is None else config.data.batch_size * devices / meant
    return config.trainer.learning_rate * share**0.5


def build_module(config: TrainConfig, criterion: PerceptualLoss, *, devices: int = 1) -> StyleModule:
    """What Lightning trains on so many devices, freshly initialised."""
    return StyleModule(
        network=config.model.name,
        network_arguments={"width": config.model.width, "blocks": config.model.blocks, "takes_strength": config.model.strength},
        optimizer=config.trainer.optimizer,
        learning_rate=scaled_rate(config, devices),
        schedule=config.trainer.schedule,
        warmup_steps=config.trainer.warmup_steps,
        max_steps=config.trainer.max_steps,
        strength_share=config.trainer.strength_share,
        stability_weight=config.loss.stability_weight,
        compile=config.trainer.compile,
        seed=config.seed,
        criterion=criterion,
    )


def begin_with(model: str, network: TransformationNetwork) -> None:
    """`init_from`: gives `network` the weights of a trained model.

    Raises:
        ModelError: no such model, or none with weights.
        ConfigError: it is another network.
    """
    files = find_model(model)
    if files.safetensors is None:
        raise ConfigError(f"init_from={model}: has no {SAFETENSORS}; an .onnx file can't be trained on")
    trained = load_network(files.safetensors)
    without_strength = [{**given.arguments, "takes_strength": None} for given in (trained, network)]
    if trained.name != network.name or without_strength[0] != without_strength[1]:
        raise ConfigError(
            f"init_from={model}: is {trained.name} {trained.arguments}, the model to train is {network.name} "
            f"{network.arguments}; give it the same model.name and arguments"
        )
    # A network without a strength is one whose strength stands at 1. Another style's strength would be of little use.
    weights = {key: value for key, value in trained.state_dict().items() if not is_strength_parameter(key)}
    network.load_state_dict(weights, strict=False)


def check_continues(checkpoint: Path, module: StyleModule, name: str) -> None:
    """`resume`: a checkpoint must be of this very network, optimiser and style.

    Raises:
        ConfigError: it is not, or can't be read.
    """
    found = read_checkpoint(checkpoint)["hyper_parameters"]
    if any(found[key] != module.hparams[key] for key in ("network", "network_arguments", "optimizer")):
        was, wanted = (
            f"{each['network']} {each['network_arguments']} with {each['optimizer']}"
            for each in (found, module.hparams)
        )
        raise ConfigError(
            f"resume={checkpoint}: is a training of {was}, and not of {wanted}; give the settings it began with"
        )
    began = checkpoint.parent / CONFIG
    if began.is_file():
        before = read_config(began)
        if style_name(before) != name:
            raise ConfigError(
                f"resume={checkpoint}: is a training of {style_name(before)}, and not of {name}; give the settings it "
                f"began with, like style.image={before.style.image}, or init_from=MODEL to begin with other weights"
            )


def measure(files: ModelFiles, data: StyleDataModule, criterion: PerceptualLoss, console: Console) -> dict[str, Any]:
    """The scorecard of the new model on held-out photos, written into its card; empty where they are too small."""
    photos = [data.validation[i].photo.permute(1, 2, 0).numpy() for i in range(min(SCORED, len(data.validation)))]
    if min(photos[0].shape[:2]) < SMALLEST:
        return {}
    console.print(f"measuring the model on {len(photos)} held-out photos")
    stylize, stylize_at = both_ways(Stylizer.load(files.folder))
    card = scorecard(stylize, photos, criterion.cpu(), stylize_at=stylize_at)
    add_scorecard(files, card)
    return card


def figures(card: dict[str, Any], metrics: dict[str, float]) -> dict[str, float]:
    """The numbers by which TensorBoard's hparams compare runs."""
    found = {f"hp/{key.removeprefix('val/')}": value for key, value in metrics.items() if key.count("/") == 1}
    if card:
        found["hp/style_share"] = card["style_share"]
        found["hp/checkerboard"] = card["checkerboard"]["model"]
        found["hp/flicker_1px"] = card["flicker"]["shift_1"]
        found["hp/perceptual_distance"] = card["perceptual_distance"]
    return found


def flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as `loss.style_weight`, in types that TensorBoard takes."""
    result: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            result |= flat(value, f"{prefix}{key}.")
        else:
            result[prefix + key] = value if isinstance(value, (bool, int, float, str)) else str(value)
    return result
