from __future__ import annotations

from pathlib import Path

import pytest
import torch

from fast_style.config import compose_training, with_own_names
from fast_style.errors import ConfigError
from fast_style.losses import PerceptualLoss
from fast_style.train import build_module, check_continues, scaled_rate


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
    ("overrides", "name"),
    [
        (["-m", "loss.style_weight=5,50"], "stained_glass-style_weight-${loss.style_weight}"),
        (["-m", "style.name=mine", "seed=1,2"], "mine-seed-${seed}"),
        (["-m", "style.image=a.jpg", "style=custom", "model=lite,johnson"], "a-model-${hydra:runtime.choices.model}"),
        (["-m", "seed=1,2", "data.batch_size=2,4"], "stained_glass-seed-${seed}-batch_size-${data.batch_size}"),
    ],
)
def test_each_job_of_a_sweep_has_a_name_of_its_own(overrides: list[str], name: str) -> None:
    assert with_own_names(overrides) == [*overrides, f"style.name='{name}'"]


@pytest.mark.parametrize(
    "overrides",
    [
        ["seed=1"],
        ["-m", "style.image=a.jpg,b.jpg"],
        ["-m", "style=flow,wave", "seed=1"],
        ["-m", "seed=1,2", "style.name=mine-${seed}"],
        ["-m", "seed=(1", "loss.style_weight=1,2"],
        ["-m", "sede=1", "loss.style_weight=1,2"],
    ],
)
def test_other_names_are_left_alone(overrides: list[str]) -> None:
    assert with_own_names(overrides) == overrides


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
