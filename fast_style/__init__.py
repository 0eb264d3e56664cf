"""fast_style: one painting in, one small network out, which repaints any picture in a single pass."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

# ONNX Runtime's wheels report what is run with them to Microsoft, unless this stands before it is imported. What is
# stylised here is nobody else's business; who wants to report sets it to 0.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.1.0"
__all__ = ["Stylizer", "__version__"]

if TYPE_CHECKING:
    from fast_style.inference.stylizer import Stylizer


def __getattr__(name: str) -> Any:
    # Importing the package stays cheap: numpy and an engine come with the first use.
    if name == "Stylizer":
        from fast_style.inference.stylizer import Stylizer

        return Stylizer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
