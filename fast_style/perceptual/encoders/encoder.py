"""The base class of every encoder, and the receptive fields of its units."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fast_style.errors import EncoderError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
POOLINGS = ("max", "average")
PADDINGS = ("zeros", "replicate")


@dataclass(frozen=True)
class ReceptiveField:
    """The square of pixels that a unit sees."""

    size: int
    """Side of the square in pixels."""
    stride: int
    """Pixels from one unit to the next."""
    start: int
    """Pixel at which the first unit's square begins: 0, or less where it reaches into the padding."""

    @classmethod
    def of_vgg(cls, layers: Sequence[str], layer: str) -> ReceptiveField:
        """Returns the receptive field in a chain of 3×3 convolutions with 2×2 pooling between blocks.

        Source: Araujo et al. 2019, "Computing Receptive Fields of Convolutional Neural Networks".

        Args:
            layers: names of all convolutions, from shallow to deep.
            layer: the convolution whose units are meant, one of `layers`.
        """
        size, stride, start, block = 1, 1, 0, 1
        for name in layers[: layers.index(layer) + 1]:
            if block_of(name) != block:
                block = block_of(name)
                size, stride = size + stride, stride * 2
            size, start = size + 2 * stride, start - stride
        return cls(size, stride, start)


class Encoder(nn.Module, ABC):
    """Base of every encoder: normalizes the image, checks the layers, never trains.

    Args:
        name: the encoder's name, as in `encoder.name`.
        layers: names of all taps, from shallow to deep.
        mean: mean per RGB channel that the normalization subtracts.
        std: standard deviation per RGB channel that the normalization divides by.
    """

    mean: Tensor
    std: Tensor
    pooling: str = "max"
    """How features are pooled between blocks: `max`, as the networks were trained, or `average` (Gatys et al. 2015,
    Methods)."""

    padding: str = "zeros"
    """What a convolution sees beyond the border: `zeros`, as the networks were trained, or `replicate`, the outermost
    features again. With zeros the border of a picture has features of its own, which a style network learns to answer
    with a frame."""

    def __init__(self, name: str, layers: Sequence[str], *, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.name = name
        self.layers = tuple(layers)
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))

    def freeze(self) -> Encoder:
        """Turns gradients off and eval mode on, for good."""
        self.requires_grad_(False)
        return self.eval()

    def train(self, mode: bool = True) -> Encoder:
        """Stays in eval mode, whatever the module around it does."""
        return super().train(False)

    def forward(self, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """Computes the features after the ReLU of each of `layers`, no deeper than needed.

        Args:
            image: float RGB in [0, 1], `[N, 3, H, W]`.
            layers: names of taps.

        Returns:
            Features `[N, C, h, w]` by layer name.

        Raises:
            EncoderError: a layer that this encoder does not have.
        """
        check_layers(self.name, layers, self.layers)
        return self.taps((image - self.mean) / self.std, frozenset(layers))

    def pool(self, features: Tensor) -> Tensor:
        """Halves height and width of features `[N, C, h, w]`, as `pooling` says."""
        return F.avg_pool2d(features, 2) if self.pooling == "average" else F.max_pool2d(features, 2)

    def convolve(self, convolution: nn.Module, features: Tensor) -> Tensor:
        """Applies a 3×3 convolution to features `[N, C, h, w]`, padded as `padding` says; the size stays."""
        if self.padding == "zeros":
            convolved: Tensor = convolution(features)
            return convolved
        assert isinstance(convolution, nn.Conv2d)
        # On a CPU autocast pads in float32: two casts for each convolution.
        with torch.autocast(features.device.type, enabled=False):
            padded = F.pad(features, (1, 1, 1, 1), mode="replicate")
        return F.conv2d(padded, convolution.weight, convolution.bias)

    def fingerprint(self) -> str:
        """Returns a hash of everything that the features depend on."""
        digest = hashlib.sha256(f"{self.name} {self.pooling} {self.padding}".encode())
        for key, value in sorted(self.state_dict().items()):
            digest.update(f"{key} {tuple(value.shape)}".encode())
            digest.update(value.detach().float().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    @abstractmethod
    def receptive_field(self, layer: str) -> ReceptiveField:
        """Returns the part of the image that a unit of `layer` sees.

        Raises:
            EncoderError: a layer that this encoder does not have.
        """

    @abstractmethod
    def taps(self, image: Tensor, layers: frozenset[str]) -> dict[str, Tensor]:
        """Does what `forward` does, for an image that is normalized and layers that are checked."""


def check_layers(name: str, wanted: Sequence[str], known: Sequence[str]) -> None:
    """Refuses layers that an encoder does not have.

    Args:
        name: the encoder's name.
        wanted: the layers asked for.
        known: the layers it has.

    Raises:
        EncoderError: one of `wanted` is not among `known`.
    """
    for layer in wanted:
        if layer not in known:
            raise EncoderError(f"encoder {name} has no layer {layer}; its layers here are {', '.join(known)}")


def block_of(layer: str) -> int:
    """Returns the number of a layer's block: 3 for `relu3_4`."""
    return int(layer.removeprefix("relu").split("_")[0])


def finite(state: Mapping[str, Tensor]) -> bool:
    """Returns whether every value of a state dict is a finite number."""
    return all(bool(value.isfinite().all()) for value in state.values())
