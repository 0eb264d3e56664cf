from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, Trainer
from torch import Tensor

from fast_style.errors import TrainingError
from fast_style.training.divergence import HISTORY, DivergenceGuard
from fast_style.training.module import StyleModule
from tests.unit.training.helpers import NAN, Poisoned, fit, saved_weights


def finite(module: StyleModule) -> bool:
    return all(bool(value.isfinite().all()) for value in module.state_dict().values())


@pytest.mark.parametrize("value", [NAN, float("inf")])
def test_a_step_without_a_number_is_taken_back(
    module: Poisoned, tmp_path: Path, value: float, caplog: pytest.LogCaptureFixture
) -> None:
    module.poison = {13: value}
    guard = DivergenceGuard(every=2)
    trainer = fit(module, tmp_path, guard)
    assert guard.rollbacks == 1
    assert finite(module)
    assert trainer.global_step == 30
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.5 * module.hyperparameters.learning_rate)
    assert "half the learning rate, now 0.0025 (1 of" in caplog.text


def test_without_the_guard_it_would_be_lost(module: Poisoned, tmp_path: Path) -> None:
    module.poison = {13: NAN}
    fit(module, tmp_path)
    assert not finite(module)


def test_it_goes_back_to_a_state_from_before_the_trouble(module: Poisoned, tmp_path: Path) -> None:
    states: list[dict[str, Tensor]] = []

    class Keep(Callback):
        def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *_: Any) -> None:
            states.append(copy.deepcopy(pl_module.state_dict()))

    module.poison = {7: NAN}
    # Keep comes after the guard: it sees what the guard left.
    fit(module, tmp_path, DivergenceGuard(every=2), Keep(), steps=8)
    # Inspections follow steps 2, 4, 6 and 8, counted from 1. The last one finds trouble, and goes back to step 4.
    assert all(torch.equal(states[-1][name], states[3][name]) for name in states[3])


def test_a_spike_is_trouble_only_against_a_full_history() -> None:
    guard = DivergenceGuard()
    assert guard.find_divergence([1.0, 1e6]) is None
    guard.load_state_dict({"rollbacks": 0, "losses": [1.0] * HISTORY})
    assert guard.find_divergence([3.0, 19.0]) is None
    assert "median 1" in (guard.find_divergence([21.0]) or "")
    assert "nan" in (guard.find_divergence([NAN]) or "")


def test_it_gives_up(module: Poisoned, tmp_path: Path) -> None:
    module.poison = dict.fromkeys(range(100), NAN)
    with pytest.raises(TrainingError, match=r"the loss is nan, for the 4th time; lower trainer\.learning_rate"):
        fit(module, tmp_path, DivergenceGuard(every=2, max_rollbacks=3))


class Saves(Callback):
    """Saves as ModelCheckpoint does, after the other callbacks."""

    def __init__(self, folder: Path, every: int) -> None:
        self.folder = folder
        self.every = every

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *_: Any) -> None:
        if trainer.global_step % self.every == 0:
            trainer.save_checkpoint(self.folder / f"{trainer.global_step}.ckpt")


@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_no_checkpoint_keeps_a_lost_network(module: Poisoned, tmp_path: Path, where: str) -> None:
    if where == "loss":
        module.poison = {6: NAN}
    else:
        module.poisoned_gradient = 6
    # Counting from 1, the 7th step goes wrong, and a checkpoint follows it; the next inspection would follow the 10th.
    fit(module, tmp_path, DivergenceGuard(every=10, checkpoint_every=7), Saves(tmp_path, 7), steps=9)
    assert all(bool(value.isfinite().all()) for value in saved_weights(tmp_path / "7.ckpt").values())


def test_the_last_steps_are_inspected_too(module: Poisoned, tmp_path: Path) -> None:
    module.poison = {12: NAN}
    guard = DivergenceGuard(every=10)
    fit(module, tmp_path, guard, steps=13)
    assert guard.rollbacks == 1
    assert finite(module)


def test_it_remembers_its_history_after_a_resume() -> None:
    guard = DivergenceGuard()
    guard.load_state_dict({"rollbacks": 2, "losses": [1.0, 2.0]})
    again = DivergenceGuard()
    again.load_state_dict(guard.state_dict())
    assert again.state_dict() == {"rollbacks": 2, "losses": [1.0, 2.0]}
