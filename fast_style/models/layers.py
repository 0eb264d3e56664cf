"""Layers of the transformation networks: convolutions padded by reflection, and instance normalization.

They compute what the papers describe, in an order that a CPU does faster. Comments behind the steps of a chain of
reshapes give the shape after each; `y` and `x` are the row and the column of a pixel within its 2×2 cell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Condition(NamedTuple):
    """What a network's output depends on besides the photo."""

    strength: Tensor | None = None
    """`[1]` or `[N]`; None for 1."""
    style: Tensor | None = None
    """Weights of the styles, `[1, K]` or `[N, K]`, for a network that holds K of them; None for a network of one."""


PLAIN = Condition()
"""Strength 1 of the only style."""


def powers_beyond_one(strength: Tensor) -> Tensor:
    """Returns s − 1, (s − 1)² and (s − 1)³ for strengths s `[N]`: `[N, 3]`, all 0 at strength 1.

    A polynomial of these has no constant term, so that no coefficient can change a network at strength 1.
    """
    beyond = strength.float() - 1
    return torch.stack([beyond, beyond**2, beyond**3], 1)


def strength_response(condition: Condition, coefficients: Tensor) -> Tensor:
    """Returns what the strength adds: the values of cubic polynomials in what it exceeds 1 by, without constant terms.

    Args:
        condition: with a strength.
        coefficients: `[3, C]`, or `[K, 3, C]` where the condition has weights of K styles.

    Returns:
        `[N, C]`.
    """
    assert condition.strength is not None
    powers = powers_beyond_one(condition.strength)  # [N, 3]
    if condition.style is None:
        return powers @ coefficients
    blended = torch.tensordot(condition.style, coefficients, 1)  # [N, 3, C]
    response: Tensor = (powers[:, None] @ blended).squeeze(1)  # [N, C]
    return response


class ReflectionConv2d(nn.Conv2d):
    """A convolution of a map padded by reflection, so that a stride of 1 keeps its size."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, bias: bool = True
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, bias=bias)
        self.reflected = (kernel_size // 2,) * 4

    def forward(self, features: Tensor) -> Tensor:
        """Takes `[N, C, H, W]` and returns `[N, out_channels, ⌈H / stride⌉, ⌈W / stride⌉]`."""
        # On a CPU autocast pads in float32: two casts for each convolution, a quarter of a training step.
        with torch.autocast(features.device.type, enabled=False):
            padded = F.pad(features, self.reflected, mode="reflect")
        return super().forward(padded)


class UpsampleConv2d(nn.Conv2d):
    """Nearest-neighbor upsampling to twice the size and a 3×3 convolution padded by reflection, in one step.

    It stands in for a transposed convolution and leaves no checkerboard (Odena et al. 2016, "Deconvolution and
    Checkerboard Artifacts"). The convolution is computed before the upsampling, for each of the four pixels of a
    cell separately (Shi et al. 2016, arXiv 1609.07009): where three rows of pixels lie in only two rows of cells,
    four products replace nine.
    """

    def __init__(self, in_channels: int, out_channels: int, bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, 3, bias=bias)

    def forward(self, features: Tensor) -> Tensor:
        """Takes `[N, C, H, W]` and returns `[N, out_channels, 2·H, 2·W]`."""
        height, width = features.shape[-2:]
        with torch.autocast(features.device.type, enabled=False):
            padded = repeat_border(features)  # [N, C, H + 2, W + 2]
            weight = sum_weights_by_cell(self.weight, 2)  # [2 (y), O, C, 2, 3]
            weight = sum_weights_by_cell(weight, 4)  # [2 (x), 2 (y), O, C, 2, 2]
            weight = weight.transpose(0, 1)  # [2 (y), 2 (x), O, C, 2, 2]
            weight = weight.flatten(0, 2)  # [4·O, C, 2, 2]
        bias = None if self.bias is None else self.bias.repeat(4)
        result = F.conv2d(padded, weight, bias)  # [N, 4·O, H + 1, W + 1]
        result = result.permute(0, 2, 3, 1)  # [N, H + 1, W + 1, 4·O]
        result = torch.unflatten(result, 3, (2, 2, self.out_channels))  # [N, H + 1, W + 1, 2 (y), 2 (x), O]
        # What a pixel sees begins one cell later for the second row and column of each cell.
        rows = [
            torch.stack([result[:, y : y + height, x : x + width, y, x] for x in (0, 1)], 3)  # [N, H, W, 2 (x), O]
            for y in (0, 1)
        ]
        pixels = torch.stack(rows, 2)  # [N, H, 2 (y), W, 2 (x), O]
        pixels = pixels.flatten(3, 4)  # [N, H, 2 (y), 2·W, O]
        pixels = pixels.flatten(1, 2)  # [N, 2·H, 2·W, O]
        return pixels.permute(0, 3, 1, 2)  # [N, O, 2·H, 2·W]


def repeat_border(features: Tensor) -> Tensor:
    """Returns `[N, C, H, W]` with its border repeated once, `[N, C, H + 2, W + 2]`.

    Upsampled to twice the size, this is a map padded by reflection.
    """
    if torch.compiler.is_compiling() and not torch.compiler.is_exporting():
        # The compiler expects the gradient of the padding below in another memory layout than it comes in (2.15).
        tall = torch.cat([features[:, :, :1], features, features[:, :, -1:]], 2)
        return torch.cat([tall[..., :1], tall, tall[..., -1:]], 3)
    return F.pad(features, (1, 1, 1, 1), mode="replicate")


def sum_weights_by_cell(weight: Tensor, axis: int) -> Tensor:
    """Returns the 3 weights along `axis`, which apply to pixels, as 2 weights that apply to cells of two pixels.

    The two pixels of a cell see different cells, so there are two such sets: `[2, …]`, with 2 in place of 3 at
    `axis` of the rest.
    """
    before, here, after = weight.unbind(axis)
    return torch.stack([torch.stack([before, here + after], axis), torch.stack([before + here, after], axis)])


LINEAR_UPSAMPLING = (
    ((0.75, 0.25, 0.0), (0.25, 0.75, 0.75), (0.0, 0.0, 0.25)),
    ((0.25, 0.0, 0.0), (0.75, 0.75, 0.25), (0.0, 0.25, 0.75)),
)
"""For the first and the second pixel of a cell: how much each of its 3 neighboring places contributes to the 3 pixels
that a kernel sees there after linear upsampling to twice the size."""


class LinearUpsampleConv2d(nn.Conv2d):
    """Bilinear upsampling to twice the size and a 3×3 convolution, in one step.

    Nearest-neighbor upsampling makes the two pixels of a cell differ in variance, which a ReLU turns into a pattern on
    flat areas; bilinear upsampling leaves a seventh of it. The convolution is computed before the upsampling, for each
    of the four pixels of a cell separately. Beyond its border the map continues with its outermost values.
    """

    def __init__(self, in_channels: int, out_channels: int, bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, 3, bias=bias)

    def forward(self, features: Tensor) -> Tensor:
        """Takes `[N, C, H, W]` and returns `[N, out_channels, 2·H, 2·W]`."""
        with torch.autocast(features.device.type, enabled=False):
            padded = repeat_border(features)  # [N, C, H + 2, W + 2]
            shares = torch.tensor(LINEAR_UPSAMPLING, dtype=self.weight.dtype, device=self.weight.device)
            rows = torch.tensordot(shares, self.weight, ([2], [2]))  # [2 (y), 3, O, C, 3]
            weight = torch.tensordot(shares, rows, ([2], [4]))  # [2 (x), 3 (j), 2 (y), 3 (i), O, C]
            weight = weight.permute(2, 0, 4, 5, 3, 1)  # [2 (y), 2 (x), O, C, 3 (i), 3 (j)]
            weight = weight.flatten(0, 2)  # [4·O, C, 3, 3]
        bias = None if self.bias is None else self.bias.repeat(4)
        return cells_to_pixels(F.conv2d(padded, weight, bias), self.out_channels)


def cells_to_pixels(cells: Tensor, channels: int) -> Tensor:
    """Returns `[N, 4·C, H, W]`, whose channels are the 4 pixels of each cell one after the other, as `[N, C, 2H, 2W]`.

    It equals `F.pixel_shuffle` but for the order of the channels, which suits channels_last.
    """
    pixels = cells.permute(0, 2, 3, 1)  # [N, H, W, 4·C]
    pixels = torch.unflatten(pixels, 3, (2, 2, channels))  # [N, H, W, 2 (y), 2 (x), C]
    pixels = pixels.transpose(2, 3)  # [N, H, 2 (y), W, 2 (x), C]
    pixels = pixels.flatten(3, 4)  # [N, H, 2 (y), 2·W, C]
    pixels = pixels.flatten(1, 2)  # [N, 2·H, 2·W, C]
    return pixels.permute(0, 3, 1, 2)  # [N, C, 2·H, 2·W]


LOW_PASS = (-1 / 16, 4 / 16, 10 / 16, 4 / 16, -1 / 16)
"""Taps per axis. Nothing with a period of 2 pixels passes, three quarters of what has a period of 4, and almost
everything longer."""


class LowPass(nn.Module):
    """A fixed low-pass filter behind a pixel shuffle, against the pattern of its cells."""

    def forward(self, image: Tensor) -> Tensor:
        """Takes and returns `[N, C, H, W]`, in float32; H and W are at least 3."""
        channels = image.shape[1]
        with torch.autocast(image.device.type, enabled=False):
            padded = F.pad(image.float(), (2, 2, 2, 2), mode="reflect")
            taps = torch.tensor(LOW_PASS, device=image.device)
            across = F.conv2d(padded, taps.view(1, 1, 1, 5).expand(channels, 1, 1, 5), groups=channels)
            return F.conv2d(across, taps.view(1, 1, 5, 1).expand(channels, 1, 5, 1), groups=channels)


class CellConv2d(ReflectionConv2d):
    """A 9×9 convolution padded by reflection, computed for cells of 2×2 pixels with four times the channels.

    The result is the same; a processor's vectors hold more than the 3 channels of an image and would be idle.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 9)

    def forward(self, features: Tensor) -> Tensor:
        """Takes `[N, C, H, W]` with even H and W and returns `[N, out_channels, H, W]`."""
        with torch.autocast(features.device.type, enabled=False):
            padded = F.pad(features, self.reflected, mode="reflect")  # [N, C, H + 8, W + 8]
        cells = padded.permute(0, 2, 3, 1)  # [N, H + 8, W + 8, C]
        cells = torch.unflatten(cells, 2, (-1, 2))  # [N, H + 8, W/2 + 4, 2 (x), C]
        cells = torch.unflatten(cells, 1, (-1, 2))  # [N, H/2 + 4, 2 (y), W/2 + 4, 2 (x), C]
        cells = cells.transpose(2, 3)  # [N, H/2 + 4, W/2 + 4, 2 (y), 2 (x), C]
        cells = cells.flatten(3)  # [N, H/2 + 4, W/2 + 4, 4·C]
        cells = cells.permute(0, 3, 1, 2)  # [N, 4·C, H/2 + 4, W/2 + 4]
        # 9 rows, seen from the first or the second pixel of a cell, are 10 of 5 cells.
        by_pixel = [F.pad(self.weight, (x, 1 - x, y, 1 - y)) for y in (0, 1) for x in (0, 1)]  # 4 of [O, C, 10, 10]
        weight = torch.stack(by_pixel)  # [4, O, C, 10, 10]
        weight = torch.unflatten(weight, 4, (5, 2))  # [4, O, C, 10, 5, 2 (x)]
        weight = torch.unflatten(weight, 3, (5, 2))  # [4, O, C, 5, 2 (y), 5, 2 (x)]
        weight = weight.permute(0, 1, 4, 6, 2, 3, 5)  # [4, O, 2 (y), 2 (x), C, 5, 5]
        weight = weight.flatten(2, 4)  # [4, O, 4·C, 5, 5]
        weight = weight.flatten(0, 1)  # [4·O, 4·C, 5, 5]
        assert self.bias is not None
        result = F.conv2d(cells, weight, self.bias.repeat(4))  # [N, 4·O, H/2, W/2]
        return cells_to_pixels(result, self.out_channels)


NORM_EPSILON = 1e-3
"""What instance normalization adds to a variance, where the paper has 1e-5. The map of a plain picture varies by
rounding errors alone, and each of the layers in a row would enlarge these 300 times: stripes of 2 levels on a gray
picture. Of the variances of a photo it is so little that no pixel changes by as much as a level."""


class InstanceNorm2d(nn.InstanceNorm2d):
    """Instance normalization (Ulyanov et al. 2016, arXiv 1607.08022) that keeps channels_last on a CPU.

    With `takes_strength`, scale and shift depend on the strength (Babaeizadeh and Ghiasi 2018, arXiv 1811.08560):
    through a cubic polynomial per channel, where the paper has a small network. At strength 1 they are the plain
    scale and shift, so a network that takes no strength equals one whose strength is always 1.

    With more than one of `styles`, every style has its own scale, shift and polynomial (Dumoulin et al. 2017, arXiv
    1610.07629), and the weights of the styles blend them.
    """

    def __init__(self, channels: int, takes_strength: bool = False, styles: int = 1) -> None:
        super().__init__(channels, eps=NORM_EPSILON, affine=True)
        by_style = (styles,) if styles > 1 else ()
        if by_style:
            self.weight = nn.Parameter(torch.ones(*by_style, channels))
            self.bias = nn.Parameter(torch.zeros(*by_style, channels))
        self.strength_coefficients = nn.Parameter(torch.zeros(*by_style, 3, 2 * channels)) if takes_strength else None

    def affine_parameters(self, condition: Condition = PLAIN) -> tuple[Tensor, Tensor]:
        """Returns scale and shift: `[C]` each, or `[N, C]` for strengths `[N]` or style weights `[N, K]`."""
        scale: Tensor = self.weight
        shift: Tensor = self.bias
        if condition.style is not None:
            scale, shift = condition.style @ scale, condition.style @ shift  # [N, C]
        if self.strength_coefficients is None or condition.strength is None:
            return scale, shift
        more_scale, more_shift = strength_response(condition, self.strength_coefficients).chunk(2, 1)
        return scale + more_scale, shift + more_shift

    def forward(self, features: Tensor, condition: Condition = PLAIN) -> Tensor:
        """Normalizes features `[N, C, H, W]`."""
        scale, shift = self.affine_parameters(condition)
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
            for i, sample in enumerate(torch.split(features, 1))
        ]
        return torch.cat(normalized) if len(normalized) > 1 else normalized[0]


MakeNorm = Callable[[int], InstanceNorm2d]
"""Makes the normalization of so many channels."""


class ConvNorm(nn.Module):
    """A convolution and instance normalization; the convolution needs no bias, which the latter would remove."""

    def __init__(self, conv: nn.Conv2d, make_norm: MakeNorm = InstanceNorm2d) -> None:
        super().__init__()
        self.conv = conv
        self.norm = make_norm(conv.out_channels)

    def forward(self, features: Tensor, condition: Condition = PLAIN) -> Tensor:
        """Convolves and normalizes features `[N, C, H, W]`."""
        normalized: Tensor = self.norm(self.conv(features), condition)
        return normalized


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions around an identity, without a ReLU after the sum (Gross and Wilber 2016).

    They are padded by reflection, where the paper's supplement shrinks the map by valid convolutions: the output
    keeps its size and its border.
    """

    def __init__(self, channels: int, make_norm: MakeNorm = InstanceNorm2d) -> None:
        super().__init__()
        self.first = ConvNorm(ReflectionConv2d(channels, channels, 3, bias=False), make_norm)
        self.second = ConvNorm(ReflectionConv2d(channels, channels, 3, bias=False), make_norm)

    def forward(self, features: Tensor, condition: Condition = PLAIN) -> Tensor:
        """Takes and returns features `[N, C, H, W]`."""
        residual: Tensor = self.second(F.relu(self.first(features, condition)), condition)
        return features + residual


class Stages(nn.Sequential):
    """Modules that follow one another; those with normalizations get the condition as well."""

    def forward(self, features: Tensor, condition: Condition = PLAIN) -> Tensor:
        """Passes features `[N, C, H, W]` through every stage."""
        for stage in self:
            conditional = isinstance(stage, (ConvNorm, ResidualBlock))
            features = stage(features, condition) if conditional else stage(features)
        return features


class PhotoShortcut(nn.Module):
    """The way to strength 0: it lets some of the photo past the network.

    Nothing passes at strength 1. Elsewhere as much passes as was learned, together with the normalizations, which
    take back what the network adds to the photo. Each of `styles` has learned its own.
    """

    def __init__(self, styles: int = 1) -> None:
        super().__init__()
        linear = torch.tensor([[-1.0], [0.0], [0.0]])
        self.strength_coefficients = nn.Parameter(linear.repeat(styles, 1, 1) if styles > 1 else linear)

    def forward(self, stylized: Tensor, photo: Tensor, condition: Condition) -> Tensor:
        """Mixes images `[N, 3, H, W]` as the strength in `condition` says."""
        photo_weight = strength_response(condition, self.strength_coefficients)  # [N, 1]
        return stylized + photo_weight[..., None, None] * (photo - 0.5)
