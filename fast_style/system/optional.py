"""Packages that only some commands need: found, or named in one line."""

from __future__ import annotations

import importlib
import os
from typing import Any

from fast_style.errors import FastStyleError, first_line

_PROJECTS = {"av": "PyAV", "cv2": "OpenCV", "pyvirtualcam": "pyvirtualcam"}
_PACKAGES = {"av": "av", "cv2": "opencv-python", "pyvirtualcam": "pyvirtualcam"}


def need(module: str, extra: str) -> Any:
    """Imports a module of an optional extra.

    Raises:
        FastStyleError: it is not installed, or a system library that it needs is not.
    """
    # Backends of OpenCV that were not asked for complain on stderr about what they can't open.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise FastStyleError(
            f"needs {_PROJECTS[module]}: pip install {_PACKAGES[module]}, or fast_style with its extra [{extra}]"
        ) from error
    except ImportError as error:
        hint = "; on Debian: apt-get install libgl1 libglib2.0-0" if module == "cv2" else ""
        raise FastStyleError(
            f"{_PROJECTS[module]} is installed but does not load ({first_line(error)}){hint}"
        ) from error
