from __future__ import annotations

import pytest

from fast_style.errors import ConfigError
from fast_style.training.devices import check_compiler, count_devices, lightning_precision


@pytest.mark.parametrize(
    ("accelerator", "devices", "words"),
    [
        ("abacus", "auto", r"^trainer\.accelerator=abacus: .*; auto takes what there is$"),
        ("abacus", 2, r"^trainer\.accelerator=abacus: "),
        ("cpu", 0, r"^trainer\.devices=0: .*; auto takes what there is$"),
        ("auto", "abc", r"^trainer\.devices=abc: "),
    ],
)
def test_devices_that_are_not_there(accelerator: str, devices: int | str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        count_devices(accelerator, devices, 1)


def test_devices_are_counted_on_all_nodes() -> None:
    assert count_devices("cpu", 2, 3) == 6


@pytest.mark.parametrize(
    ("accelerator", "metal", "precision"),
    [("auto", False, "bf16-mixed"), ("auto", True, "32-true"), ("cpu", True, "bf16-mixed"), ("mps", True, "32-true")],
)
def test_auto_precision_fits_the_device_that_auto_takes(
    monkeypatch: pytest.MonkeyPatch, accelerator: str, metal: bool, precision: str
) -> None:
    """On an Apple chip the CPU has bfloat16, while Metal, which Lightning prefers, does not."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: metal)
    monkeypatch.setattr("fast_style.training.devices.cpu_computes_bf16", lambda: True)
    assert lightning_precision("auto", accelerator) == precision


@pytest.mark.parametrize(("computes", "precision"), [(True, "bf16-mixed"), (False, "16-mixed")])
def test_auto_precision_of_a_gpu(monkeypatch: pytest.MonkeyPatch, computes: bool, precision: str) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda including_emulation: computes)
    assert lightning_precision("auto", "gpu") == precision
    assert lightning_precision("fp16", "gpu") == "16-mixed"


def test_fp16_needs_a_gpu() -> None:
    with pytest.raises(ConfigError, match=r"^trainer\.precision=fp16: needs a CUDA GPU; use bf16, fp32 or auto"):
        lightning_precision("fp16", "cpu")


def test_without_a_compiler_nothing_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> object:
        raise RuntimeError("no g++\nand more")

    monkeypatch.setattr("torch.compile", refuse)
    with pytest.raises(ConfigError, match=r"^trainer\.compile=True: .*\(no g\+\+\).*apt-get.* trainer\.compile=False$"):
        check_compiler("cpu")
