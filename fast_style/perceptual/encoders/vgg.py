"""VGG-16 and VGG-19 (Simonyan and Zisserman 2014, arXiv 1409.1556), truncated at the deepest layer needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fast_style.errors import UNSET, EncoderError, EncoderNotFoundError, reason_of
from fast_style.perceptual.encoders.encoder import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Encoder,
    ReceptiveField,
    block_of,
    check_layers,
)
from fast_style.system.paths import check_no_url

VGG_BLOCKS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
"""Convolutions in each block."""
VGG_CHANNELS = (64, 128, 256, 512, 512)
"""Channels of each block."""


class Vgg(Encoder):
    """A VGG: 3×3 convolutions with ReLU by layer name, pooled between blocks."""

    def __init__(self, name: str, convolutions: dict[str, nn.Conv2d]) -> None:
        super().__init__(name, tuple(convolutions), mean=IMAGENET_MEAN, std=IMAGENET_STD)
        self.convolutions = nn.ModuleDict(convolutions)
        self.freeze()

    def receptive_field(self, layer: str) -> ReceptiveField:
        check_layers(self.name, [layer], self.layers)
        return ReceptiveField.of_vgg(self.layers, layer)

    def taps(self, image: Tensor, layers: frozenset[str]) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        features = image
        for layer, convolution in self.convolutions.items():
            if layer.endswith("_1") and layer != self.layers[0]:
                features = self.pool(features)
            features = F.relu(self.convolve(convolution, features))
            if layer in layers:
                found[layer] = features
                if len(found) == len(layers):
                    break
        return found


def vgg_layers(name: str) -> tuple[str, ...]:
    """Returns the layers of `vgg16` or `vgg19` in order: `relu1_1`, `relu1_2`, `relu2_1`, …."""
    return tuple(f"relu{b}_{i}" for b, count in enumerate(VGG_BLOCKS[name], 1) for i in range(1, count + 1))


def vgg_feature_index(layer: str, name: str) -> int:
    """Returns the index of a layer's convolution in torchvision's `features`: 0 for relu1_1, then 2, 5, 7, 10, …."""
    convolutions = vgg_layers(name).index(layer)
    pools = block_of(layer) - 1
    return 2 * convolutions + pools


def build_vgg(name: str, layers: Sequence[str], weights: str | None) -> Vgg:
    """Builds a VGG that ends at the deepest of `layers`.

    Args:
        name: `vgg16` or `vgg19`.
        layers: the taps needed.
        weights: a local `.pth` or `.safetensors` file with torchvision's names (`features.0.weight` …), which
            may hold no more than the layers needed; None for torchvision's ImageNet weights, downloaded once.

    Raises:
        EncoderError: unknown layer, no network, unreadable file, or a layer missing from it.
    """
    known = vgg_layers(name)
    check_layers(name, layers, known)
    needed = known[: max(known.index(layer) for layer in layers) + 1]
    state = read_weights(Path(weights)) if weights else download_vgg(name)
    source = weights or "torchvision's download"
    convolutions: dict[str, nn.Conv2d] = {}
    in_channels = 3
    for layer in needed:
        out_channels = VGG_CHANNELS[block_of(layer) - 1]
        # Without the random initialization, which takes seconds: the weights are overwritten at once.
        convolution = nn.Conv2d(in_channels, out_channels, 3, padding=1, device="meta").to_empty(device="cpu")
        _copy_weights(convolution, state, layer, name, source)
        convolutions[layer] = convolution
        in_channels = out_channels
    return Vgg(name, convolutions)


def _copy_weights(convolution: nn.Module, state: Mapping[str, Tensor], layer: str, name: str, source: str) -> None:
    for part, parameter in convolution.named_parameters():
        key = f"features.{vgg_feature_index(layer, name)}.{part}"
        if key not in state:
            raise EncoderError(
                f"{name} needs {layer}, but the file has no {key}",
                setting="encoder.weights",
                value=source,
                remedy="choose layers that it reaches ({loss.style_layers}, {loss.content_layers}) or a file with more",
                suggestions={"loss.style_layers": UNSET, "loss.content_layers": UNSET},
            )
        if state[key].shape != parameter.shape:
            raise EncoderError(
                f"{key} has shape {tuple(state[key].shape)}, but {name} needs {tuple(parameter.shape)}",
                setting="encoder.weights",
                value=source,
                remedy="give the weights of this network, not of another one",
            )
        parameter.data.copy_(state[key])


def read_weights(path: Path) -> dict[str, Tensor]:
    """Reads a state dict from a local `.pth` or `.pt` (`weights_only=True`) or `.safetensors` file.

    Raises:
        EncoderNotFoundError: no such file.
        EncoderError: an unreadable file.
    """
    if not path.is_file():
        check_no_url(path, EncoderNotFoundError, setting="encoder.weights")
        raise EncoderNotFoundError(
            "no such file",
            setting="encoder.weights",
            value=path,
            remedy="give the path of a .pth or .safetensors file",
        )
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch and safetensors raise types of their own, pickle many more
        raise EncoderError(
            f"not readable as a state dict ({reason_of(error)})", setting="encoder.weights", value=path
        ) from error
    if not isinstance(state, dict):
        raise EncoderError(f"holds a {type(state).__name__}, not a state dict", setting="encoder.weights", value=path)
    return state


def download_vgg(name: str) -> dict[str, Tensor]:
    """Returns torchvision's ImageNet weights, from its cache or the network.

    Raises:
        EncoderError: they can be neither found nor downloaded.
    """
    from torchvision.models import get_model_weights

    weights = get_model_weights(name).IMAGENET1K_V1
    try:
        return dict(weights.get_state_dict(progress=True, check_hash=True, map_location="cpu"))
    except (OSError, RuntimeError) as error:  # URLError is an OSError; a wrong hash is a RuntimeError
        raise EncoderError(
            f"cannot download its weights ({error})",
            setting="encoder",
            value=name,
            remedy="without a network give a local file: {encoder.weights} or FILE.safetensors",
            suggestions={"encoder.weights": "FILE.pth"},
        ) from error
