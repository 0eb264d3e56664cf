from __future__ import annotations

from pathlib import Path

import pytest
import torch

from fast_style.config.entry import compose_training
from fast_style.errors import ConfigError
from fast_style.perceptual.losses import PerceptualLoss
from fast_style.training.train import build_module, check_continues, scaled_rate


@pytest.mark.parametrize(
    ("overrides", "devices", "rate"),
    [
        ([], 1, 5e-3),
        (["data.batch_size=8"], 1, 1e-2),
        (["data.batch_size=2"], 4, 1e-2),
        (["data.batch_size=1"], 1, 5e-3 * 0.5**0.5),
        (["data.batch_size=8", "trainer.learning_rate_batch=null"], 4, 5e-3),
        (["experiment=johnson2016", "data.dir=photos"], 1, 1e-3),
        (["experiment=johnson2016", "data.dir=photos", "data.batch_size=16"], 1, 2e-3),
    ],
)
def test_the_learning_rate_goes_with_the_photos_in_a_step(overrides: list[str], devices: int, rate: float) -> None:
    assert scaled_rate(compose_training(overrides), devices) == pytest.approx(rate)


@pytest.mark.parametrize(
    ("other", "words"),
    [("model.width=5", "'width': 5"), ("model=johnson", "johnson"), ("trainer.optimizer=adam", "with adam")],
)
def test_a_checkpoint_of_something_else_is_not_gone_on_with(
    small_loss: PerceptualLoss, tmp_path: Path, other: str, words: str
) -> None:
    ours = ["model.width=4", "model.blocks=1"]
    module = build_module(compose_training(ours), small_loss)
    state = {"state_dict": module.state_dict(), "global_step": 3, "hyper_parameters": dict(module.hparams)}
    torch.save(state, tmp_path / "last.ckpt")
    check_continues(tmp_path / "last.ckpt", module, "stained_glass")
    with pytest.raises(ConfigError, match=f"is a training of lite .*, and not of .*{words}.*give the settings"):
        check_continues(tmp_path / "last.ckpt", build_module(compose_training([*ours, other]), small_loss), "any")
