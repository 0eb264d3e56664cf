"""What a user can get wrong. Each message is one line: what was wrong with which value, and what to do.

The command prints the message and exits with status 2; a traceback is a bug.
"""

from __future__ import annotations


class FastStyleError(Exception):
    """Base of every error that a user can cause."""


class ConfigError(FastStyleError):
    """A setting is unknown, has the wrong type or an impossible value."""


class ImageError(FastStyleError):
    """An image cannot be read or written."""


class MediaError(FastStyleError):
    """A video, camera, window or recording cannot be opened, read or written."""


class DataError(FastStyleError):
    """A folder of photos is missing, empty or unreadable."""


class EncoderError(FastStyleError):
    """Encoder weights are missing, damaged or do not reach the layers asked for."""


class ModelError(FastStyleError):
    """A model file is missing, damaged, of an unknown schema or not usable with the engine asked for."""


class TrainingError(FastStyleError):
    """A training can't go on: its loss runs away again and again, or a checkpoint can't be written."""


class WebError(FastStyleError):
    """The browser page can't be written or served."""


def first_line(error: BaseException) -> str:
    """The first line of an error's message: libraries add several more of their own bookkeeping."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
