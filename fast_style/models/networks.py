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

from fast_style.errors import ConfigError, ModelError, first_line
from fast_style.models.artifact import read_info
from fast_style.models.migration import migrate_state_dict

STRENGTH = {"default": 1.0, "minimum": 0.0, "maximum": 1.5}
"""Of the strength, for networks that have one: 0 gives the photo back, 1 is the style as it was trained."""

LARGEST_WIDTH = 1024
MOST_BLOCKS = 100


class TransformationNetwork(nn.Module):
    """Base of every network: what the exported model tells of it."""

    name: ClassVar[str]
    minimum_side: ClassVar[int]
    """Smallest H and W in pixels."""
    stride: ClassVar[int]
    """Largest step between the places of its maps, in pixels."""
    arguments: dict[str, Any]
    """What `build_network` needs to make it again."""

    @property
    def takes_strength(self) -> bool:
        """Whether `forward` takes a strength."""
        return bool(self.arguments["takes_strength"])

    def initialize_strength(self) -> None:
        """Gives a strength that was never learnt a beginning: what the last normalisation lets through fades with the
        strength, as the photo comes."""
        last = [module for module in self.modules() if isinstance(module, InstanceNorm2d)][-1]
        if last.strength_coefficients is not None and not last.strength_coefficients.any():
            with torch.no_grad():
                last.strength_coefficients[0] = torch.cat([last.weight, last.bias])


def is_strength_parameter(key: str) -> bool:
    """Whether a network's parameter of this name belongs to its strength."""
    return key.endswith("strength_coefficients")


def beyond_one(strength: Tensor) -> Tensor:
    """What the strength's polynomials are made of, `[N, 3]` for strengths `[N]`: without a constant, so that nothing
    changes at strength 1."""
    beyond = strength.float() - 1
    return torch.stack([beyond, beyond**2, beyond**3], 1)


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


class UpsampleConv2d(nn.Conv2d):
    """Nearest-neighbour upsampling to twice the size, and a 3×3 convolution padded by reflection, in one.

    In place of a transposed convolution: no checkerboard (Odena et al. 2016, "Deconvolution and Checkerboard
    Artifacts"). It is computed before the upsampling, for the four pixels of a cell apart (Shi et al. 2016,
    arXiv 1609.07009): a row or column of pixels sees two of cells, so 4 products do where there were 9.
    """

    def __init__(self, in_channels: int, out_channels: int, bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, 3, bias=bias)

    def forward(self, features: Tensor) -> Tensor:
        """`[N, C, H, W]` to `[N, out_channels, 2·H, 2·W]`."""
        height, width = features.shape[-2:]
        with torch.autocast(features.device.type, enabled=False):
            padded = repeat_border(features)
            weight = cell_weight(cell_weight(self.weight, 2), 4).transpose(0, 1).flatten(0, 2)
        bias = None if self.bias is None else self.bias.repeat(4)
        corners = F.conv2d(padded, weight, bias).permute(0, 2, 3, 1).unflatten(3, (2, 2, self.out_channels))
        # What a pixel sees begins a cell later for the second row and column of each cell.
        rows = [torch.stack([corners[:, y : y + height, x : x + width, y, x] for x in (0, 1)], 3) for y in (0, 1)]
        return torch.stack(rows, 2).flatten(3, 4).flatten(1, 2).permute(0, 3, 1, 2)


def repeat_border(features: Tensor) -> Tensor:
    """`[N, C, H, W]` to `[N, C, H + 2, W + 2]`: what padding by reflection is before an upsampling."""
    if torch.compiler.is_compiling() and not torch.compiler.is_exporting():
        # The compiler expects the gradient of the padding below in another memory layout than it comes in (2.15).
        tall = torch.cat([features[:, :, :1], features, features[:, :, -1:]], 2)
        return torch.cat([tall[..., :1], tall, tall[..., -1:]], 3)
    return F.pad(features, (1, 1, 1, 1), mode="replicate")


def cell_weight(weight: Tensor, axis: int) -> Tensor:
    """Of 3 weights along `axis`, for pixels, those for the 2 cells that the first and the second pixel of a cell
    see: `[2, …]`."""
    before, here, after = weight.unbind(axis)
    return torch.stack([torch.stack([before, here + after], axis), torch.stack([before + here, after], axis)])


class CellConv2d(ReflectionConv2d):
    """A convolution padded by reflection, of 9×9 pixels, computed for cells of 2×2 pixels with 4 times the channels.

    The same numbers: a processor's vectors hold more than the 3 channels of an image, and were idle.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 9)

    def forward(self, features: Tensor) -> Tensor:
        """`[N, C, H, W]` with even H and W to `[N, out_channels, H, W]`."""
        with torch.autocast(features.device.type, enabled=False):
            padded = F.pad(features, self.reflected, mode="reflect")
        cells = padded.permute(0, 2, 3, 1).unflatten(2, (-1, 2)).unflatten(1, (-1, 2)).transpose(2, 3)
        # 9 rows, seen from the first or the second pixel of a cell, are 10 of 5 cells.
        pixels = [F.pad(self.weight, (x, 1 - x, y, 1 - y)) for y in (0, 1) for x in (0, 1)]
        weight = torch.stack(pixels).unflatten(4, (5, 2)).unflatten(3, (5, 2)).permute(0, 1, 4, 6, 2, 3, 5)
        assert self.bias is not None
        result = F.conv2d(cells.flatten(3).permute(0, 3, 1, 2), weight.flatten(2, 4).flatten(0, 1), self.bias.repeat(4))
        pairs = result.permute(0, 2, 3, 1).unflatten(3, (2, 2, self.out_channels)).transpose(2, 3)
        return pairs.flatten(3, 4).flatten(1, 2).permute(0, 3, 1, 2)


class InstanceNorm2d(nn.InstanceNorm2d):
    """Instance normalisation (Ulyanov et al. 2016, arXiv 1607.08022), without leaving channels_last on a CPU.

    With `takes_strength`, scale and shift depend on the strength (Babaeizadeh and Ghiasi 2018, arXiv 1811.08560): a cubic
    polynomial per channel, where the paper has a small network, and at strength 1 the plain scale and shift. So a
    network without a strength is one with a strength that stands at 1.
    """

    def __init__(self, channels: int, takes_strength: bool = False) -> None:
        super().__init__(channels, affine=True)
        self.strength_coefficients = nn.Parameter(torch.zeros(3, 2 * channels)) if takes_strength else None

    def affine_parameters(self, strength: Tensor | None) -> tuple[Tensor, Tensor]:
        """Scale and shift: `[C]` each, or `[N, C]` for a strength `[N]`."""
        if self.strength_coefficients is None or strength is None:
            return self.weight, self.bias
        scale, shift = (beyond_one(strength) @ self.strength_coefficients).chunk(2, 1)
        return self.weight + scale, self.bias + shift

    def forward(self, features: Tensor, strength: Tensor | None = None) -> Tensor:
        """Features `[N, C, H, W]` and, with a strength, strengths `[1]` or `[N]`."""
        scale, shift = self.affine_parameters(strength)
        exporting = torch.compiler.is_exporting()
        if scale.ndim == 2 and len(scale) == 1:
            scale, shift = scale[0], shift[0]
        # ONNX has a node for the whole batch; and on a GPU a loop of kernels costs more than it saves.
        if features.device.type != "cpu" or exporting:
            if scale.ndim == 1:
                return F.instance_norm(features, weight=scale, bias=shift, eps=self.eps)
            return F.instance_norm(features, eps=self.eps) * scale[..., None, None] + shift[..., None, None]
        scales, shifts = (value.expand(len(features), -1) for value in (scale, shift))
        # PyTorch's own folds samples into channels, which rearranges every map, once there and once back.
        normalized = [
            F.batch_norm(sample, None, None, scales[i], shifts[i], True, 0.0, self.eps)
            for i, sample in enumerate(features.split(1))
        ]
        return torch.cat(normalized) if len(normalized) > 1 else normalized[0]


class ConvNorm(nn.Module):
    """A convolution, best without the bias that the normalisation would remove, and instance normalisation."""

    def __init__(self, conv: nn.Conv2d, *, takes_strength: bool = False) -> None:
        super().__init__()
        self.conv = conv
        self.norm = InstanceNorm2d(conv.out_channels, takes_strength)

    def forward(self, features: Tensor, strength: Tensor | None = None) -> Tensor:
        return self.norm(self.conv(features), strength)


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions around an identity, without a ReLU after the sum (Gross and Wilber 2016).

    Padded by reflection, where the paper's supplement shrinks the map by valid convolutions: the output
    keeps its size and its border.
    """

    def __init__(self, channels: int, *, takes_strength: bool = False) -> None:
        super().__init__()
        self.first = ConvNorm(ReflectionConv2d(channels, channels, 3, bias=False), takes_strength=takes_strength)
        self.second = ConvNorm(ReflectionConv2d(channels, channels, 3, bias=False), takes_strength=takes_strength)

    def forward(self, features: Tensor, strength: Tensor | None = None) -> Tensor:
        return features + self.second(F.relu(self.first(features, strength)), strength)


class Stages(nn.Sequential):
    """One module after the other; those with normalisations get the strength as well."""

    def forward(self, features: Tensor, strength: Tensor | None = None) -> Tensor:
        for stage in self:
            takes_strength = isinstance(stage, (ConvNorm, ResidualBlock))
            features = stage(features, strength) if takes_strength else stage(features)
        return features


class Photo(nn.Module):
    """The way to strength 0: some of the photo is let past the network. None at strength 1; elsewhere as much as
    was learnt, together with the normalisations, which take back what the network adds to it."""

    def __init__(self) -> None:
        super().__init__()
        self.strength_coefficients = nn.Parameter(torch.tensor([[-1.0], [0.0], [0.0]]))

    def forward(self, stylized: Tensor, photo: Tensor, strength: Tensor) -> Tensor:
        share = beyond_one(strength) @ self.strength_coefficients
        return stylized + share[..., None, None] * (photo - 0.5)


class Johnson(TransformationNetwork):
    """The network of Johnson et al. 2016 (supplement, table 1), with instance normalisation.

    Args:
        width: channels after the first layer; 2× and 4× as many follow. The paper has 32.
        blocks: residual blocks at a quarter of the resolution. The paper has 5.
        takes_strength: whether it takes a strength.
    """

    name = "johnson"
    # The first layer reflects 4 pixels, which takes 5; the blocks reflect 1 at a quarter of the size.
    minimum_side = 8
    stride = 4

    def __init__(self, width: int = 32, blocks: int = 5, takes_strength: bool = False) -> None:
        super().__init__()
        check_size(width, blocks)
        self.arguments = {"width": width, "blocks": blocks, "takes_strength": takes_strength}
        self.encode = Stages(
            ConvNorm(ReflectionConv2d(3, width, 9, bias=False), takes_strength=takes_strength),
            nn.ReLU(),
            ConvNorm(ReflectionConv2d(width, 2 * width, 3, stride=2, bias=False), takes_strength=takes_strength),
            nn.ReLU(),
            ConvNorm(ReflectionConv2d(2 * width, 4 * width, 3, stride=2, bias=False), takes_strength=takes_strength),
            nn.ReLU(),
        )
        self.transform = Stages(*(ResidualBlock(4 * width, takes_strength=takes_strength) for _ in range(blocks)))
        # Nearest-neighbour upsampling, where the paper has transposed convolutions.
        self.decode = Stages(
            ConvNorm(UpsampleConv2d(4 * width, 2 * width, bias=False), takes_strength=takes_strength),
            nn.ReLU(),
            ConvNorm(UpsampleConv2d(2 * width, width, bias=False), takes_strength=takes_strength),
            nn.ReLU(),
            CellConv2d(width, 3),
        )
        self.photo = Photo() if takes_strength else None

    def forward(self, image: Tensor, strength: Tensor | None = None) -> Tensor:
        """`image` float RGB in [0, 1], `[N, 3, H, W]`, and with a strength a strength `[1]` or `[N]`, 1 by default;
        returns the same shape and range as `image`; away from strength 1 the range may be left a little."""
        height, width = image.shape[-2:]
        features = self.transform(self.encode(image * 2 - 1, strength), strength)
        # A stride of 2 rounds the size up, so the result covers the photo; what is beyond it is cut off.
        stylized = to_image(self.decode(features, strength)[..., :height, :width])
        return stylized if self.photo is None or strength is None else self.photo(stylized, image, strength)


class Lite(TransformationNetwork):
    """For real time on a CPU: no convolution at full resolution, and most of them at an eighth of it.

    Cells of 4×4 pixels become channels, and channels cells of 2×2 pixels (Shi et al. 2016, arXiv 1609.05158); the
    blocks lie one step deeper, where what they see is twice as large, and a shortcut past them keeps what is fine
    (Ronneberger et al. 2015, arXiv 1505.04597).

    Args:
        width: channels at a quarter of the resolution, at least 2; twice as many at an eighth, half at a half.
        blocks: residual blocks at an eighth of the resolution.
        takes_strength: whether it takes a strength.
    """

    name = "lite"
    # The maps at an eighth reflect 1, so they need 2 places.
    minimum_side = 16
    stride = 8

    def __init__(self, width: int = 32, blocks: int = 5, takes_strength: bool = False) -> None:
        super().__init__()
        check_size(width, blocks)
        if width < 2:
            raise ConfigError(f"model.width={width}: the network lite wants width ≥ 2")
        self.arguments = {"width": width, "blocks": blocks, "takes_strength": takes_strength}
        self.encode = Stages(
            nn.PixelUnshuffle(4), ConvNorm(ReflectionConv2d(48, width, 3, bias=False), takes_strength=takes_strength), nn.ReLU()
        )
        self.transform = Stages(
            ConvNorm(ReflectionConv2d(width, 2 * width, 3, stride=2, bias=False), takes_strength=takes_strength),
            nn.ReLU(),
            *(ResidualBlock(2 * width, takes_strength=takes_strength) for _ in range(blocks)),
            ConvNorm(UpsampleConv2d(2 * width, width, bias=False), takes_strength=takes_strength),
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
            ConvNorm(UpsampleConv2d(width, width // 2, bias=False), takes_strength=takes_strength),
            nn.ReLU(),
            last,
            nn.PixelShuffle(2),
        )
        self.photo = Photo() if takes_strength else None

    def forward(self, image: Tensor, strength: Tensor | None = None) -> Tensor:
        """`image` float RGB in [0, 1], `[N, 3, H, W]`, and with a strength a strength `[1]` or `[N]`, 1 by default;
        returns the same shape and range as `image`; away from strength 1 the range may be left a little."""
        height, width = image.shape[-2:]
        whole = F.pad(image, (0, -width % self.stride, 0, -height % self.stride), mode="reflect")
        features = self.encode(whole * 2 - 1, strength)
        features = self.decode(features + self.transform(features, strength), strength)
        stylized = to_image(features[..., :height, :width])
        return stylized if self.photo is None or strength is None else self.photo(stylized, image, strength)


def check_size(width: int, blocks: int) -> None:
    """Raises ConfigError for a network that can't be, or that nobody can want: files say how large theirs is."""
    if not (1 <= width <= LARGEST_WIDTH and 0 <= blocks <= MOST_BLOCKS):
        raise ConfigError(
            f"model.width={width}, model.blocks={blocks}: want width from 1 to {LARGEST_WIDTH} "
            f"and blocks from 0 to {MOST_BLOCKS}"
        )


def to_image(output: Tensor) -> Tensor:
    """Any values to [0, 1], in float32: eight bits of mantissa (bfloat16) would show as banding."""
    return torch.tanh(output.float()) * 0.5 + 0.5


NETWORKS: dict[str, type[TransformationNetwork]] = {network.name: network for network in (Johnson, Lite)}


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
        ModelError: a folder, unreadable, not ours, or with weights that are not of its network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if Path(path).is_dir():
        raise ModelError(f"{path}: is a folder; give the model.safetensors in it")
    info = read_info(path)
    try:
        # Without memory, until the file turns out to have as many weights as it says.
        with torch.device("meta"):
            network = build_network(info.network, **info.network_arguments)
        weights = migrate_state_dict(load_file(path))
        network.load_state_dict({key: weight.float() for key, weight in weights.items()}, assign=True)
    except (ConfigError, TypeError) as error:
        raise ModelError(f"{path}: {first_line(error)}; export it again, or update fast_style") from error
    except (RuntimeError, SafetensorError) as error:
        raise ModelError(f"{path}: its weights do not fit its network {info.network}; export it again") from error
    return network


class PixelInterface(nn.Module):
    """A network as it is exported: uint8 `[N, H, W, 3]` RGB in and out, and of one with a strength a strength `[1]`.

    Range, layout, clamping and rounding are in here, so that no caller can get them wrong.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, strength: Tensor | None = None) -> Tensor:
        given = image.permute(0, 3, 1, 2).float() / 255
        stylized = self.network(given) if strength is None else self.network(given, strength)
        return (stylized.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
