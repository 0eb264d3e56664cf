"""Draw the style paintings of this folder: ``python data/styles/draw.py [NAME ...]`` (all without a name).

Each painting is a program of its own, seeded and deterministic, in numpy and Pillow; how it is made stands
at the top of its module. They are drawn at twice their size and shrunk. Released as CC0.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import batik
import circuit
import deco
import embroidery
import flow
import halftone
import impasto
import ink_wash
import linocut
import marble
import mosaic
import pastel
import pointillism
import stained_glass
import tapestry
import watercolor
import woodcut
from canvas import Array, save

PAINTINGS: dict[str, Callable[[], Array]] = {
    "flow": flow.paint,
    "stained_glass": stained_glass.paint,
    "mosaic": mosaic.paint,
    "woodcut": woodcut.paint,
    "watercolor": watercolor.paint,
    "batik": batik.paint,
    "circuit": circuit.paint,
    "deco": deco.paint,
    "embroidery": embroidery.paint,
    "halftone": halftone.paint,
    "impasto": impasto.paint,
    "ink_wash": ink_wash.paint,
    "linocut": linocut.paint,
    "marble": marble.paint,
    "pastel": pastel.paint,
    "pointillism": pointillism.paint,
    "tapestry": tapestry.paint,
}
LARGE = {"flow", "stained_glass", "mosaic", "woodcut", "watercolor"}  # files of up to 500 kB, the others 300 kB


def main() -> None:
    """Draw the paintings named on the command line, or all."""
    for name in sys.argv[1:] or PAINTINGS:
        save(PAINTINGS[name](), name, 500_000 if name in LARGE else 300_000)
        print(f"{name}.jpg")


if __name__ == "__main__":
    main()
