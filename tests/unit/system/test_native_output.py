"""Lines that compiled libraries write to stderr."""

from __future__ import annotations

import os
import re

import pytest

from fast_style.system.native_output import lines_caught


def test_lines_of_a_library_are_told_from_others(capfd: pytest.CaptureFixture[str]) -> None:
    lines: list[str] = []
    with pytest.raises(KeyError), lines_caught(re.compile(rb"TIFF\w*: "), lines.append):
        os.write(2, b"TIFFOpen: odd\nanother thread\nTIFFOpen: odd\nTIFFRead: bad")
        raise KeyError
    os.write(2, b"TIFFOpen: later\n")
    assert lines == ["TIFFOpen: odd", "TIFFRead: bad"]
    assert capfd.readouterr().err == "another thread\nTIFFOpen: later\n"
