"""The public names of the package, which are imported when they are first used."""

from __future__ import annotations

import inspect
import os
import pydoc
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fast_style


def test_the_package_lists_what_it_has() -> None:
    code = "import fast_style, sys; print('Stylizer' in dir(fast_style), 'numpy' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["True", "False"]
    assert "class Stylizer" in pydoc.plain(pydoc.render_doc(fast_style))


@pytest.mark.parametrize("name", [name for name in fast_style.__all__ if name != "__version__"])
def test_every_public_name_is_there(name: str) -> None:
    assert callable(getattr(fast_style, name))
    assert name in dir(fast_style)


@pytest.mark.parametrize("name", [name for name in fast_style.__all__ if name != "__version__"])
def test_every_public_name_is_explained(name: str) -> None:
    """Whatever it takes, what it returns and what it raises; of a class, each public method too."""
    public = getattr(fast_style, name)
    found = {name: public}
    if inspect.isclass(public):
        members = inspect.getmembers_static(public, lambda member: callable(member) or isinstance(member, classmethod))
        named = [key for key, _ in members if not key.startswith("_")]
        found |= {f"{name}.{key}": getattr(public, key) for key in ("__call__", *named)}
    for each, value in found.items():
        text = inspect.getdoc(value) or ""
        taken = [key for key in inspect.signature(value).parameters if key != "self"]
        assert text.split("\n")[0].endswith("."), each
        for key in taken:
            assert re.search(rf"^ +{key}: \S", text, re.M), f"{each} takes {key}"
        if taken:
            assert "\nRaises:\n" in text, each
        if inspect.signature(value).return_annotation not in (None, "None", inspect.Signature.empty) and each != name:
            assert "\nReturns:\n" in text, each


def test_an_unknown_name() -> None:
    with pytest.raises(AttributeError, match="'fast_style' has no attribute 'paint'"):
        _ = fast_style.paint


@pytest.mark.parametrize(
    "code",
    [
        "import fast_style; fast_style.__version__",
        "from fast_style.cli.app import app",
        "import numpy; from fast_style import Stylizer;Stylizer.load('{model}')(numpy.zeros((16, 16, 3), 'uint8'))",
    ],
)
def test_the_light_path_imports_nothing_heavy(tiny_model: Path, code: str) -> None:
    check = "; import sys; print([m for m in ('torch', 'pytorch_lightning', 'hydra') if m in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", code.format(model=tiny_model) + check], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_nothing_is_reported_to_anyone(tiny_model: Path, tmp_path: Path) -> None:
    """ONNX Runtime's wheels keep a queue of what was run in the user's cache, and send it."""
    places = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "TMPDIR": str(tmp_path)}
    environment = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"} | places
    code = f"""import numpy, fast_style
fast_style.Stylizer.load({str(tiny_model)!r})(numpy.zeros((16, 16, 3), 'uint8'))"""
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert list(tmp_path.rglob("*")) == []
