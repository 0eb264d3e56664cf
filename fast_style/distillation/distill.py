"""distill(config): a perceptual encoder of one's own, learnt from a VGG; `embedded` was made by it.

The student sees photos, synthetic images and styles, clean and damaged, and above all the pictures of
`opponents` that train against it at the same time. What it has to reproduce is the teacher's features and
their Gram matrices, each relative to their energy.
"""

from __future__ import annotations

import copy
import logging
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import TensorBoardLogger
from rich.console import Console
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from fast_style.config.schema import DistillConfig
from fast_style.distillation.adversaries import Opponents, halves
from fast_style.errors import ConfigError, DataError, TrainingError
from fast_style.images.codec import load_rgb
from fast_style.images.folders import readable_photos
from fast_style.images.tensors import to_float, to_tensor
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
from fast_style.perceptual.losses import gram_matrix, relative_error
from fast_style.system.files import check_writable
from fast_style.system.paths import find_input
from fast_style.system.signals import ignore_interrupts
from fast_style.training.callbacks import ProgressBar, Throughput
from fast_style.training.checkpoints import WholeCheckpoints
from fast_style.training.data import (
    Batch,
    EndlessSampler,
    PhotoCrops,
    Sample,
    SyntheticCrops,
    collate,
)
from fast_style.training.divergence import Guard
from fast_style.training.failures import fitting, writing
from fast_style.training.interruption import Interrupted, Interruption
from fast_style.training.module import half_cosine
from fast_style.training.optimizers import MuonAdam
from fast_style.training.run_dir import LAST, find_checkpoint, make_run_dir, requeued_checkpoint
from fast_style.training.session import check_compiler, count_devices, lightning_precision, quieten_lightning

log = logging.getLogger("fast_style")


class Styles:
    """Draws style images: crops of paintings, their colours changed now and then.

    Args:
        paintings: uint8 `[3, H, W]` each.
        size: side of a crop in pixels.
        seed: of the drawing.
    """

    def __init__(self, paintings: list[Tensor], size: int, *, seed: int) -> None:
        self.paintings = paintings
        self.size = size
        self.rng = np.random.default_rng((seed, 4))

    def __call__(self) -> Tensor:
        """Float RGB in [0, 1], `[1, 3, size, size]`."""
        painting = self.paintings[self.rng.integers(len(self.paintings))]
        height, width = painting.shape[1:]
        side = max(1, int(min(height, width) * self.rng.uniform(0.3, 1.0)))
        top, left = self.rng.integers(height - side + 1), self.rng.integers(width - side + 1)
        crop = to_float(painting[None, :, top : top + side, left : left + side])
        crop = F.interpolate(crop, (self.size, self.size), mode="bilinear", antialias=True)
        if self.rng.uniform() < 0.5:
            crop = crop[:, self.rng.permutation(3).tolist()]
            crop = 1 - crop if self.rng.uniform() < 0.5 else crop
        return crop.contiguous()


def damage(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each image clean, or with noise, a tiled pattern, other colours, blotches, or sharpened.

    Args:
        images: float RGB in [0, 1], `[N, 3, S, S]`, on the CPU.
        generator: of what happens to which.

    Returns:
        The same shape and range.
    """

    def uniform(low: float, high: float) -> float:
        return float(torch.empty(1).uniform_(low, high, generator=generator))

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    size = images.shape[-1]
    result = []
    for image in images:
        kind = uniform(0, 1)
        if kind < 0.25:
            image = image + normal(3, size, size) * uniform(0.02, 0.3)
        elif kind < 0.4:
            period = int(torch.randint(2, 9, (1,), generator=generator))
            repeats = size // period + 1
            image = (
                image + (normal(3, period, period) * uniform(0.03, 0.3)).repeat(1, repeats, repeats)[:, :size, :size]
            )
        elif kind < 0.55:
            turn = torch.eye(3) + normal(3, 3) * 0.5
            image = torch.einsum("ij,jhw->ihw", turn, image - 0.5) + 0.5 + normal(3, 1, 1) * 0.2
        elif kind < 0.65:
            blotches = normal(1, 3, size // 4, size // 4) * uniform(0.05, 0.3)
            image = image + F.interpolate(blotches, (size, size), mode="bicubic")[0]
        elif kind < 0.75:
            image = image + uniform(1, 4) * (image - F.avg_pool2d(image[None], 3, 1, 1)[0])
        result.append(image.clamp(0, 1))
    return torch.stack(result)


class Distiller(LightningModule):
    """Trains an `Embedded` student on a teacher's features.

    Manual optimisation: Muon for the convolutions (Jordan et al. 2024), Adam for the biases. Muon reached in
    75 seconds a third of the feature error that Adam had after 240.
    """

    student: Embedded
    teacher: Encoder

    def __init__(self, config: DistillConfig, student: Embedded, teacher: Encoder, draw_style: Styles) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.config = config
        self.student = student.requires_grad_(True)
        # Past nn.Module's own __setattr__: the teacher does not belong in a checkpoint.
        object.__setattr__(self, "teacher", teacher)
        self.draw_style = draw_style
        self.layers = frozenset(config.teacher.layers)
        for layer in config.teacher.layers:
            self.register_buffer(f"unit_{layer}", torch.ones(()))
        self.generator = torch.Generator().manual_seed(config.seed)
        self.replay: list[Tensor] = []
        # Without the Gram matrices: as compiled, their products take three times as long.
        self.features: Any = torch.compile(self._features, dynamic=False) if config.compile else self._features

    def unit(self, layer: str) -> Tensor:
        """Root mean square of the teacher's layer over photos."""
        return self.get_buffer(f"unit_{layer}")

    @torch.no_grad()
    def measure_units(self, photos: Tensor) -> None:
        """Sets `unit` from float RGB in [0, 1], `[N, 3, S, S]`. Without it nothing is learnt: VGG's layers
        differ in scale by orders of magnitude."""
        for layer, features in self.teacher(photos, self.config.teacher.layers).items():
            self.unit(layer).copy_(features.float().square().mean().sqrt())

    def setup(self, stage: str) -> None:
        self.teacher.to(self.device).to(memory_format=torch.channels_last)

    def on_fit_start(self) -> None:
        # Now, because the student's memory is another one before it has moved to its device.
        config = self.config
        self.opponents = Opponents(
            shadow(self.student, compiled=config.compile),
            content_layers=[config.teacher.content_layer],
            style_layers=list(config.teacher.layers),
            draw_style=self.draw_style,
            count=config.adversaries,
            lifetime=(config.shortest_life, config.longest_life),
            seed=config.seed,
        )

    def _features(self, pictures: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]:
        """Feature errors, the student's features and the teacher's, by layer."""
        with torch.no_grad():
            wanted = self.teacher(pictures, self.config.teacher.layers)
        normalized = (pictures - self.student.mean) / self.student.std
        found = self.student.before_relu(normalized, self.layers)
        errors, targets = {}, {}
        for layer, value in found.items():
            target = wanted[layer] / self.unit(layer).to(wanted[layer].dtype)
            # Before the ReLU where the teacher is active, after it elsewhere: a head that is off where it
            # should be on still gets a gradient (Heo et al. 2019, arXiv 1904.01866).
            errors[layer] = torch.where(target > 0, value - target, F.relu(value)).float().square().mean()
            targets[layer] = target
        return errors, {layer: F.relu(value) for layer, value in found.items()}, targets

    def terms(self, pictures: Tensor) -> dict[str, Tensor]:
        """What the student gets wrong, as shares of the teacher's energy.

        Args:
            pictures: float RGB in [0, 1], `[N, 3, S, S]`.

        Returns:
            Scalars: `feature/LAYER` and `gram/LAYER`.
        """
        errors, found, wanted = self.features(pictures)
        terms = {f"feature/{layer}": error for layer, error in errors.items()}
        for layer, value in found.items():
            target = gram_matrix(wanted[layer])
            # Relative to the energy of the batch, not of each picture: Muon's steps don't shrink, so a single
            # dark picture with a large relative error would lead all of it astray.
            energy = target.square().flatten(1).sum(1).mean()
            terms[f"gram/{layer}"] = relative_error(gram_matrix(value), target, energy)
        return terms

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        photos = to_float(batch.photos)
        count = self.config.new_pictures
        on_policy = self.global_step >= self.config.warmup_steps
        if on_policy:
            new = self.opponents.advance(photos[:count])
            new = torch.cat([new[:-1], halves(new)]) if count >= 4 else new
            pictures = torch.cat([new, self._remember(new), self._damaged(photos[count:])])
        else:
            pictures = self._damaged(photos)
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        terms = self.terms(pictures)
        total = torch.stack([value for name, value in terms.items() if name.startswith("feature/")]).sum()
        if on_policy:
            grams = torch.stack([value for name, value in terms.items() if name.startswith("gram/")])
            total = total + self.config.gram_weight * grams.sum()
        optimizer = cast(Any, self.optimizers())
        optimizer.zero_grad()
        self.manual_backward(total)
        rate = self._rate(self.global_step)
        for group, largest in zip(optimizer.param_groups, self._largest_rates, strict=True):
            group["lr"] = largest * rate
        optimizer.step()
        self.log_dict({f"train/{name}": value.detach() for name, value in terms.items()})
        self.log_dict({"train/total": total.detach(), "learning_rate": self.config.learning_rate * rate})
        return total

    def _rate(self, step: int) -> float:
        """Share of the learning rate: in the warm-up a cosine from 1 to 0.1, which then goes on from 0.1 to 0.

        Muon's updates have a fixed size whatever the gradient, so the rate alone decides how fine the end is.
        """
        warmup = self.config.warmup_steps
        if step < warmup:
            return min(1.0, (step + 1) / 30) * (0.1 + 0.9 * half_cosine(step / warmup))
        return 0.1 * half_cosine((step - warmup) / (self.config.max_steps - warmup))

    def _damaged(self, photos: Tensor) -> Tensor:
        return damage(photos.cpu(), self.generator).to(photos.device)

    def _remember(self, new: Tensor) -> Tensor:
        """Keeps the opponents' pictures, and gives as many older ones, so that nothing is forgotten."""
        for picture in (new * 255).round().to(torch.uint8).cpu():
            if len(self.replay) < self.config.replay:
                self.replay.append(picture)
            else:
                self.replay[int(torch.randint(len(self.replay), (1,), generator=self.generator))] = picture
        chosen = torch.randint(len(self.replay), (self.config.old_pictures,), generator=self.generator)
        return to_float(torch.stack([self.replay[i] for i in chosen.tolist()]).to(new.device))

    def configure_optimizers(self) -> Any:
        self._largest_rates = self.config.learning_rate, self.config.learning_rate / 3
        muon_rate, adam_rate = self._largest_rates
        return MuonAdam(self.student.parameters(), muon_rate=muon_rate, adam_rate=adam_rate, betas=(0.9, 0.99))


class Contents(Dataset[Sample]):
    """Photos and synthetic images in turn, by sample number without end."""

    def __init__(self, photos: Dataset[Sample], synthetic: Dataset[Sample], every: int) -> None:
        self.photos = photos
        self.synthetic = synthetic
        self.every = every

    def __getitem__(self, index: int) -> Sample:
        return (self.synthetic if index % self.every == self.every - 1 else self.photos)[index]


class StudentGuard(Guard):
    """Ends a distillation whose student is not finite any more, before a checkpoint keeps it.

    It takes nothing back: the loss leaps with each new opponent, so that no spike tells that the student falls apart.

    Raises:
        TrainingError: from training.
    """

    def __init__(self, config: DistillConfig, run_dir: Path) -> None:
        super().__init__(checkpoint_every=config.checkpoint_every)
        self.config = config
        self.run_dir = run_dir

    def look(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not finite(pl_module.state_dict()):
            kept = (self.run_dir / LAST).exists()
            raise TrainingError(
                f"step {trainer.global_step}: the student's weights are not finite any more; "
                f"{f'go on with resume={self.run_dir} and' if kept else 'begin again with'} a learning_rate below "
                f"{self.config.learning_rate:g}, or precision=fp32"
            )


def distill(config: DistillConfig) -> Path:
    """Trains a student and writes it; returns its file.

    Raises:
        FastStyleError: anything a user can get wrong.
        SystemExit: after SIGINT or SIGTERM, with the status of that; the student is saved, to be gone on with.
    """
    quieten_lightning()
    console = Console(stderr=True, markup=False, quiet=config.quiet)
    count_devices(config.accelerator, 1, 1, section="")
    precision = lightning_precision(config.precision, config.accelerator, section="")
    runs = Path(config.runs_dir).expanduser() / "distill"
    resume = find_checkpoint(config.resume) if config.resume else requeued_checkpoint(runs)
    torch.manual_seed(config.seed)
    teacher_config = config.teacher
    if teacher_config.name not in VGG_BLOCKS:
        raise ConfigError(f"teacher.name={teacher_config.name}: only {' and '.join(VGG_BLOCKS)} can be learnt from")
    weights = teacher_config.weights
    teacher = build_encoder(teacher_config.name, teacher_config.layers, str(find_input(weights)) if weights else None)
    student = Embedded.load(Path(config.student.start)) if config.student.start else new_student(config, teacher)
    check_layers(f"student.start={config.student.start}", teacher_config.layers, student.layers)
    paintings = load_paintings(config.styles)
    photos, bad = readable_photos(Path(config.photos).expanduser())
    for reason in bad:
        log.warning("skipped: %s", reason)
    output = Path(config.output).expanduser()
    if output.is_dir():
        raise ConfigError(f"output={output}: is a folder; give the name of a file in it")
    check_writable(output.parent, "output")
    if config.compile:
        check_compiler(config.accelerator, section="")
    size, batch = config.image_size, config.new_pictures + config.clean_pictures
    crops = PhotoCrops(photos, size, seed=config.seed, min_crop=0.3)
    contents = Contents(crops, SyntheticCrops(size, seed=config.seed), config.synthetic_every)
    module = Distiller(config, student, teacher, Styles(paintings, size, seed=config.seed))
    # After a resume the samples go on, but the opponents start anew: they don't live long in any case.
    start = steps_done(resume, module) * batch if resume else 0
    module.measure_units(to_float(torch.stack([crops[i].photo for i in range(32)])))
    run_dir = resume.parent if resume else make_run_dir(runs)
    guard = StudentGuard(config, run_dir)
    interruption = Interruption(run_dir / LAST, guard)
    callbacks: list[Callback] = [
        ModelCheckpoint(
            dirpath=run_dir,
            filename=LAST.removesuffix(".ckpt"),
            every_n_train_steps=config.checkpoint_every,
            enable_version_counter=False,
        ),
        Throughput(10),
        guard,
        interruption,
    ]
    if not config.quiet:
        callbacks.append(ProgressBar(console))
    trainer = Trainer(
        max_epochs=-1,
        max_steps=config.max_steps,
        accelerator=config.accelerator,
        devices=1,
        precision=precision,
        callbacks=callbacks,
        logger=TensorBoardLogger(save_dir=run_dir, name="", version="", default_hp_metric=False),
        plugins=[WholeCheckpoints()],
        log_every_n_steps=10,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=run_dir,
    )
    loader = DataLoader(
        contents, batch_size=batch, sampler=EndlessSampler(start), num_workers=config.workers, collate_fn=collate,
        worker_init_fn=ignore_interrupts,
    )  # fmt: skip
    console.print(
        f"distilling {teacher.name} into {output}: {len(photos)} photos, {len(paintings)} styles", soft_wrap=True
    )
    smaller = f"new_pictures={config.new_pictures}, clean_pictures={config.clean_pictures} or image_size={size}"
    try:
        with fitting(run_dir, trainer, smaller), interruption.handled():
            trainer.fit(module, loader, ckpt_path=resume, weights_only=True)
    except Interrupted as interrupted:
        console.print(
            f"interrupted by {interrupted}, saved; go on with resume={run_dir}", highlight=False, soft_wrap=True
        )
        raise SystemExit(128 + interrupted.number) from interrupted
    with writing(run_dir, trainer):
        trainer.save_checkpoint(run_dir / LAST)
    student.freeze()
    student.save(output)
    return output


def steps_done(checkpoint: Path, module: Distiller) -> int:
    """How far a checkpoint is, once it is one that `module` can go on from.

    Raises:
        ConfigError: it is none.
    """
    remedy = "give one of `fast-style distill` with the same teacher.layers and student.widths"
    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)
        steps = int(state["global_step"])
        shapes = {key: value.shape for key, value in state["state_dict"].items()}
    except Exception as error:  # torch and pickle raise types of their own, with advice to load it all the same
        raise ConfigError(f"resume={checkpoint}: not a checkpoint ({type(error).__name__}); {remedy}") from error
    if shapes != {key: value.shape for key, value in module.state_dict().items()}:
        raise ConfigError(f"resume={checkpoint}: is a checkpoint of something else; {remedy}")
    return steps


def shadow(student: Embedded, *, compiled: bool) -> Embedded:
    """The same weights in the same memory, but frozen: opponents need no gradients of them."""
    twin = copy.deepcopy(student)
    twin.freeze()
    for mine, theirs in zip(twin.parameters(), student.parameters(), strict=True):
        mine.data = theirs.data
    if compiled:
        twin.compile(dynamic=False)
    return twin


def new_student(config: DistillConfig, teacher: Encoder) -> Embedded:
    """A student with random weights, shaped like `teacher`."""
    blocks = block_of(teacher.layers[-1])
    if len(config.student.widths) != blocks:
        raise ConfigError(
            f"student.widths={list(config.student.widths)}: {teacher.layers[-1]} needs {blocks} numbers, one per block"
        )
    heads = {layer: VGG_CHANNELS[block_of(layer) - 1] for layer in teacher.layers if layer in config.teacher.layers}
    return Embedded(teacher.layers, list(config.student.widths), heads, source=teacher.name)


def load_paintings(places: list[str]) -> list[Tensor]:
    """Style images from files and folders, uint8 `[3, H, W]`, their longer side at most 768 px."""
    files: list[Path] = []
    for place in places:
        path = find_input(place)
        files += readable_photos(path)[0] if path.is_dir() else [path]
    paintings = [to_tensor(load_rgb(file, max_side=768)) for file in files]
    if not paintings:
        raise DataError("styles=[]: give at least one style image or a folder of them")
    return paintings
