from __future__ import annotations

import pytest
import torch

from fast_style.models.precision import PRECISIONS, cpu_computes_bf16


@pytest.mark.parametrize(
    ("features", "found"), [({}, False), ({"avx512_bf16": True}, True), ({"bf16": True}, True), ({"avx2": True}, False)]
)
def test_bfloat16_is_asked_of_the_processor(
    monkeypatch: pytest.MonkeyPatch, features: dict[str, bool], found: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: features, raising=False)
    assert cpu_computes_bf16() is found


def test_a_torch_that_cannot_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert not cpu_computes_bf16()


def test_auto_comes_first() -> None:
    assert PRECISIONS[0] == "auto"
