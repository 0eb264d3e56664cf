from __future__ import annotations

import mmap
import os
import platform
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from fast_style.errors import ConfigError
from fast_style.system.hardware import available_memory, parse_bytes, usable_cores, used_memory


@pytest.mark.parametrize(
    ("text", "size"),
    [("2GB", 2 * 10**9), ("1.5 GiB", 3 * 2**29), ("800M", 8 * 10**8), ("4096", 4096), ("1tb", 10**12), ("7 k", 7000)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "much", "2 GBs", "-1GB", "0", "1.5.2G", "GB"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ConfigError, match=r"memory=.*2GB"):
        parse_bytes(text)


def test_there_is_memory() -> None:
    assert available_memory() > 10**7
    before = used_memory()
    assert 10**6 < before < 10**12
    # Not from the C library, which may have kept as much for this process when other tests freed it.
    with mmap.mmap(-1, 2**26) as block:
        for place in range(0, len(block), mmap.PAGESIZE):
            block[place] = 1
        assert used_memory() - before > 2**25


@pytest.mark.parametrize(
    ("folder", "limit", "used", "cache"),
    [
        ("", "memory.max", "memory.current", "inactive_file"),
        ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ],
)
def test_files_cached_by_a_container_are_free_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, limit: str, used: str, cache: str
) -> None:
    monkeypatch.setattr("fast_style.system.hardware.CGROUPS", tmp_path)
    (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / folder / limit).write_text("10000\n")
    (tmp_path / folder / used).write_text("9000\n")
    assert available_memory() == 1000
    (tmp_path / folder / "memory.stat").write_text(f"anon 1500\nactive_file 500\n{cache} 7000\nshmem 3\n")
    assert available_memory() == 8000
    (tmp_path / folder / limit).write_text("max\n")
    assert available_memory() > 10**7


FAULTS = """
import resource, sys
from fast_style.system.hardware import keep_freed_memory
if sys.argv[1:]:
    keep_freed_memory()
def use():
    for size in (2**23, 2**25, 2**27):
        b"x" * size
use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    use()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's allocator alone is told")
def test_freed_memory_is_kept() -> None:
    def faults(*arguments: str) -> int:
        command = [sys.executable, "-c", FAULTS, *arguments]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    # 168 MiB in pages of 4 KiB, ten times.
    assert faults() > 100_000
    assert faults("keep") < 1_000


def test_there_are_cores() -> None:
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)


def test_the_quota_of_a_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fast_style.system.hardware.CGROUPS", tmp_path)
    without = usable_cores()
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert usable_cores() == without
    (tmp_path / "cpu.max").write_text("100000 100000\n")
    assert usable_cores() == 1


def test_physical_cores_count_where_there_is_no_affinity(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("fast_style.system.hardware.CGROUPS", tmp_path)
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: None if logical else 3)
    monkeypatch.delattr(psutil.Process, "cpu_affinity", raising=False)
    assert usable_cores() == 3
