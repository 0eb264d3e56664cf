from __future__ import annotations

import numpy as np
import pytest

from fast_style.training.random_streams import DistillationStream, Stream, random_generator


@pytest.mark.parametrize(
    ("stream", "number"),
    [
        (Stream.ORDER, 0),
        (Stream.CROPS, 1),
        (Stream.SYNTHETIC, 2),
        (Stream.STRENGTH, 3),
        (Stream.MOTION, 4),
        (DistillationStream.ADVERSARIES, 3),
        (DistillationStream.STYLES, 4),
    ],
)
def test_the_draws_of_earlier_versions_are_the_same(stream: Stream | DistillationStream, number: int) -> None:
    for index in ((), (17,)):
        expected = np.random.default_rng((5, number, *index)).integers(1 << 30, size=4)
        assert random_generator(5, stream, *index).integers(1 << 30, size=4).tolist() == expected.tolist()
