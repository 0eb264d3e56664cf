from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np

from fast_style.video.animation_writer import GifWriter
from fast_style.video.media import Frame, StreamFormat
from tests.clips import picture, pixel_error


def test_gif_times_are_hundredths_and_browsers_show_every_frame(tmp_path: Path) -> None:
    from PIL import Image

    writer = GifWriter(tmp_path / "out.gif", StreamFormat(32, 24, Fraction(1, 1000), Fraction(10)))
    for number, time in enumerate((0, 100, 105, 250, 400)):
        writer.write(Frame(picture(number, 32, 24), time, 100))
    with Image.open(writer.finish()) as gif:
        assert gif.n_frames == 4
        assert pixel_error(np.asarray(gif.convert("RGB")), picture(0, 32, 24)) < 8
        durations = []
        for number in range(3):
            gif.seek(number)
            durations.append(gif.info["duration"])
        assert durations == [100, 150, 150]
        gif.seek(3)
        assert pixel_error(np.asarray(gif.convert("RGB")), picture(4, 32, 24)) < 8
