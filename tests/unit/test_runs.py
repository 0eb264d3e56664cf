from __future__ import annotations

import pytest

from fast_style.config import TrainerConfig
from fast_style.errors import ConfigError
from fast_style.runs import check_compiler, count_devices, is_leader


@pytest.mark.parametrize("wanted", [{"accelerator": "abacus"}, {"accelerator": "cpu", "devices": 0}])
def test_devices_that_are_not_there(wanted: dict[str, str | int]) -> None:
    assert count_devices(TrainerConfig(accelerator="cpu", devices=2, num_nodes=3)) == 6
    with pytest.raises(ConfigError, match="auto takes what there is"):
        count_devices(TrainerConfig(**wanted))  # type: ignore[arg-type]


@pytest.mark.parametrize(("node", "leads"), [(None, True), ("0", True), ("1", False)])
def test_one_machine_of_several_leads(monkeypatch: pytest.MonkeyPatch, node: str | None, leads: bool) -> None:
    if node is None:
        monkeypatch.delenv("NODE_RANK", raising=False)
    else:
        monkeypatch.setenv("NODE_RANK", node)
    assert is_leader() is leads


def test_without_a_compiler_nothing_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> object:
        raise RuntimeError("no g++\nand more")

    monkeypatch.setattr("torch.compile", refuse)
    with pytest.raises(ConfigError, match=r"trainer.compile=true: .*\(no g\+\+\).*apt-get install"):
        check_compiler("cpu")
