from __future__ import annotations

import hashlib

import numpy as np
import pytest

from fast_style.training.synthetic import dead_leaves

GOLDEN = "8f23c0949ef44d2e"


def test_synthetic_images_are_the_same_everywhere() -> None:
    # Changes only when the generator itself is changed on purpose.
    images = b"".join(dead_leaves(np.random.default_rng((0, 2, number)), 64).tobytes() for number in range(20))
    assert hashlib.sha256(images).hexdigest()[:16] == GOLDEN


@pytest.mark.parametrize("size", [32, 57, 256])
def test_synthetic_images_are_never_empty(size: int) -> None:
    for number in range(12):
        image = dead_leaves(np.random.default_rng((1, 2, number)), size)
        assert image.shape == (size, size, 3)
        assert image.dtype == np.uint8
        assert image.std() > 2
