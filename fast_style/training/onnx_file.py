"""Writes a network as one self-contained ONNX file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from fast_style.errors import ModelError
from fast_style.models.artifact import ModelInfo
from fast_style.models.networks import TransformationNetwork
from fast_style.models.pixel_interface import PixelInterface

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 20
"""The opset that torch 2.11 to 2.15 write, in which an InstanceNormalization stays one node."""

_traces: dict[str, ModelProto] = {}
"""What `_trace` gave for each architecture: it takes ten times as long as all the rest of an export, and has nothing to
do with weights. A sweep over styles traces its network once."""


def write_onnx(network: TransformationNetwork, path: Path, info: ModelInfo, *, half_weights: bool) -> None:
    """Writes a network as ONNX.

    The file takes `image`, uint8 `[N, H, W, 3]`, and gives `stylized` of the same shape. A network that takes a
    strength also takes `strength`, float32 `[1]`, and one that holds K styles their weights `style`, float32 `[K]`.

    Args:
        network: the network, in float32 on the CPU.
        path: the file to write.
        info: the metadata.
        half_weights: whether to store weights in float16; they are computed with in float32.

    Raises:
        ModelError: the exporter wrote another opset than `OPSET`.
    """
    import onnx

    model = _export(network)
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    if opsets.get("") != OPSET:
        raise ModelError(
            f"the ONNX exporter wrote opset {opsets.get('')} in place of {OPSET}; update torch and onnxscript"
        )
    remove_local_paths(model)
    for value in (model.graph.input[0], model.graph.output[0]):
        for dimension, axis in zip(value.type.tensor_type.shape.dim, "NHW", strict=False):
            dimension.dim_param = axis
    if half_weights:
        store_half(model)
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, info.to_metadata())
    model.doc_string = f"{info.style_title}: {info.color}"
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))


def _export(network: TransformationNetwork) -> ModelProto:
    """Returns a network as the exporter translates it: its architecture as traced, its weights, constants folded."""
    import onnx_ir

    key = json.dumps([network.name, network.arguments], sort_keys=True)
    if key not in _traces:
        _traces[key] = _trace(network)
    program = torch.onnx.ONNXProgram(onnx_ir.from_proto(_traces[key]), None)
    program.apply_weights(PixelInterface(network).state_dict())
    program.optimize()
    model: ModelProto = program.model_proto
    return model


def _trace(network: TransformationNetwork) -> ModelProto:
    """Traces a network. No constant is folded yet, so that each weight is there under its own name."""
    # A batch of 2, because the exporter would fix a batch size of 1.
    examples = {"image": torch.zeros(2, 64, 72, 3, dtype=torch.uint8)}
    any_size = torch.export.Dim.DYNAMIC
    shapes = {"image": {0: any_size, 1: any_size, 2: any_size}}
    if network.takes_strength:
        examples["strength"] = torch.ones(1)
        shapes["strength"] = {}
    if network.styles > 1:
        examples["style"] = torch.full([network.styles], 1 / network.styles)
        shapes["style"] = {}
    program = torch.onnx.export(
        PixelInterface(network).eval(),
        kwargs=examples,
        input_names=list(examples),
        output_names=["stylized"],
        dynamic_shapes=shapes,
        opset_version=OPSET,
        dynamo=True,
        external_data=False,
        optimize=False,
        verbose=False,
    )
    assert program is not None
    model: ModelProto = program.model_proto
    return model


def remove_local_paths(model: ModelProto) -> None:
    """Removes the exporter's notes about source files of this computer, and the shapes that it inferred."""
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


def store_half(model: ModelProto) -> None:
    """Stores float32 weights as float16, with a Cast behind each one, which a runtime folds away while loading."""
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
