from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from fast_style.config.compose import write_config
from fast_style.config.entry import compose_training
from fast_style.errors import ConfigError, ModelError
from fast_style.models.networks import TransformationNetwork, build_network
from fast_style.perceptual.losses import PerceptualLoss, style_grams
from fast_style.training.module import Hyperparameters, StyleModule
from fast_style.training.warm_start import check_same_run, find_initial_model, load_initial_weights, nearest_blend
from tests.unit.training.helpers import save_model

OURS = Hyperparameters("lite", {"width": 4, "blocks": 1, "takes_strength": True})


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    module = StyleModule(OURS)
    state = {"state_dict": module.state_dict(), "global_step": 3, "hyper_parameters": dict(module.hparams)}
    torch.save(state, tmp_path / "last.ckpt")
    return tmp_path / "last.ckpt"


def test_the_same_run_continues(checkpoint: Path) -> None:
    check_same_run(checkpoint, OURS, "stained_glass")
    # The length of a run and its learning rate may change.
    check_same_run(checkpoint, replace(OURS, max_steps=9, learning_rate=1e-4), "stained_glass")


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"network_arguments": {**OURS.network_arguments, "width": 5}}, "'width': 5"),
        ({"network": "johnson"}, "johnson"),
        ({"optimizer": "adam"}, "with adam"),
    ],
)
def test_a_run_of_something_else_does_not(checkpoint: Path, other: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=f"is a training run of lite .*, and not of .*{words}.*give the settings"):
        check_same_run(checkpoint, replace(OURS, **other), "any")


def test_a_run_of_another_style_does_not(checkpoint: Path) -> None:
    config = compose_training(["style=flow"])
    write_config(config, checkpoint.parent)
    check_same_run(checkpoint, OURS, "flow")
    words = rf"is a training run of flow, and not of wave; .* style.image={config.style.image}, or init_from=MODEL"
    with pytest.raises(ConfigError, match=words):
        check_same_run(checkpoint, OURS, "wave")


def test_a_checkpoint_of_a_distillation_does_not(tmp_path: Path) -> None:
    torch.save({"state_dict": {}, "global_step": 3}, tmp_path / "last.ckpt")
    with pytest.raises(ConfigError, match=r"^resume=.*last\.ckpt: not a checkpoint of fast-style train"):
        check_same_run(tmp_path / "last.ckpt", OURS, "any")


def test_a_checkpoint_of_an_earlier_version_continues(checkpoint: Path) -> None:
    """Version 1.0 called the strength a dial, and its coefficients slopes."""
    state = torch.load(checkpoint, weights_only=True)
    state["state_dict"] = {
        key.replace("strength_coefficients", "slopes"): value for key, value in state["state_dict"].items()
    }
    old = {**asdict(OURS), "network_arguments": {"width": 4, "blocks": 1, "dial": True}}
    old["dial_share"] = old.pop("strength_share")
    torch.save({**state, "hyper_parameters": old}, checkpoint)
    check_same_run(checkpoint, OURS, "any")
    content = torch.load(checkpoint, weights_only=True)
    module = StyleModule(OURS)
    module.on_load_checkpoint(content)  # Lightning calls it before it loads the weights
    module.load_state_dict(content["state_dict"])


def no_blend(trained: TransformationNetwork, style: int) -> Tensor:
    raise AssertionError("both have the same styles")


def test_a_new_style_begins_with_the_blend_that_comes_closest(small_loss: PerceptualLoss) -> None:
    """The styles to learn are what a network of three makes of its second style, and of any two together."""
    torch.manual_seed(0)
    network = build_network("lite", width=4, blocks=1, styles=3).eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, 0.1, 0.3)
    photos = torch.rand(2, 3, 64, 64)
    settings = replace(small_loss.settings, content_weight=0.0, tv_weight=0.0, checkerboard_weight=0.0)
    blends = []
    pairs = [0.5, 0.0, 0.5], [0.5, 0.5, 0.0], [0.0, 0.5, 0.5]
    for wanted in ([0.0, 1.0, 0.0], *pairs):
        with torch.no_grad():
            painting = network(photos[:1], style=torch.tensor(wanted))
        grams = style_grams(small_loss.encoder, painting, settings.style_layers, settings.scales)
        blends.append(nearest_blend(network, PerceptualLoss(small_loss.encoder, grams, settings), photos).tolist())
    assert blends[0] == [0.0, 1.0, 0.0]
    assert any(blend in pairs for blend in blends[1:])
    assert all(sum(blend) == pytest.approx(1) for blend in blends)


@pytest.mark.parametrize("takes_strength", [False, True])
def test_a_run_begins_with_the_weights_of_a_model(tmp_path: Path, takes_strength: bool) -> None:
    trained = build_network("lite", width=4, blocks=1, takes_strength=takes_strength)
    folder = save_model(trained, tmp_path / "model")
    network = build_network("lite", width=4, blocks=1, takes_strength=True)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    load_initial_weights(str(folder), network, [], no_blend)
    expected = trained.state_dict()
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key] if key.endswith("strength_coefficients") else expected[key]), key


def test_one_style_becomes_several_and_several_become_one(tmp_path: Path) -> None:
    torch.manual_seed(0)
    one = build_network("lite", width=4, blocks=1)
    several = build_network("lite", width=4, blocks=1, styles=3, takes_strength=True, upsampling="linear")
    load_initial_weights(str(save_model(one, tmp_path / "one")), several, list("abc"), no_blend)
    image = torch.rand(1, 3, 16, 24)
    smooth = build_network("lite", width=4, blocks=1, upsampling="linear")
    smooth.load_state_dict(one.state_dict())
    for style in torch.eye(3):
        torch.testing.assert_close(several(image, style=style), smooth(image))
    back = build_network("lite", width=4, blocks=1, upsampling="linear")
    load_initial_weights(
        str(save_model(several, tmp_path / "several")), back, [], lambda trained, style: torch.eye(3)[1]
    )
    torch.testing.assert_close(back(image), smooth(image))


def test_styles_begin_with_those_of_their_name(tmp_path: Path) -> None:
    """Of a network of c, a and b, the new network knows a and c; z, its second style, begins with a blend."""
    torch.manual_seed(0)
    trained = build_network("lite", width=4, blocks=1, styles=3)
    for parameter in trained.parameters():
        torch.nn.init.normal_(parameter, 0.1, 0.3)
    folder = save_model(trained, tmp_path / "trained", [{"name": name, "title": name} for name in "cab"])
    network = build_network("lite", width=4, blocks=1, styles=3)
    blend = torch.tensor([0.5, 0.0, 0.5])
    asked: list[int] = []

    def choose_blend(model: TransformationNetwork, style: int) -> Tensor:
        asked.append(style)
        return blend

    load_initial_weights(str(folder), network, ["a", "z", "c"], choose_blend)
    image = torch.rand(1, 3, 16, 24)
    for style, weights in zip(torch.eye(3), (torch.eye(3)[1], blend, torch.eye(3)[0]), strict=True):
        torch.testing.assert_close(network(image, style=style), trained(image, style=weights))
    assert asked == [1]


def test_a_run_begins_with_the_base_of_its_network_if_that_has_its_size(tmp_path: Path) -> None:
    base = str(save_model(build_network("lite", width=4, blocks=1, styles=3), tmp_path / "base"))
    narrow = [f"model.base={base}", "model.width=4", "model.blocks=1"]
    for overrides, expected in (
        (narrow, base),
        ([*narrow, "init_from=null"], None),
        ([*narrow, "init_from=other"], "other"),
        ([*narrow, "model.width=5"], None),
        ([*narrow, "model=johnson"], None),
        (["model.base=null"], None),
        ([], "paintings"),
        (["model=johnson"], "starry_night_johnson"),
        (["experiment=smoke"], None),
        (["experiment=johnson2016", "style.image=a.jpg", f"data.dir={tmp_path}"], None),
    ):
        assert find_initial_model(compose_training(overrides)) == expected, overrides
    with pytest.raises(ModelError, match="no model nowhere"):
        find_initial_model(compose_training(["model.base=nowhere"]))


def test_models_that_a_run_cannot_begin_with(tmp_path: Path) -> None:
    narrow = build_network("lite", width=4, blocks=1, takes_strength=True)
    folder = save_model(narrow, tmp_path / "narrow")
    network = build_network("lite", width=5, blocks=1, takes_strength=True)
    with pytest.raises(ConfigError, match=r"^init_from=.*: is lite .*'width': 4.*, the model to train is .*'width': 5"):
        load_initial_weights(str(folder), network, [], no_blend)
    with pytest.raises(ModelError, match="no model nowhere"):
        load_initial_weights("nowhere", network, [], no_blend)
    (tmp_path / "model.onnx").touch()
    with pytest.raises(ConfigError, match=r"^init_from=.*: has no model\.safetensors"):
        load_initial_weights(str(tmp_path), network, [], no_blend)
