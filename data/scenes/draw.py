"""Draw the content pictures of this folder: ``python data/scenes/draw.py [NAME ...]`` (all without a name).

None of them is a photograph: each is a small renderer in numpy and Pillow, seeded and deterministic; how it
works stands at the top of its module. They are drawn at twice their size and shrunk. Released as CC0.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import lake
import outdoors
import still_life
from render import Array, finish

SCENES: dict[str, Callable[[], Array]] = {
    "lake": lake.paint,
    "mountains": outdoors.paint_mountains,
    "city": outdoors.paint_city,
    "sunflower": outdoors.paint_sunflower,
    "fruit": still_life.paint_fruit,
    "balloons": still_life.paint_balloons,
}


def main() -> None:
    """Draw the scenes named on the command line, or all."""
    for name in sys.argv[1:] or SCENES:
        finish(SCENES[name](), name)
        print(f"{name}.jpg")


if __name__ == "__main__":
    main()
