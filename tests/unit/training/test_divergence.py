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

from fast_style.errors import TrainingError
from fast_style.perceptual.losses import PerceptualLoss
from fast_style.training.checkpoints import BestCheckpoint, WholeCheckpoints
from fast_style.training.data import Batch
from fast_style.training.divergence import HISTORY, DivergenceGuard
from fast_style.training.failures import memory_may_run_out, out_of_memory
from fast_style.training.interruption import Interrupted, Interruption
from fast_style.training.module import StyleModule


class Noise(Dataset[Tensor]):
    def __len__(self) -> int:
        return 1000

    def __getitem__(self, index: int) -> Tensor:
        generator = torch.Generator().manual_seed(index)
        return torch.randint(0, 256, (3, 16, 16), dtype=torch.uint8, generator=generator)


class Poisoned(StyleModule):
    """Its loss, and with it every gradient, is multiplied at the steps of `poison`; the gradient alone at that of
    `poisoned_gradient`."""

    poison: dict[int, float] = {}  # noqa: RUF012
    poisoned_gradient = -1

    def on_after_backward(self) -> None:
        if self.trainer.global_step == self.poisoned_gradient:
            for parameter in self.parameters():
                parameter.grad *= float("nan")

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        return super().training_step(batch, batch_idx) * self.poison.get(batch_idx, 1.0)


@pytest.fixture
def module(small_loss: PerceptualLoss) -> Poisoned:
    torch.manual_seed(0)
    return Poisoned(
        "johnson", {"width": 4, "blocks": 1, "takes_strength": True}, schedule="constant", max_steps=100, strength_share=0.2,
        criterion=small_loss,
    )  # fmt: skip


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
def test_a_step_without_a_number_is_taken_back(
    module: Poisoned, tmp_path: Path, value: float, caplog: pytest.LogCaptureFixture
) -> None:
    module.poison = {13: value}
    guard = DivergenceGuard(every=2)
    trainer = fit(module, tmp_path, guard)
    assert guard.rollbacks == 1
    assert finite(module)
    assert trainer.global_step == 30
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.5 * module.hparams["learning_rate"])
    assert "half the learning rate, now 0.0025 (1 of" in caplog.text


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


class Saves(Callback):
    """As ModelCheckpoint, after the other callbacks."""

    def __init__(self, folder: Path, every: int) -> None:
        self.folder = folder
        self.every = every

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *_: Any) -> None:
        if trainer.global_step % self.every == 0:
            trainer.save_checkpoint(self.folder / f"{trainer.global_step}.ckpt")


def saved_weights(path: Path) -> dict[str, Tensor]:
    found: dict[str, Tensor] = torch.load(path, weights_only=True)["state_dict"]
    return found


@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_no_checkpoint_keeps_a_lost_network(module: Poisoned, tmp_path: Path, where: str) -> None:
    if where == "loss":
        module.poison = {6: float("nan")}
    else:
        module.poisoned_gradient = 6
    # The steps from 1 on: the 7th goes wrong, the checkpoint is of that one, the next look would be after the 10th.
    fit(module, tmp_path, DivergenceGuard(every=10, checkpoint_every=7), Saves(tmp_path, 7), steps=9)
    assert all(bool(value.isfinite().all()) for value in saved_weights(tmp_path / "7.ckpt").values())


def test_the_last_steps_are_looked_at_too(module: Poisoned, tmp_path: Path) -> None:
    module.poison = {12: float("nan")}
    guard = DivergenceGuard(every=10)
    fit(module, tmp_path, guard, steps=13)
    assert guard.rollbacks == 1
    assert finite(module)


def test_a_signal_just_after_the_trouble_saves_a_good_state(module: Poisoned, tmp_path: Path) -> None:
    class Send(Callback):
        def on_train_batch_start(self, trainer: Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
            if batch_idx == 4:
                os.kill(os.getpid(), signal.SIGTERM)

    module.poison = {3: float("nan")}
    guard = DivergenceGuard(every=10)
    interruption = Interruption(tmp_path / "last.ckpt", guard)
    with pytest.raises(Interrupted), interruption.handled():
        fit(module, tmp_path, Send(), guard, interruption)
    assert all(bool(value.isfinite().all()) for value in saved_weights(tmp_path / "last.ckpt").values())


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    path = tmp_path / "last.ckpt"
    checkpoint = {"global_step": 3, "state_dict": {"weight": torch.arange(100_000)}}
    writer = WholeCheckpoints()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))  # bytes of a file, in place of a full disk
        with pytest.raises(
            TrainingError, match=r"^step 3: cannot write to .* \(File too large\); there is no checkpoint"
        ):
            writer.save_checkpoint(checkpoint, path)
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        writer.save_checkpoint(checkpoint, path)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
        with pytest.raises(TrainingError, match=r"the last whole checkpoint is untouched: .* resume="):
            writer.save_checkpoint({**checkpoint, "global_step": 6}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert writer.load_checkpoint(path, weights_only=True)["global_step"] == 3
    assert [found.name for found in tmp_path.iterdir()] == ["last.ckpt"], "half a checkpoint was left behind"


def test_a_checkpoint_is_never_written_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a kill at this very moment leaves: the former checkpoint, and all that is new beside it, on its disk."""
    seen: list[tuple[int, list[Path]]] = []
    write = Path.write_bytes

    def killed(path: Path, content: Any) -> int:
        written = write(path, bytes(content)[: len(content) // 2])
        seen.append((torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"], list(tmp_path.iterdir())))
        raise KeyboardInterrupt(written)

    writer = WholeCheckpoints()
    writer.save_checkpoint({"global_step": 1}, tmp_path / "last.ckpt")
    monkeypatch.setattr(Path, "write_bytes", killed)
    with pytest.raises(KeyboardInterrupt):
        writer.save_checkpoint({"global_step": 2}, tmp_path / "last.ckpt")
    assert [(step, len(files)) for step, files in seen] == [(1, 2)]


def test_it_remembers_over_a_resume() -> None:
    guard = DivergenceGuard()
    guard.load_state_dict({"rollbacks": 2, "losses": [1.0, 2.0]})
    again = DivergenceGuard()
    again.load_state_dict(guard.state_dict())
    assert again.state_dict() == {"rollbacks": 2, "losses": [1.0, 2.0]}


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
    with pytest.raises(Interrupted, match=f"{signal.Signals(number).name} at step {step}"), interruption.handled():
        fit(module, tmp_path, interruption, sender)
    assert signal.getsignal(number) == before
    saved = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert saved["global_step"] == step
    assert all(torch.equal(saved["state_dict"][name], value) for name, value in module.state_dict().items())


def test_the_best_checkpoint_is_the_last_of_equals(tmp_path: Path) -> None:
    """While a strength is learnt, every validation gives the same."""
    best = BestCheckpoint(dirpath=tmp_path, monitor="val/total")
    best.best_model_score, best.best_k_models = torch.tensor(0.5), {"a": torch.tensor(0.5)}
    best.kth_best_model_path = "a"
    trainer = Trainer(logger=False, enable_checkpointing=False, accelerator="cpu")
    found = [best.check_monitor_top_k(trainer, torch.tensor(value)) for value in (0.4, 0.5, 0.500001, 0.51)]
    assert found == [True, True, True, False]


def test_being_out_of_memory_is_told_from_other_errors() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    assert out_of_memory(caught.value)
    assert out_of_memory(MemoryError())
    assert not out_of_memory(RuntimeError("shapes"))


def test_out_of_memory_names_what_takes_less() -> None:
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    with (
        pytest.raises(TrainingError, match=r"step 0: out of memory .*; smaller image_size=256 take less"),
        memory_may_run_out(trainer, "image_size=256"),
    ):
        torch.empty(2**62, dtype=torch.uint8)
    with pytest.raises(RuntimeError, match="shapes"), memory_may_run_out(trainer, "image_size=256"):
        raise RuntimeError("shapes")
