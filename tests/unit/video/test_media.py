from __future__ import annotations

import pytest

from fast_style.errors import ConfigError
from fast_style.video.media import parse_seconds, parse_size


@pytest.mark.parametrize("text", ["640x480", "640X480", "640×480"])
def test_sizes(text: str) -> None:
    assert parse_size(text) == (640, 480)


@pytest.mark.parametrize(
    "text", ["640", "0x480", "640x", "axb", "640x480x3", "99999x99", "15x16", "-64x48", "²x48", "9" * 5000 + "x48"]
)
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^size=.*: must be WIDTHxHEIGHT, such as 640x480, .* 16 to 8192"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("1.5", 1.5), (".5", 0.5), ("1:30", 90), ("00:01:30.5", 90.5), ("2:00:00", 7200)]
)
def test_times(text: str, seconds: float) -> None:
    assert parse_seconds(text, "start") == seconds


@pytest.mark.parametrize("text", ["", "-1", "inf", "nan", "1e3", "1:", ":30", "1:2:3:4", "1h", "²"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^start=.*: must be a time in seconds, or as 1:30 or 00:01:30\.5"):
        parse_seconds(text, "start")
