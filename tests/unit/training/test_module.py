from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch.utils.data import DataLoader

from fast_style.config.schema import LossSettings
from fast_style.images.tensors import to_float
from fast_style.models.layers import InstanceNorm2d
from fast_style.models.networks import build_network
from fast_style.perceptual.encoders import RandomFilters
from fast_style.perceptual.losses import PerceptualLoss, style_grams
from fast_style.training.checkpoints import read_checkpoint
from fast_style.training.crops import Batch
from fast_style.training.module import Hyperparameters, StyleModule, half_cosine

ADJUSTABLE = {"width": 4, "blocks": 1, "takes_strength": True}


@pytest.fixture
def module() -> StyleModule:
    torch.manual_seed(0)
    orange = torch.tensor([0.9, 0.5, 0.1]).view(1, 3, 1, 1).expand(1, 3, 32, 32)
    layers = ["random3"]
    encoder = RandomFilters(layers)
    grams = style_grams(encoder, orange, layers, [1])
    settings = LossSettings(
        content_layers=layers, style_layers=layers, scales=[1.0], content_scales=[1.0],
        style_weight=10, tv_weight=0.0, checkerboard_weight=0.0,
    )  # fmt: skip
    loss = PerceptualLoss(encoder, grams, settings)
    return StyleModule(Hyperparameters("johnson", {"width": 4, "blocks": 1}, warmup_steps=4, max_steps=100), loss)


def test_the_encoder_is_neither_trained_nor_stored(module: StyleModule) -> None:
    network = {f"network.{key}" for key in module.network.state_dict()}
    assert set(module.state_dict()) == network
    assert sum(1 for _ in module.parameters()) == sum(1 for _ in module.network.parameters())
    module.train()
    assert module.network.training
    assert module.criterion is not None
    assert not module.criterion.encoder.training


def test_hyperparameters_are_plain_values(module: StyleModule) -> None:
    assert set(module.hparams) == {
        "network", "network_arguments", "styles", "optimizer", "learning_rate", "schedule", "warmup_steps", "max_steps",
        "strength_share", "stability_weight", "compile", "seed",
    }  # fmt: skip


def test_learning_rate_warms_up_and_falls(module: StyleModule) -> None:
    factors = [module._learning_rate_factor(step, begin=0, end=100) for step in range(101)]
    assert factors[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0], rel=0.01)
    assert max(factors) <= 1
    assert factors[4:] == sorted(factors[4:], reverse=True)
    assert factors[99] == pytest.approx(0.01, rel=0.1)
    assert factors[100] == 0
    later = [module._learning_rate_factor(step, begin=60, end=160) for step in range(160)]
    assert later == [0] * 60 + factors[:100]


def test_a_few_steps_lower_the_loss(module: StyleModule) -> None:
    module.log_dict = lambda *_, **__: None  # type: ignore[method-assign]
    batch = Batch(torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8), [0, 1], [])
    optimizer = torch.optim.Adam(module.parameters(), 3e-3)
    losses = []
    for _ in range(30):
        loss = module.training_step(batch, 0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]


def test_a_checkpoint_reloads_without_the_loss(module: StyleModule, tmp_path: Path) -> None:
    trainer = Trainer(
        accelerator="cpu", max_steps=1, logger=False, enable_progress_bar=False, enable_checkpointing=False,
        enable_model_summary=False,
    )  # fmt: skip
    trainer.strategy.connect(module)
    trainer.save_checkpoint(tmp_path / "a.ckpt", weights_only=True)
    checkpoint = read_checkpoint(tmp_path / "a.ckpt")
    again = StyleModule(Hyperparameters(**checkpoint.hyper_parameters))
    again.load_state_dict(checkpoint.state_dict)
    assert again.hyperparameters == module.hyperparameters
    image = torch.rand(1, 3, 16, 16)
    assert torch.equal(again(image), module(image))


def test_to_float_leaves_its_input_alone() -> None:
    pixels = torch.randint(0, 256, (2, 3, 4, 5), dtype=torch.uint8)
    before = pixels.clone()
    result = to_float(pixels)
    assert torch.equal(pixels, before)
    assert result.max() <= 1
    assert torch.equal((result * 255).round().byte(), pixels)


def test_stability_enters_the_training_alone(module: StyleModule) -> None:
    logged: dict[str, float] = {}
    calm = StyleModule(Hyperparameters("lite", {"width": 4, "blocks": 1}, stability_weight=5.0), module.criterion)
    calm.log_dict = lambda values, **_: logged.update(values)  # type: ignore[method-assign]
    batch = Batch(torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8), [0, 1, 2, 3], [])
    calm.training_step(batch, 0).backward()
    assert logged["train/stability"] > 0
    with torch.no_grad():
        calm.validation_step(batch, 0)
    parts = logged["val/content"] + 10 * logged["val/style"]
    assert logged["val/total"] == pytest.approx(float(parts), rel=1e-5)
    assert logged["val/stability"] > 0


@pytest.mark.parametrize("optimizer", ["muon", "adam"])
def test_the_strength_is_learned_at_the_end_alone(module: StyleModule, optimizer: str) -> None:
    """Each step says what it moves: of six steps the last two belong to the strength."""
    hyperparameters = Hyperparameters("lite", ADJUSTABLE, optimizer, max_steps=6, strength_share=0.4)
    adjustable = StyleModule(hyperparameters, module.criterion)
    batches = [Batch(torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8), [n, n + 1], []) for n in range(6)]
    states: list[dict[str, torch.Tensor]] = []

    class Watch(Callback):
        def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
            states.append({key: value.clone() for key, value in pl_module.state_dict().items()})

    trainer = Trainer(
        accelerator="cpu", max_steps=6, logger=False, enable_progress_bar=False, enable_checkpointing=False,
        enable_model_summary=False, callbacks=[Watch()],
    )  # fmt: skip
    trainer.fit(adjustable, DataLoader(batches, batch_size=None))  # type: ignore[arg-type]
    for step, (before, after) in enumerate(pairwise(states), 1):
        moved = {key for key in after if not torch.equal(before[key], after[key])}
        strength_coefficients = {key for key in after if key.endswith("strength_coefficients")}
        assert moved, step
        assert moved <= strength_coefficients if step >= 4 else not moved & strength_coefficients, step
    assert all(not states[3][key].any() for key in strength_coefficients if "norm" in key)
    assert all(states[5][key].any() for key in strength_coefficients)


@pytest.mark.parametrize(
    ("steps", "share", "begins"), [(60, 0.2, 48), (2, 0.2, 1), (10, 0.99, 1), (1, 0.2, 1), (10, 0.0, 10), (10, 1.0, 0)]
)
def test_network_and_strength_have_a_step_each(steps: int, share: float, begins: int) -> None:
    adjustable = StyleModule(Hyperparameters("lite", ADJUSTABLE, max_steps=steps, strength_share=share))
    assert adjustable.first_strength_step == begins


def test_a_strength_that_no_step_has_learned_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    adjustable = StyleModule(Hyperparameters("lite", ADJUSTABLE, max_steps=6, strength_share=0.4))
    assert adjustable.trained_network(5) is adjustable.network
    assert not caplog.messages
    without = adjustable.trained_network(4)
    assert not without.takes_strength
    photo = torch.rand(1, 3, 32, 32)
    assert torch.equal(without.eval()(photo), adjustable.network.eval()(photo))
    assert "no strength" in caplog.text


def test_where_a_strength_begins() -> None:
    network = build_network("johnson", width=4, blocks=1, takes_strength=True).eval()
    for norm in (module for module in network.modules() if isinstance(module, InstanceNorm2d)):
        torch.nn.init.normal_(norm.weight)
        torch.nn.init.normal_(norm.bias)
    photo = torch.rand(1, 3, 32, 32)
    plain = network(photo, torch.ones(1))
    network.initialize_strength()
    assert torch.equal(network(photo, torch.ones(1)), plain)
    # What is left is the photo, apart from one color: the bias of the last layer.
    difference = network(photo, torch.zeros(1)) - photo
    assert difference.std((2, 3)).max() < 1e-6
    strength_coefficients = {key: value.clone() for key, value in network.state_dict().items()}
    network.initialize_strength()
    assert all(torch.equal(value, strength_coefficients[key]) for key, value in network.state_dict().items())


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="PyTorch compiles with g++")
def test_compiled_it_learns_the_same(module: StyleModule) -> None:
    assert module.criterion is not None
    batch = Batch(torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8), [0, 1], [])
    gradients = []
    for compiled in (False, True):
        torch.manual_seed(0)
        made = StyleModule(Hyperparameters("johnson", {"width": 4, "blocks": 0}, compile=compiled), module.criterion)
        made.log_dict = lambda *_, **__: None  # type: ignore[method-assign]
        made.setup("fit")
        made.on_fit_start()
        made.training_step(batch, 0).backward()  # type: ignore[no-untyped-call]
        gradients.append({key: weights.grad for key, weights in made.named_parameters()})
    eager, compiled_ones = gradients
    assert eager.keys() == compiled_ones.keys()
    for key, gradient in eager.items():
        torch.testing.assert_close(compiled_ones[key], gradient, rtol=1e-3, atol=1e-5)
    assert any(not torch.equal(compiled_ones[key], eager[key]) for key in eager), "nothing was compiled"


def test_the_cosine_falls_from_one_to_zero() -> None:
    assert [half_cosine(x) for x in (0, 0.5, 1, 2)] == pytest.approx([1, 0.5, 0, 0])
