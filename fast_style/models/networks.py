"""Image transformation networks: a photo goes in, the stylized photo comes out, in one forward pass.

Every network takes and returns float RGB in [0, 1], `[N, 3, H, W]`. Normalization happens inside, the output is
exactly as large as the input, and any H and W from `minimum_side` up will do.

A new network is a class in this module under `@register`, with a file of the same name in `conf/model/`.
"""

from __future__ import annotations

import copy
import inspect
from functools import partial
from pathlib import Path
from typing import ClassVar, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fast_style.errors import ConfigError, ModelError, reason_of
from fast_style.models.artifact import SAFETENSORS, ModelFiles, find_model, read_info
from fast_style.models.layers import (
    CellConv2d,
    Condition,
    ConvNorm,
    InstanceNorm2d,
    LinearUpsampleConv2d,
    LowPass,
    PhotoShortcut,
    ReflectionConv2d,
    ResidualBlock,
    Stages,
    UpsampleConv2d,
)
from fast_style.models.migration import migrate_state_dict

LARGEST_WIDTH = 1024
MOST_BLOCKS = 100
MOST_STYLES = 1000
UPSAMPLING: dict[str, type[UpsampleConv2d] | type[LinearUpsampleConv2d]] = {
    "nearest": UpsampleConv2d,
    "linear": LinearUpsampleConv2d,
}
"""How a network enlarges its maps, by the value of its argument `upsampling`."""


class TransformationNetwork(nn.Module):
    """Base class of every network, with what the exported model says about it."""

    name: ClassVar[str]
    """The setting `model.name` that chooses this network."""
    minimum_side: ClassVar[int]
    """Smallest H and W in pixels."""
    stride: ClassVar[int]
    """Distance in pixels between neighboring places of the network's smallest map."""
    arguments: dict[str, object]
    """Arguments of `build_network` that make this network again."""
    photo: PhotoShortcut | None
    """The way to strength 0, for a network that takes a strength."""

    @property
    def takes_strength(self) -> bool:
        """Whether `forward` takes a strength."""
        return bool(self.arguments.get("takes_strength"))

    @property
    def styles(self) -> int:
        """How many styles the network holds."""
        styles = self.arguments.get("styles", 1)
        assert isinstance(styles, int)
        return styles

    def forward(self, image: Tensor, strength: Tensor | None = None, style: Tensor | None = None) -> Tensor:
        """Stylizes a batch.

        Args:
            image: float RGB in [0, 1], `[N, 3, H, W]`.
            strength: `[1]` or `[N]`, for a network that takes it; None for 1.
            style: weights of the styles, which sum to 1, `[K]` or `[N, K]`, for a network that holds K styles; None
                for the first.

        Returns:
            The same shape and range as `image`; away from strength 1 the range may be exceeded a little.
        """
        height, width = image.shape[-2:]
        condition = Condition(strength, self._style_weights(style, image))
        stylized = to_image(self.paint(image, condition)[..., :height, :width])
        return stylized if self.photo is None or strength is None else self.photo(stylized, image, condition)

    def _style_weights(self, style: Tensor | None, image: Tensor) -> Tensor | None:
        """Returns the weights of the styles as `[1, K]` or `[N, K]`, None for a network of one style."""
        if self.styles == 1:
            return None
        if style is None:
            return torch.eye(self.styles, device=image.device)[:1]
        return style if style.ndim == 2 else style[None]

    def paint(self, image: Tensor, condition: Condition) -> Tensor:
        """Computes the picture that `forward` brings into [0, 1], at least as large as `image`; the rest is cut off."""
        raise NotImplementedError

    def with_style(self, weights: Tensor) -> TransformationNetwork:
        """Returns a network of one style, which is a blend of the styles of this one.

        Args:
            weights: of the styles, `[K]`; they sum to 1.
        """
        return self.with_styles(weights[None])

    def with_styles(self, blends: Tensor) -> TransformationNetwork:
        """Returns a network of J styles, each of which is a blend of the K styles of this one.

        Args:
            blends: weights of the styles, `[J, K]`; each row sums to 1.
        """
        network = build_network(self.name, **{**self.arguments, "styles": len(blends)})
        state = {key: value.detach() for key, value in self.state_dict().items()}
        for name, module in self.named_modules():
            if isinstance(module, (InstanceNorm2d, PhotoShortcut)):
                for key, value in module.state_dict().items():
                    by_style = value if self.styles > 1 else value[None]
                    blended = torch.tensordot(blends.to(value), by_style, 1)
                    state[f"{name}.{key}"] = blended if len(blends) > 1 else blended[0]
        network.load_state_dict(copy.deepcopy(state))
        return network.train(self.training)

    def initialize_strength(self) -> None:
        """Gives a strength that was never trained a starting point; one that was trained stays as it is.

        The output of the last normalization then fades with the strength, as the photo comes in.
        """
        last = [module for module in self.modules() if isinstance(module, InstanceNorm2d)][-1]
        if last.strength_coefficients is not None and not last.strength_coefficients.any():
            with torch.no_grad():
                last.strength_coefficients[..., 0, :] = torch.cat([last.weight, last.bias], -1)


NETWORKS: dict[str, type[TransformationNetwork]] = {}
"""Every network by its name."""

Network = TypeVar("Network", bound=type[TransformationNetwork])


def register(network: Network) -> Network:
    """Makes a network known by its name; a class decorator."""
    NETWORKS[network.name] = network
    return network


def is_strength_parameter(key: str) -> bool:
    """Returns whether the parameter of this name says how a network depends on the strength."""
    return key.endswith("strength_coefficients")


@register
class Johnson(TransformationNetwork):
    """The network of Johnson et al. 2016 (supplement, table 1), with instance normalization.

    Args:
        width: channels after the first layer; two and four times as many follow. The paper has 32.
        blocks: residual blocks at a quarter of the resolution. The paper has 5.
        takes_strength: whether the network takes a strength.
        styles: how many styles the network holds.
        upsampling: `nearest`, or `linear`, which leaves no pattern on flat areas.

    Raises:
        ConfigError: an argument is out of range.
    """

    name = "johnson"
    # The first layer reflects 4 pixels, which takes 5; the blocks reflect 1 at a quarter of the size.
    minimum_side = 8
    stride = 4

    def __init__(
        self,
        width: int = 32,
        blocks: int = 5,
        takes_strength: bool = False,
        styles: int = 1,
        upsampling: str = "nearest",
    ) -> None:
        super().__init__()
        self.arguments = checked_arguments(width, blocks, takes_strength, styles, upsampling)
        upsample = UPSAMPLING[upsampling]
        norm = partial(InstanceNorm2d, takes_strength=takes_strength, styles=styles)
        self.encode = Stages(
            ConvNorm(ReflectionConv2d(3, width, 9, bias=False), norm),
            nn.ReLU(),
            ConvNorm(ReflectionConv2d(width, 2 * width, 3, stride=2, bias=False), norm),
            nn.ReLU(),
            ConvNorm(ReflectionConv2d(2 * width, 4 * width, 3, stride=2, bias=False), norm),
            nn.ReLU(),
        )
        self.transform = Stages(*(ResidualBlock(4 * width, norm) for _ in range(blocks)))
        # Upsampling and a convolution, where the paper has transposed convolutions.
        self.decode = Stages(
            ConvNorm(upsample(4 * width, 2 * width, bias=False), norm),
            nn.ReLU(),
            ConvNorm(upsample(2 * width, width, bias=False), norm),
            nn.ReLU(),
            CellConv2d(width, 3),
        )
        self.photo = PhotoShortcut(styles) if takes_strength else None

    def paint(self, image: Tensor, condition: Condition) -> Tensor:
        """Computes the picture, whose size the strides have rounded up to a multiple of 4."""
        features = self.transform(self.encode(image * 2 - 1, condition), condition)
        painted: Tensor = self.decode(features, condition)
        return painted


@register
class Lite(TransformationNetwork):
    """A network for real time on a CPU: nothing is computed at full resolution, and most of it at an eighth.

    Cells of 4×4 pixels become channels, and channels become cells of 2×2 pixels (Shi et al. 2016, arXiv
    1609.05158). The blocks lie one step deeper, where their field of view is twice as large, and a shortcut past
    them keeps fine detail (Ronneberger et al. 2015, arXiv 1505.04597).

    Args:
        width: channels at a quarter of the resolution, at least 2; twice as many at an eighth, half at a half.
        blocks: residual blocks at an eighth of the resolution.
        takes_strength: whether the network takes a strength.
        styles: how many styles the network holds.
        upsampling: `nearest`, or `linear`, which leaves no pattern on flat areas.

    Raises:
        ConfigError: an argument is out of range.
    """

    name = "lite"
    # The maps at an eighth reflect 1, so they need 2 places.
    minimum_side = 16
    stride = 8

    def __init__(
        self,
        width: int = 32,
        blocks: int = 5,
        takes_strength: bool = False,
        styles: int = 1,
        upsampling: str = "nearest",
    ) -> None:
        super().__init__()
        self.arguments = checked_arguments(width, blocks, takes_strength, styles, upsampling, least_width=2)
        upsample = UPSAMPLING[upsampling]
        norm = partial(InstanceNorm2d, takes_strength=takes_strength, styles=styles)
        self.encode = Stages(
            nn.PixelUnshuffle(4),  # [N, 48, H/4, W/4]
            ConvNorm(ReflectionConv2d(48, width, 3, bias=False), norm),
            nn.ReLU(),
        )
        self.transform = Stages(
            ConvNorm(ReflectionConv2d(width, 2 * width, 3, stride=2, bias=False), norm),
            nn.ReLU(),
            *(ResidualBlock(2 * width, norm) for _ in range(blocks)),
            ConvNorm(upsample(2 * width, width, bias=False), norm),
        )
        last = ReflectionConv2d(width // 2, 12, 3)
        # The 4 pixels of a cell begin as equals: no checkerboard to unlearn (Aitken et al. 2017, arXiv 1707.02937).
        with torch.no_grad():
            last.weight.copy_(last.weight[::4].repeat_interleave(4, 0))
            assert last.bias is not None
            last.bias.copy_(last.bias[::4].repeat_interleave(4))
        # By way of half the resolution: straight from a quarter, strokes are woven of 4×4 cells.
        self.decode = Stages(
            nn.ReLU(),
            ConvNorm(upsample(width, width // 2, bias=False), norm),
            nn.ReLU(),
            last,  # [N, 12, H/2, W/2]
            nn.PixelShuffle(2),  # [N, 3, H, W]
            *([LowPass()] if upsampling == "linear" else []),
        )
        self.photo = PhotoShortcut(styles) if takes_strength else None

    def paint(self, image: Tensor, condition: Condition) -> Tensor:
        """Computes the picture of the photo padded to a multiple of 8."""
        height, width = image.shape[-2:]
        padded = F.pad(image, (0, -width % self.stride, 0, -height % self.stride), mode="reflect")
        features = self.encode(padded * 2 - 1, condition)
        painted: Tensor = self.decode(features + self.transform(features, condition), condition)
        return painted


def checked_arguments(
    width: int, blocks: int, takes_strength: bool, styles: int, upsampling: str, *, least_width: int = 1
) -> dict[str, object]:
    """Returns the arguments that make a network again, as model files state them.

    A file may state any size, and memory for it would be taken.

    Raises:
        ConfigError: width, blocks or the number of styles are out of range, or there is no such upsampling.
    """
    for setting, value, least, most in (
        ("model.width", width, least_width, LARGEST_WIDTH),
        ("model.blocks", blocks, 0, MOST_BLOCKS),
        ("model.styles", styles, 1, MOST_STYLES),
    ):
        if not least <= value <= most:
            raise ConfigError(f"must lie from {least} to {most}", setting=setting, value=value)
    if upsampling not in UPSAMPLING:
        choices = ", ".join(UPSAMPLING)
        raise ConfigError(f"must be one of {choices}", setting="model.upsampling", value=upsampling)
    return {
        "width": width,
        "blocks": blocks,
        "takes_strength": takes_strength,
        "styles": styles,
        "upsampling": upsampling,
    }


def to_image(output: Tensor) -> Tensor:
    """Returns any values as values in [0, 1], in float32: bfloat16's eight bits would show as banding."""
    return torch.tanh(output.float()) * 0.5 + 0.5


def build_network(name: str, **arguments: object) -> TransformationNetwork:
    """Returns the network called `name`, freshly initialized.

    Args:
        name: a key of `NETWORKS`.
        arguments: of the network's constructor.

    Raises:
        ConfigError: the name is unknown, the network takes no such argument, or a value is out of range.
    """
    if name not in NETWORKS:
        raise ConfigError(f"unknown network; there are {', '.join(sorted(NETWORKS))}", setting="model.name", value=name)
    known = inspect.signature(NETWORKS[name]).parameters
    for key in arguments:
        if key not in known:
            raise ConfigError(
                f"the network {name} has no such argument; it takes {', '.join(known)}", setting=f"model.{key}"
            )
    return NETWORKS[name](**arguments)


def load_network(model: str | Path | ModelFiles, *, trainable: bool = False) -> TransformationNetwork:
    """Loads the trained network of a model, an ordinary `torch.nn.Module`, with weights in float32 on the CPU.

    ```python
    network = load_network("starry_night")
    stylized = network(photos)  # float RGB in [0, 1], [N, 3, H, W], in and out
    ```

    Args:
        model: a name (`starry_night`), a model folder, a `.safetensors` file, or an entry of `list_models`.
        trainable: returns the network in training mode, with weights that require a gradient.

    Returns:
        The network; in eval mode, and with weights that require no gradient, unless `trainable`. A gradient with
        respect to the photo passes in either case.

    Raises:
        ModelNotFoundError: there is no such model.
        ModelError: it has no `.safetensors` file, which cannot be read, is not ours, or holds weights that do not fit
            its network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    files = find_model(model)
    path = files.safetensors
    if path is None:
        raise ModelError(
            f"{files.onnx}: an .onnx file holds no network of torch", remedy=f"give a folder that holds a {SAFETENSORS}"
        )
    info = read_info(path)
    try:
        # On the meta device, which takes no memory, until the file turns out to have the weights that it announces.
        with torch.device("meta"):
            network = build_network(info.network, **info.network_arguments)
    except (ConfigError, TypeError) as error:
        raise ModelError(f"{path}: {reason_of(error)}", remedy="export it again, or update fast_style") from error
    try:
        weights = migrate_state_dict(load_file(path))
        network.load_state_dict({key: weight.float() for key, weight in weights.items()}, assign=True)
    except (RuntimeError, SafetensorError) as error:
        problem = f"{path}: its weights do not fit its network {info.network}"
        raise ModelError(problem, remedy="export it again") from error
    return network.train(trainable).requires_grad_(trainable)
