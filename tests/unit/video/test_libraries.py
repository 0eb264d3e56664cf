from __future__ import annotations

import sys

import pytest

from fast_style.errors import FastStyleError
from fast_style.video.libraries import LazyModule


def test_a_module_is_imported_at_the_first_access(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    module = LazyModule("colorsys", "video")
    assert "colorsys" not in sys.modules
    assert module.rgb_to_hsv(0, 0, 0) == (0.0, 0.0, 0)  # type: ignore[operator]
    assert "colorsys" in sys.modules


def test_a_missing_package_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(FastStyleError, match=r"PyAV.*pip install .*\[video\]"):
        LazyModule("av", "video").open  # noqa: B018
