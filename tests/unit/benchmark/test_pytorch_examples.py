"""Finding a checkout; a stand-in for it is timed in tests/e2e/test_measure.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from fast_style.benchmark.pytorch_examples import find_pytorch_examples
from fast_style.errors import NotFoundError


@pytest.mark.parametrize("inner", ["", "neural_style", "fast_neural_style/neural_style"])
def test_the_modules_of_a_checkout_are_found(tmp_path: Path, inner: str) -> None:
    (tmp_path / inner).mkdir(parents=True, exist_ok=True)
    (tmp_path / inner / "transformer_net.py").touch()
    assert find_pytorch_examples(tmp_path) == tmp_path / inner


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"^pytorch_examples=.*: no transformer_net\.py there; give a checkout"):
        find_pytorch_examples(tmp_path)
