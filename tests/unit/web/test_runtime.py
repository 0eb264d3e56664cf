"""The pinned onnxruntime-web; that it paints is tested in tests/e2e/test_web.py."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from fast_style.errors import MissingPackageError
from fast_style.web import runtime


def test_the_runtime_is_pinned() -> None:
    assert len(base64.b64decode(runtime.PACKAGE.integrity.removeprefix("sha512-"))) == 64
    assert len({file.name for file in runtime.PACKAGE.files}) == 6
    for file in runtime.PACKAGE.files:
        assert len(bytes.fromhex(file.sha256)) == 32
        assert file.integrity.startswith("sha256-")


def test_a_missing_runtime_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAST_STYLE_CACHE", str(tmp_path))
    with pytest.raises(MissingPackageError, match=r"onnxruntime-web .* is not installed .*web install .*cdn"):
        runtime.check_installed()
