"""What this machine gives to this process: memory and cores; and sizes as people write them."""

from __future__ import annotations

import ctypes
import os
import re
from contextlib import suppress
from pathlib import Path

from fast_style.errors import ConfigError

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}
CGROUPS = Path("/sys/fs/cgroup")
"""Where Linux says what a container may use."""
UNKNOWN = 4 * 2**30
"""What is taken to be available where the system does not say."""
LARGEST_KEPT = 256 * 2**20
"""Bytes of one piece of memory that `keep_freed_memory` is for; larger ones go back to the system at once."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


def parse_bytes(text: str) -> int:
    """Returns the number of bytes that `2GB`, `1.5 GiB`, `800M` or a plain number stands for.

    Raises:
        ConfigError: the text is none of these.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?I?)B?", text.strip().upper())
    if match is None or match[2] not in _UNITS or float(match[1]) == 0:
        raise ConfigError("not a size", setting="memory", value=text, remedy="write it like 2GB or 800MB")
    return int(float(match[1]) * _UNITS[match[2]])


def available_memory() -> int:
    """Bytes that can be had without swapping, also inside a container that is given less than the machine."""
    limits = [UNKNOWN]
    with suppress(OSError, ValueError, AttributeError):  # AttributeError: Windows has no sysconf
        limits = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2]
    with suppress(OSError, ValueError, IndexError):
        found = re.search(r"MemAvailable:\s+(\d+)", Path("/proc/meminfo").read_text(encoding="ascii"))
        limits = [int(found[1]) * 1024] if found else limits
    for folder, limit, used, cache in (
        (CGROUPS, "memory.max", "memory.current", "inactive_file"),
        (CGROUPS / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        with suppress(OSError, ValueError):  # ValueError: "max", which is no limit
            free = int((folder / limit).read_text()) - int((folder / used).read_text())
            limits.append(free + _file_cache(folder / "memory.stat", cache))
    return max(0, min(limits))


def _file_cache(statistics: Path, key: str) -> int:
    """Bytes that a container holds of files it has read: they count as used, but are given up for the asking."""
    with suppress(OSError):
        found = re.search(rf"^{key} (\d+)$", statistics.read_text(encoding="ascii"), re.MULTILINE)
        return int(found[1]) if found else 0
    return 0


def used_memory() -> int:
    """Bytes of memory that this process holds now; 0 where the system does not say."""
    with suppress(OSError, ValueError, IndexError, AttributeError):
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def keep_freed_memory() -> None:
    """Lets the C library keep what this process frees, for the next picture or training step.

    By default maps of some megabytes go back to the system after each use, and come again page by page: a quarter
    of the time that a picture takes. For glibc, the library of most Linux systems; elsewhere nothing happens.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # TypeError: Windows has no library without a name
        return
    mallopt(_M_MMAP_THRESHOLD, LARGEST_KEPT)
    mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


def usable_cores() -> int:
    """Physical cores that this process may use: a second thread on one core only gets in the way."""
    try:
        mine = os.sched_getaffinity(0)
    except AttributeError:
        return max(1, os.cpu_count() or 1)
    cores = set()
    for number in mine:
        siblings = Path(f"/sys/devices/system/cpu/cpu{number}/topology/thread_siblings_list")
        try:
            cores.add(siblings.read_text(encoding="ascii").strip())
        except OSError:
            cores.add(str(number))
    count = len(cores)
    with suppress(OSError, ValueError):  # of a container; ValueError: "max"
        quota, period = (CGROUPS / "cpu.max").read_text(encoding="ascii").split()
        count = min(count, max(1, round(int(quota) / int(period))))
    return count
