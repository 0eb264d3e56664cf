"""Packages that only some commands need: imported when they are used, or named in an error of one line."""

from __future__ import annotations

import importlib
import os
from types import ModuleType

from fast_style.errors import MissingPackageError, first_line

_PROJECTS = {"av": "PyAV", "cv2": "OpenCV", "pyvirtualcam": "pyvirtualcam"}
_PACKAGES = {"av": "av", "cv2": "opencv-python", "pyvirtualcam": "pyvirtualcam"}


def require(module: str, extra: str) -> ModuleType:
    """Imports a module of an optional package.

    Args:
        module: The module: `av`, `cv2` or `pyvirtualcam`.
        extra: The extra of fast_style that installs its package.

    Raises:
        MissingPackageError: The package is not installed, or a system library that it needs is not.
    """
    # OpenCV's backends otherwise report on stderr what they cannot open, whether they were asked for or not.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise MissingPackageError(
            f"needs {_PROJECTS[module]}",
            remedy=f"pip install {_PACKAGES[module]}, or fast_style with its extra [{extra}]",
        ) from error
    except ImportError as error:
        raise MissingPackageError(
            f"{_PROJECTS[module]} is installed but does not load ({first_line(error)})",
            remedy="on Debian: apt-get install libgl1 libglib2.0-0" if module == "cv2" else None,
        ) from error
