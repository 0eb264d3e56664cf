"""The schema of `conf/`: every setting with its type, its default, what it means and which values it allows.

This is the only place that states bounds and choices; `checks` walks it. A new setting is one field here and one line
in its YAML file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import Field, dataclass, field, fields, is_dataclass
from typing import Any, TypeVar, cast

from omegaconf import MISSING

from fast_style.models.precision import PRECISIONS

Value = TypeVar("Value")


@dataclass(frozen=True)
class Limits:
    """The values that a setting allows; for a list, those that each of its entries may take.

    Args:
        minimum: The least number.
        above: A number that it must exceed.
        maximum: The largest number.
        below: A number that it must stay under.
        multiple_of: A number that must divide it.
        choices: The only words that are allowed.
        not_empty: A list needs at least one entry.
        only_if: A setting; where that is false, nothing is checked.
    """

    minimum: float | None = None
    above: float | None = None
    maximum: float | None = None
    below: float | None = None
    multiple_of: int | None = None
    choices: tuple[str, ...] = ()
    not_empty: bool = False
    only_if: str | None = None


AUTO = "auto"
"""The value of a setting that is to be chosen by what is there."""

ANYTHING = Limits()
POSITIVE = Limits(above=0)
NOT_NEGATIVE = Limits(minimum=0)
AT_LEAST_ONE = Limits(minimum=1)
NOT_EMPTY = Limits(not_empty=True)
PRECISION = Limits(choices=PRECISIONS)


def setting(
    default: Value, meaning: str, limits: Limits = ANYTHING, *, path: bool = False, text: bool = False
) -> Value:
    """Returns a dataclass field for a setting.

    Args:
        default: Its value where nothing else is given; `MISSING` where a value must be given.
        meaning: What it means, as `--help` shows it.
        limits: The values that it allows.
        path: Whether it is a path, which needs no quotes in an override.
        text: Whether it is any other text that people write, which needs none either.
    """
    metadata = {"meaning": meaning, "limits": limits, "path": path, "text": text or path}
    if isinstance(default, dict):
        return cast("Value", field(default_factory=default.copy, metadata=metadata))
    return field(default=default, metadata=metadata)


@dataclass
class StyleConfig:
    """The painting that a network learns."""

    image: str | None = setting(
        MISSING,
        "Path of the style image; or a folder or a pattern, whose paintings, by one hand, make up a single style",
        path=True,
    )
    images: str | None = setting(
        None,
        "Folder of style images, subfolders included, each of which is a style of its own in one network",
        path=True,
    )
    choice: str = setting(
        "mean",
        "What a photo is compared with where style.image holds several paintings: the mean of their Gram matrices, or "
        "those of one of them, the nearest in content or a random one",
        Limits(choices=("mean", "nearest", "random")),
    )
    name: str | None = setting(
        None, "Name of the model; null takes the file name of the style image, or of the folder", text=True
    )
    title: str | None = setting(None, "Title of the painting, for the model's card", text=True)
    credit: str | None = setting(None, "Who painted it, for the model's card", text=True)
    size: int = setting(
        MISSING, "Longer side of the style image in pixels; larger means larger brush strokes", Limits(minimum=32)
    )


@dataclass
class DataConfig:
    """The photos that a network learns from."""

    dir: str | None = setting(None, "Folder of photos, subfolders included; null trains on synthetic images", path=True)
    val_dir: str | None = setting(
        None, "Folder of photos to validate on; null holds out some photos of data.dir", path=True
    )
    val_count: int = setting(16, "Number of photos to validate on", AT_LEAST_ONE)
    image_size: int = setting(256, "Side of the square training crops in pixels", Limits(minimum=32))
    min_crop: float = setting(
        0.5, "Side of the smallest crop, as a fraction of the photo's shorter side", Limits(above=0, maximum=1)
    )
    batch_size: int = setting(2, "Photos per step on each device", AT_LEAST_ONE)
    workers: int | None = setting(
        None, "Data loading processes; null means none on a CPU and up to 8 with a GPU", NOT_NEGATIVE
    )


@dataclass
class ModelConfig:
    """The network to train."""

    name: str = setting("lite", "Network: lite runs in real time on a CPU, johnson is the paper's")
    width: int = setting(32, "Channels of the first layer; fewer are faster and coarser")
    blocks: int = setting(5, "Number of residual blocks")
    strength: bool = setting(True, "Train a network that takes a strength from 0 to 1.5 when it stylizes")
    arguments: dict[str, Any] = setting(
        {"upsampling": "linear"}, "Further arguments of the network: +model.arguments.NAME=VALUE"
    )
    base: str | None = setting(
        "paintings", "Model that training starts from where init_from is auto; null for none", path=True
    )


@dataclass
class EncoderConfig:
    """The frozen network whose features are compared, and the defaults of the loss that suit it."""

    name: str = setting(MISSING, "Encoder: embedded, vgg16, vgg19 or random")
    weights: str | None = setting(
        None, "Local .pth or .safetensors file with the encoder's weights; null takes its own", path=True
    )
    pooling: str = setting("max", "Pooling between the encoder's blocks: max or average")
    padding: str = setting(
        "zeros",
        "What the encoder's convolutions see beyond the border: zeros, or replicate for the outermost features again",
    )
    content_layers: list[str] = setting(MISSING, "Default for loss.content_layers")
    style_layers: list[str] = setting(MISSING, "Default for loss.style_layers")
    scales: list[float] = setting(MISSING, "Default for loss.scales")
    content_scales: list[float] = setting(MISSING, "Default for loss.content_scales")
    style_weight: float = setting(MISSING, "Default for loss.style_weight")
    style_size: int = setting(MISSING, "Default for style.size")


@dataclass
class LossSettings:
    """The perceptual loss: what it compares, and the weight of each term."""

    content_layers: list[str] = setting(MISSING, "Encoder layers on which the photo is kept", NOT_EMPTY)
    style_layers: list[str] = setting(MISSING, "Encoder layers on which the painting is matched", NOT_EMPTY)
    scales: list[float] = setting(MISSING, "Sizes, relative to the image, at which style is compared", NOT_EMPTY)
    content_scales: list[float] = setting(
        MISSING,
        "Sizes, relative to the image, at which content is compared; [1.0] stays closer to the photo",
        NOT_EMPTY,
    )
    layer_weights: dict[str, float] = setting(
        {}, "Weights of single style layers, 1 where not named: +loss.layer_weights.relu1_2=0.5"
    )
    full_size_window: float = setting(
        1.0,
        "Side of the random square in which a training step compares at scale 1, relative to data.image_size; the "
        "features there cost most",
        Limits(above=0, maximum=1),
    )
    content_weight: float = setting(1.0, "Weight of the content term; more stays closer to the photo", NOT_NEGATIVE)
    style_weight: float = setting(MISSING, "Weight of the style term; more comes closer to the painting", NOT_NEGATIVE)
    tv_weight: float = setting(1.0, "Weight of total variation; more is smoother", NOT_NEGATIVE)
    checkerboard_weight: float = setting(
        500.0, "Weight of the term against patterns with the period of the network's upsampling", NOT_NEGATIVE
    )
    stability_weight: float = setting(
        0.0,
        "Weight of the term against flicker: a shifted, zoomed, noisy copy of a photo must be painted alike",
        NOT_NEGATIVE,
    )
    adversarial_weight: float = setting(
        0.0,
        "Weight of the term of a discriminator, which learns to tell crops of the paintings from stylized photos",
        NOT_NEGATIVE,
    )


@dataclass
class AdversaryConfig:
    """The discriminator behind loss.adversarial_weight."""

    width: int = setting(32, "Channels of the discriminator's first layer", AT_LEAST_ONE)
    crop: float = setting(
        0.5, "Side of the crops that it looks at, relative to data.image_size", Limits(above=0, maximum=1)
    )
    augmentation: float = setting(
        0.5,
        "How much the colors of what it sees are changed at random; 1 nearly blinds it to the palette",
        Limits(minimum=0, maximum=1),
    )
    learning_rate: float = setting(1e-3, "Its largest learning rate; Adam trains it", POSITIVE)
    gradient_penalty: float = setting(
        1.0, "Weight of the penalty R1 on its gradient; more keeps it from getting too good", NOT_NEGATIVE
    )


@dataclass
class TrainerConfig:
    """How long, how fast and on what a network is trained."""

    max_steps: int = setting(150, "Number of training steps", AT_LEAST_ONE)
    optimizer: str = setting("muon", "Optimizer: muon or adam", Limits(choices=("muon", "adam")))
    learning_rate: float = setting(5e-3, "Largest learning rate; 1e-3 suits Adam", POSITIVE)
    learning_rate_batch: int | None = setting(
        2,
        "Photos per step, over all devices, that the learning rate is meant for; it is scaled by the square root of "
        "the actual number over this one; null never scales it",
        AT_LEAST_ONE,
    )
    schedule: str = setting(
        "cosine", "Schedule of the learning rate: cosine or constant", Limits(choices=("cosine", "constant"))
    )
    warmup_steps: int = setting(25, "Steps over which the learning rate rises", NOT_NEGATIVE)
    strength_share: float = setting(
        0.2,
        "Fraction of the steps, at the end, that train only what depends on the strength",
        Limits(above=0, below=1, only_if="model.strength"),
    )
    gradient_clip: float = setting(0.0, "Largest norm of the gradient; 0 means no clipping", NOT_NEGATIVE)
    precision: str = setting("auto", "Precision of the computation: auto, fp32, bf16 or fp16", PRECISION)
    compile: bool = setting(
        False, "Compile with torch.compile, for GPUs; needs a C++ compiler and takes a minute at the start"
    )
    accelerator: str = setting("auto", "Accelerator as Lightning names it: auto, cpu, gpu or mps")
    devices: int | str = setting("auto", "Number of devices; auto takes all of them")
    num_nodes: int = setting(1, "Number of machines")
    val_every: int = setting(50, "Steps between validations and image grids", AT_LEAST_ONE)
    checkpoint_every: int = setting(50, "Steps between checkpoints", AT_LEAST_ONE)
    log_every: int = setting(10, "Steps between points in TensorBoard", AT_LEAST_ONE)


@dataclass
class ExportConfig:
    """How the trained model is written."""

    half_weights: bool = setting(True, "Store the weights in float16; the model still computes in float32")


@dataclass
class TrainConfig:
    """All settings of `fast-style train`."""

    style: StyleConfig = field(default_factory=StyleConfig)
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    loss: LossSettings = field(default_factory=LossSettings)
    adversary: AdversaryConfig = field(default_factory=AdversaryConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    export: ExportConfig = field(default_factory=ExportConfig)
    seed: int = setting(
        0,
        "Seed of all randomness; with the same data and machine it gives the same model on a CPU, and nearly the "
        "same on a GPU",
        NOT_NEGATIVE,
    )
    resume: str | None = setting(
        None, "Checkpoint to continue from, or a folder of runs, whose newest last.ckpt is taken", path=True
    )
    init_from: str | None = setting(
        AUTO,
        "Model, by name or path, whose weights training starts from; its style may be any. auto is model.base where "
        "that has the network's size; null is none",
        path=True,
    )
    output_dir: str = setting("checkpoints", "Folder of models; this one goes to output_dir/NAME", path=True)
    runs_dir: str = setting(
        "runs", "Folder of checkpoints and TensorBoard files; this run goes to runs_dir/NAME/NUMBER", path=True
    )
    quiet: bool = setting(False, "Show no progress bar and no messages")
    experiment: Any = setting(None, "Name of the recipe, for the record")


@dataclass
class TeacherConfig:
    """The VGG that an encoder is distilled from."""

    name: str = setting("vgg19", "Teacher: vgg16 or vgg19")
    weights: str | None = setting(
        None, "Local .pth or .safetensors file with the teacher's weights; null downloads torchvision's", path=True
    )
    layers: list[str] = setting(MISSING, "Layers that the student learns to reproduce", NOT_EMPTY)
    content_layer: str = setting(MISSING, "The one of these layers on which adversaries stay close to their photos")


@dataclass
class StudentConfig:
    """The encoder that is learned."""

    widths: list[int] = setting(MISSING, "Channels of each block", AT_LEAST_ONE)
    start: str | None = setting(None, "Embedded encoder to start from; null starts from random weights", path=True)


@dataclass
class DistillConfig:
    """All settings of `fast-style distill`."""

    teacher: TeacherConfig = field(default_factory=TeacherConfig)
    student: StudentConfig = field(default_factory=StudentConfig)
    photos: str = setting(MISSING, "Folder of photos, subfolders included", path=True)
    styles: list[str] = setting(MISSING, "Style images, or folders of them")
    synthetic_every: int = setting(4, "One in this many content images is synthetic", AT_LEAST_ONE)
    image_size: int = setting(
        160, "Side of the square crops in pixels, a multiple of 8", Limits(minimum=32, multiple_of=8)
    )
    adversaries: int = setting(4, "Number of networks that search for what the student overlooks", AT_LEAST_ONE)
    shortest_life: int = setting(40, "Fewest steps after which an adversary is replaced", AT_LEAST_ONE)
    longest_life: int = setting(600, "Most steps after which an adversary is replaced", AT_LEAST_ONE)
    new_pictures: int = setting(4, "Pictures per step that an adversary has just made", AT_LEAST_ONE)
    old_pictures: int = setting(2, "Pictures per step that earlier adversaries made", AT_LEAST_ONE)
    clean_pictures: int = setting(2, "Photos per step, some of them augmented", AT_LEAST_ONE)
    replay: int = setting(1024, "Number of the adversaries' pictures that are kept", AT_LEAST_ONE)
    gram_weight: float = setting(0.5, "Weight of the Gram matrices; that of the features is 1", NOT_NEGATIVE)
    learning_rate: float = setting(0.03, "Largest learning rate of the student", POSITIVE)
    warmup_steps: int = setting(400, "Steps before the first adversary appears", NOT_NEGATIVE)
    max_steps: int = setting(4200, "Number of training steps", AT_LEAST_ONE)
    checkpoint_every: int = setting(200, "Steps between checkpoints", AT_LEAST_ONE)
    compile: bool = setting(True, "Compile with torch.compile; needs a C++ compiler and halves the time")
    precision: str = setting("auto", "Precision of the computation: auto, fp32, bf16 or fp16", PRECISION)
    accelerator: str = setting("auto", "Accelerator as Lightning names it: auto, cpu, gpu or mps")
    workers: int = setting(1, "Data loading processes", NOT_NEGATIVE)
    seed: int = setting(0, "Seed of all randomness", NOT_NEGATIVE)
    resume: str | None = setting(
        None, "Checkpoint to continue from, or a folder of runs, whose newest last.ckpt is taken", path=True
    )
    output: str = setting(
        "embedded.safetensors", "File to write, which encoder.weights of a training run can name", path=True
    )
    runs_dir: str = setting("runs", "Folder of checkpoints and TensorBoard files", path=True)
    quiet: bool = setting(False, "Show no progress bar and no messages")


@dataclass(frozen=True)
class Setting:
    """One setting of a schema, as `settings` finds it."""

    name: str
    meaning: str
    limits: Limits
    path: bool
    text: bool


def settings(schema: type) -> Iterator[Setting]:
    """Yields every setting of a schema, in order, under its full name: `style.image`."""
    for entry in fields(schema):
        section: object = entry.default_factory
        if isinstance(section, type) and is_dataclass(section):
            for inner in fields(section):
                yield _as_setting(f"{entry.name}.{inner.name}", inner)
        else:
            yield _as_setting(entry.name, entry)


def _as_setting(name: str, entry: Field[object]) -> Setting:
    known = entry.metadata
    return Setting(
        name,
        known.get("meaning", ""),
        known.get("limits", ANYTHING),
        known.get("path", False),
        known.get("text", False),
    )


PATHS = frozenset(each.name for schema in (TrainConfig, DistillConfig) for each in settings(schema) if each.path)
"""The settings that are paths."""
TEXTS = frozenset(each.name for schema in (TrainConfig, DistillConfig) for each in settings(schema) if each.text)
"""The settings whose values are any text, paths among them: none of it is grammar."""
