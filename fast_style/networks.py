"""Image transformation networks: a photo goes in, the stylised photo comes out, in one forward pass.

Every network takes and returns float RGB in [0, 1] of shape `[N, 3, H, W]`; normalisation happens inside,
the output is exactly as large as the input, and any H and W from `minimum_side` up will do.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fast_style.artifact import read_info
from fast_style.errors import ConfigError, ModelError


class TransformationNetwork(nn.Module):
    """Base of every network: what the exported model tells of it."""

    name: ClassVar[str]
    minimum_side: ClassVar[int]
    """Smallest H and W in pixels."""
    arguments: dict[str, Any]
    """What `build_network` needs to make it again."""


class ReflectionConv2d(nn.Conv2d):
    """Convolution of a map padded by reflection, so that a stride of 1 keeps its size."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, bias: bool = True
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, bias=bias)
        self.reflected = (kernel_size // 2,) * 4

    def forward(self, features: Tensor) -> Tensor:
        # On a CPU autocast pads in float32: two casts for each convolution, a quarter of a training step.
        with torch.autocast(features.device.type, enabled=False):
            padded = F.pad(features, self.reflected, mode="reflect")
        return super().forward(padded)


class InstanceNorm2d(nn.InstanceNorm2d):
    """Instance normalisation (Ulyanov et al. 2016, arXiv 1607.08022), without leaving channels_last on a CPU."""

    def forward(self, features: Tensor) -> Tensor:
        # ONNX has a node for the whole batch; and on a GPU a loop of kernels costs more than it saves.
        if features.device.type != "cpu" or torch.compiler.is_exporting():
            return super().forward(features)
        # PyTorch's own folds samples into channels, which rearranges every map, once there and once back.
        return torch.cat(
            [
                F.batch_norm(sample, None, None, self.weight, self.bias, True, 0.0, self.eps)
                for sample in features.split(1)
            ]
        )


class ConvNorm(nn.Module):
    """Reflection padding, convolution, instance normalisation.

    The convolution has no bias: the normalisation that follows would remove it.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = ReflectionConv2d(in_channels, out_channels, kernel_size, stride, bias=False)
        self.norm = InstanceNorm2d(out_channels, affine=True)

    def forward(self, features: Tensor) -> Tensor:
        return self.norm(self.conv(features))


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions around an identity, without a ReLU after the sum (Gross and Wilber 2016).

    Padded by reflection, where the paper's supplement shrinks the map by valid convolutions: the output
    keeps its size and its border.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvNorm(channels, channels, 3)
        self.second = ConvNorm(channels, channels, 3)

    def forward(self, features: Tensor) -> Tensor:
        return features + self.second(F.relu(self.first(features)))


class Johnson(TransformationNetwork):
    """The network of Johnson et al. 2016 (supplement, table 1), with instance normalisation.

    Args:
        width: channels after the first layer; 2× and 4× as many follow. The paper has 32.
        blocks: residual blocks at a quarter of the resolution. The paper has 5.
    """

    name = "johnson"
    # The first layer reflects 4 pixels, which takes 5; the blocks reflect 1 at a quarter of the size.
    minimum_side = 8

    def __init__(self, width: int = 32, blocks: int = 5) -> None:
        super().__init__()
        if width < 1 or blocks < 0:
            raise ConfigError(f"model.width={width}, model.blocks={blocks}: want width ≥ 1 and blocks ≥ 0")
        self.arguments = {"width": width, "blocks": blocks}
        self.encode = nn.Sequential(
            ConvNorm(3, width, 9),
            nn.ReLU(),
            ConvNorm(width, 2 * width, 3, stride=2),
            nn.ReLU(),
            ConvNorm(2 * width, 4 * width, 3, stride=2),
            nn.ReLU(),
        )
        self.transform = nn.Sequential(*(ResidualBlock(4 * width) for _ in range(blocks)))
        # Nearest-neighbour upsampling before a convolution, where the paper has transposed convolutions:
        # no checkerboard (Odena et al. 2016, "Deconvolution and Checkerboard Artifacts").
        self.decode = nn.Sequential(
            nn.Upsample(scale_factor=2.0, mode="nearest"),
            ConvNorm(4 * width, 2 * width, 3),
            nn.ReLU(),
            nn.Upsample(scale_factor=2.0, mode="nearest"),
            ConvNorm(2 * width, width, 3),
            nn.ReLU(),
            ReflectionConv2d(width, 3, 9),
        )

    def forward(self, image: Tensor) -> Tensor:
        """`image` float RGB in [0, 1], `[N, 3, H, W]`; returns the same shape and range."""
        height, width = image.shape[-2:]
        features = self.transform(self.encode(image * 2 - 1))
        # A stride of 2 rounds the size up, so the result covers the photo; what is beyond it is cut off.
        output = self.decode(features)[..., :height, :width]
        # Eight bits of mantissa (bfloat16) would show as banding.
        return torch.tanh(output.float()) * 0.5 + 0.5


NETWORKS: dict[str, type[TransformationNetwork]] = {Johnson.name: Johnson}


def build_network(name: str, **arguments: Any) -> TransformationNetwork:
    """The network called `name`, freshly initialised.

    Raises:
        ConfigError: unknown name, or an argument that this network does not take.
    """
    if name not in NETWORKS:
        raise ConfigError(f"model.name={name}: unknown network; there are {', '.join(sorted(NETWORKS))}")
    known = inspect.signature(NETWORKS[name]).parameters
    for key in arguments:
        if key not in known:
            raise ConfigError(f"model.{key}: the network {name} has no such argument; it takes {', '.join(known)}")
    return NETWORKS[name](**arguments)


def load_network(path: Path) -> TransformationNetwork:
    """The trained network in a model's `.safetensors` file, in float32.

    Raises:
        ModelError: unreadable, not ours, or with weights that are not of its network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    info = read_info(path)
    network = build_network(info.network, **info.network_arguments)
    try:
        network.load_state_dict(load_file(path))
    except (RuntimeError, SafetensorError) as error:
        raise ModelError(f"{path}: its weights do not fit its network {info.network}; export it again") from error
    return network


class PixelInterface(nn.Module):
    """A network as it is exported: uint8 `[N, H, W, 3]` RGB in and out.

    Range, layout, clamping and rounding are in here, so that no caller can get them wrong.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        stylized = self.network(image.permute(0, 3, 1, 2).float() / 255)
        return (stylized.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
