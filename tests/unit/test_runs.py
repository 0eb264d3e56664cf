from __future__ import annotations

import pytest

from fast_style.config import TrainerConfig
from fast_style.errors import ConfigError
from fast_style.runs import check_devices, is_leader


@pytest.mark.parametrize("wanted", [{"accelerator": "abacus"}, {"accelerator": "cpu", "devices": 0}])
def test_devices_that_are_not_there(wanted: dict[str, str | int]) -> None:
    check_devices(TrainerConfig())
    with pytest.raises(ConfigError, match="auto takes what there is"):
        check_devices(TrainerConfig(**wanted))  # type: ignore[arg-type]


@pytest.mark.parametrize(("node", "leads"), [(None, True), ("0", True), ("1", False)])
def test_one_machine_of_several_leads(monkeypatch: pytest.MonkeyPatch, node: str | None, leads: bool) -> None:
    if node is None:
        monkeypatch.delenv("NODE_RANK", raising=False)
    else:
        monkeypatch.setenv("NODE_RANK", node)
    assert is_leader() is leads
