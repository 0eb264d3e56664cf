"""The perceptual loss of Johnson et al. 2016 (section 3.2): content, Gram style, total variation.

Every term is dimensionless, so that the same weights serve any style, encoder, image and batch size: errors
are divided by the energy of what they are compared with. All of it is computed in float32, whatever the
precision of the features: in float16 a Gram matrix overflows, in bfloat16 it is 0.24 % off.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fast_style.encoders import Encoder
from fast_style.errors import ConfigError


class _Gram(torch.autograd.Function):
    """Rows `[N, H·W, C]` to `rowsᵀ rows` `[N, C, C]` in float32, with the gradient as one product.

    Autograd's own would multiply twice, once for each factor, and keep a float32 copy of the features.
    """

    @staticmethod
    def forward(context: Any, rows: Tensor) -> Tensor:
        context.save_for_backward(rows)
        exact = rows.float()
        return exact.transpose(1, 2) @ exact

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        (rows,) = context.saved_tensors
        # In the precision of the features: that is what their gradient is rounded to in any case.
        return rows @ (gradient + gradient.transpose(1, 2)).to(rows.dtype)


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


def relative_error(value: Tensor, target: Tensor, energy: Tensor | None = None) -> Tensor:
    """‖value − target‖² / ‖target‖², per sample, then the mean over samples. Scalar, float32.

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
    return (error / energy.clamp_min(torch.finfo(torch.float32).tiny * 1e6)).mean()


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


def rescale(image: Tensor, scale: float) -> Tensor:
    """`image` `[N, C, H, W]` at `scale` times its size, antialiased; the image itself at 1."""
    if scale == 1:
        return image
    size = [max(1, round(side * scale)) for side in image.shape[-2:]]
    return F.interpolate(image.float(), size, mode="bilinear", antialias=True)


class PerceptualLoss(nn.Module):
    """Content, style and total variation of a stylised image, as named terms.

    Args:
        encoder: frozen feature extractor.
        style_image: float RGB in [0, 1], `[1, 3, H, W]`: its Gram matrices are the targets.
        content_layers, style_layers: taps of the encoder, by name.
        scales: sizes, relative to the image, at which style is compared. The paper has 1 alone; half the
            resolution doubles the receptive field, which stands in for deeper layers.
        content_weight, style_weight, tv_weight: of the three terms in the total.

    Raises:
        ConfigError: no layers, or a scale outside (0, 1].
    """

    def __init__(
        self,
        encoder: Encoder,
        style_image: Tensor,
        *,
        content_layers: Sequence[str],
        style_layers: Sequence[str],
        scales: Sequence[float] = (1.0,),
        content_weight: float = 1.0,
        style_weight: float = 1.0,
        tv_weight: float = 0.0,
    ) -> None:
        super().__init__()
        if not content_layers or not style_layers or not scales:
            raise ConfigError("loss: content_layers, style_layers and scales need at least one entry each")
        if not all(0 < scale <= 1 for scale in scales):
            raise ConfigError(f"loss.scales={list(scales)}: each scale lies above 0 and is at most 1")
        self.encoder = encoder
        self.content_layers = tuple(content_layers)
        self.style_layers = tuple(style_layers)
        self.scales = tuple(float(scale) for scale in scales)
        self.content_weight = content_weight
        self.style_weight = style_weight
        self.tv_weight = tv_weight
        with torch.no_grad():
            for scale in self.scales:
                features = encoder(rescale(style_image, scale), self.style_layers)
                for layer in self.style_layers:
                    self.register_buffer(self._buffer(layer, scale), gram_matrix(features[layer]))

    @staticmethod
    def _buffer(layer: str, scale: float) -> str:
        return f"gram_{layer}_{scale:g}".replace(".", "_")

    def style_target(self, layer: str, scale: float) -> Tensor:
        """The style image's Gram matrix, `[1, C, C]`."""
        return self.get_buffer(self._buffer(layer, scale))

    def content_features(self, photo: Tensor) -> dict[str, Tensor]:
        """What `forward` compares content with: features of `photo` `[N, 3, H, W]`, without gradients."""
        with torch.no_grad():
            return self.encoder(photo, self.content_layers)

    def forward(self, stylized: Tensor, content: dict[str, Tensor]) -> dict[str, Tensor]:
        """The terms of the loss.

        Args:
            stylized: float RGB in [0, 1], `[N, 3, H, W]`.
            content: `content_features` of the photos.

        Returns:
            Scalars in float32: `total`, `content`, `style`, `total_variation`, and each layer's own part, as
            `content/relu3_3` and `style/relu1_2@0.5` (at half the resolution). All but `total` are
            unweighted; `content` and `style` are the mean of their parts.
        """
        terms: dict[str, Tensor] = {}
        for scale in self.scales:
            wanted = self.style_layers + (self.content_layers if scale == 1 else ())
            features = self.encoder(rescale(stylized, scale), wanted)
            for layer in self.style_layers:
                gram = gram_matrix(features[layer])
                terms[f"style/{layer}@{scale:g}"] = relative_error(gram, self.style_target(layer, scale))
            if scale == 1:
                stylized_content = features
        if 1 not in self.scales:
            stylized_content = self.encoder(stylized, self.content_layers)
        for layer in self.content_layers:
            terms[f"content/{layer}"] = relative_error(stylized_content[layer], content[layer])
        terms["content"] = self._mean(terms, "content/")
        terms["style"] = self._mean(terms, "style/")
        terms["total_variation"] = total_variation(stylized)
        terms["total"] = (
            self.content_weight * terms["content"]
            + self.style_weight * terms["style"]
            + self.tv_weight * terms["total_variation"]
        )
        return terms

    @staticmethod
    def _mean(terms: dict[str, Tensor], prefix: str) -> Tensor:
        return torch.stack([value for name, value in terms.items() if name.startswith(prefix)]).mean()
