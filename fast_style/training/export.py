"""Exports a trained network as a model folder, and proves that its files agree with each other."""

from __future__ import annotations

import copy
import shutil
import subprocess
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import torch

import fast_style
from fast_style.config.compose import CONFIG, read_config
from fast_style.errors import ConfigError, ModelError, reason_of
from fast_style.images.decode import load_rgb
from fast_style.images.encode import save_rgb
from fast_style.inference.stylizer import Stylizer
from fast_style.models import artifact
from fast_style.models.artifact import STRENGTH_RANGE, ModelFiles, ModelInfo
from fast_style.models.card import write_card
from fast_style.models.migration import JsonObject
from fast_style.models.networks import TransformationNetwork
from fast_style.system.files import atomic_folder
from fast_style.system.paths import PACKAGE, resource
from fast_style.training.checkpoints import Checkpoint, read_checkpoint
from fast_style.training.onnx_file import write_onnx
from fast_style.training.record import count_earlier_steps, training_record

PARITY_SIZES = ((96, 128), (61, 83))
"""Height and width of the pictures on which the two engines are compared."""
PARITY_TOLERANCE = 2
"""Largest difference between the engines, of 255. Both compute in float32, but sum in another order, so that values may
be rounded the other way."""
PREVIEW_SCENE = "data/scenes/lake.jpg"


def export_model(
    network: TransformationNetwork,
    folder: Path,
    *,
    name: str,
    training: JsonObject,
    style_title: str | None = None,
    style_credit: str | None = None,
    styles: Sequence[str] = (),
    half_weights: bool = True,
) -> ModelFiles:
    """Writes a model folder; files of the same names are replaced only after all of it has succeeded.

    Args:
        network: the network, which is not changed.
        folder: `checkpoints/NAME`, which is created if it is missing.
        name: name of the model.
        training: what is known about its training, without paths of the computer it was made on.
        style_title: title of the style image; None for one that is made from the name.
        style_credit: who made the style image.
        styles: names of the styles of a network that holds several.
        half_weights: whether to store weights in float16; they are computed with in float32. Both files hold the same
            rounded weights.

    Raises:
        ModelError: the engines disagree.
        WriteError: the folder cannot be written.
    """
    network = copy.deepcopy(network).to(device="cpu", dtype=torch.float32).eval()
    if half_weights:
        for parameter in network.parameters():
            parameter.data = parameter.data.half().float()
    info = ModelInfo(
        name=name,
        network=network.name,
        network_arguments=network.arguments,
        style_title=style_title or artifact.title_of(name),
        style_credit=style_credit or "not named",
        minimum_side=network.minimum_side,
        inputs={"strength": STRENGTH_RANGE} if network.takes_strength else {},
        styles=[{"name": style, "title": artifact.title_of(style)} for style in styles],
        training=training,
        package_version=fast_style.__version__,
        git_commit=git_commit(),
    )
    with atomic_folder(folder) as scratch:
        write_safetensors(network, scratch / artifact.SAFETENSORS, info, half_weights=half_weights)
        write_onnx(network, scratch / artifact.ONNX, info, half_weights=half_weights)
        difference = check_parity(scratch)
        write_card(scratch, make_card(scratch, info, parity=difference))
        write_preview(scratch)
    return artifact.find_model(folder)


def back_up_model(folder: Path, run_dir: Path) -> Path | None:
    """Copies the model in `folder`, if there is one, to `replaced` or `replaced-NUMBER` in the run folder.

    Returns:
        The folder of the copy; None where there is no model.

    Raises:
        OSError: the model cannot be copied, for example for lack of room. Nothing is left of the copy then.
    """
    if not any((folder / file).is_file() for file in (artifact.SAFETENSORS, artifact.ONNX)):
        return None
    number, backup = 1, run_dir / "replaced"
    while backup.exists():
        number += 1
        backup = run_dir / f"replaced-{number}"
    backup.mkdir()
    try:
        for file in artifact.MODEL_FILES:
            if (folder / file).is_file():
                shutil.copy2(folder / file, backup)
    except OSError:
        shutil.rmtree(backup, ignore_errors=True)
        raise
    return backup


def write_safetensors(network: TransformationNetwork, path: Path, info: ModelInfo, *, half_weights: bool) -> None:
    """Writes the weights, with the metadata, to a .safetensors file."""
    from safetensors.torch import save

    dtype = torch.float16 if half_weights else torch.float32
    # channels_last tensors would be refused as non-contiguous.
    state = {key: value.detach().to(dtype).contiguous() for key, value in network.state_dict().items()}
    # Not save_file, whose files only their owner can read.
    path.write_bytes(save(state, metadata=info.to_metadata()))


def check_parity(folder: Path) -> int:
    """Compares the engines on two sizes, one of them odd, at several strengths and in several styles.

    Returns:
        The largest difference, of 255.

    Raises:
        ModelError: the difference is above `PARITY_TOLERANCE`, or a size is not kept.
    """
    rng = np.random.default_rng(0)
    with_torch, with_onnx = (
        Stylizer.load(folder / file, device="cpu", precision="fp32") for file in (artifact.SAFETENSORS, artifact.ONNX)
    )
    largest = 0
    strengths = (None, 0.0, 1.5) if with_torch.has_strength else (None,)
    styles = (None, with_torch.styles[-1], dict.fromkeys(with_torch.styles, 1.0)) if with_torch.styles else (None,)
    for (height, width), strength, style in product(PARITY_SIZES, strengths, styles):
        # Smooth colors with noise on top: where a picture is flat everything agrees, and noise alone is no picture.
        coarse = rng.integers(0, 256, (2, 4, 4, 3)).astype(np.float32)
        smooth = coarse.repeat(height // 4 + 1, 1).repeat(width // 4 + 1, 2)[:, :height, :width]
        pictures = np.clip(smooth + rng.normal(0, 20, smooth.shape), 0, 255).astype(np.uint8)
        torch_result = with_torch(pictures, strength=strength, style=style)
        onnx_result = with_onnx(pictures, strength=strength, style=style)
        if not torch_result.shape == onnx_result.shape == pictures.shape:
            raise ModelError(f"export: {width}×{height} became {onnx_result.shape[2]}×{onnx_result.shape[1]}")
        largest = max(largest, int(np.abs(torch_result.astype(int) - onnx_result.astype(int)).max()))
    if largest > PARITY_TOLERANCE:
        raise ModelError(
            f"export: torch and ONNX Runtime differ by {largest} of 255; at most {PARITY_TOLERANCE} is allowed"
        )
    return largest


def make_card(folder: Path, info: ModelInfo, *, parity: int) -> JsonObject:
    """Returns the content of the card of the model files in `folder`, whose engines differ by `parity` of 255."""
    return {
        "name": info.name,
        "style": {"title": info.style_title, "credit": info.style_credit},
        **({"styles": info.styles} if info.styles else {}),
        "network": {"name": info.network, **info.network_arguments, "minimum_side": info.minimum_side},
        "training": info.training,
        "files": {file: (folder / file).stat().st_size for file in (artifact.SAFETENSORS, artifact.ONNX)},
        "engines_differ_by_at_most": {"value": parity, "of": 255},
        "package_version": info.package_version,
        "git_commit": info.git_commit,
    }


def write_preview(folder: Path) -> None:
    """Writes preview.jpg: the project's own scene, stylized by the model in `folder`."""
    picture = Stylizer.load(folder / artifact.ONNX)(load_rgb(resource(PREVIEW_SCENE)))
    save_rgb(picture, folder / artifact.PREVIEW, quality=85)


def git_commit() -> str | None:
    """Returns the commit of the checkout that this package runs from; None in an installed wheel."""
    if not (PACKAGE.parent / ".git").exists():
        return None
    try:
        commit = subprocess.run(
            ["git", "-C", str(PACKAGE.parent), "rev-parse", "--short=12", "HEAD"],
            capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return commit.stdout.strip() or None


def export_checkpoint(checkpoint: Path, folder: Path, *, name: str, half_weights: bool = True) -> ModelFiles:
    """Exports the network of a training checkpoint, with the settings that lie beside it in its run folder.

    A strength that no step has learned yet is left out; the last steps of a training run learn it.

    Args:
        checkpoint: a .ckpt file of `fast-style train`, of this or an earlier version.
        folder: the model folder to write.
        name: name of the model.
        half_weights: whether to store weights in float16.

    Raises:
        NotFoundError: there is no such checkpoint.
        ConfigError: the file is not a checkpoint of `fast-style train`.
        ModelError: the engines disagree.
        WriteError: the folder cannot be written.
    """
    found = read_checkpoint(checkpoint)
    network, learning_rate = network_of(found)
    training: JsonObject = {"steps": found.step}
    title = credit = None
    settings_file = checkpoint.parent / CONFIG
    if settings_file.is_file():
        config = read_config(settings_file)
        earlier_steps = count_earlier_steps(config.init_from)
        training = training_record(config, learning_rate, found.step, {}, earlier_steps=earlier_steps)
        title, credit = config.style.title, config.style.credit
    styles = found.hyper_parameters.get("styles", [])
    return export_model(
        network, folder, name=name, training=training, style_title=title, style_credit=credit,
        styles=styles, half_weights=half_weights,
    )  # fmt: skip


def network_of(checkpoint: Checkpoint) -> tuple[TransformationNetwork, float]:
    """Returns the network in a checkpoint, and the learning rate that it was trained with."""
    from fast_style.training.module import Hyperparameters, StyleModule

    try:
        hyperparameters = Hyperparameters(**checkpoint.hyper_parameters)
        module = StyleModule(hyperparameters)
        module.load_state_dict(checkpoint.state_dict)
    except (TypeError, RuntimeError, ConfigError) as error:
        raise ConfigError(
            f"of something else than fast-style train, or of another version of it ({reason_of(error)})",
            setting="checkpoint",
            value=checkpoint.path,
            remedy="train again",
        ) from error
    return module.trained_network(checkpoint.step), hyperparameters.learning_rate
