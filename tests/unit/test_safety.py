from __future__ import annotations

import copy
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, Trainer
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from fast_style.data import Batch
from fast_style.errors import TrainingError
from fast_style.losses import PerceptualLoss
from fast_style.module import StyleModule
from fast_style.safety import HISTORY, DivergenceGuard, Interrupted, Interruption


class Noise(Dataset[Tensor]):
    def __len__(self) -> int:
        return 1000

    def __getitem__(self, index: int) -> Tensor:
        generator = torch.Generator().manual_seed(index)
        return torch.randint(0, 256, (3, 16, 16), dtype=torch.uint8, generator=generator)


class Poisoned(StyleModule):
    """Its loss, and with it every gradient, is multiplied at the steps of `poison`."""

    poison: dict[int, float] = {}  # noqa: RUF012

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        return super().training_step(batch, batch_idx) * self.poison.get(batch_idx, 1.0)


@pytest.fixture
def module(small_loss: PerceptualLoss) -> Poisoned:
    torch.manual_seed(0)
    return Poisoned("johnson", {"width": 4, "blocks": 1}, schedule="constant", max_steps=100, criterion=small_loss)


def fit(module: StyleModule, folder: Path, *callbacks: Callback, steps: int = 30) -> Trainer:
    trainer = Trainer(
        max_steps=steps, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, default_root_dir=folder, callbacks=list(callbacks),
    )  # fmt: skip
    batches: Any = DataLoader(Noise(), batch_size=2, collate_fn=lambda photos: Batch(torch.stack(photos), [0, 1], []))
    trainer.fit(module, batches)
    return trainer


def finite(module: StyleModule) -> bool:
    return all(bool(value.isfinite().all()) for value in module.state_dict().values())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_step_without_a_number_is_taken_back(module: Poisoned, tmp_path: Path, value: float) -> None:
    module.poison = {13: value}
    guard = DivergenceGuard(every=2)
    trainer = fit(module, tmp_path, guard)
    assert guard.rollbacks == 1
    assert finite(module)
    assert trainer.global_step == 30
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.5 * module.hparams["learning_rate"])


def test_without_the_guard_it_would_be_lost(module: Poisoned, tmp_path: Path) -> None:
    module.poison = {13: float("nan")}
    fit(module, tmp_path)
    assert not finite(module)


def test_it_goes_back_to_a_state_from_before_the_trouble(module: Poisoned, tmp_path: Path) -> None:
    states: list[dict[str, Tensor]] = []

    class Keep(Callback):
        def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *_: Any) -> None:
            states.append(copy.deepcopy(pl_module.state_dict()))

    module.poison = {7: float("nan")}
    # Keep comes after the guard: it sees what the guard left.
    fit(module, tmp_path, DivergenceGuard(every=2), Keep(), steps=8)
    # Looks after steps 2, 4, 6 and 8 (from 1); the last finds trouble, and the state of step 4 is the one before last.
    assert all(torch.equal(states[-1][name], states[3][name]) for name in states[3])


def test_a_spike_is_trouble_only_against_a_full_history() -> None:
    guard = DivergenceGuard()
    assert guard.trouble([1.0, 1e6]) is None
    guard.load_state_dict({"rollbacks": 0, "losses": [1.0] * HISTORY})
    assert guard.trouble([3.0, 19.0]) is None
    assert "median 1" in (guard.trouble([21.0]) or "")
    assert "nan" in (guard.trouble([float("nan")]) or "")


def test_it_gives_up(module: Poisoned, tmp_path: Path) -> None:
    module.poison = dict.fromkeys(range(100), float("nan"))
    with pytest.raises(TrainingError, match=r"the loss is nan, for the 4th time; lower trainer\.learning_rate"):
        fit(module, tmp_path, DivergenceGuard(every=2, most=3))


def test_it_remembers_over_a_resume() -> None:
    guard = DivergenceGuard()
    guard.load_state_dict({"rollbacks": 2, "losses": [1.0, 2.0]})
    again = DivergenceGuard()
    again.load_state_dict(guard.state_dict())
    assert again.state_dict() == {"rollbacks": 2, "losses": [1.0, 2.0]}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_step_and_saves(module: Poisoned, tmp_path: Path, number: int) -> None:
    class Send(Callback):
        def on_train_batch_start(self, trainer: Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
            if batch_idx == 4:
                os.kill(os.getpid(), number)

    interruption = Interruption(tmp_path / "last.ckpt")
    before = signal.getsignal(number)
    with pytest.raises(Interrupted, match=f"{signal.Signals(number).name} at step 5"), interruption.handled():
        fit(module, tmp_path, Send(), interruption)
    assert signal.getsignal(number) == before
    saved = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert saved["global_step"] == 5
    assert all(torch.equal(saved["state_dict"][name], value) for name, value in module.state_dict().items())
