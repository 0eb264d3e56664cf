from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchvision
from safetensors import safe_open
from safetensors.torch import save_file

from fast_style.errors import EncoderError
from fast_style.perceptual.encoders import EMBEDDED_WEIGHTS, Embedded, build_encoder

EMBEDDED_LAYERS = ["relu1_2", "relu2_2", "relu3_2", "relu3_4"]


def multiplications(encoder: torch.nn.Module, layers: list[str]) -> int:
    """Multiply-adds of the convolutions for a 64 px image."""
    total = 0

    def count(module: torch.nn.Conv2d, inputs: object, output: torch.Tensor) -> None:
        nonlocal total
        total += output.shape[2] * output.shape[3] * module.weight.numel()

    hooks = [m.register_forward_hook(count) for m in encoder.modules() if isinstance(m, torch.nn.Conv2d)]
    encoder(torch.rand(1, 3, 64, 64), layers)
    for hook in hooks:
        hook.remove()
    return total


def test_the_embedded_encoder_comes_with_the_package_and_is_small() -> None:
    assert EMBEDDED_WEIGHTS.stat().st_size <= 3_000_000
    encoder = build_encoder("embedded", EMBEDDED_LAYERS)
    taps = encoder(torch.rand(1, 3, 64, 48), EMBEDDED_LAYERS)
    assert {name: tuple(value.shape) for name, value in taps.items()} == {
        "relu1_2": (1, 64, 64, 48),
        "relu2_2": (1, 128, 32, 24),
        "relu3_2": (1, 256, 16, 12),
        "relu3_4": (1, 256, 16, 12),
    }
    assert all(value.min() >= 0 and value.max() > 0 for value in taps.values())
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    with pytest.raises(EncoderError, match="relu4_1"):
        build_encoder("embedded", ["relu4_1"])


def test_the_embedded_encoder_takes_a_quarter_of_vgg19(tmp_path: Path) -> None:
    features = torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs["E"])
    path = tmp_path / "vgg19.pth"
    torch.save({f"features.{key}": value for key, value in features.state_dict().items()}, path)
    vgg = build_encoder("vgg19", EMBEDDED_LAYERS, str(path))
    embedded = build_encoder("embedded", EMBEDDED_LAYERS)
    assert 4 * multiplications(embedded, EMBEDDED_LAYERS) <= multiplications(vgg, EMBEDDED_LAYERS)


def small_embedded() -> Embedded:
    return Embedded(["relu1_1", "relu1_2", "relu2_1"], [4, 6], {"relu1_2": 64, "relu2_1": 128}, source="vgg16")


def test_embedded_encoders_are_saved_and_loaded(tmp_path: Path) -> None:
    encoder = small_embedded()
    encoder.save(tmp_path / "own.safetensors")
    again = build_encoder("embedded", ["relu2_1"], str(tmp_path / "own.safetensors"))
    assert isinstance(again, Embedded)
    assert again.architecture == encoder.architecture
    image = torch.rand(1, 3, 20, 16)
    for layer, value in encoder(image, encoder.layers).items():
        assert torch.allclose(value, again(image, [layer])[layer], atol=2e-2)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e5])
def test_weights_that_are_not_finite_are_never_saved(tmp_path: Path, value: float) -> None:
    encoder = small_embedded()
    with torch.no_grad():
        encoder.heads["relu1_2"].bias[3] = value
    with pytest.raises(EncoderError, match=r"own\.safetensors: not written, .*not finite.*lower learning_rate"):
        encoder.save(tmp_path / "own.safetensors")
    assert not list(tmp_path.iterdir())


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    small_embedded().save(path)
    with safe_open(path, "pt") as file:
        metadata, state = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    state["heads.relu1_2.bias"][3] = float("nan")
    save_file(state, path, metadata)
    with pytest.raises(EncoderError, match=r"encoder\.weights=.*own\.safetensors: its weights are not finite; make it"):
        build_encoder("embedded", ["relu1_2"], str(path))


@pytest.mark.parametrize("defect", ["missing", "text", "other", "layers", "shapes"])
def test_files_that_are_no_embedded_encoder(tmp_path: Path, defect: str) -> None:
    path = tmp_path / "own.safetensors"
    encoder = small_embedded()
    if defect == "text":
        path.write_text("not an encoder")
    elif defect == "other":
        save_file({"weight": torch.zeros(2)}, path)
    elif defect == "layers":
        encoder.architecture["heads"] = {"relu1_2": 64}
        encoder.save(path)
    elif defect == "shapes":
        encoder.architecture["widths"] = [4, 7]
        encoder.save(path)
    with pytest.raises(EncoderError, match=r"encoder\.weights=.*own\.safetensors: ") as caught:
        build_encoder("embedded", ["relu1_2"], str(path))
    assert "\n" not in str(caught.value)
