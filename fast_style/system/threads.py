"""How long the threads of OpenMP spin while they wait for one another, bounded before torch is loaded."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

SPIN_COUNT = 10_000
"""Turns of libgomp's waiting loop before a thread sleeps, some tens of microseconds. With the library's own number a
thread spins for milliseconds at every barrier while the one that it waits for has lost its core to another process."""
CHOICES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
"""Environment variables by which a user chooses how OpenMP waits."""


def bound_spinning(environment: MutableMapping[str, str] = os.environ) -> None:
    """Bounds how long OpenMP's threads spin, unless the user has chosen that; processes started later inherit it.

    It takes effect only before torch is imported, whose library reads the variable while it loads: a program that
    imports torch before fast_style sets `GOMP_SPINCOUNT` itself. It concerns libgomp, which torch's wheels for Linux
    bring. Those for macOS bring LLVM's libomp, and those for Windows Intel's libiomp5md; both ignore the variable, and
    let threads sleep after `KMP_BLOCKTIME`, 200 ms as they come.

    Args:
        environment: The variables to read and to set.
    """
    if not any(name in environment for name in CHOICES):
        environment["GOMP_SPINCOUNT"] = str(SPIN_COUNT)
