from __future__ import annotations

from pathlib import Path
from urllib.error import URLError

import pytest
import torch
import torchvision
from safetensors import safe_open
from safetensors.torch import save_file

from fast_style.errors import EncoderError
from fast_style.perceptual.encoders import (
    EMBEDDED_WEIGHTS,
    Embedded,
    RandomFilters,
    build_encoder,
    vgg_feature_index,
    vgg_layers,
)


@pytest.fixture(scope="module")
def vgg16_features() -> torch.nn.Sequential:
    torch.manual_seed(0)
    return torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs["D"])


@pytest.fixture(scope="module")
def vgg16_file(vgg16_features: torch.nn.Sequential, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "vgg16.pth"
    torch.save({f"features.{key}": value for key, value in vgg16_features.state_dict().items()}, path)
    return path


def test_layer_names_and_indices() -> None:
    assert vgg_layers("vgg16")[-1] == "relu5_3"
    assert vgg_layers("vgg19")[-1] == "relu5_4"
    # The indices that repositories paste from one another: VGG-16 4/9/16/23 are these ReLUs, one further.
    assert [vgg_feature_index(name, "vgg16") + 1 for name in ("relu1_2", "relu2_2", "relu3_3", "relu4_3")] == [
        3,
        8,
        15,
        22,
    ]
    assert vgg_feature_index("relu3_4", "vgg19") == 16


def test_taps_equal_torchvisions_features(vgg16_features: torch.nn.Sequential, vgg16_file: Path) -> None:
    image = torch.rand(1, 3, 40, 56)
    names = ["relu1_2", "relu2_2", "relu3_3", "relu4_3"]
    taps = build_encoder("vgg16", names, str(vgg16_file))(image, names)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    with torch.no_grad():
        for name, last in zip(names, (3, 8, 15, 22), strict=True):
            assert torch.equal(taps[name], vgg16_features[: last + 1]((image - mean) / std))


def test_truncated_at_the_deepest_layer_asked_for(vgg16_file: Path) -> None:
    encoder = build_encoder("vgg16", ["relu2_2", "relu1_1"], str(vgg16_file))
    assert encoder.layers == ("relu1_1", "relu1_2", "relu2_1", "relu2_2")
    with pytest.raises(EncoderError, match="relu3_3"):
        encoder(torch.rand(1, 3, 16, 16), ["relu3_3"])


def test_a_file_with_only_the_layers_needed(vgg16_file: Path, tmp_path: Path) -> None:
    state = {k: v for k, v in torch.load(vgg16_file, weights_only=True).items() if int(k.split(".")[1]) <= 7}
    path = tmp_path / "part.safetensors"
    save_file(state, path)
    assert build_encoder("vgg16", ["relu2_2"], str(path)).layers[-1] == "relu2_2"
    with pytest.raises(EncoderError, match=r"relu3_1.*features\.10\.weight"):
        build_encoder("vgg16", ["relu3_3"], str(path))


def test_a_file_of_another_network(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"features.0.weight": torch.zeros(8, 3, 3, 3), "features.0.bias": torch.zeros(8)}, path)
    with pytest.raises(EncoderError, match="shape"):
        build_encoder("vgg19", ["relu1_1"], str(path))


def test_unreadable_weights(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    with pytest.raises(EncoderError, match="no such file"):
        build_encoder("vgg19", ["relu1_1"], str(path))
    for suffix in (".pth", ".safetensors"):
        path = tmp_path / f"weights{suffix}"
        path.write_bytes(b"not weights at all")
        with pytest.raises(EncoderError, match="not readable"):
            build_encoder("vgg19", ["relu1_1"], str(path))


def test_a_pickle_with_code_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path(tmp_path / "pwned").touch, ())

    torch.save({"features.0.weight": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(EncoderError):
        build_encoder("vgg19", ["relu1_1"], str(tmp_path / "evil.pth"))
    assert not (tmp_path / "pwned").exists()


def test_no_network_names_the_local_file(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise URLError("Name or service not known")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", refuse)
    with pytest.raises(EncoderError, match=r"encoder\.weights=FILE"):
        build_encoder("vgg19", ["relu1_1"])


def test_frozen_and_always_in_eval_mode(vgg16_file: Path) -> None:
    encoder = build_encoder("vgg16", ["relu1_1"], str(vgg16_file))
    parent = torch.nn.Sequential(encoder).train()
    assert parent.training
    assert not any(module.training for module in encoder.modules())
    assert not any(p.requires_grad for p in encoder.parameters())


@pytest.mark.parametrize("layers", [["relu6_1"], ["8"]])
def test_unknown_layers(layers: list[str], vgg16_file: Path) -> None:
    with pytest.raises(EncoderError, match=r"relu6_1|8"):
        build_encoder("vgg16", layers, str(vgg16_file))


def test_unknown_encoder() -> None:
    with pytest.raises(EncoderError, match="vgg11"):
        build_encoder("vgg11", ["relu1_1"])


def test_random_filters_come_from_their_seed() -> None:
    image = torch.rand(1, 3, 24, 24)
    first, again, other = (RandomFilters(["random5"], seed=seed)(image, ["random5"])["random5"] for seed in (0, 0, 1))
    assert first.shape == (1, 64, 24, 24)
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)


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


@pytest.mark.parametrize("damage", ["missing", "text", "other", "layers", "shapes"])
def test_files_that_are_no_embedded_encoder(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "own.safetensors"
    encoder = small_embedded()
    if damage == "text":
        path.write_text("not an encoder")
    elif damage == "other":
        save_file({"weight": torch.zeros(2)}, path)
    elif damage == "layers":
        encoder.architecture["heads"] = {"relu1_2": 64}
        encoder.save(path)
    elif damage == "shapes":
        encoder.architecture["widths"] = [4, 7]
        encoder.save(path)
    with pytest.raises(EncoderError, match=r"encoder\.weights=.*own\.safetensors: ") as caught:
        build_encoder("embedded", ["relu1_2"], str(path))
    assert "\n" not in str(caught.value)
