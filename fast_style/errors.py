"""What a user can get wrong, as exceptions that carry the setting, its value, the problem and the remedy.

A message is one line. `str(error)` spells settings as Python and Hydra do (`tile=32`, `style.size=16`); only the
command line turns them into options. The command prints the message and exits with status 2; a traceback is a bug.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final


class _Unset(Enum):
    """A type with one value, which stays that very object when it is pickled."""

    UNSET = "unset"


UNSET: Final = _Unset.UNSET
"""The value of a setting that is named in an error without one."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

Spelling = Callable[[str, object], str]
"""How a setting and its value are written: `("tile", 32)` to `tile=32`, or to `--tile 32`; the value may be `UNSET`."""


def spell_setting(setting: str, value: object = UNSET) -> str:
    """Writes a setting as Python and Hydra do: `style.size=16`, or `style.size` without a value."""
    return setting if value is UNSET else f"{setting}={value}"


class FastStyleError(Exception):
    """Base of every error that a user can cause.

    Args:
        problem: what is wrong, in one line without a full stop.
        setting: the setting or argument at fault, as Python or Hydra names it: `tile`, `style.size`.
        value: its value, where that helps.
        remedy: what to do about it. `{engine}` in it stands for that setting with the value in `suggestions`.
        suggestions: settings, and the values that the remedy suggests for them; `UNSET` for a setting alone.
        quoted: another error, which the message gives in parentheses as the reason of this one.
    """

    def __init__(
        self,
        problem: str,
        *,
        setting: str | None = None,
        value: object = UNSET,
        remedy: str | None = None,
        suggestions: Mapping[str, object] | None = None,
        quoted: FastStyleError | None = None,
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.setting = setting
        self.value = value
        self.remedy = remedy
        self.suggestions = dict(suggestions or {})
        self.quoted = quoted

    def render(self, spell: Spelling = spell_setting) -> str:
        """Returns the message, in one line, with settings as `spell` writes them."""
        message = self.problem if self.quoted is None else f"{self.problem} ({self.quoted.render(spell)})"
        if self.setting is not None:
            message = f"{spell(self.setting, self.value)}: {message}"
        if self.remedy is not None:
            remedy = self.remedy
            for setting, value in self.suggestions.items():
                remedy = remedy.replace(f"{{{setting}}}", spell(setting, value))
            message = f"{message}; {remedy}"
        return printable(message)

    def __str__(self) -> str:
        return self.render()

    def __reduce__(self) -> tuple[Any, ...]:
        # By its attributes: an exception is otherwise remade from positional arguments alone, when it comes out of
        # another process.
        return _restore, (type(self), self.problem, self.__dict__)


def _restore(kind: type[FastStyleError], problem: str, state: dict[str, Any]) -> FastStyleError:
    error = kind(problem)
    error.__dict__.update(state)
    return error


class ConfigError(FastStyleError, ValueError):
    """A setting or argument is unknown, has the wrong type or a value out of range."""


class NotFoundError(FastStyleError, FileNotFoundError):
    """A file or folder does not exist."""


class WriteError(FastStyleError, OSError):
    """A file or folder cannot be written."""


class MissingPackageError(FastStyleError, ImportError):
    """A package that only some commands need is not installed, or does not load."""


class ImageError(FastStyleError, ValueError):
    """An image cannot be read or written."""


class MediaError(FastStyleError, RuntimeError):
    """A video, camera, window or recording cannot be opened, read or written."""


class DataError(FastStyleError, ValueError):
    """A folder of photos is empty or unreadable."""


class EncoderError(FastStyleError, ValueError):
    """Encoder weights are missing, damaged or do not reach the layers asked for."""


class ModelError(FastStyleError, ValueError):
    """A model file is damaged, of an unknown schema or not usable with the engine asked for."""


class TrainingError(FastStyleError, RuntimeError):
    """A training run cannot continue: its loss diverges again and again, or a checkpoint cannot be written."""


class WebError(FastStyleError, RuntimeError):
    """The browser page cannot be written or served."""


class ImageNotFoundError(ImageError, NotFoundError):
    """An image file does not exist."""


class DataNotFoundError(DataError, NotFoundError):
    """A folder of photos does not exist."""


class EncoderNotFoundError(EncoderError, NotFoundError):
    """A file of encoder weights does not exist."""


class ModelNotFoundError(ModelError, NotFoundError):
    """No model goes by the name or path given."""


class MediaNotFoundError(MediaError, NotFoundError):
    """A video does not exist."""


def printable(text: str) -> str:
    r"""Returns a text on one line: a control character in a file's name is written as Python does, `\n` or `\x1b`."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def reason_of(error: BaseException) -> str:
    """Returns why something failed, in a few words on one line, for the parentheses of a message.

    These are the words of the system, or of libav, where there are any: what they are about, the message names itself.
    Of another error it is the first line: libraries add several more of their own bookkeeping. An error about an
    address has another one inside, which says why.
    """
    inner = getattr(error, "reason", None)
    if isinstance(inner, BaseException):
        return reason_of(inner)
    words = getattr(error, "strerror", None) or str(error).strip() or type(error).__name__
    return str(words).splitlines()[0].strip().rstrip(".")
