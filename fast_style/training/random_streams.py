"""Independent streams of random numbers, indexed by seed, purpose and sample number.

A draw depends on nothing but these: not on the number of worker processes, nor on what was drawn before. A resumed run
therefore sees what the uninterrupted one would have seen.
"""

from __future__ import annotations

from enum import IntEnum, unique

import numpy as np


@unique
class Stream(IntEnum):
    """What random numbers are drawn for. The values are part of every result: a changed value changes all draws."""

    ORDER = 0
    """Order of the photos, by epoch."""
    CROPS = 1
    """Place, size and flip of a crop, by sample."""
    SYNTHETIC = 2
    """Synthetic images, by sample."""
    STRENGTH = 3
    """Strengths that a network is trained at, by sample."""
    MOTION = 4
    """Motion and noise that the stability term is computed with, by sample."""
    STYLES = 5
    """Styles of a network that learns several, by round."""
    WINDOW = 6
    """The part of a picture that is compared in full size, by batch."""
    PAINTINGS = 7
    """The painting of several that a photo is compared with, by sample."""
    PAINTING_CROPS = 8
    """What the discriminator sees of the paintings, by sample."""
    STYLIZED_CROPS = 9
    """What it sees of stylized photos, by sample."""
    AUGMENTATION = 10
    """How it sees them, by sample and use."""


@unique
class DistillationStream(IntEnum):
    """What a distillation draws random numbers for, in addition to `ORDER`, `CROPS` and `SYNTHETIC`.

    It draws neither strengths nor motions, so their values serve it again.
    """

    ADVERSARIES = 3
    """Kinds, lifetimes and weights of the adversaries."""
    STYLES = 4
    """Crops of the paintings that the adversaries imitate."""


def random_generator(seed: int, stream: Stream | DistillationStream, *index: int) -> np.random.Generator:
    """Returns the generator of a stream.

    Args:
        seed: seed of the run.
        stream: what is drawn.
        index: number of the sample or epoch; none for a stream that is drawn from in sequence.
    """
    return np.random.default_rng((seed, int(stream), *index))
