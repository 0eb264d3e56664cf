"""The perceptual loss of Johnson et al. 2016 (section 3.2) with one more term, against checkerboards.

Every term is dimensionless, so that the same weights serve any style, encoder, image and batch size: errors
are divided by the energy of what they are compared with. All of it is computed in float32, whatever the
precision of the features: in float16 a Gram matrix overflows, in bfloat16 it is 0.24 % off. Only the Gram matrices
of bfloat16 features are sums, in float32, of products rounded to bfloat16: see `gram`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fast_style.config.schema import LossSettings
from fast_style.errors import ConfigError
from fast_style.perceptual.encoders import Encoder
from fast_style.perceptual.gram import gram_matrix, relative_errors
from fast_style.perceptual.image_terms import IMAGE_TERMS


def rescale(image: Tensor, scale: float) -> Tensor:
    """Resizes `image` `[N, C, H, W]` to `scale` times its size, antialiased; returns the image itself at 1."""
    if scale == 1:
        return image
    size = [max(1, round(side * scale)) for side in image.shape[-2:]]
    return F.interpolate(image.float(), size, mode="bilinear", antialias=True)


Window = tuple[slice, slice]
"""Rows and columns of a part of a picture."""


def at_scale(image: Tensor, scale: float, window: Window | None) -> Tensor:
    """Returns `image` `[N, 3, H, W]` as the terms at this scale see it: at full size only what lies in the window."""
    if scale == 1 and window is not None:
        rows, columns = window
        return image[..., rows, columns]
    return rescale(image, scale)


def check_scales(setting: str, scales: Sequence[float]) -> None:
    """Refuses a scale outside (0, 1].

    Args:
        setting: the name that the error gives to `scales`.
        scales: sizes relative to the image.

    Raises:
        ConfigError: no scale at all, or one outside (0, 1].
    """
    if not scales or any(isinstance(scale, str) for scale in scales):
        raise ConfigError("needs at least one scale", setting=setting)
    if not all(0 < scale <= 1 for scale in scales):
        raise ConfigError("each scale must be above 0 and at most 1", setting=setting, value=list(scales))


def check_settings(settings: LossSettings, encoder: Encoder) -> None:
    """Refuses layers, scales and layer weights that a loss cannot be computed with.

    Raises:
        ConfigError: no layers, a layer that the encoder does not have, a scale outside (0, 1], or weights for layers
            that are not compared, below 0 or all 0.
    """
    for key in ("content_layers", "style_layers"):
        layers = getattr(settings, key)
        if not layers or isinstance(layers, str):  # A string stands for a missing value in the schema.
            raise ConfigError("needs at least one layer", setting=f"loss.{key}")
        for layer in layers:
            if layer not in encoder.layers:
                known = ", ".join(encoder.layers)
                raise ConfigError(f"encoder {encoder.name} has no layer {layer}; it has {known}", setting=f"loss.{key}")
    check_scales("loss.scales", settings.scales)
    check_scales("loss.content_scales", settings.content_scales)
    weights = settings.layer_weights
    for layer, weight in weights.items():
        if layer not in settings.style_layers:
            known = ", ".join(settings.style_layers)
            raise ConfigError(f"{layer} is not a style layer; there are {known}", setting="loss.layer_weights")
        if weight < 0:
            raise ConfigError("must be at least 0", setting=f"loss.layer_weights.{layer}", value=weight)
    if not any(weights.get(layer, 1.0) for layer in settings.style_layers):
        raise ConfigError(
            "all are 0",
            setting="loss.layer_weights",
            remedy="use {loss.style_weight} for no style at all",
            suggestions={"loss.style_weight": 0},
        )


def term_key(layer: str, scale: float) -> str:
    """Returns the name of a layer at a scale: `relu3_3@0.5`."""
    return f"{layer}@{scale:g}"


def style_grams(
    encoder: Encoder, style_image: Tensor, layers: Sequence[str], scales: Sequence[float]
) -> dict[str, Tensor]:
    """Computes the Gram matrices of a style image, which `PerceptualLoss` compares with.

    Args:
        encoder: feature extractor.
        style_image: float RGB in [0, 1], `[1, 3, H, W]`.
        layers: taps of the encoder.
        scales: sizes, relative to the image.

    Returns:
        Matrices `[1, C, C]` by `term_key`, such as `relu1_2@0.5`.

    Raises:
        ConfigError: a scale outside (0, 1].
    """
    check_scales("loss.scales", scales)
    with torch.no_grad():
        return {
            term_key(layer, scale): gram_matrix(features)
            for scale in scales
            for layer, features in encoder(rescale(style_image, scale), layers).items()
        }


class PerceptualLoss(nn.Module):
    """Content, style and image terms of a stylized picture, by name, and their weighted total.

    Args:
        encoder: frozen feature extractor.
        grams: the targets: `style_grams` of the style image, for every style layer and scale; or of K styles,
            `[K, C, C]` each.
        settings: layers, scales and weights of the terms. The paper compares at scale 1 alone; half the resolution
            doubles the receptive field, which stands in for deeper layers. `layer_weights` are w_l of Gatys et al.
            2015, equation 5; their sum does not matter, for `style_weight` is the strength of all layers together.
            `stability_weight` belongs to the training step, which alone has pairs of frames.

    Raises:
        ConfigError: no layers, a layer that the encoder does not have, a scale outside (0, 1], or a weight for a
            layer that is not compared.
    """

    def __init__(self, encoder: Encoder, grams: Mapping[str, Tensor], settings: LossSettings) -> None:
        super().__init__()
        check_settings(settings, encoder)
        self.encoder = encoder
        self.settings = settings
        self.layer_weights = dict.fromkeys(settings.style_layers, 1.0) | dict(settings.layer_weights)
        for layer in settings.style_layers:
            for scale in settings.scales:
                self.register_buffer(self._buffer(layer, scale), grams[term_key(layer, scale)])

    @property
    def device(self) -> torch.device:
        """The device that the encoder and the targets are on, and that pictures must be on."""
        return self.encoder.mean.device

    @staticmethod
    def _buffer(layer: str, scale: float) -> str:
        return f"gram_{layer}_{scale:g}".replace(".", "_")

    def style_target(self, layer: str, scale: float) -> Tensor:
        """Returns the Gram matrices of the styles for a layer at a scale, `[K, C, C]`."""
        return self.get_buffer(self._buffer(layer, scale))

    def of_style(self, style: int) -> PerceptualLoss:
        """Returns the loss of one of the style images alone, by its number."""
        grams = {
            term_key(layer, scale): self.style_target(layer, scale)[style : style + 1]
            for layer in self.settings.style_layers
            for scale in self.settings.scales
        }
        return PerceptualLoss(self.encoder, grams, self.settings)

    def style_targets(self, styles: Tensor) -> dict[str, Tensor]:
        """Returns the Gram matrices of the style that each sample gets, `[N, C, C]` by `term_key`.

        Args:
            styles: number of each sample's style, `[N]`.
        """
        return {
            term_key(layer, scale): self.style_target(layer, scale)[styles]
            for scale in self.settings.scales
            for layer in self.settings.style_layers
        }

    def content_features(self, photo: Tensor, window: Window | None = None) -> dict[str, Tensor]:
        """Computes the features of photos that `forward` compares content with, without gradients.

        Args:
            photo: float RGB in [0, 1], `[N, 3, H, W]`.
            window: the part that is looked at in full size, as in `sample_terms`; None for all of it.

        Returns:
            Features `[N, C, h, w]` by `term_key`.
        """
        with torch.no_grad():
            return {
                term_key(layer, scale): value
                for scale in self.settings.content_scales
                for layer, value in self.encoder(at_scale(photo, scale, window), self.settings.content_layers).items()
            }

    def content_energies(self, photos: Tensor) -> dict[str, float]:
        """Computes the mean square of the features that content is compared by, over photos.

        Args:
            photos: float RGB in [0, 1], `[N, 3, H, W]`.

        Returns:
            Mean squares by `term_key`.
        """
        return {key: value.float().square().mean().item() for key, value in self.content_features(photos).items()}

    def strength_targets(
        self, photos: Tensor, strengths: Tensor, targets: Mapping[str, Tensor], window: Window | None = None
    ) -> dict[str, Tensor]:
        """Interpolates Gram matrices between those of the photos, at strength 0, and the style's, from 1 on.

        This makes the style term change evenly with the strength, and a photo that is returned unchanged has no loss
        at 0. Babaeizadeh and Ghiasi 2018 scale the style weight instead, which gives most of the style at small
        strengths already.

        Args:
            photos: float RGB in [0, 1], `[N, 3, H, W]`.
            strengths: strength of each photo, `[N]`.
            targets: Gram matrices of each photo's style, `[N, C, C]` by `term_key`.
            window: the part that is looked at in full size, as in `sample_terms`; None for all of it.

        Returns:
            Matrices `[N, C, C]` by `term_key`, without gradients.
        """
        partly = strengths < 1
        if not partly.any():
            return dict(targets)
        weight = strengths[partly, None, None].float()
        result = {}
        with torch.no_grad():
            for scale in self.settings.scales:
                features = self.encoder(at_scale(photos[partly], scale, window), self.settings.style_layers)
                for layer in self.settings.style_layers:
                    target = targets[term_key(layer, scale)].clone()
                    target[partly] = torch.lerp(gram_matrix(features[layer]), target[partly], weight)
                    result[term_key(layer, scale)] = target
        return result

    def values(self, picture: Tensor, content: dict[str, Tensor]) -> dict[str, float]:
        """Computes the terms of one picture as plain numbers, without gradients.

        Args:
            picture: float RGB in [0, 1], `[1, 3, H, W]`.
            content: `content_features` of its photo.
        """
        with torch.no_grad():
            return {name: value.item() for name, value in self(picture, content).items()}

    def forward(
        self,
        stylized: Tensor,
        content: dict[str, Tensor],
        *,
        grams: Mapping[str, Tensor] | None = None,
        emphasis: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Computes the terms of the loss.

        Args:
            stylized: float RGB in [0, 1], `[N, 3, H, W]`.
            content: `content_features` of the photos.
            grams: `style_targets` or `strength_targets`; by default those of the only style image.
            emphasis: factor of each sample's content in the total, `[N]`; 1 by default.

        Returns:
            Scalars in float32: `total`, `content`, `style`, each of `IMAGE_TERMS`, and a term for each layer and
            scale, such as `content/relu3_3@1` and `style/relu1_2@0.5` (at half the resolution). All but `total` are
            unweighted; `content` is the mean of its layers' terms, `style` their mean weighted by `layer_weights`.
        """
        return self.weigh(self.sample_terms(stylized, content, grams=grams), stylized, emphasis=emphasis)

    def sample_terms(
        self,
        stylized: Tensor,
        content: dict[str, Tensor],
        *,
        grams: Mapping[str, Tensor] | None = None,
        window: Window | None = None,
        content_energies: Mapping[str, float] | None = None,
    ) -> dict[str, Tensor]:
        """Computes the content and style terms of each sample.

        Args:
            stylized: float RGB in [0, 1], `[N, 3, H, W]`.
            content: `content_features` of the photos and the same window.
            grams: as for `forward`.
            window: the part of the picture that is compared in full size, where features cost most; None for all of
                it. At smaller scales all of it is compared in any case.
            content_energies: mean squares by `term_key` that content errors are relative to; by default those of each
                photo, or of what its window shows.

        Returns:
            `[N]` by the names that `forward` gives the terms.
        """
        settings = self.settings
        terms: dict[str, Tensor] = {}
        for scale in dict.fromkeys([*settings.scales, *settings.content_scales]):
            style_layers = settings.style_layers if scale in settings.scales else []
            content_layers = settings.content_layers if scale in settings.content_scales else []
            features = self.encoder(at_scale(stylized, scale, window), [*style_layers, *content_layers])
            for layer in style_layers:
                gram, name = gram_matrix(features[layer]), term_key(layer, scale)
                target = grams[name] if grams else self.style_target(layer, scale)
                terms[f"style/{name}"] = relative_errors(gram, target)
            for layer in content_layers:
                name = term_key(layer, scale)
                energy = None
                if content_energies:
                    energy = content[name].new_full(
                        (len(content[name]),), content_energies[name] * content[name][0].numel(), dtype=torch.float32
                    )
                terms[f"content/{name}"] = relative_errors(features[layer], content[name], energy)
        contents = [value for name, value in terms.items() if name.startswith("content/")]
        weighted = [
            (self.layer_weights[layer], terms[f"style/{term_key(layer, scale)}"])
            for layer in settings.style_layers
            for scale in settings.scales
        ]
        terms["content"] = torch.stack(contents).mean(0)
        terms["style"] = torch.stack([w * v for w, v in weighted]).sum(0) / sum(w for w, _ in weighted)
        return terms

    def weigh(
        self, samples: Mapping[str, Tensor], stylized: Tensor, *, emphasis: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Averages `sample_terms`, and adds the image terms and the weighted total: what `forward` returns."""
        settings = self.settings
        terms = {name: value.mean() for name, value in samples.items()}
        content = samples["content"] if emphasis is None else samples["content"] * emphasis
        total = settings.content_weight * content.mean() + settings.style_weight * terms["style"]
        for name, (weight, term) in IMAGE_TERMS.items():
            terms[name] = term(stylized)
            total = total + getattr(settings, weight) * terms[name]
        terms["total"] = total
        return terms
