from __future__ import annotations

import pytest

from fast_style.errors import ConfigError
from fast_style.perceptual.encoders import ENCODERS, RandomFilters, build_encoder


def test_encoders_by_name() -> None:
    assert set(ENCODERS) == {"vgg16", "vgg19", "embedded", "random"}
    encoder = build_encoder("random", ["random3"], pooling="average", padding="replicate")
    assert isinstance(encoder, RandomFilters)
    assert (encoder.pooling, encoder.padding) == ("average", "replicate")


def test_unknown_encoder() -> None:
    with pytest.raises(ConfigError, match="vgg11: unknown encoder; there are embedded, random, vgg16, vgg19") as caught:
        build_encoder("vgg11", ["relu1_1"])
    assert (caught.value.setting, caught.value.value) == ("encoder.name", "vgg11")


def test_unknown_padding() -> None:
    with pytest.raises(ConfigError, match=r"^encoder\.padding=reflect: must be one of zeros, replicate$"):
        build_encoder("random", ["random3"], padding="reflect")


def test_unknown_pooling() -> None:
    with pytest.raises(ConfigError, match=r"^encoder\.pooling=median: must be one of max, average$"):
        build_encoder("random", ["random3"], pooling="median")
