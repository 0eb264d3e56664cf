"""Writing ONNX; the files of whole exports are looked at in test_export.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from fast_style.errors import ModelError
from fast_style.models.artifact import ModelInfo
from fast_style.models.networks import build_network
from fast_style.training.onnx_file import write_onnx

INFO = ModelInfo("a", "lite", {}, "A", "nobody", 16)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> onnx.ModelProto:
    """The first network of its architecture, as written."""
    path = tmp_path_factory.mktemp("first") / "a.onnx"
    network = build_network("lite", width=2, blocks=0, takes_strength=True).eval()
    write_onnx(network, path, INFO, half_weights=False)
    return onnx.load(path)


def test_a_strength_is_an_input_of_its_own(written: onnx.ModelProto) -> None:
    assert [value.name for value in written.graph.input] == ["image", "strength"]
    assert {weight.data_type for weight in written.graph.initializer if weight.dims} <= {
        onnx.TensorProto.FLOAT, onnx.TensorProto.INT64,
    }  # fmt: skip


def test_the_second_network_of_an_architecture_is_not_traced_again(
    written: onnx.ModelProto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gets weights of its own."""
    monkeypatch.setattr("torch.onnx.export", lambda *_, **__: pytest.fail("traced again"))
    network = build_network("lite", width=2, blocks=0, takes_strength=True).eval()
    write_onnx(network, tmp_path / "second.onnx", INFO, half_weights=False)
    second = onnx.load(tmp_path / "second.onnx")
    assert [node.op_type for node in second.graph.node] == [node.op_type for node in written.graph.node]
    first, stored = (
        {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        for model in (written, second)
    )
    name = "encode.1.conv.weight"
    assert np.array_equal(stored[f"network.{name}"], network.state_dict()[name])
    assert not np.array_equal(stored[f"network.{name}"], first[f"network.{name}"])


def test_another_opset_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fast_style.training.onnx_file.OPSET", 21)
    network = build_network("lite", width=2, blocks=0).eval()
    monkeypatch.setattr("fast_style.training.onnx_file._export", lambda network: onnx.ModelProto())
    with pytest.raises(ModelError, match="wrote opset None in place of 21"):
        write_onnx(network, tmp_path / "a.onnx", INFO, half_weights=True)
    assert not (tmp_path / "a.onnx").exists()
