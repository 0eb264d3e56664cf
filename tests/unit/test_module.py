from __future__ import annotations

from pathlib import Path

import pytest
import torch

from fast_style.data import Batch
from fast_style.encoders import RandomFilters
from fast_style.losses import PerceptualLoss, style_grams
from fast_style.module import StyleModule, to_float


@pytest.fixture
def module() -> StyleModule:
    torch.manual_seed(0)
    orange = torch.tensor([0.9, 0.5, 0.1]).view(1, 3, 1, 1).expand(1, 3, 32, 32)
    layers = ["random3"]
    encoder = RandomFilters(layers)
    grams = style_grams(encoder, orange, layers, [1])
    loss = PerceptualLoss(encoder, grams, content_layers=layers, style_layers=layers, style_weight=10)
    return StyleModule("johnson", {"width": 4, "blocks": 1}, warmup_steps=4, max_steps=100, criterion=loss)


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
        "network", "network_arguments", "optimizer", "learning_rate", "schedule", "warmup_steps", "max_steps",
        "stability_weight", "seed",
    }  # fmt: skip


def test_learning_rate_warms_up_and_falls(module: StyleModule) -> None:
    factors = [module._learning_rate_factor(step) for step in range(101)]
    assert factors[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0], rel=0.01)
    assert max(factors) <= 1
    assert factors[4:] == sorted(factors[4:], reverse=True)
    assert factors[100] == pytest.approx(0.01)


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
    from pytorch_lightning import Trainer

    trainer = Trainer(
        accelerator="cpu", max_steps=1, logger=False, enable_progress_bar=False, enable_checkpointing=False,
        enable_model_summary=False,
    )  # fmt: skip
    trainer.strategy.connect(module)
    trainer.save_checkpoint(tmp_path / "a.ckpt", weights_only=True)
    again = StyleModule.load_from_checkpoint(tmp_path / "a.ckpt", weights_only=True)
    image = torch.rand(1, 3, 16, 16)
    assert torch.equal(again(image), module(image))


def test_to_float_leaves_its_input_alone() -> None:
    pixels = torch.randint(0, 256, (2, 3, 4, 5), dtype=torch.uint8)
    before = pixels.clone()
    result = to_float(pixels)
    assert torch.equal(pixels, before)
    assert result.max() <= 1
    assert torch.equal((result * 255).round().byte(), pixels)


def test_dial_and_stability_enter_the_training_alone(module: StyleModule) -> None:
    logged: dict[str, float] = {}
    dialled = StyleModule(
        "lite", {"width": 4, "blocks": 1, "dial": True}, stability_weight=5.0, criterion=module.criterion
    )
    dialled.log_dict = lambda values, **_: logged.update(values)  # type: ignore[method-assign]
    batch = Batch(torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8), [0, 1, 2, 3], [])
    dialled.training_step(batch, 0).backward()
    slopes = [p.grad for key, p in dialled.named_parameters() if key.endswith("slopes")]
    assert all(gradient is not None and gradient.abs().sum() > 0 for gradient in slopes)
    assert logged["train/stability"] > 0
    with torch.no_grad():
        dialled.validation_step(batch, 0)
    parts = logged["val/content"] + 10 * logged["val/style"]
    assert logged["val/total"] == pytest.approx(float(parts), rel=1e-5)
    assert logged["val/stability"] > 0
