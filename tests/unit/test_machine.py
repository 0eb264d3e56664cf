from __future__ import annotations

import os

import pytest

from fast_style.errors import ConfigError
from fast_style.machine import available_memory, parse_size, usable_cores, used_memory


@pytest.mark.parametrize(
    ("text", "size"),
    [("2GB", 2 * 10**9), ("1.5 GiB", 3 * 2**29), ("800M", 8 * 10**8), ("4096", 4096), ("1tb", 10**12), ("7 k", 7000)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "much", "2 GBs", "-1GB", "0", "1.5.2G", "GB"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ConfigError, match=r"memory=.*2GB"):
        parse_size(text)


def test_there_is_memory() -> None:
    assert available_memory() > 10**7
    assert 0 <= used_memory() < 10**12


def test_there_are_cores() -> None:
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
