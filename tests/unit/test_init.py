"""The public names of the package, which are imported when they are first used."""

from __future__ import annotations

import pydoc
import subprocess
import sys

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


def test_an_unknown_name() -> None:
    with pytest.raises(AttributeError, match="'fast_style' has no attribute 'stylise'"):
        _ = fast_style.stylise
