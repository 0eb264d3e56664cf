"""Draw the pictures of the guide: ``python docs/pictures/draw.py [NAME ...]`` (all without a name).

They show the shipped models on the rendered scenes of `data/scenes/`. `screenshots.py` beside it draws `page.jpg`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from fast_style import Stylizer
from fast_style.inference.sheet import SheetOptions, style_sheet
from fast_style.system.paths import resource

HERE = Path(__file__).parent
WIDTH, HEIGHT = 320, 240
"""Size in pixels of a picture in a row of pictures."""
HEADER = 24
"""Height in pixels of the line with its label."""


def scene(name: str) -> Image.Image:
    return Image.open(resource(f"data/scenes/{name}.jpg")).convert("RGB")


def row(pictures: dict[str, Image.Image]) -> Image.Image:
    """Lays pictures side by side, each below its label."""
    sheet = Image.new("RGB", (WIDTH * len(pictures), HEADER + HEIGHT), "white")
    pen = ImageDraw.Draw(sheet)
    for column, (label, picture) in enumerate(pictures.items()):
        pen.text((WIDTH * (column + 0.5), HEADER / 2), label, "black", ImageFont.load_default(15), anchor="mm")
        fitted = ImageOps.fit(picture, (WIDTH, HEIGHT), Image.Resampling.LANCZOS)
        sheet.paste(fitted, (WIDTH * column, HEADER))
    return sheet


def draw_before_after() -> None:
    """A slow ride over three scenes, with a slider between each and its painting: every frame is stylized anew."""
    size, count = (480, 300), 18
    frames = []
    for name, model in (("lake", "starry_night"), ("balloons", "mosaic"), ("mountains", "wave")):
        stylizer = Stylizer.load(model)
        picture = ImageOps.fit(scene(name), (576, 384), Image.Resampling.LANCZOS)
        for number in range(count):
            turn = number / count
            left = round((picture.width - size[0]) * (1 - math.cos(2 * math.pi * turn)) / 2)
            frame = picture.crop((left, 42, left + size[0], 42 + size[1]))
            slider = round(size[0] * (0.5 + 0.5 * math.cos(2 * math.pi * turn)))
            painted = stylizer(frame)
            painted.paste(frame.crop((0, 0, slider, size[1])), (0, 0))
            ImageDraw.Draw(painted).line([(slider, 0), (slider, size[1])], "white", 3)
            frames.append(painted)
    path = HERE / "before_after.webp"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=130, loop=0, quality=40, method=6)


def draw_strength() -> None:
    stylizer, photo = Stylizer.load("starry_night"), scene("lake")
    pictures = {f"--strength {strength:g}": stylizer(photo, strength=strength) for strength in (0.0, 0.5, 1.0, 1.5)}
    row(pictures).save(HERE / "strength.jpg", quality=82, optimize=True)


def draw_options() -> None:
    stylizer, photo = Stylizer.load("the_scream"), scene("fruit")
    pictures = {"--keep-color": stylizer(photo, keep_color=True)}
    for stroke in (0.5, 1.0, 2.0):
        pictures[f"--stroke {stroke:g}"] = stylizer(photo, stroke=stroke)
    row(pictures).save(HERE / "options.jpg", quality=82, optimize=True)


def shade(values: np.ndarray) -> Image.Image:
    """Draws an array `[H, W]` in gray, from its 1 % quantile (black) to its 99 % quantile (white)."""
    low, high = np.quantile(values, (0.01, 0.99))
    return Image.fromarray((255 * np.clip((values - low) / max(high - low, 1e-9), 0, 1)).astype(np.uint8))


def draw_features() -> None:
    """For each layer the map that varies most over the photo."""
    import torch

    from fast_style.images.tensors import to_float, to_tensor
    from fast_style.perceptual.encoders import build_encoder

    photo = scene("lake")
    layers = ["relu1_2", "relu2_2", "relu3_2", "relu3_4"]
    with torch.no_grad():
        features = build_encoder("embedded", layers)(to_float(to_tensor(np.asarray(photo))[None]), layers)
    pictures = {"the photo": photo}
    for layer, maps in features.items():
        inside = maps[0, :, 8:-8, 8:-8].float()  # the border of a deep layer sees little of the photo
        pictures[layer] = shade(inside[inside.std((1, 2)).argmax()].numpy()).convert("RGB")
    row(pictures).save(HERE / "features.jpg", quality=82, optimize=True)


def draw_gram() -> None:
    """The Gram matrix of a painting in one layer, and how far those of a photo and of the painted photo are from it."""
    import torch

    from fast_style.images.tensors import to_float, to_tensor
    from fast_style.perceptual.encoders import build_encoder
    from fast_style.perceptual.gram import gram_matrix

    photo = scene("lake")
    pictures = {
        "the painting": Image.open(resource("data/styles/mosaic.jpg")).convert("RGB"),
        "a photo": photo,
        "the painted photo": Stylizer.load("mosaic")(photo),
    }
    encoder, grams = build_encoder("embedded", ["relu2_2"]), []
    for picture in pictures.values():
        fitted = ImageOps.contain(picture, (512, 512), Image.Resampling.LANCZOS)
        with torch.no_grad():
            features = encoder(to_float(to_tensor(np.asarray(fitted))[None]), ["relu2_2"])["relu2_2"]
        grams.append(gram_matrix(features)[0].numpy())
    order = np.argsort(-grams[0].diagonal())[:32]
    sheet = Image.new("RGB", (WIDTH * 3, 2 * (HEADER + HEIGHT)), "white")
    sheet.paste(row(pictures), (0, 0))
    labels = ("its Gram matrix, relu2_2", "difference from it", "difference from it")
    pen, white = ImageDraw.Draw(sheet), np.quantile(grams[0][order][:, order], 0.99)
    for column, (label, gram) in enumerate(zip(labels, grams, strict=True)):
        shown = np.abs(gram - grams[0] if column else gram)[order][:, order]
        # The square root, as small entries matter, too. All three share one scale.
        gray = Image.fromarray((255 * np.sqrt(np.clip(shown / white, 0, 1))).astype(np.uint8))
        left, top = WIDTH * column, HEADER + HEIGHT
        pen.text((left + WIDTH / 2, top + HEADER / 2), label, "black", ImageFont.load_default(15), anchor="mm")
        sheet.paste(gray.resize((HEIGHT, HEIGHT), Image.Resampling.NEAREST), (left + 40, top + HEADER))
    sheet.save(HERE / "gram.jpg", quality=82, optimize=True)


def draw_paintings() -> None:
    sheet = style_sheet(np.asarray(scene("lake")), ["paintings"], SheetOptions(240, columns=5))
    Image.fromarray(sheet).save(HERE / "paintings.jpg", quality=80, optimize=True)


PICTURES: dict[str, Callable[[], None]] = {
    "before_after": draw_before_after,
    "strength": draw_strength,
    "options": draw_options,
    "features": draw_features,
    "gram": draw_gram,
    "paintings": draw_paintings,
}


def main() -> None:
    """Draw the pictures named on the command line, or all."""
    for name in sys.argv[1:] or PICTURES:
        PICTURES[name]()
        print(name)


if __name__ == "__main__":
    main()
