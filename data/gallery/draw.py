"""Draw this folder's `photos.jpg`: ``pip install scikit-image``, then ``python data/gallery/draw.py``.

Shipped models on three photographs that come with scikit-image: the astronaut Eileen Collins (NASA, public domain),
the cat Chelsea (Stéfan van der Walt, CC0) and a cup of coffee (Rachel Michetti, CC0). The photographs themselves are
not part of this project.
"""

from __future__ import annotations

from pathlib import Path

import skimage.data
from PIL import Image, ImageDraw, ImageFont, ImageOps

from fast_style import Stylizer

MODELS = ("starry_night", "van_gogh", "wave", "the_scream")
PHOTOS = {"astronaut": (0.5, 0.25), "chelsea": (0.5, 0.5), "coffee": (0.5, 0.5)}
"""What is shown, and where its middle lies."""
WIDTH, HEIGHT = 320, 240
"""Size of a picture in the gallery, in pixels; it is stylized at one and a half times that size."""
HEADER = 28
"""Height of the line with the models' names."""


def main() -> None:
    gallery = Image.new("RGB", (WIDTH * len(MODELS), HEADER + HEIGHT * len(PHOTOS)), "white")
    pen = ImageDraw.Draw(gallery)
    font = ImageFont.load_default(16)
    for column, model in enumerate(MODELS):
        pen.text((WIDTH * (column + 0.5), HEADER / 2), model, "black", font, anchor="mm")
        stylizer = Stylizer.load(model)
        for row, (name, middle) in enumerate(PHOTOS.items()):
            photo = Image.fromarray(getattr(skimage.data, name)())
            fitted = ImageOps.fit(photo, (WIDTH * 3 // 2, HEIGHT * 3 // 2), Image.Resampling.LANCZOS, centering=middle)
            painted = stylizer(fitted).resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
            gallery.paste(painted, (WIDTH * column, HEADER + HEIGHT * row))
    path = Path(__file__).with_name("photos.jpg")
    gallery.save(path, quality=85, optimize=True)
    print(path)


if __name__ == "__main__":
    main()
