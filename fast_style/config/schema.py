"""The schema of `conf/`: every key with its type, default and meaning."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING


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
    strength: bool = setting(True, "the model takes a strength from 0 to 1.5 when it stylises")


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
class LossSettings:
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
    strength_share: float = setting(0.2, "of all steps, the last ones, in which a network that takes a strength learns that alone")
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
    loss: LossSettings = field(default_factory=LossSettings)
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
