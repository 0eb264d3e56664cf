from __future__ import annotations

import dataclasses
import signal
from pathlib import Path

import pytest
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from torch.utils.data import DataLoader

from fast_style.errors import NotFoundError
from fast_style.training.crops import EndlessSampler, SyntheticCrops, collate
from fast_style.training.divergence import DivergenceGuard
from fast_style.training.interruption import Interrupted
from fast_style.training.session import Session, SessionSettings, is_leader, plan_session
from tests.unit.training.helpers import Poisoned


@pytest.fixture
def settings(tmp_path: Path) -> SessionSettings:
    return SessionSettings(
        runs=tmp_path / "runs", resume=None, max_steps=3, checkpoint_every=2, accelerator="cpu", precision="fp32",
        compile=False, quiet=True, memory_settings={"batch_size": 2},
    )  # fmt: skip


def batches(start: int = 0) -> DataLoader[object]:
    return DataLoader(SyntheticCrops(16, seed=0), batch_size=2, sampler=EndlessSampler(start), collate_fn=collate)  # type: ignore[arg-type]


@pytest.mark.parametrize(("node", "leads"), [(None, True), ("0", True), ("1", False)])
def test_one_node_of_several_leads(monkeypatch: pytest.MonkeyPatch, node: str | None, leads: bool) -> None:
    if node is None:
        monkeypatch.delenv("NODE_RANK", raising=False)
    else:
        monkeypatch.setenv("NODE_RANK", node)
    assert is_leader() is leads


def test_a_plan_writes_nothing(settings: SessionSettings, tmp_path: Path) -> None:
    plan = plan_session(settings)
    assert (plan.device_count, plan.precision, plan.resume, plan.is_leader) == (1, "32-true", None, True)
    with pytest.raises(NotFoundError, match=r"^resume="):
        plan_session(dataclasses.replace(settings, resume=str(tmp_path / "nowhere")))
    assert list(tmp_path.iterdir()) == []


def test_a_session_saves_its_last_step_and_continues(settings: SessionSettings, module: Poisoned) -> None:
    session = Session(plan_session(settings), DivergenceGuard())
    assert session.run_dir == settings.runs / "1"
    session.fit(module, batches())  # type: ignore[arg-type]
    last = session.run_dir / "last.ckpt"
    assert torch.load(last, weights_only=True)["global_step"] == 3
    further = dataclasses.replace(settings, resume=str(settings.runs), max_steps=5)
    plan = plan_session(further)
    assert plan.resume == last
    Session(plan, DivergenceGuard()).fit(module, batches(6))  # type: ignore[arg-type]
    assert torch.load(last, weights_only=True)["global_step"] == 5
    assert [path.name for path in settings.runs.iterdir()] == ["1"]


def test_only_a_session_that_validates_keeps_the_best(settings: SessionSettings) -> None:
    for val_every, count in ((None, 1), (2, 2)):
        session = Session(plan_session(dataclasses.replace(settings, val_every=val_every)), DivergenceGuard())
        assert len([each for each in session.trainer.callbacks if isinstance(each, ModelCheckpoint)]) == count  # type: ignore[attr-defined]


def test_an_interrupted_session_says_how_to_continue(
    settings: SessionSettings, module: Poisoned, capsys: pytest.CaptureFixture[str]
) -> None:
    session = Session(plan_session(dataclasses.replace(settings, quiet=False)), DivergenceGuard())
    session.interruption.receive(15)
    with pytest.raises(Interrupted, match="SIGTERM at step 1"):
        session.fit(module, batches())  # type: ignore[arg-type]
    assert f"saved; continue with resume={session.run_dir}" in capsys.readouterr().err
    assert (session.run_dir / "last.ckpt").is_file()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_model_is_made_says_how_to_get_it(
    settings: SessionSettings, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    session = Session(plan_session(dataclasses.replace(settings, quiet=False)), DivergenceGuard())
    earlier = signal.getsignal(number)
    with pytest.raises(Interrupted) as interrupted, session.completing():
        signal.raise_signal(number)
    assert interrupted.value.number == number
    said = " ".join(capsys.readouterr().err.split())
    assert f"interrupted by {signal.Signals(number).name} at step 0, without a model yet" in said
    assert f"get it with resume={session.run_dir}" in said
    assert signal.getsignal(number) is earlier
    with pytest.raises(SystemExit), session.completing():
        raise SystemExit(3)
