from __future__ import annotations

import shutil
from itertools import product
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from fast_style.errors import ConfigError, ModelError, ModelNotFoundError
from fast_style.models import networks
from fast_style.models.artifact import ModelInfo, list_models
from fast_style.models.networks import NETWORKS, Johnson, TransformationNetwork, build_network, load_network

TINY = {"width": 4, "blocks": 1}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("upsampling", networks.UPSAMPLING)
def test_output_is_as_large_as_the_input(name: str, upsampling: str) -> None:
    network = build_network(name, **TINY, upsampling=upsampling)
    for height, width in product((16, 17, 18, 19, 23, 24, 33), (16, 21, 31, 64)):
        image = torch.rand(2, 3, height, width)
        output = network(image)
        assert output.shape == image.shape
        assert output.min() >= 0
        assert output.max() <= 1


@pytest.mark.parametrize("name", NETWORKS)
def test_minimum_side_works(name: str) -> None:
    network = build_network(name, **TINY)
    smallest = network.minimum_side
    assert network(torch.rand(1, 3, smallest, smallest)).shape[-2:] == (smallest, smallest)


def test_the_papers_network_has_the_papers_parameters() -> None:
    # Johnson et al. 2016, supplement, table 1, with affine instance norms in place of convolution biases.
    convolutions = 9 * 9 * 3 * 32 + 9 * 32 * 64 + 9 * 64 * 128 + 10 * 9 * 128 * 128
    convolutions += 9 * 128 * 64 + 9 * 64 * 32 + 9 * 9 * 32 * 3 + 3
    norms = 2 * (32 + 64 + 128 + 10 * 128 + 64 + 32)
    assert sum(p.numel() for p in Johnson().parameters()) == convolutions + norms


def test_width_and_blocks_are_arguments() -> None:
    narrow, wide = build_network("johnson", width=4, blocks=1), build_network("johnson", width=8, blocks=3)
    assert narrow.arguments == {
        "width": 4, "blocks": 1, "takes_strength": False, "styles": 1, "upsampling": "nearest",
    }  # fmt: skip
    assert len(wide.transform) == 3
    assert wide.decode[-1].in_channels == 8


@pytest.mark.parametrize("name", NETWORKS)
def test_instance_norm_ignores_contrast_of_the_batch_neighbors(name: str) -> None:
    network = build_network(name, **TINY).eval()
    image = torch.rand(1, 3, 24, 24)
    alone = network(image)
    beside = network(torch.cat([image, torch.rand(1, 3, 24, 24) * 0.1]))[:1]
    assert torch.allclose(alone, beside, atol=1e-5)


def with_strength_coefficients(name: str) -> TransformationNetwork:
    """A network with a strength that does something."""
    torch.manual_seed(0)
    network = build_network(name, **TINY, takes_strength=True)
    for key, parameter in network.named_parameters():
        if key.endswith("strength_coefficients"):
            torch.nn.init.normal_(parameter)
    return network


@pytest.mark.parametrize("name", NETWORKS)
def test_the_strength_at_1_is_the_network_without_one(name: str) -> None:
    image, network = torch.rand(2, 3, 24, 32), with_strength_coefficients(name)
    plain = network(image)
    assert torch.equal(network(image, torch.ones(1)), plain)
    assert torch.equal(network(image, torch.ones(2)), plain)
    assert not torch.allclose(network(image, torch.zeros(1)), plain, atol=1e-2)


@pytest.mark.parametrize("name", NETWORKS)
def test_each_picture_of_a_batch_has_its_own_strength(name: str) -> None:
    image, network = torch.rand(2, 3, 24, 32), with_strength_coefficients(name)
    together = network(image, torch.tensor([0.3, 1.4]))
    apart = [network(image[i : i + 1], torch.tensor([s])) for i, s in enumerate((0.3, 1.4))]
    assert torch.allclose(together, torch.cat(apart), atol=1e-6)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_of_several_styles_blends_them(name: str) -> None:
    torch.manual_seed(0)
    network = build_network(name, **TINY, takes_strength=True, styles=3).eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, 0.1, 0.3)
    image, strength = torch.rand(2, 3, 24, 32), torch.tensor([0.5])
    weights = torch.tensor([[0.0, 1.0, 0.0], [0.25, 0.0, 0.75]])
    together = network(image, strength, weights)
    assert torch.equal(network(image, strength), network(image, strength, torch.tensor([1.0, 0.0, 0.0])))
    for i, blend in enumerate(weights):
        single = network.with_style(blend)
        assert single.styles == 1
        torch.testing.assert_close(together[i : i + 1], single(image[i : i + 1], strength))
    assert not torch.allclose(together, network(image, strength), atol=1e-2)


def test_the_norms_two_ways_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    image, network, strength = torch.rand(2, 3, 24, 32), with_strength_coefficients("lite"), torch.tensor([0.3, 1.4])
    ways = [network(image, strength), network(image, strength[:1])]
    monkeypatch.setattr(torch.compiler, "is_exporting", lambda: True)
    for ours, theirs in zip(ways, (network(image, strength), network(image, strength[:1])), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-5)


def test_lite_begins_without_a_checkerboard() -> None:
    torch.manual_seed(0)
    cells = torch.nn.functional.pixel_unshuffle(build_network("lite", **TINY)(torch.rand(1, 3, 32, 32)), 2)
    # The 4 pixels of a cell, one color after the other.
    assert cells.view(1, 3, 4, -1).std(2).max() < 1e-6


def test_float32_output_under_bfloat16() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        assert build_network("johnson", **TINY)(torch.rand(1, 3, 16, 16)).dtype == torch.float32


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("jonson", {}), ("johnson", {"depth": 3}), ("johnson", {"width": 0}), ("lite", {"width": 1}),
        ("lite", {"styles": 0}), ("lite", {"upsampling": "cubic"}),
    ],
)  # fmt: skip
def test_wrong_names_and_values_are_config_errors(name: str, arguments: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"jonson|depth|width=[01]|styles=0|upsampling=cubic: must be one of nearest"):
        build_network(name, **arguments)


@pytest.mark.parametrize(
    ("network", "arguments", "message"),
    [
        ("johnson", {"width": "abc", "blocks": 1}, "not supported between"),
        ("johnson", {"width": 10**7, "blocks": 1}, "model.width=10000000: must lie from 1 to 1024"),
        ("johnson", {"width": 4, "blocks": 10**9}, "model.blocks=1000000000: must lie from 0 to 100"),
        ("johnson", {"width": 1024, "blocks": 100}, "do not fit"),  # 480 GB, if it were made
        ("johnson", {"depth": 3}, "no such argument"),
        ("transformer", {}, f"unknown network; there are {', '.join(sorted(NETWORKS))}"),
    ],
)
def test_files_that_lie_about_their_network(
    tmp_path: Path, network: str, arguments: dict[str, object], message: str
) -> None:
    info = ModelInfo("zig", network, arguments, "Zig", "no one", 8)
    save_file({"a": torch.zeros(2)}, tmp_path / "model.safetensors", metadata=info.to_metadata())
    with pytest.raises(ModelError, match=rf"model\.safetensors: .*{message}.*export it again"):
        load_network(tmp_path / "model.safetensors")


def test_a_network_is_found_as_a_model_is(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name, folder, file, or entry of the list of models."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(tiny_model, tmp_path / "checkpoints" / "small")
    files = next(files for files in list_models() if files.name == "small")
    for model in ("small", tiny_model, str(tiny_model), tiny_model / "model.safetensors", files):
        assert load_network(model).name == "lite"
    with pytest.raises(ModelNotFoundError, match=r"no model big; give a path or a name: .*small"):
        load_network("big")
    with pytest.raises(ModelNotFoundError, match="no model"):
        load_network(tmp_path)
    (tmp_path / "checkpoints/small/model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"model\.onnx: an \.onnx file holds no network of torch"):
        load_network("small")


def test_a_network_comes_ready_to_use_or_to_train(tiny_model: Path) -> None:
    network = load_network(tiny_model)
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    photo = torch.rand(1, 3, 16, 16, requires_grad=True)
    network(photo).sum().backward()  # as for an adversarial photo
    assert photo.grad is not None
    trainable = load_network(tiny_model, trainable=True)
    assert trainable.training
    assert all(parameter.requires_grad for parameter in trainable.parameters())
    assert trainable(photo).requires_grad


def test_half_precision_weights_are_loaded_in_float32(tmp_path: Path) -> None:
    network = build_network("lite", width=4, blocks=1, takes_strength=True)
    info = ModelInfo("zig", "lite", network.arguments, "Zig", "no one", 16)
    weights = {name: value.half() for name, value in network.state_dict().items()}
    save_file(weights, tmp_path / "model.safetensors", metadata=info.to_metadata())
    loaded = load_network(tmp_path / "model.safetensors")
    assert all(p.dtype == torch.float32 for p in loaded.parameters())
    for name, value in loaded.state_dict().items():
        torch.testing.assert_close(value, weights[name].float(), rtol=0, atol=0)


def test_a_network_is_registered_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "NETWORKS", dict(NETWORKS))

    @networks.register
    class Nothing(TransformationNetwork):
        name = "nothing"

        def __init__(self, depth: int = 1) -> None:
            super().__init__()
            self.arguments = {"depth": depth}

    made = build_network("nothing", depth=3)
    assert isinstance(made, Nothing)
    assert made.arguments == {"depth": 3}
    assert not made.takes_strength
