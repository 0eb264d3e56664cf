from __future__ import annotations

from pathlib import Path

import pytest

from fast_style.errors import MediaError
from fast_style.video.containers import QUICKTIME_SUFFIXES, VIDEO_SUFFIXES, check_suffix


@pytest.mark.parametrize("name", ["out.MP4", "out.mkv", "out.gif", "f%03d.png"])
def test_suffixes_that_are_written(name: str) -> None:
    check_suffix(Path(name))


def test_other_suffixes_are_named_with_those_that_are_written() -> None:
    with pytest.raises(MediaError, match=r"out\.avi: unknown suffix '\.avi'; use .*\.mkv .*\.mp4"):
        check_suffix(Path("out.avi"))
    assert QUICKTIME_SUFFIXES < VIDEO_SUFFIXES
