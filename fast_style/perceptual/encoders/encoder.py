"""Frozen feature extractors with taps by their published names (`relu1_2`, `relu3_3`).

An encoder takes float RGB in [0, 1], normalises inside, computes nothing beyond the deepest layer asked for, and is
never trained, never stored in a checkpoint and always in eval mode.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fast_style.errors import EncoderError, first_line
from fast_style.system.files import atomic_write
from fast_style.system.paths import PACKAGE

VGG_BLOCKS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
VGG_CHANNELS = (64, 128, 256, 512, 512)
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
POOLINGS = ("max", "average")
EMBEDDED_WEIGHTS = PACKAGE / "perceptual" / "embedded.safetensors"


@dataclass(frozen=True)
class ReceptiveField:
    """The square of pixels that a unit sees."""

    size: int
    """Its side in pixels."""
    stride: int
    """Pixels from one unit to the next."""
    start: int
    """Where the first unit's square begins: 0 or, in the padding, less."""

    @classmethod
    def of_vgg(cls, layers: Sequence[str], layer: str) -> ReceptiveField:
        """Of 3×3 convolutions, pooled between blocks (Araujo et al. 2019, "Computing Receptive Fields")."""
        size, stride, start, block = 1, 1, 0, 1
        for name in layers[: layers.index(layer) + 1]:
            if block_of(name) != block:
                block = block_of(name)
                size, stride = size + stride, stride * 2
            size, start = size + 2 * stride, start - stride
        return cls(size, stride, start)


class Encoder(nn.Module, ABC):
    """Base of every encoder: normalises the image, checks the layers, never trains.

    Args:
        name: as in `encoder.name`.
        layers: names of all taps, from shallow to deep.
        mean, std: of the normalisation, per RGB channel.
    """

    mean: Tensor
    std: Tensor
    pooling = "max"
    """Between blocks: `max`, as the networks were trained, or `average` (Gatys et al. 2015, Methods)."""

    def __init__(self, name: str, layers: Sequence[str], *, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.name = name
        self.layers = tuple(layers)
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))

    def freeze(self) -> Encoder:
        """Without gradients and in eval mode for good."""
        self.requires_grad_(False)
        return self.eval()

    def train(self, mode: bool = True) -> Encoder:
        """Stays in eval mode, whatever the module around it does."""
        return super().train(False)

    def forward(self, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        """Features after the ReLU of each of `layers`, computed no deeper than needed.

        Args:
            image: float RGB in [0, 1], `[N, 3, H, W]`.
            layers: names of taps.

        Returns:
            From layer name to `[N, C, h, w]`.

        Raises:
            EncoderError: a layer that this encoder does not have.
        """
        check_layers(self.name, layers, self.layers)
        return self.taps((image - self.mean) / self.std, frozenset(layers))

    def pool(self, features: Tensor) -> Tensor:
        """Half the size, by `pooling`."""
        return F.avg_pool2d(features, 2) if self.pooling == "average" else F.max_pool2d(features, 2)

    def fingerprint(self) -> str:
        """A hash of everything that its features depend on."""
        digest = hashlib.sha256(f"{self.name} {self.pooling}".encode())
        for key, value in sorted(self.state_dict().items()):
            digest.update(f"{key} {tuple(value.shape)}".encode())
            digest.update(value.detach().float().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    @abstractmethod
    def receptive_field(self, layer: str) -> ReceptiveField:
        """What part of the image a unit of `layer` sees.

        Raises:
            EncoderError: a layer that this encoder does not have.
        """

    @abstractmethod
    def taps(self, image: Tensor, layers: frozenset[str]) -> dict[str, Tensor]:
        """`forward` on an image that is normalised already."""


class Vgg(Encoder):
    """VGG (Simonyan and Zisserman 2014, arXiv 1409.1556): convolutions by layer name, pooled between blocks."""

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
            features = F.relu(convolution(features))
            if layer in layers:
                found[layer] = features
                if len(found) == len(layers):
                    break
        return found


class RandomFilters(Encoder):
    """One layer of random filters with ReLU for each of several sizes, made from a seed.

    After Ustyuzhaninov et al. 2017, "What does it take to generate natural textures?": such features, on
    several scales of an image, carry much of a texture and all of its palette. Nothing to download.
    """

    SIZES = (3, 5, 7, 11)

    def __init__(self, layers: Sequence[str], *, channels: int = 64, seed: int = 0) -> None:
        known = tuple(f"random{size}" for size in self.SIZES)
        check_layers("random", layers, known)
        super().__init__("random", known, mean=IMAGENET_MEAN, std=IMAGENET_STD)
        generator = torch.Generator().manual_seed(seed)
        self.filters = nn.ModuleDict()
        for layer, size in zip(known, self.SIZES, strict=True):
            # Features at the border would otherwise tell the zeros of the padding, not the picture.
            bank = nn.Conv2d(3, channels, size, padding=size // 2, padding_mode="replicate", bias=False)
            weight = torch.randn(bank.weight.shape, generator=generator)
            # Unit energy per filter: the loss divides by it anyway, bfloat16 is happier near one.
            bank.weight.data.copy_(weight / weight.flatten(1).norm(dim=1).view(-1, 1, 1, 1))
            self.filters[layer] = bank
        self.freeze()

    def receptive_field(self, layer: str) -> ReceptiveField:
        check_layers(self.name, [layer], self.layers)
        size = int(layer.removeprefix("random"))
        return ReceptiveField(size, 1, -(size // 2))

    def taps(self, image: Tensor, layers: frozenset[str]) -> dict[str, Tensor]:
        return {layer: F.relu(bank(image)) for layer, bank in self.filters.items() if layer in layers}


class Embedded(Encoder):
    """A narrow convolutional network that stands in for a VGG, learnt by `fast_style.distillation.distill`.

    Convolutions, ReLUs and max pooling lie as in the VGG it was learnt from, with fewer channels; where that
    VGG is tapped, a 1×1 convolution (a head) and a ReLU give as many channels as it has there. Every layer
    is in units of its root mean square over photos.

    Args:
        layers: all convolutions by name, from shallow to deep.
        widths: channels per block: of `relu1_*`, `relu2_*` …
        heads: channels of each tap, by layer name.
        source: name of the VGG it was learnt from.
    """

    def __init__(self, layers: Sequence[str], widths: Sequence[int], heads: Mapping[str, int], *, source: str) -> None:
        super().__init__("embedded", tuple(heads), mean=IMAGENET_MEAN, std=IMAGENET_STD)
        self.architecture: dict[str, Any] = {
            "layers": list(layers),
            "widths": list(widths),
            "heads": dict(heads),
            "source": source,
        }
        self.convolutions = nn.ModuleDict()
        self.heads = nn.ModuleDict()
        in_channels = 3
        for layer in layers:
            channels = widths[block_of(layer) - 1]
            convolution = nn.Conv2d(in_channels, channels, 3, padding=1)
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
            self.convolutions[layer] = convolution
            if layer in heads:
                self.heads[layer] = nn.Conv2d(channels, heads[layer], 1)
            in_channels = channels
        self.freeze()

    def receptive_field(self, layer: str) -> ReceptiveField:
        check_layers(self.name, [layer], self.layers)
        return ReceptiveField.of_vgg(self.architecture["layers"], layer)

    def before_relu(self, image: Tensor, layers: frozenset[str]) -> dict[str, Tensor]:
        """The heads' outputs for a normalised image: what `taps` puts through a ReLU."""
        found: dict[str, Tensor] = {}
        features = image
        block = 1
        for layer, convolution in self.convolutions.items():
            if block_of(layer) != block:
                block = block_of(layer)
                features = self.pool(features)
            features = F.relu(convolution(features))
            if layer in layers:
                found[layer] = self.heads[layer](features)
                if len(found) == len(layers):
                    break
        return found

    def taps(self, image: Tensor, layers: frozenset[str]) -> dict[str, Tensor]:
        return {layer: F.relu(value) for layer, value in self.before_relu(image, layers).items()}

    def save(self, path: Path) -> None:
        """Writes weights in float16 and the architecture to a .safetensors file.

        Raises:
            EncoderError: weights that are not finite, or too large for float16.
        """
        from safetensors.torch import save_file

        state = {key: value.detach().half().contiguous() for key, value in self.state_dict().items()}
        for buffer in ("mean", "std"):
            del state[buffer]
        if not finite(state):
            raise EncoderError(
                f"{path}: not written, for its weights are not finite in float16; train it with a lower learning_rate"
            )
        with atomic_write(path) as temporary:
            save_file(state, temporary, {"fast_style.encoder": json.dumps(self.architecture)})

    @classmethod
    def load(cls, path: Path) -> Embedded:
        """The encoder in a file that `save` wrote.

        Raises:
            EncoderError: no such file, not one of these, or weights that are not finite.
        """
        from safetensors import SafetensorError, safe_open

        if not path.is_file():
            raise EncoderError(f"encoder.weights={path}: no such file; give one that `fast-style distill` wrote")
        try:
            with safe_open(path, "pt") as file:
                described = json.loads((file.metadata() or {})["fast_style.encoder"])
                state = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118
            encoder = cls(described["layers"], described["widths"], described["heads"], source=str(described["source"]))
            missing, unexpected = encoder.load_state_dict(state, strict=False)
        except (SafetensorError, KeyError, ValueError, TypeError, AttributeError, IndexError, RuntimeError) as error:
            raise EncoderError(
                f"encoder.weights={path}: not an embedded encoder ({first_line(error)}); give a file that "
                f"`fast-style distill` wrote"
            ) from error
        if unexpected or set(missing) != {"mean", "std"}:
            raise EncoderError(f"encoder.weights={path}: its weights do not fit its own description; make it anew")
        if not finite(state):
            raise EncoderError(
                f"encoder.weights={path}: its weights are not finite; make it anew with a lower learning_rate"
            )
        return encoder


def finite(state: Mapping[str, Tensor]) -> bool:
    """Whether every value of a state dict is a finite number."""
    return all(bool(value.isfinite().all()) for value in state.values())


def block_of(layer: str) -> int:
    """3 for `relu3_4`."""
    return int(layer.removeprefix("relu").split("_")[0])


def check_layers(name: str, wanted: Sequence[str], known: Sequence[str]) -> None:
    """Raises EncoderError if `wanted` has a layer that is not among `known`."""
    for layer in wanted:
        if layer not in known:
            raise EncoderError(f"encoder {name} has no layer {layer}; its layers here are {', '.join(known)}")


def vgg_layers(name: str) -> tuple[str, ...]:
    """`relu1_1`, `relu1_2`, `relu2_1`, …: the layers of `vgg16` or `vgg19`, in order."""
    return tuple(f"relu{b}_{i}" for b, count in enumerate(VGG_BLOCKS[name], 1) for i in range(1, count + 1))


def vgg_feature_index(layer: str, name: str) -> int:
    """The index of a layer's convolution in torchvision's `features`: 0 for relu1_1, 2 for relu1_2, 5, 7, 10 …"""
    convolutions = vgg_layers(name).index(layer)
    pools = int(layer[len("relu")]) - 1
    return 2 * convolutions + pools


def build_vgg(name: str, layers: Sequence[str], weights: str | None) -> Encoder:
    """VGG truncated at the deepest of `layers`.

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
    source = weights or "torchvision's download"
    state = read_weights(Path(weights)) if weights else download_vgg(name)
    convolutions: dict[str, nn.Conv2d] = {}
    in_channels = 3
    for layer in needed:
        out_channels = VGG_CHANNELS[int(layer[len("relu")]) - 1]
        convolution = nn.utils.skip_init(nn.Conv2d, in_channels, out_channels, 3, padding=1)
        for part, parameter in convolution.named_parameters():
            key = f"features.{vgg_feature_index(layer, name)}.{part}"
            if key not in state:
                raise EncoderError(
                    f"encoder.weights={source}: {name} needs {layer}, but the file has no {key}; choose layers "
                    f"it reaches (loss.style_layers, loss.content_layers) or a file with more layers"
                )
            if state[key].shape != parameter.shape:
                raise EncoderError(
                    f"encoder.weights={source}: {key} has shape {tuple(state[key].shape)}, {name} needs "
                    f"{tuple(parameter.shape)}; is it a file of another network?"
                )
            parameter.data.copy_(state[key])
        convolutions[layer] = convolution
        in_channels = out_channels
    return Vgg(name, convolutions)


def build_embedded(layers: Sequence[str], weights: str | None) -> Encoder:
    """The encoder that comes with the package, or one of your own from the file `weights`.

    Raises:
        EncoderError: unknown layer, or a file that is not an embedded encoder.
    """
    encoder = Embedded.load(Path(weights) if weights else EMBEDDED_WEIGHTS)
    check_layers("embedded", layers, encoder.layers)
    return encoder


def read_weights(path: Path) -> dict[str, Tensor]:
    """A state dict from a local `.pth`/`.pt` (`weights_only=True`) or `.safetensors` file.

    Raises:
        EncoderError: missing or unreadable file.
    """
    if not path.is_file():
        raise EncoderError(f"encoder.weights={path}: no such file; give the path of a .pth or .safetensors file")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch and safetensors raise types of their own, pickle many more
        raise EncoderError(f"encoder.weights={path}: not readable as a state dict ({first_line(error)})") from error
    if not isinstance(state, dict):
        raise EncoderError(f"encoder.weights={path}: holds a {type(state).__name__}, not a state dict")
    return state


def download_vgg(name: str) -> dict[str, Tensor]:
    """torchvision's ImageNet weights, from its cache or the network.

    Raises:
        EncoderError: they can be neither found nor downloaded.
    """
    from torchvision.models import get_model_weights

    weights = get_model_weights(name).IMAGENET1K_V1
    try:
        return dict(weights.get_state_dict(progress=True, check_hash=True, map_location="cpu"))
    except (OSError, RuntimeError) as error:  # URLError is an OSError; a wrong hash is a RuntimeError
        raise EncoderError(
            f"encoder={name}: cannot download its weights ({error}); without a network give a local file: "
            f"encoder.weights=FILE.pth or FILE.safetensors"
        ) from error


ENCODERS: dict[str, Callable[[Sequence[str], str | None], Encoder]] = {
    "vgg16": lambda layers, weights: build_vgg("vgg16", layers, weights),
    "vgg19": lambda layers, weights: build_vgg("vgg19", layers, weights),
    "embedded": lambda layers, weights: build_embedded(layers, weights),
    "random": lambda layers, weights: RandomFilters(layers),
}


def build_encoder(name: str, layers: Sequence[str], weights: str | None = None, *, pooling: str = "max") -> Encoder:
    """The encoder called `name`, with taps at `layers` at least.

    Raises:
        EncoderError: unknown name, layer or pooling, or weights that can't be had.
    """
    if name not in ENCODERS:
        raise EncoderError(f"encoder.name={name}: unknown encoder; there are {', '.join(sorted(ENCODERS))}")
    if pooling not in POOLINGS:
        raise EncoderError(f"encoder.pooling={pooling}: must be one of {', '.join(POOLINGS)}")
    encoder = ENCODERS[name](layers, weights)
    encoder.pooling = pooling
    return encoder
