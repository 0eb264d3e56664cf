"""Writing ONNX; the files of whole exports are looked at in test_export.py."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from fast_style.errors import ModelError
from fast_style.models.artifact import ModelInfo
from fast_style.models.networks import build_network
from fast_style.training.onnx_file import write_onnx

INFO = ModelInfo("a", "lite", {}, "A", "nobody", 16)


def test_a_strength_is_an_input_of_its_own(tmp_path: Path) -> None:
    network = build_network("lite", width=2, blocks=0, takes_strength=True).eval()
    write_onnx(network, tmp_path / "a.onnx", INFO, half_weights=False)
    model = onnx.load(tmp_path / "a.onnx")
    assert [value.name for value in model.graph.input] == ["image", "strength"]
    assert {weight.data_type for weight in model.graph.initializer if weight.dims} <= {
        onnx.TensorProto.FLOAT, onnx.TensorProto.INT64,
    }  # fmt: skip


def test_another_opset_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fast_style.training.onnx_file.OPSET", 21)
    network = build_network("lite", width=2, blocks=0).eval()
    monkeypatch.setattr("fast_style.training.onnx_file._export", lambda network: onnx.ModelProto())
    with pytest.raises(ModelError, match="wrote opset None in place of 21"):
        write_onnx(network, tmp_path / "a.onnx", INFO, half_weights=True)
    assert not (tmp_path / "a.onnx").exists()
