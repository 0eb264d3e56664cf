"""The schema of `conf/`: every key with its type, so that a misspelt key or a wrong type is an error.

Hydra checks the composed YAML against these classes; `check` looks at values that a type can't express.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override
from hydra.errors import HydraException, OverrideParseException
from omegaconf import MISSING, OmegaConf
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    MissingMandatoryValue,
    OmegaConfBaseException,
    ValidationError,
)

from fast_style.engines import PRECISIONS
from fast_style.errors import ConfigError, first_line
from fast_style.resources import resource


def setting(default: Any, meaning: str) -> Any:
    """A field with its default and what it means, for `--help`."""
    if isinstance(default, dict):
        return field(default_factory=dict, metadata={"meaning": meaning})
    return field(default=default, metadata={"meaning": meaning})


@dataclass
class StyleConfig:
    image: str = setting(MISSING, "path of the style image")
    name: str | None = setting(None, "of the model; null: the image's file name")
    title: str | None = setting(None, "of the painting, for the card")
    credit: str | None = setting(None, "who painted it, for the card")
    size: int = setting(512, "longer side of the style image in pixels: the size of the brush")


@dataclass
class DataConfig:
    dir: str | None = setting(None, "folder of photos, with sub-folders; null: synthetic images")
    val_dir: str | None = setting(None, "photos to validate on; null: some of data.dir are held out")
    val_count: int = setting(16, "photos to validate on")
    image_size: int = setting(256, "side of the square crops in pixels")
    min_crop: float = setting(0.5, "smallest crop, as a share of the photo's shorter side")
    batch_size: int = setting(2, "photos in a step, on each device")
    workers: int | None = setting(None, "loader processes; null: none on a CPU, up to 8 with a GPU")


@dataclass
class ModelConfig:
    name: str = setting("lite", "lite (real time on a CPU) or johnson (the paper's)")
    width: int = setting(32, "channels of the first layer; fewer are faster and coarser")
    blocks: int = setting(5, "residual blocks")
    dial: bool = setting(True, "the model takes a strength from 0 to 1.5 when it stylises")


@dataclass
class EncoderConfig:
    name: str = setting(MISSING, "embedded, vgg16, vgg19 or random")
    weights: str | None = setting(None, "local .pth or .safetensors; null: the encoder's own")
    pooling: str = setting("max", "between its blocks: max or average")
    content_layers: list[str] = setting(MISSING, "what loss.content_layers defaults to")
    style_layers: list[str] = setting(MISSING, "what loss.style_layers defaults to")
    scales: list[float] = setting(MISSING, "what loss.scales defaults to")
    content_scales: list[float] = setting(MISSING, "what loss.content_scales defaults to")


@dataclass
class LossConfig:
    content_layers: list[str] = setting(MISSING, "layers that keep the photo")
    style_layers: list[str] = setting(MISSING, "layers that take on the painting")
    scales: list[float] = setting(MISSING, "sizes, relative to the image, at which style is compared")
    content_scales: list[float] = setting(MISSING, "sizes at which content is compared; [1.0]: closer to the photo")
    layer_weights: dict[str, float] = setting({}, "of style layers, 1 where not named: +loss.layer_weights.relu1_2=0.5")
    content_weight: float = setting(1.0, "more: closer to the photo")
    style_weight: float = setting(10.0, "more: closer to the painting")
    tv_weight: float = setting(1.0, "of total variation; more: smoother")
    checkerboard_weight: float = setting(500.0, "against patterns at the period that networks upsample by")
    stability_weight: float = setting(
        0.0, "against flicker: a photo's shifted, zoomed, noisy copy must be painted alike"
    )


@dataclass
class TrainerConfig:
    max_steps: int = setting(500, "how long to train")
    optimizer: str = setting("muon", "muon or adam")
    learning_rate: float = setting(5e-3, "Adam wants 1e-3")
    learning_rate_batch: int | None = setting(
        2, "photos in a step, of all devices, that the rate is meant for; it goes with the root; null: never"
    )
    schedule: str = setting("cosine", "of the learning rate: cosine or constant")
    warmup_steps: int = setting(50, "over which the learning rate rises")
    dial_share: float = setting(0.2, "of all steps, the last ones, in which a network with a dial learns that alone")
    gradient_clip: float = setting(0.0, "largest norm of the gradient; 0: no clipping")
    precision: str = setting("auto", "auto, fp32, bf16 or fp16")
    compile: bool = setting(False, "with torch.compile: on a GPU; needs a C++ compiler, and a minute to begin with")
    accelerator: str = setting("auto", "Lightning's: auto, cpu, gpu, mps")
    devices: int | str = setting("auto", "how many of them")
    num_nodes: int = setting(1, "machines")
    val_every: int = setting(100, "steps between validations and image grids")
    checkpoint_every: int = setting(100, "steps between checkpoints")
    log_every: int = setting(10, "steps between points in TensorBoard")


@dataclass
class ExportConfig:
    half_weights: bool = setting(True, "store weights in float16; computing stays in float32")


@dataclass
class TrainConfig:
    style: StyleConfig = field(default_factory=StyleConfig)
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    export: ExportConfig = field(default_factory=ExportConfig)
    seed: int = setting(0, "the same seed, data and machine give the same model on a CPU; on a GPU nearly")
    resume: str | None = setting(None, "a checkpoint, or a folder of runs: its newest last.ckpt")
    init_from: str | None = setting(None, "a model, by name or path, to begin with: of any style")
    output_dir: str = setting("checkpoints", "where models go: output_dir/NAME")
    runs_dir: str = setting("runs", "where checkpoints and TensorBoard's files go: runs_dir/NAME/NUMBER")
    quiet: bool = setting(False, "no progress bar, no messages")
    experiment: Any = setting(None, "the name of the recipe, for the record")


@dataclass
class TeacherConfig:
    name: str = setting("vgg19", "vgg16 or vgg19")
    weights: str | None = setting(None, "local .pth or .safetensors; null: torchvision's download")
    layers: list[str] = setting(MISSING, "what the student learns to give")
    content_layer: str = setting(MISSING, "the one of them that opponents keep to their photos")


@dataclass
class StudentConfig:
    widths: list[int] = setting(MISSING, "channels of each block")
    start: str | None = setting(None, "an embedded encoder to go on from")


@dataclass
class DistillConfig:
    teacher: TeacherConfig = field(default_factory=TeacherConfig)
    student: StudentConfig = field(default_factory=StudentConfig)
    photos: str = setting(MISSING, "folder of photos, with sub-folders")
    styles: list[str] = setting(MISSING, "style images, or folders of them")
    synthetic_every: int = setting(4, "one in so many contents is synthetic")
    image_size: int = setting(160, "side of the square crops in pixels, a multiple of 8")
    opponents: int = setting(4, "networks that look for what the student overlooks")
    shortest_life: int = setting(40, "steps of an opponent, at least")
    longest_life: int = setting(600, "the same, at most")
    new_pictures: int = setting(4, "in a step: of an opponent")
    old_pictures: int = setting(2, "in a step: of earlier opponents")
    clean_pictures: int = setting(2, "in a step: photos, clean or damaged")
    replay: int = setting(1024, "opponents' pictures that are kept")
    gram_weight: float = setting(0.5, "of Gram matrices, beside the features themselves")
    learning_rate: float = setting(0.03, "of the student")
    warmup_steps: int = setting(400, "before the first opponent")
    max_steps: int = setting(4200, "how long to train")
    checkpoint_every: int = setting(200, "steps between checkpoints")
    compile: bool = setting(True, "with torch.compile: needs a C++ compiler, halves the time")
    precision: str = setting("auto", "auto, fp32, bf16 or fp16")
    accelerator: str = setting("auto", "Lightning's: auto, cpu, gpu, mps")
    workers: int = setting(1, "loader processes")
    seed: int = setting(0, "of everything that is drawn")
    resume: str | None = setting(None, "a checkpoint, or a folder of runs: its newest last.ckpt")
    output: str = setting("embedded.safetensors", "the file to write, for encoder.weights of a training")
    runs_dir: str = setting("runs", "where checkpoints and TensorBoard's files go")
    quiet: bool = setting(False, "no progress bar, no messages")


Schema = TypeVar("Schema")

TRAIN_HELP = """\
fast-style train [NAME=VALUE …]: one style in, one model out.

fast-style train                                                 a style of our own, in minutes
fast-style train style.image=painting.jpg data.dir=photos/
fast-style train -m style.image=a.jpg,b.jpg data.dir=photos/     one model for each
fast-style train … resume=runs/painting                          goes on after an interruption
fast-style train experiment=release --help                       what a recipe sets

It is a Hydra application; `--hydra-help` shows Hydra's own flags. Ready-made groups of settings:
"""
DISTILL_HELP = """\
fast-style distill [NAME=VALUE …]: an encoder of your own, learnt from a VGG.

fast-style distill photos=photos/ 'styles=[data/styles,paintings/]' output=own.safetensors
fast-style distill … resume=runs/distill                         goes on after an interruption
"""


def register() -> None:
    """Makes the schemas known to Hydra under the names that `train.yaml` and `distill.yaml` start from, and `${stem:…}`
    to OmegaConf."""
    ConfigStore.instance().store(name="schema", node=TrainConfig)
    ConfigStore.instance().store(name="distill_schema", node=DistillConfig)
    OmegaConf.register_new_resolver("stem", lambda path: Path(str(path)).stem, replace=True)


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


CONFIG = "config.yaml"
"""File in a run folder with its settings."""


def read_config(path: Path) -> TrainConfig:
    """The settings that a run folder keeps.

    Raises:
        ConfigError: unreadable, or of another version of the schema.
    """
    try:
        return typed(OmegaConf.load(path), TrainConfig)
    except Exception as error:  # PyYAML and OmegaConf raise types of their own
        raise ConfigError(f"{path}: not readable as settings ({first_line(error)}); remove it to go without") from error


def compose_training(overrides: Sequence[str]) -> TrainConfig:
    """`conf/train.yaml` with Hydra overrides, outside of the Hydra application.

    Raises:
        ConfigError: as `to_config`, and overrides that Hydra can't parse.
    """
    config = _compose(normalized(overrides), TrainConfig)
    check(config)
    return config


def compose_distillation(overrides: list[str]) -> DistillConfig:
    """`conf/distill.yaml` with Hydra overrides.

    Raises:
        ConfigError: as `typed`, an impossible value, and overrides that Hydra can't parse.
    """
    config = _compose(with_quoted_paths(overrides), DistillConfig)
    check_distillation(config)
    return config


def _compose(overrides: list[str], schema: type[Schema]) -> Schema:
    return typed(_composed(overrides, schema), schema)


COMMANDS: dict[type, str] = {TrainConfig: "train", DistillConfig: "distill"}
"""Of each schema the command that it is of, and the name of its file in `conf/`."""


def _composed(overrides: list[str], schema: type) -> Any:
    register()
    try:
        with initialize_config_dir(str(resource("conf")), version_base="1.3"):
            return compose(COMMANDS[schema], overrides)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(explain(error, schema)) from error


def explain(error: BaseException, schema: type = TrainConfig) -> str:
    """One line, with the key and the remedy, out of the several that Hydra and OmegaConf make of an error."""
    if isinstance(error, OverrideParseException):
        hint = "a value with '=', brackets or quotes in it needs quotes inside quotes: 'style.title=\"A = B\"'"
        return f"{error.override}: not readable as a setting; {hint}"
    cause = error if isinstance(error, OmegaConfBaseException) else error.__cause__
    key = getattr(cause, "full_key", None)
    if isinstance(cause, (ConfigAttributeError, ConfigKeyError)) and key:
        if key.startswith("loss.layer_weights."):
            return f"{key}: is not there yet; put a + before it: +{key}=VALUE"
        similar = difflib.get_close_matches(key, setting_names(schema), n=1)
        remedy = f"did you mean {similar[0]}?" if similar else f"fast-style {COMMANDS[schema]} --help shows them all"
        return f"{key}: no such setting; {remedy}"
    if isinstance(cause, MissingMandatoryValue) and key:
        title = OmegaConf.select(cause.parent_node, "title") if key == "style.image" else None
        why = f"{title} brings no picture (its painting is not part of the project)" if title else "no value given"
        return f"{key}: {why}; add {key}={'PATH' if key in PATHS else 'VALUE'}"
    if isinstance(cause, ValidationError) and key:
        return f"{key}: {first_line(cause)}"
    text = str(error).split("Config search path")[0]
    return " ".join(line.strip() for line in text.splitlines() if line.strip())


def setting_names(schema: type = TrainConfig) -> list[str]:
    """Every key of the schema, with its section: `style.image`."""
    return [name for name, _ in _settings(schema)]


def _settings(schema: type) -> Iterator[tuple[str, str]]:
    """Every key of the schema with its meaning, where it has one."""
    structured = OmegaConf.structured(schema)
    for part in fields(schema):
        section = OmegaConf.get_type(structured, part.name)
        inner = fields(section) if is_dataclass(section) else ()
        for each in inner:
            yield f"{part.name}.{each.name}", each.metadata.get("meaning", "")
        if not inner:
            yield part.name, part.metadata.get("meaning", "")


PATHS = (
    "style.image", "data.dir", "data.val_dir", "encoder.weights", "resume", "init_from", "output_dir", "runs_dir",
    "teacher.weights", "student.start", "photos", "output",
)  # fmt: skip
"""Settings that are paths."""


def with_quoted_paths(overrides: Sequence[str]) -> list[str]:
    """Quotes around paths that Hydra's grammar does not take as they are: `~/photos`, `größe.jpg`, `photo(1).jpg`."""
    return [_with_quotes(override) for override in overrides]


def _with_quotes(override: str) -> str:
    key, _, value = override.partition("=")
    if key in PATHS and value:
        try:
            OverridesParser.create().parse_override(override)
        except HydraException:  # of its grammar, or of a function that it takes a name before a bracket for
            return f"{key}={quoted(Path(value))}"
    return override


def normalized(overrides: Sequence[str]) -> list[str]:
    """What a user gives of a training, flags of Hydra's among it, as Hydra has to get it."""
    return with_own_names(with_own_style(with_quoted_paths(overrides)))


def with_own_style(overrides: list[str]) -> list[str]:
    """`style=custom` added where `style.image` is given alone: a picture of one's own must not go by the title
    of the default style."""
    image = any(override.startswith("style.image=") for override in overrides)
    group = any(override.startswith("style=") for override in overrides)
    return [*overrides, "style=custom"] if image and not group else overrides


def with_own_names(overrides: list[str]) -> list[str]:
    """In a sweep, `style.name` with what is swept: each job's model needs a folder. A style, its image or its name
    alone is name enough."""
    flags = MULTIRUN & set(overrides)
    settings = [override for override in overrides if not override.startswith("-")]
    try:
        parsed = OverridesParser.create().parse_overrides(settings)
    except OverrideParseException:  # Hydra says it better
        return overrides
    last = {override.key_or_group or "": override for override in parsed}
    swept = {key: override for key, override in last.items() if override.is_sweep_override()}
    if not flags or not swept or any("style.name" in text and "${" in text for text in settings):
        return overrides
    constant = [override.input_line or "" for key, override in last.items() if key not in swept]
    try:
        style: Any = OmegaConf.to_container(_composed(constant, TrainConfig).style)
    except ConfigError:
        return overrides
    named = [] if "style.name" in swept or not style["name"] else [style["name"]]
    if not named and len(swept) == 1 and swept.keys() & NAMING:
        return overrides
    if not named and not swept.keys() & NAMING:
        if style["image"] == MISSING:  # an error of its own
            return overrides
        named = ["${stem:${style.image}}"]
    for key in sorted((key for key in swept if key != "style.name"), key=lambda key: key not in NAMING):
        value = f"${{stem:${{{key}}}}}" if key in PATHS else f"${{{key}}}"
        if key in groups():
            value = f"${{hydra:runtime.choices.{key}}}"
        named.append(value if key in NAMING else f"{key.rpartition('.')[2]}-{value}")
    if "style.name" not in swept:
        return [*overrides, f"style.name={quoted(Path('-'.join(named)))}"]
    own = [str(getattr(value, "text", value)) for value in swept["style.name"].sweep_iterator()]
    return [*overrides, "style.name=" + ",".join(quoted(Path("-".join([name, *named]))) for name in own)]


MULTIRUN = {"-m", "--multirun"}
"""Hydra's flags of a sweep."""
NAMING = ("style", "style.image", "style.name")
"""Settings that name a model by themselves."""


def compose_sweep(overrides: list[str]) -> list[TrainConfig]:
    """The settings of every job of a sweep, from what `normalized` gave; none of a single run, and none where other
    flags of Hydra's or another sweeper than its own have a say.

    Raises:
        ConfigError: as `to_config`, or two jobs would write the same model.
    """
    flags = {override for override in overrides if override.startswith("-")}
    if not flags or flags - MULTIRUN or any("hydra/sweeper=" in override for override in overrides):
        return []
    made: dict[str, list[str]] = {}
    configs = []
    for job in _jobs(overrides):
        configs.append(to_config(_composed(job, TrainConfig)))
        name = style_name(configs[-1])
        if name in made:
            differ = [text for text in (*made[name], *job) if not (text in made[name] and text in job)]
            told = ", ".join(text for text in differ if not text.startswith("style.name="))
            raise ConfigError(
                f"style.name={name}: two jobs of the sweep would write this model{f' ({told})' if told else ''}; leave "
                f"one out, rename a picture, or train them one by one with style.name=NAME"
            )
        made[name] = job
    return configs


def style_name(config: TrainConfig) -> str:
    """`style.name`, or the file name of the style image; it names folders, so it must be fit for that.

    Raises:
        ConfigError: an empty name, or one with a path separator or a leading dot.
    """
    name = config.style.name or Path(config.style.image).stem
    if not name or name.startswith(".") or any(c in name for c in '/\\:*?"<>|\0'):
        raise ConfigError(f"style.name={name}: not usable as the name of a folder; give another")
    return name


def quoted(path: Path) -> str:
    """A path as the value of a Hydra override, whatever is in it."""
    # Hydra takes a backslash as it is, but for those before a quote.
    escaped = re.sub(r"(\\*)('|$)", lambda found: found[1] * 2 + ("\\'" if found[2] else ""), str(path))
    return f"'{escaped}'"


def groups() -> dict[str, list[str]]:
    """The groups of `conf/`, with the names of what is in each."""
    folders = sorted(path for path in resource("conf").iterdir() if path.is_dir())
    return {folder.name: sorted(path.stem for path in folder.glob("*.yaml")) for folder in folders}


def described(overrides: Sequence[str], schema: type = TrainConfig) -> list[tuple[str, str, str]]:
    """Every setting of a training with its value under these overrides, and what it means; of a sweep with the values
    of all its jobs.

    Args:
        overrides: as on the command line.
        schema: `TrainConfig`, or `DistillConfig` for the settings of a distillation.

    Raises:
        ConfigError: an unknown key, or an override that Hydra can't parse.
    """
    jobs = []
    for job in _jobs(normalized(overrides)) if schema is TrainConfig else [with_quoted_paths(overrides)]:
        merged = OmegaConf.merge(OmegaConf.structured(schema), _composed(job, schema))
        jobs.append(OmegaConf.to_container(merged, resolve=True))
    found = []
    for name, meaning in _settings(schema):
        shown = []
        for values in jobs:
            value: Any = values
            for key in name.split("."):
                value = value[key]
            # As it is written on the command line: null, true, [relu3_2].
            shown.append(json.dumps(value, ensure_ascii=False).replace('"', ""))
        found.append((name, ", ".join(dict.fromkeys(shown)), meaning))
    return found


def _jobs(overrides: Sequence[str]) -> list[list[str]]:
    """The overrides of each job of a sweep; of a single run, which has no flag for it, as they are."""
    settings = [override for override in overrides if not override.startswith("-")]
    if not MULTIRUN & set(overrides):
        return [settings]
    try:
        parsed = OverridesParser.create().parse_overrides(settings)
        # Of several overrides of one key Hydra takes the last.
        choices = {
            override.get_key_element(): [f"{override.get_key_element()}={value}" for value in _swept(override)]
            if override.is_sweep_override()
            else [text]
            for text, override in zip(settings, parsed, strict=True)
        }
    except HydraException as error:  # also of what can't be counted, an interval
        raise ConfigError(explain(error)) from error
    jobs = []
    for job in product(*choices.values()):
        made = list(job)
        for override in job:
            key, _, value = override.partition("=")
            # What `with_own_names` asks of Hydra, whose application does not run here.
            made = [text.replace(f"${{hydra:runtime.choices.{key}}}", value) for text in made]
        jobs.append(made)
    return jobs


def _swept(override: Override) -> Iterable[str]:
    """The values of a sweep, `model=lite,johnson` or `model=glob(*)`."""
    value = override.value()
    # Hydra finds what a pattern means in its application alone.
    if isinstance(value, Glob):
        return value.filter(groups().get(override.key_or_group, []))
    return override.sweep_string_iterator()


SMALLEST_SCALED = 8
"""Pixels: side of the crops at the smallest scale that they are compared at."""


def check(config: TrainConfig) -> None:
    """Raises ConfigError for the first value that no run could use."""
    at_least = {
        "style.size": (config.style.size, 32),
        "data.image_size": (config.data.image_size, 32),
        "data.batch_size": (config.data.batch_size, 1),
        "data.val_count": (config.data.val_count, 1),
        "data.workers": (config.data.workers or 0, 0),
        "seed": (config.seed, 0),
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
        _check_least(key, value, least)
    choices = {
        "trainer.optimizer": (config.trainer.optimizer, ("muon", "adam")),
        "trainer.schedule": (config.trainer.schedule, ("cosine", "constant")),
        "trainer.precision": (config.trainer.precision, PRECISIONS),
    }
    for key, (choice, allowed) in choices.items():
        if choice not in allowed:
            raise ConfigError(f"{key}={choice}: must be one of {', '.join(allowed)}")
    if not 0 < config.data.min_crop <= 1:
        raise ConfigError(f"data.min_crop={config.data.min_crop}: must lie above 0 and be at most 1")
    if config.model.dial and not 0 < config.trainer.dial_share < 1:
        raise ConfigError(
            f"trainer.dial_share={config.trainer.dial_share}: must lie between 0 and 1; model.dial=false for none"
        )
    if not 0 < config.trainer.learning_rate < math.inf:
        raise ConfigError(f"trainer.learning_rate={config.trainer.learning_rate}: must be above 0, and finite")
    for key in ("content_layers", "style_layers", "scales", "content_scales"):
        if not getattr(config.loss, key):
            raise ConfigError(f"loss.{key}=[]: needs at least one entry")
    for key in ("scales", "content_scales"):
        smallest = min(getattr(config.loss, key))
        if smallest > 0 and config.data.image_size * smallest < SMALLEST_SCALED:
            raise ConfigError(
                f"loss.{key}: {smallest} of data.image_size={config.data.image_size} is less than {SMALLEST_SCALED} "
                f"pixels, too few for an encoder"
            )
    if config.loss.content_weight == config.loss.style_weight == 0:
        raise ConfigError("loss: content_weight and style_weight are both 0; there is nothing to learn")


def _check_least(key: str, value: float, least: float) -> None:
    """Also refuses what is no number, infinite, or beyond 64 bits."""
    if not value >= least:
        raise ConfigError(f"{key}={value}: must be at least {least}")
    if not value < 2**63:
        raise ConfigError(f"{key}={value}: is too large")


def check_distillation(config: DistillConfig) -> None:
    """Raises ConfigError for the first value that no distillation could use."""
    at_least = {
        "synthetic_every": 1,
        "image_size": 32,
        "opponents": 1,
        "shortest_life": 1,
        "longest_life": config.shortest_life,
        "new_pictures": 1,
        "old_pictures": 1,
        "clean_pictures": 1,
        "replay": 1,
        "gram_weight": 0,
        "warmup_steps": 0,
        "max_steps": 1,
        "checkpoint_every": 1,
        "workers": 0,
        "seed": 0,
    }
    for key, least in at_least.items():
        _check_least(key, getattr(config, key), least)
    if config.image_size % 8:
        raise ConfigError(f"image_size={config.image_size}: must be a multiple of 8")
    if not 0 < config.learning_rate < math.inf:
        raise ConfigError(f"learning_rate={config.learning_rate}: must be above 0, and finite")
    if config.precision not in PRECISIONS:
        raise ConfigError(f"precision={config.precision}: must be one of {', '.join(PRECISIONS)}")
    if any(width < 1 for width in config.student.widths):
        raise ConfigError(f"student.widths={config.student.widths}: each must be at least 1")
    layers = config.teacher.layers
    if not layers:
        raise ConfigError("teacher.layers=[]: needs at least one layer")
    if config.teacher.content_layer not in layers:
        raise ConfigError(
            f"teacher.content_layer={config.teacher.content_layer}: must be one of teacher.layers, {', '.join(layers)}"
        )
