from __future__ import annotations

import importlib
import importlib.util
import json
from types import ModuleType

import pytest

from fast_style.errors import MissingPackageError
from fast_style.system.optional import require, require_extra


def failing(error: ImportError, monkeypatch: pytest.MonkeyPatch) -> None:
    def import_module(name: str) -> ModuleType:
        raise error

    monkeypatch.setattr(importlib, "import_module", import_module)


def test_an_installed_module_is_returned() -> None:
    assert require("json", "video") is json


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(ModuleNotFoundError("No module named 'cv2'", name="cv2"), monkeypatch)
    with pytest.raises(MissingPackageError, match=r"^needs OpenCV; pip install 'fast-style\[video\]'$"):
        require("cv2", "video")


def test_a_module_that_misses_another_one_is_not_called_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(ModuleNotFoundError("No module named 'numpy'", name="numpy"), monkeypatch)
    with pytest.raises(ModuleNotFoundError, match="numpy"):
        require("cv2", "video")


def test_a_missing_system_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(ImportError("libGL.so.1: cannot open shared object file\nmore"), monkeypatch)
    with pytest.raises(MissingPackageError, match=r"OpenCV is installed .*\(libGL.*file\); on Debian: apt-get"):
        require("cv2", "video")
    with pytest.raises(MissingPackageError, match=r"PyAV is installed .*file\)$"):
        require("av", "video")


def test_a_missing_extra_is_one_line_with_its_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in ("torch", "hydra") else object())
    with pytest.raises(MissingPackageError, match=r"^needs torch, Hydra; pip install 'fast-style\[train\]'$"):
        require_extra("train")
    with pytest.raises(MissingPackageError, match=r"^needs torch; pip install 'fast-style\[torch\]'$"):
        require_extra("torch")
