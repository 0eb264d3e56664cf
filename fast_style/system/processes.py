"""An object in a process of its own: OpenCV and PyAV bring a libav each, which may not share a process on macOS."""

from __future__ import annotations

import functools
import multiprocessing
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from fast_style.errors import FastStyleError, MediaError, first_line
from fast_style.system.signals import ignore_interrupts


class Apart:
    """Makes an object in a new process, and calls its methods there.

    Args:
        factory: a class or function that can be imported by name; it and its arguments are pickled.

    Raises:
        FastStyleError: the factory did.
    """

    def __init__(self, factory: Callable[..., Any], *arguments: Any, **named: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, factory, arguments, named), daemon=True)
        self._process.start()
        theirs.close()
        self._answer()

    def call(self, method: str, *arguments: Any, **named: Any) -> Any:
        """What `object.method(*arguments, **named)` returns.

        Raises:
            FastStyleError: the method did, or its process is gone.
        """
        try:
            self._connection.send((method, arguments, named))
        except OSError as error:
            raise MediaError("the process that encodes or measures has ended; is there enough memory?") from error
        return self._answer()

    def __call__(self, *arguments: Any) -> Any:
        return self.call("__call__", *arguments)

    def __getattr__(self, method: str) -> Callable[..., Any]:
        if method.startswith("_"):
            raise AttributeError(method)
        return functools.partial(self.call, method)

    def _answer(self) -> Any:
        try:
            good, value = self._connection.recv()
        except (EOFError, OSError) as error:
            raise MediaError("the process that encodes or measures has ended; is there enough memory?") from error
        if good:
            return value
        raise value

    def close(self) -> None:
        """Ends the process. What it had open is discarded, if it has a `discard`."""
        self._connection.close()
        self._process.join(timeout=5)
        if self._process.is_alive():
            self._process.terminate()


def beside_pyav(factory: Callable[[], Any]) -> Any:
    """An object that uses OpenCV, for a process that uses PyAV: in this process where they may share one."""
    return Apart(factory) if sys.platform == "darwin" else factory()


def _serve(connection: Connection, factory: Callable[..., Any], arguments: Any, named: Any) -> None:
    ignore_interrupts()
    target: Any = None
    try:
        target = factory(*arguments, **named)
        connection.send((True, None))
        while True:
            method, arguments, named = connection.recv()
            try:
                connection.send((True, getattr(target, method)(*arguments, **named)))
            except FastStyleError as error:
                connection.send((False, error))
    except FastStyleError as error:  # first, because some kinds are an OSError, too
        connection.send((False, error))
    except (EOFError, OSError):  # the parent has closed its end, or is gone
        pass
    except Exception as error:
        connection.send((False, MediaError(f"{type(error).__name__}: {first_line(error)}")))
    finally:
        if hasattr(target, "discard"):
            target.discard()
