"""Signal handling: every handler that this package installs is installed here, and taken out again."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


@contextmanager
def catch_signals(numbers: Iterable[int], callback: Callable[[int], None]) -> Iterator[Callable[[], None]]:
    """Calls `callback` with the number of each of these signals that arrives inside the `with`.

    Afterwards the earlier handlers are back. Outside the main thread, where no signals arrive, nothing happens.

    Yields:
        A function that installs the handlers once more, for use after a library may have replaced them.
    """

    def handle(number: int, frame: FrameType | None) -> None:
        callback(number)

    earlier = {}
    try:
        for number in numbers:
            earlier[number] = signal.signal(number, handle)
    except ValueError:  # Python refuses handlers outside the main thread
        earlier = {}

    def reinstall() -> None:
        for number in earlier:
            signal.signal(number, handle)

    try:
        yield reinstall
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


@contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """Makes SIGTERM, which `kill` and service managers send, raise KeyboardInterrupt as Ctrl-C does."""

    def interrupt(number: int) -> NoReturn:
        raise KeyboardInterrupt

    with catch_signals([signal.SIGTERM], interrupt):
        yield


def ignore_interrupts(worker: int = 0) -> None:
    """Makes a worker process ignore Ctrl-C, which a terminal sends to all processes of a command.

    What becomes of the work in progress is for the main process to decide.

    Args:
        worker: unused; PyTorch's data loader passes the number of the worker.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def interrupts_blocked() -> Iterator[None]:
    """Delays Ctrl-C until the end of the `with`; processes that are started inside never receive it.

    On Windows, which cannot block signals, such processes receive it all the same.
    """
    arrived: list[int] = []
    try:
        # The handler, because a signal that one thread blocks is delivered to another; the mask for the processes.
        with catch_signals([signal.SIGINT], arrived.append), _blocked_in_this_thread():
            yield
    finally:
        if arrived:
            signal.raise_signal(signal.SIGINT)


@contextmanager
def _blocked_in_this_thread() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    earlier = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, earlier)
