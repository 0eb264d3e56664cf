"""Memory and cores that this process may use; and sizes as people write them."""

from __future__ import annotations

import ctypes
import os
import re
from contextlib import suppress
from pathlib import Path

import psutil

from fast_style.errors import ConfigError

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}
CGROUPS = Path("/sys/fs/cgroup")
"""Where Linux states the limits of a container."""
LARGEST_KEPT = 256 * 2**20
"""Bytes: larger blocks of freed memory go back to the system at once, whatever `keep_freed_memory` says."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # from glibc's malloc.h


def parse_bytes(text: str) -> int:
    """Converts `2GB`, `1.5 GiB`, `800M` or plain bytes to a number of bytes.

    Raises:
        ConfigError: The text is none of these.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?I?)B?", text.strip().upper())
    if match is None or match[2] not in _UNITS or float(match[1]) == 0:
        raise ConfigError("not a size", setting="memory", value=text, remedy="write it like 2GB or 800MB")
    return int(float(match[1]) * _UNITS[match[2]])


def available_memory() -> int:
    """Returns how many bytes can be allocated without swapping, within the limits of a container."""
    limits = [psutil.virtual_memory().available]
    for folder, limit, used, cache in (
        (CGROUPS, "memory.max", "memory.current", "inactive_file"),
        (CGROUPS / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        with suppress(OSError, ValueError):  # ValueError: "max", which is no limit
            free = int((folder / limit).read_text()) - int((folder / used).read_text())
            limits.append(free + _file_cache(folder / "memory.stat", cache))
    return max(0, min(limits))


def _file_cache(statistics: Path, key: str) -> int:
    """Returns how many bytes of files a container caches: they count as used, but are freed on demand."""
    with suppress(OSError):
        found = re.search(rf"^{key} (\d+)$", statistics.read_text(encoding="ascii"), re.MULTILINE)
        return int(found[1]) if found else 0
    return 0


def used_memory() -> int:
    """Returns how many bytes of physical memory this process holds now."""
    return psutil.Process().memory_info().rss


def keep_freed_memory() -> None:
    """Lets the C library keep what this process frees, for the next picture or training step.

    By default blocks of some megabytes go back to the system after each use, and return page by page, which takes a
    quarter of the time of a picture. This concerns glibc, the library of most Linux systems; elsewhere nothing
    happens.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # TypeError: Windows has no library without a name
        return
    mallopt(_M_MMAP_THRESHOLD, LARGEST_KEPT)
    mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


_claimed: list[int] = []


def claim_cores(count: int) -> None:
    """Makes `count` the most cores that `usable_cores` tells this process of, one of several workers on a machine."""
    _claimed[:] = [count]


def usable_cores() -> int:
    """Returns how many physical cores this process may use: a second thread on one core only gets in the way.

    The affinity of the process, the CPU quota of a container and `claim_cores` count.
    """
    count = min([_cores_of_affinity(), *_claimed])
    with suppress(OSError, ValueError):  # ValueError: "max", which is no limit
        quota, period = (CGROUPS / "cpu.max").read_text(encoding="ascii").split()
        count = min(count, max(1, round(int(quota) / int(period))))
    return count


def _cores_of_affinity() -> int:
    """Returns how many physical cores the affinity of this process leaves to it."""
    physical = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    try:
        allowed = psutil.Process().cpu_affinity()
    except AttributeError:  # macOS has no affinity
        return physical
    cores = set()
    for number in allowed:
        siblings = Path(f"/sys/devices/system/cpu/cpu{number}/topology/thread_siblings_list")
        try:
            cores.add(siblings.read_text(encoding="ascii").strip())
        except OSError:
            # Without that file, as on Windows, nothing says which threads share a core.
            return max(1, min(len(allowed), physical))
    return max(1, len(cores))
