"""The perceptual loss of Johnson et al. 2016 (section 3.2): content, Gram style, total variation; and one term of
our own, against checkerboards.

Every term is dimensionless, so that the same weights serve any style, encoder, image and batch size: errors
are divided by the energy of what they are compared with. All of it is computed in float32, whatever the
precision of the features: in float16 a Gram matrix overflows, in bfloat16 it is 0.24 % off. Only the Gram matrices
of bfloat16 features are sums, in float32, of products rounded to bfloat16: see `_Gram`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fast_style.errors import ConfigError
from fast_style.perceptual.encoders import Encoder

PIECE = 512
"""Positions that are multiplied at once in bfloat16."""


class _Gram(torch.autograd.Function):
    """Rows `[N, H·W, C]` to `rowsᵀ rows` `[N, C, C]` in float32, with the gradient as one product.

    Autograd's own would multiply twice, once for each factor, and keep a float32 copy of the features.
    """

    @staticmethod
    def forward(context: Any, rows: Tensor) -> Tensor:
        context.save_for_backward(rows)
        n, positions, c = rows.shape
        if rows.dtype == torch.bfloat16 and positions % PIECE == 0 and positions > 4 * PIECE:
            # Each product is summed in float32 and rounded to bfloat16 at its end: of many short ones, summed
            # in float32, the mean of the rounding errors is left, in an eighth of the time: 0.02 to 0.07 % with
            # VGG-19. Where the picture is flat all are rounded alike: 0.13 %, and never above 2⁻⁸, 0.4 %.
            pieces = rows.reshape(-1, PIECE, c)
            return (pieces.transpose(1, 2) @ pieces).view(n, -1, c, c).sum(1, dtype=torch.float32)
        exact = rows.float()
        return exact.transpose(1, 2) @ exact

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        (rows,) = context.saved_tensors
        both = gradient + gradient.transpose(1, 2)
        if rows.dtype == torch.float16:
            # Large features have small gradients: float16 would lose most of them before the product.
            return (rows.float() @ both).to(rows.dtype)
        # In the precision of the features: that is what their gradient is rounded to in any case.
        return rows @ both.to(rows.dtype)


def gram_matrix(features: Tensor) -> Tensor:
    """G = F Fᵀ / (C·H·W) (Johnson et al. 2016, equation 3), in float32.

    Args:
        features: `[N, C, H, W]`, any float type.

    Returns:
        `[N, C, C]`, symmetric.
    """
    n, c, h, w = features.shape
    with torch.autocast(features.device.type, enabled=False):
        # Without a copy where the features are channels_last.
        rows = features.permute(0, 2, 3, 1).reshape(n, h * w, c)
        return cast(Tensor, _Gram.apply(rows)) / (c * h * w)


def relative_errors(value: Tensor, target: Tensor, energy: Tensor | None = None) -> Tensor:
    """‖value − target‖² / ‖target‖² of each sample, `[N]`, float32.

    Args:
        value: `[N, …]`.
        target: `[N, …]`, or `[1, …]` for all samples.
        energy: ‖target‖² per sample `[N]`, where it is known already.
    """
    value, target = value.float(), target.float()
    error = (value - target).square().flatten(1).sum(1)
    if energy is None:
        energy = target.square().flatten(1).sum(1)
    # A target without any energy (a black image in an encoder without bias) must not divide by zero.
    return error / energy.clamp_min(torch.finfo(torch.float32).tiny * 1e6)


def relative_error(value: Tensor, target: Tensor, energy: Tensor | None = None) -> Tensor:
    """The mean of `relative_errors`, scalar."""
    return relative_errors(value, target, energy).mean()


def total_variation(image: Tensor) -> Tensor:
    """Mean squared difference of vertical plus of horizontal neighbours (Mahendran and Vedaldi 2015, β = 2).

    Args:
        image: `[N, C, H, W]` in [0, 1], H and W at least 2.

    Returns:
        Scalar, float32, in [0, 2]; independent of the image size.
    """
    image = image.float()
    vertical = (image[..., 1:, :] - image[..., :-1, :]).square().mean()
    horizontal = (image[..., :, 1:] - image[..., :, :-1]).square().mean()
    return vertical + horizontal


def checkerboard(image: Tensor, *, period: int = 4, block: int = 64) -> Tensor:
    """Energy of what repeats at `period` pixels, block by block: the variance, over the period² positions in a
    cell, of the mean over all cells of a block. Not in the paper.

    Upsampling leaves such patterns (Odena et al. 2016), even by nearest neighbour: the convolution after it gives
    each position in a cell another variance, and a ReLU turns that into another mean. The perceptual loss hardly
    sees them.

    Args:
        image: `[N, C, H, W]` in [0, 1].
        period: what the network upsamples by, in all.
        block: side of the blocks in pixels, shrunk where the image is smaller; rows and columns beyond the last
            whole block are left out.

    Returns:
        Scalar, float32, in [0, 0.25]; 0 for an image smaller than one cell.
    """
    n, c, height, width = image.shape
    tall, wide = (min(block, side) // period * period for side in (height, width))
    if not tall or not wide:
        return image.new_zeros((), dtype=torch.float32)
    whole = image.float()[..., : height // tall * tall, : width // wide * wide]
    cells = whole.reshape(n, c, -1, tall // period, period, whole.shape[-1] // wide, wide // period, period)
    means = cells.mean((3, 6))
    return (means - means.mean((3, 5), keepdim=True)).square().mean()


def rescale(image: Tensor, scale: float) -> Tensor:
    """`image` `[N, C, H, W]` at `scale` times its size, antialiased; the image itself at 1."""
    if scale == 1:
        return image
    size = [max(1, round(side * scale)) for side in image.shape[-2:]]
    return F.interpolate(image.float(), size, mode="bilinear", antialias=True)


def check_scales(key: str, scales: Sequence[float]) -> None:
    """Raises ConfigError for a scale outside (0, 1]; `key` is the setting."""
    if not all(0 < scale <= 1 for scale in scales):
        raise ConfigError(f"loss.{key}={list(scales)}: each scale lies above 0 and is at most 1")


def part(layer: str, scale: float) -> str:
    """How a layer at a scale is called: `relu3_3@0.5`."""
    return f"{layer}@{scale:g}"


def style_grams(
    encoder: Encoder, style_image: Tensor, layers: Sequence[str], scales: Sequence[float]
) -> dict[str, Tensor]:
    """Gram matrices of a style image: what `PerceptualLoss` compares with.

    Args:
        encoder: feature extractor.
        style_image: float RGB in [0, 1], `[1, 3, H, W]`.
        layers: taps of the encoder.
        scales: sizes, relative to the image.

    Returns:
        `[1, C, C]` for each `part`: `relu1_2@0.5`.

    Raises:
        ConfigError: a scale outside (0, 1].
    """
    check_scales("scales", scales)
    with torch.no_grad():
        return {
            part(layer, scale): gram_matrix(features)
            for scale in scales
            for layer, features in encoder(rescale(style_image, scale), layers).items()
        }


class PerceptualLoss(nn.Module):
    """Content, style and total variation of a stylised image, as named terms.

    Args:
        encoder: frozen feature extractor.
        grams: the targets: `style_grams` of the style image, for every style layer and scale.
        content_layers, style_layers: taps of the encoder, by name.
        scales, content_scales: sizes, relative to the image, at which style and content are compared. The
            paper has 1 alone; half the resolution doubles the receptive field, which stands in for deeper layers.
        layer_weights: of style layers (w_l of Gatys et al. 2015, equation 5); 1 where a layer is not named. Their
            sum does not matter, `style_weight` is the strength of them all.
        content_weight, style_weight, tv_weight, checkerboard_weight: of the terms in the total.

    Raises:
        ConfigError: no layers, a scale outside (0, 1], or a weight for a layer that is not compared.
    """

    def __init__(
        self,
        encoder: Encoder,
        grams: Mapping[str, Tensor],
        *,
        content_layers: Sequence[str],
        style_layers: Sequence[str],
        scales: Sequence[float] = (1.0,),
        content_scales: Sequence[float] = (1.0,),
        layer_weights: Mapping[str, float] | None = None,
        content_weight: float = 1.0,
        style_weight: float = 1.0,
        tv_weight: float = 0.0,
        checkerboard_weight: float = 0.0,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.content_layers = tuple(content_layers)
        self.style_layers = tuple(style_layers)
        self.scales = tuple(float(scale) for scale in scales)
        self.content_scales = tuple(float(scale) for scale in content_scales)
        self.content_weight = content_weight
        self.style_weight = style_weight
        self.tv_weight = tv_weight
        self.checkerboard_weight = checkerboard_weight
        for key in ("content_layers", "style_layers", "scales", "content_scales"):
            if not getattr(self, key):
                raise ConfigError(f"loss.{key}=[]: needs at least one entry")
        check_scales("scales", self.scales)
        check_scales("content_scales", self.content_scales)
        self.layer_weights = dict.fromkeys(self.style_layers, 1.0) | dict(layer_weights or {})
        for layer, weight in self.layer_weights.items():
            if layer not in self.style_layers:
                raise ConfigError(
                    f"loss.layer_weights: {layer} is no style layer; there are {', '.join(self.style_layers)}"
                )
            if weight < 0:
                raise ConfigError(f"loss.layer_weights: {layer} has {weight}; must be at least 0")
        if not any(self.layer_weights.values()):
            raise ConfigError("loss.layer_weights: all are 0; use loss.style_weight=0 for no style at all")
        for layer in self.style_layers:
            for scale in self.scales:
                self.register_buffer(self._buffer(layer, scale), grams[part(layer, scale)])

    @property
    def device(self) -> torch.device:
        """Where its encoder and targets lie, and pictures must."""
        return self.encoder.mean.device

    @staticmethod
    def _buffer(layer: str, scale: float) -> str:
        return f"gram_{layer}_{scale:g}".replace(".", "_")

    def style_target(self, layer: str, scale: float) -> Tensor:
        """The style image's Gram matrix, `[1, C, C]`."""
        return self.get_buffer(self._buffer(layer, scale))

    def content_features(self, photo: Tensor) -> dict[str, Tensor]:
        """What `forward` compares content with: features of `photo` `[N, 3, H, W]`, without gradients."""
        with torch.no_grad():
            return {
                part(layer, scale): value
                for scale in self.content_scales
                for layer, value in self.encoder(rescale(photo, scale), self.content_layers).items()
            }

    def style_targets(self, photos: Tensor, strengths: Tensor) -> dict[str, Tensor]:
        """Gram matrices on the way from those of the photos, at strength 0, to the style's, from 1 on.

        So the style term falls evenly along the dial, and a photo that is given back has no loss at 0. Babaeizadeh
        and Ghiasi 2018 scale the style weight instead: with it most of the style comes at the first turn.

        Args:
            photos: float RGB in [0, 1], `[N, 3, H, W]`.
            strengths: `[N]`.

        Returns:
            `[N, C, C]` for each `part`, without gradients.
        """
        partly = strengths < 1
        targets = {}
        with torch.no_grad():
            for scale in self.scales:
                features = {}
                if partly.any():
                    features = self.encoder(rescale(photos[partly], scale), self.style_layers)
                for layer in self.style_layers:
                    target = self.style_target(layer, scale).repeat(len(photos), 1, 1)
                    if features:
                        share = strengths[partly, None, None].float()
                        target[partly] = torch.lerp(gram_matrix(features[layer]), target[partly], share)
                    targets[part(layer, scale)] = target
        return targets

    def forward(
        self,
        stylized: Tensor,
        content: dict[str, Tensor],
        *,
        grams: Mapping[str, Tensor] | None = None,
        emphasis: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """The terms of the loss.

        Args:
            stylized: float RGB in [0, 1], `[N, 3, H, W]`.
            content: `content_features` of the photos.
            grams: `style_targets` in place of the style image's own.
            emphasis: of each sample's content in the total, `[N]`; 1 by default.

        Returns:
            Scalars in float32: `total`, `content`, `style`, `total_variation`, `checkerboard`, and each layer's own
            part, as `content/relu3_3@1` and `style/relu1_2@0.5` (at half the resolution). All but `total` are
            unweighted; `content` is the mean of its parts, `style` their mean by `layer_weights`.
        """
        terms: dict[str, Tensor] = {}
        contents: list[Tensor] = []
        for scale in dict.fromkeys(self.scales + self.content_scales):
            style_layers = self.style_layers if scale in self.scales else ()
            content_layers = self.content_layers if scale in self.content_scales else ()
            features = self.encoder(rescale(stylized, scale), [*style_layers, *content_layers])
            for layer in style_layers:
                gram = gram_matrix(features[layer])
                target = grams[part(layer, scale)] if grams else self.style_target(layer, scale)
                terms[f"style/{part(layer, scale)}"] = relative_error(gram, target)
            for layer in content_layers:
                name = part(layer, scale)
                contents.append(relative_errors(features[layer], content[name]))
                terms[f"content/{name}"] = contents[-1].mean()
        per_sample = torch.stack(contents).mean(0)
        terms["content"] = per_sample.mean()
        weighted = [
            (self.layer_weights[layer], terms[f"style/{part(layer, scale)}"])
            for layer in self.style_layers
            for scale in self.scales
        ]
        terms["style"] = torch.stack([w * v for w, v in weighted]).sum() / sum(w for w, _ in weighted)
        terms["total_variation"] = total_variation(stylized)
        terms["checkerboard"] = checkerboard(stylized)
        terms["total"] = (
            self.content_weight * (per_sample if emphasis is None else per_sample * emphasis).mean()
            + self.style_weight * terms["style"]
            + self.tv_weight * terms["total_variation"]
            + self.checkerboard_weight * terms["checkerboard"]
        )
        return terms
