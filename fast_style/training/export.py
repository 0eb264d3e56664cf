"""A trained network becomes model.safetensors, model.onnx, a card and a preview; parity is proved on the way."""

from __future__ import annotations

import copy
import shutil
import subprocess
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import fast_style
from fast_style.config.compose import CONFIG, read_config
from fast_style.errors import ConfigError, ModelError, first_line
from fast_style.images.codec import load_rgb, save_rgb
from fast_style.inference.stylizer import Stylizer
from fast_style.models import artifact
from fast_style.models.artifact import STRENGTH_RANGE, ModelFiles, ModelInfo
from fast_style.models.card import write_card
from fast_style.models.networks import TransformationNetwork
from fast_style.models.pixel_interface import PixelInterface
from fast_style.system.paths import PACKAGE, resource
from fast_style.training.record import steps_before, training_record
from fast_style.training.run_dir import read_checkpoint

# What torch 2.11 to 2.15 write from dynamo; InstanceNormalization stays one node in it.
OPSET = 20
PARITY_SIZES = ((96, 128), (61, 83))
# Of 255. Both engines compute in float32, but sum in another order: a value may round the other way.
PARITY_TOLERANCE = 2
PREVIEW_SCENE = "data/scenes/lake.jpg"


def export_model(
    network: TransformationNetwork,
    folder: Path,
    *,
    name: str,
    training: dict[str, Any],
    style_title: str | None = None,
    style_credit: str | None = None,
    half_weights: bool = True,
) -> ModelFiles:
    """Writes a model folder; files of the same names are replaced only after all of it succeeded.

    Args:
        network: one of `networks`; it is not changed.
        folder: `checkpoints/NAME`, created where missing.
        name: of the model.
        training: what is known of its training, plain JSON values without local paths.
        style_title, style_credit: of the style image.
        half_weights: store float16, compute in float32; both files hold the same rounded weights.

    Raises:
        ModelError: the engines disagree, or the folder is not writable.
    """
    network = copy.deepcopy(network).to(device="cpu", dtype=torch.float32).eval()
    if half_weights:
        for parameter in network.parameters():
            parameter.data = parameter.data.half().float()
    info = ModelInfo(
        name=name,
        network=network.name,
        network_arguments=network.arguments,
        style_title=style_title or name.replace("_", " ").capitalize(),
        style_credit=style_credit or "not named",
        minimum_side=network.minimum_side,
        inputs={"strength": STRENGTH_RANGE} if network.takes_strength else {},
        training=training,
        package_version=fast_style.__version__,
        git_commit=git_commit(),
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".export-") as scratch:
            made = Path(scratch)
            write_safetensors(network, made / artifact.SAFETENSORS, info, half_weights=half_weights)
            write_onnx(network, made / artifact.ONNX, info, half_weights=half_weights)
            difference = prove_parity(made)
            write_card(made, make_card(made, info, parity=difference))
            write_preview(made)
            for path in sorted(made.iterdir()):
                path.replace(folder / path.name)
    except OSError as error:
        raise ModelError(
            f"cannot write the model to {folder} ({error.strerror or error}); choose another folder"
        ) from error
    return artifact.find_model(folder)


def keep_earlier(folder: Path, run_dir: Path) -> Path | None:
    """Copies the model in `folder`, where there is one, to `replaced` or `replaced-NUMBER` in `run_dir`.

    Returns:
        The copy's folder, None where there is no model.

    Raises:
        OSError: no room for it, or not readable; nothing is left of it then.
    """
    if not any((folder / file).is_file() for file in (artifact.SAFETENSORS, artifact.ONNX)):
        return None
    number, kept = 1, run_dir / "replaced"
    while kept.exists():
        number += 1
        kept = run_dir / f"replaced-{number}"
    kept.mkdir()
    try:
        for file in artifact.MODEL_FILES:
            if (folder / file).is_file():
                shutil.copy2(folder / file, kept)
    except OSError:
        shutil.rmtree(kept, ignore_errors=True)
        raise
    return kept


def write_safetensors(network: nn.Module, path: Path, info: ModelInfo, *, half_weights: bool) -> None:
    from safetensors.torch import save

    dtype = torch.float16 if half_weights else torch.float32
    # channels_last tensors would be refused as non-contiguous.
    state = {key: value.detach().to(dtype).contiguous() for key, value in network.state_dict().items()}
    # Not save_file: it gives the file to its owner alone.
    path.write_bytes(save(state, metadata=info.to_metadata()))


def write_onnx(network: TransformationNetwork, path: Path, info: ModelInfo, *, half_weights: bool) -> None:
    """One self-contained ONNX file: `image` uint8 `[N, H, W, 3]` to `stylized` of the same shape; of a network
    with a strength, `strength` float32 `[1]` besides.

    Raises:
        ModelError: the exporter gave another opset than asked for.
    """
    import onnx

    # A batch of 2: with 1 the exporter would fix the batch size.
    examples = {"image": torch.zeros(2, 64, 72, 3, dtype=torch.uint8)}
    dynamic = torch.export.Dim.DYNAMIC
    shapes: dict[str, dict[int, Any]] = {"image": {0: dynamic, 1: dynamic, 2: dynamic}}
    if network.takes_strength:
        examples["strength"] = torch.ones(1)
        shapes["strength"] = {}
    program = torch.onnx.export(
        PixelInterface(network).eval(),
        tuple(examples.values()),
        input_names=list(examples),
        output_names=["stylized"],
        dynamic_shapes=shapes,
        opset_version=OPSET,
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    assert program is not None
    model = program.model_proto
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    if opsets.get("") != OPSET:
        raise ModelError(
            f"the ONNX exporter wrote opset {opsets.get('')} in place of {OPSET}; update torch and onnxscript"
        )
    strip_local_paths(model)
    for value, axes in ((model.graph.input[0], "NHW"), (model.graph.output[0], "NHW")):
        for dimension, axis in zip(value.type.tensor_type.shape.dim, axes, strict=False):
            dimension.dim_param = axis
    if half_weights:
        store_half(model)
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, info.to_metadata())
    model.doc_string = f"{info.style_title}: {info.color}"
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))


def strip_local_paths(model: Any) -> None:
    """Removes what the exporter notes about source files of this machine, and shapes it inferred."""
    graph = model.graph
    del graph.metadata_props[:]
    del graph.value_info[:]
    for group in (graph.node, graph.input, graph.output, graph.initializer):
        for item in group:
            del item.metadata_props[:]
            item.doc_string = ""
    for function in model.functions:
        del function.metadata_props[:]
        for node in function.node:
            del node.metadata_props[:]


def store_half(model: Any) -> None:
    """Stores float32 weights as float16 with a Cast behind each; a runtime folds it away while loading."""
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    casts = []
    for tensor in list(graph.initializer):
        if tensor.data_type != TensorProto.FLOAT or len(tensor.dims) == 0:
            continue
        name = tensor.name
        half = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{name}.half")
        casts.append(helper.make_node("Cast", [half.name], [name], to=TensorProto.FLOAT, name=f"{name}.cast"))
        tensor.CopyFrom(half)
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend([*casts, *nodes])


def prove_parity(folder: Path) -> int:
    """The largest difference of the two engines, of 255, at two sizes, one of them odd, and along the strength.

    Raises:
        ModelError: it is above `PARITY_TOLERANCE`, or a size is not kept.
    """
    rng = np.random.default_rng(0)
    engines = [
        Stylizer.load(folder / file, device="cpu", precision="fp32") for file in (artifact.SAFETENSORS, artifact.ONNX)
    ]
    worst = 0
    strengths = (None, 0.0, 1.5) if engines[0].has_strength else (None,)
    for (height, width), strength in product(PARITY_SIZES, strengths):
        # Smooth colours with noise on top: neither flat, where everything agrees, nor noise alone.
        coarse = rng.integers(0, 256, (2, 4, 4, 3)).astype(np.float32)
        image = coarse.repeat(height // 4 + 1, 1).repeat(width // 4 + 1, 2)[:, :height, :width]
        image = np.clip(image + rng.normal(0, 20, image.shape), 0, 255).astype(np.uint8)
        torch_result, onnx_result = (engine(image, strength=strength) for engine in engines)
        if not torch_result.shape == onnx_result.shape == image.shape:
            raise ModelError(f"export: {width}×{height} became {onnx_result.shape[2]}×{onnx_result.shape[1]}")
        worst = max(worst, int(np.abs(torch_result.astype(int) - onnx_result.astype(int)).max()))
    if worst > PARITY_TOLERANCE:
        raise ModelError(
            f"export: torch and ONNX Runtime differ by {worst} of 255; at most {PARITY_TOLERANCE} is allowed"
        )
    return worst


def make_card(folder: Path, info: ModelInfo, *, parity: int) -> dict[str, Any]:
    """What is known of the model files in `folder`."""
    return {
        "name": info.name,
        "style": {"title": info.style_title, "credit": info.style_credit},
        "network": {"name": info.network, **info.network_arguments, "minimum_side": info.minimum_side},
        "training": info.training,
        "files": {file: (folder / file).stat().st_size for file in (artifact.SAFETENSORS, artifact.ONNX)},
        "engines_differ_by_at_most": {"value": parity, "of": 255},
        "package_version": info.package_version,
        "git_commit": info.git_commit,
    }


def write_preview(folder: Path) -> None:
    """preview.jpg: the project's own scene, stylised."""
    picture = Stylizer.load(folder / artifact.ONNX)(load_rgb(resource(PREVIEW_SCENE)))
    save_rgb(picture, folder / artifact.PREVIEW, quality=85)


def git_commit() -> str | None:
    """The commit of the checkout this package runs from, None in an installed wheel."""
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
    """Exports the network of a Lightning checkpoint, with the settings that lie beside it in its run folder.

    A strength that no step has learnt yet is left out: the last steps of a training learn it.

    Raises:
        ConfigError: not a checkpoint of this project.
    """
    from fast_style.training.module import StyleModule

    state = read_checkpoint(checkpoint)
    step = state["global_step"]
    try:
        module = StyleModule(**state["hyper_parameters"])
        module.load_state_dict(state["state_dict"])
    except (TypeError, RuntimeError, ConfigError) as error:
        raise ConfigError(
            f"{checkpoint}: of another version of fast_style ({first_line(error)}); train anew"
        ) from error
    training, about = {"steps": step}, {}
    if (checkpoint.parent / CONFIG).is_file():
        config = read_config(checkpoint.parent / CONFIG)
        before = steps_before(config.init_from)
        training = training_record(config, module.hparams["learning_rate"], step, {}, before=before)
        about = {"style_title": config.style.title, "style_credit": config.style.credit}
    return export_model(module.learnt(step), folder, name=name, training=training, half_weights=half_weights, **about)
