"""Packages that only some commands need: imported when they are used, or named in an error of one line."""

from __future__ import annotations

import importlib
import importlib.util
import os
from types import ModuleType

from fast_style.errors import MissingPackageError, reason_of

_PROJECTS = {
    "av": "PyAV", "cv2": "OpenCV", "hydra": "Hydra", "pyarrow": "PyArrow", "pytorch_lightning": "PyTorch Lightning",
    "ray": "Ray", "tensorboard": "TensorBoard",
}  # fmt: skip
_MODULES = {
    "ray": ("ray", "pyarrow"),
    "torch": ("torch",),
    "train": ("torch", "torchvision", "pytorch_lightning", "hydra", "tensorboard", "onnx", "onnxscript"),
}
"""Extras of fast_style whose modules are imported by name, and these modules."""


def is_installed(module: str) -> bool:
    """Returns whether a module is installed; imports nothing."""
    return importlib.util.find_spec(module) is not None


def require_extra(extra: str) -> None:
    """Checks that the modules of an extra are installed; imports none of them.

    Args:
        extra: The extra of fast_style: `ray`, `torch` or `train`.

    Raises:
        MissingPackageError: One of them is not installed.
    """
    missing = [module for module in _MODULES[extra] if not is_installed(module)]
    if missing:
        names = ", ".join(_PROJECTS.get(module, module) for module in missing)
        raise MissingPackageError(f"needs {names}", remedy=_installation(extra))


def require(module: str, extra: str) -> ModuleType:
    """Imports a module of an optional package.

    Args:
        module: The module: `av`, `cv2`, `pyvirtualcam` or `ray`.
        extra: The extra of fast_style that installs its package.

    Raises:
        MissingPackageError: The package is not installed, or a system library that it needs is not.
    """
    # OpenCV's backends otherwise report on stderr what they cannot open, whether they were asked for or not.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    project = _PROJECTS.get(module, module)
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise MissingPackageError(f"needs {project}", remedy=_installation(extra)) from error
    except ImportError as error:
        raise MissingPackageError(
            f"{project} is installed but does not load ({reason_of(error)})",
            remedy="on Debian: apt-get install libgl1 libglib2.0-0" if module == "cv2" else None,
        ) from error


def _installation(extra: str) -> str:
    return f"pip install 'fast-style[{extra}]'"
