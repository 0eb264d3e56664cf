"""torch's devices and precisions. What it computes is compared with ONNX Runtime in test_stylizer.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from fast_style.errors import ConfigError, ModelError
from fast_style.inference import torch_engine
from fast_style.inference.torch_engine import TorchEngine, torch_device


def see(monkeypatch: pytest.MonkeyPatch, *, cuda: bool = False, mps: bool = False) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(("cuda", "mps", "found"), [(True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")])
def test_auto_is_a_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, found: str) -> None:
    see(monkeypatch, cuda=cuda, mps=mps)
    assert torch_device("auto") == found
    assert torch_device("cpu") == "cpu"


@pytest.mark.parametrize(
    ("device", "words"),
    [
        ("cuda", "device=cuda: this torch sees no CUDA GPU; use device=cpu"),
        ("mps", "device=mps: this torch sees no Metal GPU; use device=cpu"),
        ("coreml", "device=coreml: only ONNX Runtime has it; use engine=onnx, or device=auto"),
        ("tpu", "device=tpu: must be one of auto, cpu"),
    ],
)
def test_devices_that_are_not_there(monkeypatch: pytest.MonkeyPatch, device: str, words: str) -> None:
    see(monkeypatch)
    with pytest.raises(ConfigError, match=words):
        torch_device(device)


@pytest.mark.parametrize(
    ("precision", "device", "processor", "used"),
    [
        ("auto", "cpu", True, "bf16"), ("auto", "cpu", False, "fp32"), ("fp32", "cpu", True, "fp32"),
        ("auto", "mps", True, "fp32"), ("fp16", "mps", False, "fp16"),
    ],
)  # fmt: skip
def test_precisions(monkeypatch: pytest.MonkeyPatch, precision: str, device: str, processor: bool, used: str) -> None:
    monkeypatch.setattr(torch_engine, "cpu_computes_bf16", lambda: processor)
    assert torch_engine._resolve_precision(precision, device) == used


def test_float16_needs_a_gpu(tiny_model: Path) -> None:
    with pytest.raises(ConfigError, match="precision=fp16: needs a GPU"):
        TorchEngine(tiny_model / "model.safetensors", "cpu", precision="fp16")


def test_a_failure_is_one_line_and_names_compiling_where_it_may_be_at_fault(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = np.zeros((1, 32, 32, 3), np.uint8)

    def fail(*given: object) -> None:
        raise RuntimeError("no compiler\nand more")

    for compiled, end in ((False, r"\(no compiler\)$"), (True, r"\(no compiler\); leave compile out$")):
        monkeypatch.setattr(torch, "compile", lambda network, mode: network)
        engine = TorchEngine(tiny_model / "model.safetensors", "cpu", precision="fp32", compile=compiled)
        engine._network = fail  # type: ignore[assignment]
        with pytest.raises(ModelError, match=f"torch failed {end}"):
            engine(picture, 1.0)


def test_a_read_only_picture(tiny_model: Path) -> None:
    engine = TorchEngine(tiny_model / "model.safetensors", "cpu", precision="fp32")
    picture = np.full((1, 32, 32, 3), 7, np.uint8)
    expected = engine(picture, 0.5)
    picture.flags.writeable = False
    assert np.array_equal(engine(picture, 0.5), expected)
    assert engine.free_memory() is None
