"""All encoders by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from fast_style.errors import ConfigError
from fast_style.perceptual.encoders.embedded import build_embedded
from fast_style.perceptual.encoders.encoder import PADDINGS, POOLINGS, Encoder
from fast_style.perceptual.encoders.random_filters import RandomFilters
from fast_style.perceptual.encoders.vgg import build_vgg

ENCODERS: dict[str, Callable[[Sequence[str], str | None], Encoder]] = {
    "vgg16": partial(build_vgg, "vgg16"),
    "vgg19": partial(build_vgg, "vgg19"),
    "embedded": build_embedded,
    "random": lambda layers, weights: RandomFilters(layers),
}
"""From a name to a function that builds the encoder with taps at some layers, from local weights or its own."""


def build_encoder(
    name: str, layers: Sequence[str], weights: str | None = None, *, pooling: str = "max", padding: str = "zeros"
) -> Encoder:
    """Builds the encoder called `name`, with taps at `layers` at least.

    Args:
        name: a key of `ENCODERS`.
        layers: names of the taps needed.
        weights: local file; None for the encoder's own weights.
        pooling: `max` or `average`.
        padding: `zeros` or `replicate`; see `Encoder.padding`.

    Raises:
        ConfigError: unknown name, pooling or padding.
        EncoderError: unknown layer, or weights that cannot be read or downloaded.
    """
    if name not in ENCODERS:
        known = ", ".join(sorted(ENCODERS))
        raise ConfigError(f"unknown encoder; there are {known}", setting="encoder.name", value=name)
    for setting, value, choices in (("pooling", pooling, POOLINGS), ("padding", padding, PADDINGS)):
        if value not in choices:
            raise ConfigError(f"must be one of {', '.join(choices)}", setting=f"encoder.{setting}", value=value)
    encoder = ENCODERS[name](layers, weights)
    encoder.pooling, encoder.padding = pooling, padding
    return encoder
