"""The encoder that comes with the package: a narrow network that stands in for a VGG."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from torch import Tensor, nn
from torch.nn import functional as F

from fast_style.errors import EncoderError, EncoderNotFoundError, reason_of
from fast_style.perceptual.encoders.encoder import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Encoder,
    ReceptiveField,
    block_of,
    check_layers,
    finite,
)
from fast_style.system.files import atomic_write
from fast_style.system.paths import PACKAGE, check_no_url

EMBEDDED_WEIGHTS = PACKAGE / "perceptual" / "embedded.safetensors"


class Architecture(TypedDict):
    """The arguments of `Embedded`, as its file stores them."""

    layers: list[str]
    widths: list[int]
    heads: dict[str, int]
    source: str


class Embedded(Encoder):
    """A narrow convolutional network that stands in for a VGG, trained by `fast_style.distillation.distill`.

    Convolutions, ReLUs and max pooling lie as in the VGG that it was trained to imitate, with fewer channels; where
    that VGG is tapped, a 1×1 convolution (a head) and a ReLU give as many channels as it has there. Every layer is
    in units of its root mean square over photos.

    Args:
        layers: names of all convolutions, from shallow to deep.
        widths: channels of each block: of `relu1_*`, `relu2_*` …
        heads: channels of each tap, by layer name.
        source: name of the VGG that it imitates.
    """

    def __init__(self, layers: Sequence[str], widths: Sequence[int], heads: Mapping[str, int], *, source: str) -> None:
        super().__init__("embedded", tuple(heads), mean=IMAGENET_MEAN, std=IMAGENET_STD)
        self.architecture: Architecture = {
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
        """Returns the heads' outputs for a normalized image, which `taps` puts through a ReLU."""
        found: dict[str, Tensor] = {}
        features = image
        block = 1
        for layer, convolution in self.convolutions.items():
            if block_of(layer) != block:
                block = block_of(layer)
                features = self.pool(features)
            features = F.relu(self.convolve(convolution, features))
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
                f"{path}: not written, because its weights are not finite in float16",
                remedy="train it with a lower learning_rate",
            )
        with atomic_write(path) as temporary:
            save_file(state, temporary, {"fast_style.encoder": json.dumps(self.architecture)})

    @classmethod
    def load(cls, path: Path) -> Embedded:
        """Reads the encoder from a file that `save` wrote.

        Raises:
            EncoderNotFoundError: no such file.
            EncoderError: another kind of file, or weights that are not finite.
        """
        from safetensors import SafetensorError, safe_open

        if not path.is_file():
            check_no_url(path, EncoderNotFoundError, setting="encoder.weights")
            raise EncoderNotFoundError(
                "no such file", setting="encoder.weights", value=path, remedy="give one that `fast-style distill` wrote"
            )
        try:
            with safe_open(path, "pt") as file:
                described = json.loads((file.metadata() or {})["fast_style.encoder"])
                state = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118
            encoder = cls(described["layers"], described["widths"], described["heads"], source=str(described["source"]))
            missing, unexpected = encoder.load_state_dict(state, strict=False)
        except (SafetensorError, KeyError, ValueError, TypeError, AttributeError, IndexError, RuntimeError) as error:
            raise EncoderError(
                f"not an embedded encoder ({reason_of(error)})",
                setting="encoder.weights",
                value=path,
                remedy="give a file that `fast-style distill` wrote",
            ) from error
        if unexpected or set(missing) != {"mean", "std"}:
            raise EncoderError(
                "its weights do not fit its own description",
                setting="encoder.weights",
                value=path,
                remedy="make it anew",
            )
        if not finite(state):
            raise EncoderError(
                "its weights are not finite",
                setting="encoder.weights",
                value=path,
                remedy="make it anew with a lower learning_rate",
            )
        return encoder


def build_embedded(layers: Sequence[str], weights: str | None) -> Embedded:
    """Returns the encoder that comes with the package, or another one from the file `weights`.

    Raises:
        EncoderError: unknown layer, or a file that is not an embedded encoder.
    """
    encoder = Embedded.load(Path(weights) if weights else EMBEDDED_WEIGHTS)
    check_layers("embedded", layers, encoder.layers)
    return encoder
