"""A connection to Ray: a cluster, or a Ray of this command's own on this machine alone."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fast_style.errors import ConfigError, reason_of
from fast_style.system.hardware import usable_cores
from fast_style.system.optional import require, require_extra

LOCAL = "local"
"""The address of a Ray that is started for one command, and ends with it."""


@contextmanager
def ray_session(address: str = LOCAL) -> Iterator[Any]:
    """Connects to Ray, or starts one that listens on this machine alone, and disconnects at the end.

    A program that is connected already keeps its connection.

    Args:
        address: `local`, `auto` for the cluster that this machine belongs to, `HOST:PORT` or `ray://HOST:PORT`.

    Yields:
        The module `ray`.

    Raises:
        MissingPackageError: Ray is not installed.
        ConfigError: No cluster answers at the address.
    """
    require_extra("ray")
    # Read while Ray is imported; the processes that it starts inherit them.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    if address == LOCAL:
        # Ray listens on all interfaces, and whoever reaches it runs code, where it may become a cluster.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    ray: Any = require("ray", "ray")
    if ray.is_initialized():
        quiet_data()
        yield ray
        return
    quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    if address == LOCAL:
        quiet |= {"include_dashboard": False, "num_cpus": usable_cores()}
    try:
        ray.init(address=address, **quiet)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise ConfigError(
            f"Ray does not answer ({reason_of(error)})", setting="ray", value=address,
            remedy="check the address with `ray status`, or leave it out for a Ray on this machine",
        ) from error  # fmt: skip
    try:
        quiet_data()
        yield ray
    finally:
        ray.shutdown()


def quiet_data() -> Any:
    """Imports Ray Data, keeps its bars and messages off the terminal, and returns it."""
    data: Any = require("ray.data", "ray")
    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray").setLevel(logging.ERROR)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    return data
