"""fast_style: one painting in, one small network out, which repaints any picture in a single pass."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

from fast_style.system.optional import require_extra
from fast_style.system.threads import bound_spinning

# ONNX Runtime's wheels report what is run with them to Microsoft, unless this is set before they are imported. What
# is stylized here is nobody else's business; whoever wants to report sets it to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
bound_spinning()

__version__ = "0.1.0"
__all__ = ["Stylizer", "__version__", "compose_training", "list_models", "load_network", "train"]

if TYPE_CHECKING:
    from fast_style.config.entry import compose_training
    from fast_style.inference.stylizer import Stylizer
    from fast_style.models.artifact import list_models
    from fast_style.models.networks import load_network
    from fast_style.training.train import train

_MODULES = {
    "Stylizer": "fast_style.inference.stylizer",
    "compose_training": "fast_style.config.entry",
    "list_models": "fast_style.models.artifact",
    "load_network": "fast_style.models.networks",
    "train": "fast_style.training.train",
}
"""Public names, and the modules that they are imported from when they are first used."""
_EXTRAS = {"compose_training": "train", "load_network": "torch", "train": "train"}
"""Public names that need an extra."""


def __getattr__(name: str) -> object:
    # Importing the package stays cheap: numpy, an engine, torch and Hydra come with the first use.
    if name in _MODULES:
        if name in _EXTRAS:
            require_extra(_EXTRAS[name])
        value: object = getattr(importlib.import_module(_MODULES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
