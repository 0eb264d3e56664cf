"""Fixtures of the tests of plans and batches."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of three pictures, two of them with the same name in different subfolders."""
    for name in ("a.jpg", "sub/b.png", "other/a.jpg"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(path)
    return tmp_path / "in"
