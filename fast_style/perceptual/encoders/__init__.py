"""Frozen feature extractors with taps by their published names (`relu1_2`, `relu3_3`).

An encoder takes float RGB in [0, 1], normalizes inside, computes nothing beyond the deepest layer asked for, and is
never trained, never stored in a checkpoint and always in eval mode.
"""

from fast_style.perceptual.encoders.embedded import EMBEDDED_WEIGHTS, Embedded
from fast_style.perceptual.encoders.encoder import POOLINGS, Encoder, ReceptiveField, block_of, check_layers, finite
from fast_style.perceptual.encoders.random_filters import RandomFilters
from fast_style.perceptual.encoders.registry import ENCODERS, build_encoder
from fast_style.perceptual.encoders.vgg import (
    VGG_BLOCKS,
    VGG_CHANNELS,
    Vgg,
    build_vgg,
    download_vgg,
    vgg_feature_index,
    vgg_layers,
)

__all__ = [
    "EMBEDDED_WEIGHTS",
    "ENCODERS",
    "POOLINGS",
    "VGG_BLOCKS",
    "VGG_CHANNELS",
    "Embedded",
    "Encoder",
    "RandomFilters",
    "ReceptiveField",
    "Vgg",
    "block_of",
    "build_encoder",
    "build_vgg",
    "check_layers",
    "download_vgg",
    "finite",
    "vgg_feature_index",
    "vgg_layers",
]
