from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from fast_style.system.signals import catch_signals, interrupts_blocked, sigterm_as_interrupt

BOTH = (signal.SIGINT, signal.SIGTERM)


def handlers() -> list[object]:
    return [signal.getsignal(number) for number in BOTH]


def test_signals_reach_the_callback_and_the_handlers_come_back() -> None:
    earlier, caught = handlers(), list[int]()
    with catch_signals(BOTH, caught.append):
        for number in BOTH:
            signal.raise_signal(number)
    assert caught == [*BOTH]
    assert handlers() == earlier


def test_handlers_come_back_after_an_exception() -> None:
    earlier = handlers()
    with pytest.raises(KeyError), catch_signals(BOTH, lambda number: None):
        raise KeyError
    assert handlers() == earlier


def test_replaced_handlers_can_be_installed_again() -> None:
    caught: list[int] = []
    with catch_signals([signal.SIGTERM], caught.append) as reinstall:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.raise_signal(signal.SIGTERM)
        assert caught == []
        reinstall()
        signal.raise_signal(signal.SIGTERM)
    assert caught == [signal.SIGTERM]


def test_nothing_happens_outside_the_main_thread() -> None:
    earlier, entered = handlers(), threading.Event()

    def catch() -> None:
        with catch_signals(BOTH, lambda number: None) as reinstall:
            reinstall()
            assert handlers() == earlier
            entered.set()

    thread = threading.Thread(target=catch)
    thread.start()
    thread.join()
    assert entered.is_set()


def test_sigterm_is_an_interrupt() -> None:
    with pytest.raises(KeyboardInterrupt), sigterm_as_interrupt():
        signal.raise_signal(signal.SIGTERM)


def test_a_worker_ignores_interrupts() -> None:
    program = """
import signal
from fast_style.system.signals import ignore_interrupts
ignore_interrupts(3)
signal.raise_signal(signal.SIGINT)
print("still here")
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "still here\n"


@pytest.mark.parametrize("threads", [0, 1])
def test_a_blocked_interrupt_arrives_afterwards(threads: int) -> None:
    """Another thread, which does not block it, must not bring it any sooner."""
    passed, done = False, threading.Event()
    others = [threading.Thread(target=done.wait) for _ in range(threads)]
    for thread in others:
        thread.start()
    try:
        with pytest.raises(KeyboardInterrupt), interrupts_blocked():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)
            passed = True
    finally:
        done.set()
        for thread in others:
            thread.join()
    assert passed
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="signals cannot be blocked here")
def test_processes_never_receive_a_blocked_interrupt() -> None:
    program = "import signal; signal.raise_signal(signal.SIGINT); print('still here')"
    with interrupts_blocked():
        result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "still here\n"
