"""An object in a process of its own: OpenCV and PyAV bring a libav each, which may not share a process on macOS."""

from __future__ import annotations

import functools
import multiprocessing
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import ParamSpec, Protocol, TypeVar, cast, runtime_checkable

from fast_style.errors import FastStyleError, MediaError, reason_of
from fast_style.system.signals import ignore_interrupts

P = ParamSpec("P")
T = TypeVar("T")


@runtime_checkable
class _Discardable(Protocol):
    """An object that removes what it has left unfinished."""

    def discard(self) -> None: ...


class RemoteObject:
    """An object that is made in a new process, and whose methods run there.

    Args:
        factory: A class or function that can be imported by name; it and its arguments are pickled.
        arguments: Positional arguments of the factory.
        named: Named arguments of the factory.

    Raises:
        FastStyleError: The factory raised it; other exceptions arrive as a MediaError.
    """

    def __init__(self, factory: Callable[P, object], *arguments: P.args, **named: P.kwargs) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, factory, arguments, named), daemon=True)
        self._process.start()
        theirs.close()
        self._receive()

    def call(self, method: str, *arguments: object, **named: object) -> object:
        """Returns what the object's method of this name returns.

        Raises:
            FastStyleError: The method raised it, or the process has ended.
        """
        try:
            self._connection.send((method, arguments, named))
        except OSError as error:
            raise _ended() from error
        return self._receive()

    def __call__(self, *arguments: object) -> object:
        """Returns what the object returns when it is called."""
        return self.call("__call__", *arguments)

    def __getattr__(self, method: str) -> Callable[..., object]:
        if method.startswith("_"):
            raise AttributeError(method)
        return functools.partial(self.call, method)

    def _receive(self) -> object:
        try:
            succeeded, value = self._connection.recv()
        except (EOFError, OSError) as error:
            raise _ended() from error
        if succeeded:
            return cast(object, value)
        raise value

    def close(self) -> None:
        """Ends the process; the object's method `discard`, if it has one, is called first."""
        self._connection.close()
        self._process.join(timeout=5)
        if self._process.is_alive():
            self._process.terminate()


def beside_pyav(factory: Callable[[], T]) -> T:
    """Makes an object that uses OpenCV, for a process that uses PyAV.

    Returns:
        The object itself where both libraries may share a process; on macOS a `RemoteObject` that stands in for it.
    """
    # The stand-in has the methods of the object, which no static type can say.
    return cast(T, RemoteObject(factory)) if sys.platform == "darwin" else factory()


def _ended() -> MediaError:
    return MediaError("the process that encodes or measures has ended", remedy="check that there is enough memory")


def _serve(
    connection: Connection, factory: Callable[..., object], arguments: tuple[object, ...], named: dict[str, object]
) -> None:
    """Makes the object, in the new process, and answers calls of its methods until the other end is closed."""
    ignore_interrupts()
    target: object = None
    try:
        target = factory(*arguments, **named)
        connection.send((True, None))
        while True:
            method, arguments, named = connection.recv()
            try:
                connection.send((True, getattr(target, method)(*arguments, **named)))
            except FastStyleError as error:
                connection.send((False, error))
    except FastStyleError as error:
        connection.send((False, error))
    except (EOFError, OSError):  # the other process has closed its end, or is gone
        pass
    except Exception as error:
        connection.send((False, MediaError(f"{type(error).__name__}: {reason_of(error)}")))
    finally:
        if isinstance(target, _Discardable):
            target.discard()
