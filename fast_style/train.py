"""train(config): one style in, a trained and exported model out. `main` is only its Hydra application."""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import hydra
import torch
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.callbacks import LearningRateMonitor, ModelCheckpoint
from pytorch_lightning.loggers import TensorBoardLogger
from rich.console import Console

from fast_style.artifact import PREVIEW, SAFETENSORS, ModelFiles, find_model, read_info
from fast_style.callbacks import ImageGrid, ProgressBar, SkippedPhotos, Throughput
from fast_style.card import add_scorecard
from fast_style.config import TrainConfig, explain, register, to_config
from fast_style.data import StyleDataModule, told_by_worker
from fast_style.errors import ConfigError, DataError, FastStyleError, ModelError
from fast_style.evaluate import SMALLEST, both_ways, scorecard
from fast_style.export import export_model
from fast_style.images import atomic_write
from fast_style.losses import PerceptualLoss
from fast_style.module import StyleModule
from fast_style.networks import TransformationNetwork, load_network, of_dial
from fast_style.objective import build_loss, load_style
from fast_style.resources import resource
from fast_style.runs import (
    LAST,
    check_compiler,
    check_writable,
    count_devices,
    find_checkpoint,
    is_leader,
    lightning_precision,
    make_run_dir,
    quieten_lightning,
    requeued_checkpoint,
)
from fast_style.safety import DivergenceGuard, Interrupted, Interruption, WholeCheckpoints, writing
from fast_style.stylizer import Stylizer

log = logging.getLogger("fast_style")

# `fast-style train --hydra-help`.
HYDRA_FLAGS = (
    "-m", "--multirun", "-r", "--run", "-c", "--cfg", "-i", "--info", "-p", "--package", "-cp", "--config-path",
    "-cn", "--config-name", "-cd", "--config-dir", "-sc", "--shell-completion", "--resolve", "--hydra-help",
    "--version", "--experimental-rerun",
)  # fmt: skip
SCORED = 8  # held-out photos that a new model is measured on: some seconds


@dataclass(frozen=True)
class TrainResult:
    """Where everything is, and how well it went."""

    model_dir: Path
    run_dir: Path
    metrics: dict[str, float]  # of the last validation
    skipped: list[str]  # one line per unreadable photo


def style_name(config: TrainConfig) -> str:
    """`style.name`, or the file name of the style image; it names folders, so it must be fit for that.

    Raises:
        ConfigError: an empty name, or one with a path separator or a leading dot.
    """
    name = config.style.name or Path(config.style.image).stem
    if not name or name.startswith(".") or any(c in name for c in '/\\:*?"<>|\0'):
        raise ConfigError(f"style.name={name}: not usable as the name of a folder; give another")
    return name


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
    devices = count_devices(config.trainer)
    if config.trainer.compile:
        check_compiler(config.trainer.accelerator)
    model_dir = Path(config.output_dir).expanduser() / name
    resume = find_checkpoint(config.resume) if config.resume else None
    style = load_style(config)
    torch.manual_seed(config.seed)
    criterion = build_loss(config, style)
    precision = lightning_precision(config.trainer.precision, config.trainer.accelerator)
    module = build_module(config, criterion, devices=devices)
    before = steps_before(config.init_from)
    if config.init_from and not resume:
        begin_with(config.init_from, module.network)
    check_writable(model_dir, "output_dir")
    data = StyleDataModule(config.data, seed=config.seed)
    runs = Path(config.runs_dir).expanduser() / name
    resume = resume or requeued_checkpoint(runs)
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
        ModelCheckpoint(
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
    try:
        with writing(run_dir, trainer), interruption.handled():
            trainer.fit(module, data, ckpt_path=resume, weights_only=True)
    except DataError as error:
        remedy = f"; put it back and go on with resume={run_dir}" if (run_dir / LAST).exists() else ""
        raise DataError(f"step {trainer.global_step}: {told_by_worker(error)}{remedy}") from error
    except Interrupted as interrupted:
        console.print(
            f"interrupted by {interrupted}, saved; go on with resume={run_dir}", highlight=False, soft_wrap=True
        )
        raise
    with writing(run_dir, trainer):
        # Where max_steps is no multiple of the intervals, the last steps are neither validated nor saved yet.
        trainer.save_checkpoint(run_dir / LAST)
        metrics = dict(trainer.validate(module, data, verbose=False)[0])
    if trainer.is_global_zero:
        files = export_model(
            module.network,
            model_dir,
            name=name,
            training=training_record(config, module, trainer.global_step, metrics, before=before),
            style_title=config.style.title,
            style_credit=config.style.credit,
            half_weights=config.export.half_weights,
        )
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
        network_arguments={"width": config.model.width, "blocks": config.model.blocks, "dial": config.model.dial},
        optimizer=config.trainer.optimizer,
        learning_rate=scaled_rate(config, devices),
        schedule=config.trainer.schedule,
        warmup_steps=config.trainer.warmup_steps,
        max_steps=config.trainer.max_steps,
        dial_share=config.trainer.dial_share,
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
    without_dial = [{**given.arguments, "dial": None} for given in (trained, network)]
    if trained.name != network.name or without_dial[0] != without_dial[1]:
        raise ConfigError(
            f"init_from={model}: is {trained.name} {trained.arguments}, the model to train is {network.name} "
            f"{network.arguments}; give it the same model.name and arguments"
        )
    # A network without a dial is one whose dial stands at 1. Another style's dial would be of little use.
    weights = {key: value for key, value in trained.state_dict().items() if not of_dial(key)}
    network.load_state_dict(weights, strict=False)


def measure(files: ModelFiles, data: StyleDataModule, criterion: PerceptualLoss, console: Console) -> dict[str, Any]:
    """The scorecard of the new model on held-out photos, written into its card; empty where they are too small."""
    photos = [data.validation[i].photo.permute(1, 2, 0).numpy() for i in range(min(SCORED, len(data.validation)))]
    if min(photos[0].shape[:2]) < SMALLEST:
        return {}
    console.print(f"measuring the model on {len(photos)} held-out photos")
    stylize, dial = both_ways(Stylizer.load(files.folder))
    card = scorecard(stylize, photos, criterion.cpu(), dial=dial)
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


def steps_before(model: str | None) -> int | None:
    """How many steps went into `init_from`, and into what that began with, as far as they are known."""
    if model is None:
        return None
    try:
        files = find_model(model)
        training = read_info(files.safetensors).training if files.safetensors else {}
    except ModelError:  # gone since the run began that is resumed here
        return None
    counts = [training.get("steps"), training.get("steps_before")]
    return sum(count for count in counts if isinstance(count, int)) or None


def training_record(
    config: TrainConfig, module: StyleModule, steps: int, metrics: dict[str, float], *, before: int | None
) -> dict[str, Any]:
    """What a model tells of its training: settings and figures, no paths of the machine it was made on."""
    return {
        "encoder": config.encoder.name,
        "pooling": config.encoder.pooling,
        "content_layers": list(config.loss.content_layers),
        "style_layers": list(config.loss.style_layers),
        "scales": list(config.loss.scales),
        "content_scales": list(config.loss.content_scales),
        "layer_weights": dict(config.loss.layer_weights) or None,
        "content_weight": config.loss.content_weight,
        "style_weight": config.loss.style_weight,
        "tv_weight": config.loss.tv_weight,
        "checkerboard_weight": config.loss.checkerboard_weight,
        "stability_weight": config.loss.stability_weight,
        "style_size": config.style.size,
        "image_size": config.data.image_size,
        "content": "synthetic images" if config.data.dir is None else "photos",
        "batch_size": config.data.batch_size,
        "steps": steps,
        "optimizer": config.trainer.optimizer,
        "learning_rate": module.hparams["learning_rate"],
        "schedule": config.trainer.schedule,
        "dial_share": config.trainer.dial_share if config.model.dial else None,
        "precision": config.trainer.precision,
        "seed": config.seed,
        "init_from": Path(config.init_from).name if config.init_from else None,
        "steps_before": before,
        "experiment": config.experiment,
        "validation": {key.removeprefix("val/"): round(float(value), 6) for key, value in metrics.items()},
    }


def write_config(config: TrainConfig, run_dir: Path) -> None:
    from omegaconf import OmegaConf

    with atomic_write(run_dir / "config.yaml") as temporary:
        temporary.write_text(OmegaConf.to_yaml(asdict(config)), encoding="utf-8")


def report(result: TrainResult, console: Console) -> None:
    """Says where everything is."""
    figures = ", ".join(f"{key} {result.metrics[f'val/{key}']:.3f}" for key in ("style", "content", "total"))
    console.print(f"validation: {figures}", highlight=False)
    console.print(f"run:   {result.run_dir}", highlight=False, soft_wrap=True)
    console.print(f"model: {result.model_dir}", highlight=False, soft_wrap=True)
    console.print(f"sample: {result.model_dir / PREVIEW}", highlight=False, soft_wrap=True)


register()


@hydra.main(version_base="1.3", config_path=str(resource("conf")), config_name="train")
def main(composed: DictConfig) -> None:
    try:
        config = to_config(composed)
        result = train(config)
    except FastStyleError as error:
        # Here rather than in the command: Hydra would print its own line on the way there.
        print(f"fast-style train: {error}", file=sys.stderr)
        sys.stdout.flush()
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            raise  # an exit would end the jobs beside and after this one too; Hydra raises it again after them
        raise SystemExit(2) from error
    except Interrupted as interrupted:
        raise SystemExit(128 + interrupted.number) from interrupted
    report(result, Console(markup=False, quiet=not is_leader()))


def with_own_style(overrides: list[str]) -> list[str]:
    """`style=custom` added where `style.image` is given alone: a picture of one's own must not go by the title
    of the default style."""
    image = any(override.startswith("style.image=") for override in overrides)
    group = any(override.startswith("style=") for override in overrides)
    return [*overrides, "style=custom"] if image and not group else overrides


def run(overrides: list[str]) -> None:
    """`fast-style train OVERRIDES`: the Hydra application on these arguments.

    Raises:
        ConfigError: an override that Hydra can't parse or the schema refuses.
        SystemExit: status 2, after an error was printed.
    """
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    for argument in overrides:
        if argument.startswith("-") and argument.split("=")[0] not in HYDRA_FLAGS:
            raise ConfigError(
                f"{argument}: settings are written NAME=VALUE, like style.image=painting.jpg data.dir=photos/; "
                f"fast-style train --help shows them all"
            )
    overrides = with_own_style(overrides)
    os.environ["HYDRA_FULL_ERROR"] = "1"  # raise, rather than print a traceback and exit with 1
    # Hydra's parser takes its flags before the overrides, or after, but not in between.
    # The first is what Lightning starts further processes with, for further devices.
    sys.argv = [__file__, *sorted(overrides, key=lambda argument: argument not in ("-m", "--multirun"))]
    try:
        main()
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(explain(error)) from error
    except FastStyleError as error:  # of a job of a sweep, and printed there
        raise SystemExit(2) from error


if __name__ == "__main__":
    main()
