"""fast_style: one painting in, one small network out, which repaints any picture in a single pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Stylizer", "__version__"]

if TYPE_CHECKING:
    from fast_style.stylizer import Stylizer


def __getattr__(name: str) -> Any:
    # Importing the package stays cheap: numpy and an engine come with the first use.
    if name == "Stylizer":
        from fast_style.stylizer import Stylizer

        return Stylizer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
