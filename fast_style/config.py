"""The schema of `conf/`: every key with its type, so that a misspelt key or a wrong type is an error.

Hydra checks the composed YAML against these classes; `check` looks at values that a type can't express.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, TypeVar

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException, OverrideParseException
from omegaconf import MISSING, OmegaConf
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    MissingMandatoryValue,
    OmegaConfBaseException,
    ValidationError,
)

from fast_style.errors import ConfigError, first_line
from fast_style.resources import resource


@dataclass
class StyleConfig:
    image: str = MISSING  # path of the style image
    name: str | None = None  # None: the image's file name without its suffix
    title: str | None = None
    credit: str | None = None
    size: int = 512  # longer side of the style image in pixels: the size of the brush


@dataclass
class DataConfig:
    dir: str | None = None  # folder of photos; None: synthetic images
    val_dir: str | None = None  # None: some photos of `dir` are held out
    val_count: int = 16  # photos for validation
    image_size: int = 256  # side of the square crops in pixels
    min_crop: float = 0.5  # smallest crop, as a share of the photo's shorter side
    batch_size: int = 2
    workers: int | None = None  # loader processes; None: none on a CPU, up to 8 with a GPU


@dataclass
class ModelConfig:
    name: str = "lite"
    width: int = 32
    blocks: int = 5
    dial: bool = True  # takes a strength from 0 to 1.5 when it stylises


@dataclass
class EncoderConfig:
    name: str = MISSING
    weights: str | None = None  # local .pth or .safetensors; None: the encoder's own
    pooling: str = "max"  # "max" or "average"
    content_layers: list[str] = MISSING  # what `loss.content_layers` defaults to
    style_layers: list[str] = MISSING
    scales: list[float] = MISSING
    content_scales: list[float] = MISSING


@dataclass
class LossConfig:
    content_layers: list[str] = MISSING
    style_layers: list[str] = MISSING
    scales: list[float] = MISSING  # sizes, relative to the image, at which style is compared
    content_scales: list[float] = MISSING  # and content
    layer_weights: dict[str, float] = field(default_factory=dict)  # of style layers; 1 where not named
    content_weight: float = 1.0
    style_weight: float = 1.0
    tv_weight: float = 0.0
    checkerboard_weight: float = 0.0
    stability_weight: float = 0.0  # against flicker: a photo and its shifted, zoomed, noisy copy must agree


@dataclass
class TrainerConfig:
    max_steps: int = 500
    optimizer: str = "muon"  # "muon" or "adam"
    learning_rate: float = 5e-3  # Adam wants 1e-3
    learning_rate_batch: int | None = 2  # photos in a step, of all devices, that it is meant for; see `scaled_rate`
    schedule: str = "cosine"  # "cosine" or "constant"
    warmup_steps: int = 0
    dial_share: float = 0.0  # of all steps, the last ones, in which a network with a dial learns that alone
    gradient_clip: float = 0.0  # largest norm of the gradient; 0: no clipping
    precision: str = "auto"  # "auto", "fp32", "bf16" or "fp16"
    compile: bool = False  # with torch.compile: on a GPU; needs a C++ compiler, and a minute to begin with
    accelerator: str = "auto"
    devices: int | str = "auto"
    num_nodes: int = 1
    val_every: int = 100  # steps between validations (and image grids)
    checkpoint_every: int = 100  # steps between checkpoints
    log_every: int = 10


@dataclass
class ExportConfig:
    half_weights: bool = True  # store weights in float16; computing stays in float32


@dataclass
class TrainConfig:
    style: StyleConfig = field(default_factory=StyleConfig)
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    export: ExportConfig = field(default_factory=ExportConfig)
    seed: int = 0
    resume: str | None = None  # a checkpoint, or a folder of runs: its newest last.ckpt
    init_from: str | None = None  # a model, by name or path, to begin with: of any style
    output_dir: str = "checkpoints"  # exported models: output_dir/NAME
    runs_dir: str = "runs"  # checkpoints and TensorBoard: runs_dir/NAME/NUMBER
    quiet: bool = False
    experiment: Any = None  # the name of the recipe, for the record


@dataclass
class TeacherConfig:
    name: str = "vgg19"
    weights: str | None = None  # local .pth or .safetensors; None: torchvision's download
    layers: list[str] = MISSING  # what the student learns to give
    content_layer: str = MISSING  # the one of them that opponents keep to their photos


@dataclass
class StudentConfig:
    widths: list[int] = MISSING  # channels per block
    start: str | None = None  # an embedded encoder to go on from


@dataclass
class DistillConfig:
    teacher: TeacherConfig = field(default_factory=TeacherConfig)
    student: StudentConfig = field(default_factory=StudentConfig)
    photos: str = MISSING  # folder of photos
    styles: list[str] = MISSING  # style images, or folders of them
    synthetic_every: int = 4  # one in so many contents is synthetic
    image_size: int = 160  # a multiple of 8
    opponents: int = 4
    shortest_life: int = 40  # steps of an opponent
    longest_life: int = 600
    new_pictures: int = 4  # per step: of an opponent,
    old_pictures: int = 2  # of earlier opponents,
    clean_pictures: int = 2  # and photos, clean or damaged
    replay: int = 1024  # opponents' pictures kept
    gram_weight: float = 0.5
    learning_rate: float = 0.03
    warmup_steps: int = 400  # before the first opponent
    max_steps: int = 4200
    checkpoint_every: int = 200
    compile: bool = True  # with torch.compile: needs a C++ compiler, halves the time
    precision: str = "auto"
    accelerator: str = "auto"
    workers: int = 1
    seed: int = 0
    resume: str | None = None
    output: str = "embedded.safetensors"
    runs_dir: str = "runs"
    quiet: bool = False


Schema = TypeVar("Schema")


def register() -> None:
    """Makes the schemas known to Hydra under the names that `train.yaml` and `distill.yaml` start from."""
    ConfigStore.instance().store(name="schema", node=TrainConfig)
    ConfigStore.instance().store(name="distill_schema", node=DistillConfig)


def to_config(composed: Any) -> TrainConfig:
    """Typed and checked values from what Hydra composed.

    Raises:
        ConfigError: a mandatory value is missing, or a value is impossible.
    """
    config = typed(composed, TrainConfig)
    check(config)
    return config


def typed(composed: Any, schema: type[Schema]) -> Schema:
    """What Hydra composed as an object of `schema`.

    Raises:
        ConfigError: an unknown key, a wrong type or a missing mandatory value.
    """
    try:
        # Merged into the schema once more: +key=value on the command line gets past Hydra's own check.
        plain = OmegaConf.to_container(composed, resolve=False)
        config = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(schema), plain))
    except OmegaConfBaseException as error:
        raise ConfigError(explain(error, schema)) from error
    assert isinstance(config, schema)
    return config


def compose_training(overrides: list[str]) -> TrainConfig:
    """`conf/train.yaml` with Hydra overrides, outside of the Hydra application.

    Raises:
        ConfigError: as `to_config`, and overrides that Hydra can't parse.
    """
    config = _compose("train", overrides, TrainConfig)
    check(config)
    return config


def compose_distillation(overrides: list[str]) -> DistillConfig:
    """`conf/distill.yaml` with Hydra overrides.

    Raises:
        ConfigError: as `typed`, and overrides that Hydra can't parse.
    """
    return _compose("distill", overrides, DistillConfig)


def _compose(name: str, overrides: list[str], schema: type[Schema]) -> Schema:
    register()
    try:
        with initialize_config_dir(str(resource("conf")), version_base="1.3"):
            composed = compose(name, overrides)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(explain(error, schema)) from error
    return typed(composed, schema)


def explain(error: BaseException, schema: type = TrainConfig) -> str:
    """One line, with the key and the remedy, out of the several that Hydra and OmegaConf make of an error."""
    if isinstance(error, OverrideParseException):
        hint = "a value with blanks, '=' or brackets needs quotes inside quotes: 'style.image=\"my file.jpg\"'"
        return f"{first_line(error)}; {hint}"
    cause = error if isinstance(error, OmegaConfBaseException) else error.__cause__
    key = getattr(cause, "full_key", None)
    if isinstance(cause, (ConfigAttributeError, ConfigKeyError)) and key:
        similar = difflib.get_close_matches(key, setting_names(schema), n=1)
        remedy = f"did you mean {similar[0]}?" if similar else "fast-style train --help shows them all"
        return f"{key}: no such setting; {remedy}"
    if isinstance(cause, MissingMandatoryValue) and key:
        return f"{key}: no value given; add {key}=VALUE"
    if isinstance(cause, ValidationError) and key:
        return f"{key}: {first_line(cause)}"
    text = str(error).split("Config search path")[0]
    return " ".join(line.strip() for line in text.splitlines() if line.strip())


def setting_names(schema: type = TrainConfig) -> list[str]:
    """Every key of the schema, with its section: `style.image`."""
    structured = OmegaConf.structured(schema)
    names = []
    for key in structured:
        section = OmegaConf.get_type(structured, key)
        names += [f"{key}.{f.name}" for f in fields(section)] if is_dataclass(section) else [str(key)]
    return names


def check(config: TrainConfig) -> None:
    """Raises ConfigError for the first value that no run could use."""
    at_least = {
        "style.size": (config.style.size, 32),
        "data.image_size": (config.data.image_size, 32),
        "data.batch_size": (config.data.batch_size, 1),
        "data.val_count": (config.data.val_count, 1),
        "data.workers": (config.data.workers or 0, 0),
        "loss.content_weight": (config.loss.content_weight, 0),
        "loss.style_weight": (config.loss.style_weight, 0),
        "loss.tv_weight": (config.loss.tv_weight, 0),
        "loss.checkerboard_weight": (config.loss.checkerboard_weight, 0),
        "loss.stability_weight": (config.loss.stability_weight, 0),
        "trainer.learning_rate_batch": (
            1 if config.trainer.learning_rate_batch is None else config.trainer.learning_rate_batch,
            1,
        ),
        "trainer.max_steps": (config.trainer.max_steps, 1),
        "trainer.warmup_steps": (config.trainer.warmup_steps, 0),
        "trainer.gradient_clip": (config.trainer.gradient_clip, 0),
        "trainer.val_every": (config.trainer.val_every, 1),
        "trainer.checkpoint_every": (config.trainer.checkpoint_every, 1),
        "trainer.log_every": (config.trainer.log_every, 1),
    }
    for key, (value, least) in at_least.items():
        if not value >= least:
            raise ConfigError(f"{key}={value}: must be at least {least}")
    choices = {
        "trainer.optimizer": (config.trainer.optimizer, ("muon", "adam")),
        "trainer.schedule": (config.trainer.schedule, ("cosine", "constant")),
        "trainer.precision": (config.trainer.precision, ("auto", "fp32", "bf16", "fp16")),
    }
    for key, (choice, allowed) in choices.items():
        if choice not in allowed:
            raise ConfigError(f"{key}={choice}: must be one of {', '.join(allowed)}")
    if not 0 < config.data.min_crop <= 1:
        raise ConfigError(f"data.min_crop={config.data.min_crop}: must lie above 0 and be at most 1")
    if not 0 <= config.trainer.dial_share <= 1:
        raise ConfigError(f"trainer.dial_share={config.trainer.dial_share}: must lie from 0 to 1")
    if not config.trainer.learning_rate > 0:
        raise ConfigError(f"trainer.learning_rate={config.trainer.learning_rate}: must be above 0")
    if config.loss.content_weight == config.loss.style_weight == 0:
        raise ConfigError("loss: content_weight and style_weight are both 0; there is nothing to learn")
