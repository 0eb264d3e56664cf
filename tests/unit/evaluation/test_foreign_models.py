from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from fast_style.errors import ConfigError, ModelError, ModelNotFoundError
from fast_style.evaluation.foreign_models import load_foreign


def foreign(path: Path, factor: float, *, cut: int = 0) -> Path:
    """An ONNX model that multiplies its `[1, 3, H, W]` input, and loses `cut` rows."""
    nodes = [helper.make_node("Mul", ["x", "factor"], ["all"])]
    constants = [helper.make_tensor("factor", TensorProto.FLOAT, [], [factor])]
    for name, value in (("from", 0), ("to", -cut or 2**31), ("axis", 2)):
        constants.append(helper.make_tensor(name, TensorProto.INT64, [1], [value]))
    nodes.append(helper.make_node("Slice", ["all", "from", "to", "axis"], ["y"]))
    shape = [1, 3, "H", "W"]
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, "h", "W"])],
        constants,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(path))
    return path


def classifier(path: Path) -> Path:
    """An ONNX model whose result is `[1, N]`: no picture."""
    graph = helper.make_graph(
        [helper.make_node("Flatten", ["x"], ["y"])], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, "H", "W"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, "N"])],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))
    return path


@pytest.mark.parametrize("convention", ["nchw-255", "nchw-1"])
def test_foreign_models_get_their_range(tmp_path: Path, photo: np.ndarray, convention: str) -> None:
    same = load_foreign(foreign(tmp_path / "same.onnx", 1), convention)
    assert np.array_equal(same(photo), photo)
    half = load_foreign(foreign(tmp_path / "half.onnx", 0.5), convention)
    assert np.abs(half(photo) - photo / 2).max() <= 0.5


def test_foreign_models_that_will_not_do(tmp_path: Path, photo: np.ndarray) -> None:
    with pytest.raises(ConfigError, match="must be one of nchw-255, nchw-1"):
        load_foreign(tmp_path / "x.onnx", "bgr")
    with pytest.raises(ModelNotFoundError, match="no such file"):
        load_foreign(tmp_path / "x.onnx", "nchw-1")
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(ModelError, match="not readable"):
        load_foreign(tmp_path / "text.onnx", "nchw-1")
    with pytest.raises(ModelError, match="64×48 became 64×47"):
        load_foreign(foreign(tmp_path / "short.onnx", 1, cut=1), "nchw-1")(photo)
    with pytest.raises(ModelError, match=r"flat\.onnx: cannot stylize as nchw-255 \(axes"):
        load_foreign(classifier(tmp_path / "flat.onnx"), "nchw-255")(photo)
