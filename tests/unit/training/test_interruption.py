from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Callback, Trainer

from fast_style.training.divergence import DivergenceGuard
from fast_style.training.interruption import Interrupted, Interruption, requeue
from tests.unit.training.helpers import NAN, Poisoned, fit, saved_weights


def test_a_signal_just_after_the_trouble_saves_a_good_state(module: Poisoned, tmp_path: Path) -> None:
    class Send(Callback):
        def on_train_batch_start(self, trainer: Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
            if batch_idx == 4:
                os.kill(os.getpid(), signal.SIGTERM)

    module.poison = {3: NAN}
    guard = DivergenceGuard(every=10)
    interruption = Interruption(tmp_path / "last.ckpt", guard)
    with pytest.raises(Interrupted), interruption.handle_signals():
        fit(module, tmp_path, Send(), guard, interruption)
    assert all(bool(value.isfinite().all()) for value in saved_weights(tmp_path / "last.ckpt").values())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("moment", "step"), [("on_train_batch_start", 5), ("on_train_batch_end", 6)])
def test_a_signal_ends_the_step_and_saves(
    module: Poisoned, tmp_path: Path, number: int, moment: str, step: int
) -> None:
    def send(trainer: Trainer, pl_module: Any, *arguments: Any) -> None:
        if arguments[-1] == 4:
            os.kill(os.getpid(), number)

    sender = Callback()
    setattr(sender, moment, send)
    interruption = Interruption(tmp_path / "last.ckpt", DivergenceGuard())
    before = signal.getsignal(number)
    # At a step's end the sender comes last, as what saves does: the step is over for `interruption` then.
    with (
        pytest.raises(Interrupted, match=f"{signal.Signals(number).name} at step {step}"),
        interruption.handle_signals(),
    ):
        fit(module, tmp_path, interruption, sender)
    assert signal.getsignal(number) == before
    saved = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert saved["global_step"] == step
    assert all(torch.equal(saved["state_dict"][name], value) for name, value in module.state_dict().items())


def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    interruption = Interruption(tmp_path / "last.ckpt", DivergenceGuard())
    interruption.receive(signal.SIGINT)
    assert interruption.signal == signal.SIGINT
    with pytest.raises(KeyboardInterrupt):
        interruption.receive(signal.SIGINT)


def test_a_job_that_cannot_be_requeued_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("SLURM_JOB_ID", "71")
    requeue()
    assert "scontrol requeue 71 failed" in caplog.text
