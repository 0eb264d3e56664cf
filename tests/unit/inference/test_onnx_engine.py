"""ONNX Runtime's devices and memory. What it computes is compared with torch in test_stylizer.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fast_style.errors import ConfigError, ModelError
from fast_style.inference import onnx_engine
from fast_style.inference.onnx_engine import OnnxEngine, onnx_bytes_per_pixel, open_session


@pytest.mark.parametrize(
    ("device", "words"),
    [
        ("mps", "device=mps: ONNX Runtime has no Metal engine; use coreml, engine=torch or device=cpu"),
        ("cuda", "device=cuda: .* install onnxruntime-gpu, or use engine=torch or device=cpu"),
        ("coreml", "device=coreml: .*macOS alone, use device=cpu"),
        ("directml", "device=directml: .*onnxruntime-directml on Windows, or use device=cpu"),
    ],
)
def test_devices_that_are_not_there(tiny_model: Path, monkeypatch: pytest.MonkeyPatch, device: str, words: str) -> None:
    monkeypatch.setattr(onnx_engine, "available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(ConfigError, match=words):
        OnnxEngine(tiny_model / "model.onnx", device)


def test_a_provider_that_does_not_start_gives_way_to_the_cpu(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnx_engine, "available_providers", lambda: there)
    # A session asked for CUDA comes with the CPU alone, as it does where CUDA's libraries are missing.
    monkeypatch.setattr(
        onnx_engine, "open_session", lambda path, providers: open_session(path, ["CPUExecutionProvider"])
    )
    engine = OnnxEngine(tiny_model / "model.onnx", "auto")
    assert (engine.device, engine.precision, engine.free_memory()) == ("cpu", "fp32", None)
    with pytest.raises(ConfigError, match="device=cuda: ONNX Runtime cannot start it here; use device=cpu"):
        OnnxEngine(tiny_model / "model.onnx", "cuda")


def test_a_failure_is_one_line(tiny_model: Path) -> None:
    engine = OnnxEngine(tiny_model / "model.onnx", "cpu")
    with pytest.raises(ModelError, match="ONNX Runtime failed") as failure:
        engine(np.zeros((1, 32, 32, 4), np.uint8), 1.0)
    assert "\n" not in str(failure.value)


def test_memory_is_that_of_values_alive_at_once(tiny_model: Path) -> None:
    path = tiny_model / "model.onnx"
    assert 10 < onnx_bytes_per_pixel(path) < 1000
    assert onnx_bytes_per_pixel(path, side=128) == pytest.approx(onnx_bytes_per_pixel(path), rel=0.2)
