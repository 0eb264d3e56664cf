"""Which engine is chosen. `load_engine`'s mistakes are in test_stylizer.py, as `Stylizer.load` makes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from fast_style.errors import ConfigError, ModelError
from fast_style.inference import engines
from fast_style.inference.engines import check_choice, load_engine
from fast_style.models.artifact import ModelFiles


@pytest.mark.parametrize(
    ("asked", "onnx_has_cuda", "gpu", "chosen"),
    [
        ({}, False, False, "onnx"),
        ({}, False, True, "torch"),
        ({}, True, True, "onnx"),
        ({"device": "cuda"}, False, False, "torch"),
        ({"device": "cuda"}, True, False, "onnx"),
        ({"device": "mps"}, False, False, "torch"),
        ({"device": "coreml", "compiled": True}, False, True, "onnx"),
        ({"device": "cpu"}, False, True, "onnx"),
        ({"precision": "bf16"}, True, False, "torch"),
        ({"compiled": True}, True, False, "torch"),
    ],
)
def test_the_fastest_engine_is_chosen(
    monkeypatch: pytest.MonkeyPatch, asked: dict[str, object], onnx_has_cuda: bool, gpu: bool, chosen: str
) -> None:
    monkeypatch.setattr(engines, "_onnx_has_cuda", lambda: onnx_has_cuda)
    monkeypatch.setattr(engines, "has_gpu", lambda: gpu)
    both = ModelFiles("a", Path("a/model.safetensors"), Path("a/model.onnx"))
    wanted = {"device": "auto", "precision": "auto", "compiled": False, **asked}
    assert engines._choose_engine(both, **wanted) == chosen  # type: ignore[arg-type]
    assert engines._choose_engine(ModelFiles("a", both.safetensors), **wanted) == "torch"  # type: ignore[arg-type]
    assert engines._choose_engine(ModelFiles("a", onnx=both.onnx), **wanted) == "onnx"  # type: ignore[arg-type]


def test_a_gpu_that_torch_does_not_see_leaves_onnx_runtime(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(engines, "_onnx_has_cuda", lambda: False)
    monkeypatch.setattr(engines, "has_gpu", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    files = ModelFiles("tiny", tiny_model / "model.safetensors", tiny_model / "model.onnx")
    assert load_engine(files).describe() == "ONNX Runtime on the CPU"


def test_a_missing_file_points_to_the_other_engine(tiny_model: Path) -> None:
    for engine, files, other in (
        ("onnx", ModelFiles("tiny", safetensors=tiny_model / "model.safetensors"), "engine=torch"),
        ("torch", ModelFiles("tiny", onnx=tiny_model / "model.onnx"), "engine=onnx"),
    ):
        with pytest.raises(ModelError, match=f"engine={engine}: .* has no .* file; use {other}"):
            load_engine(files, engine=engine)


def test_choices() -> None:
    check_choice("engine", "onnx", ("onnx", "torch"))
    with pytest.raises(ConfigError, match="engine=tvm: must be one of onnx, torch"):
        check_choice("engine", "tvm", ("onnx", "torch"))
