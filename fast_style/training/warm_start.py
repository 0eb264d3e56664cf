"""How a training run begins where another one ended: from the weights of a model, or from a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from fast_style.config.compose import CONFIG, read_config, style_name
from fast_style.config.schema import AUTO, TrainConfig
from fast_style.errors import UNSET, ConfigError
from fast_style.models.artifact import SAFETENSORS, find_model, read_info
from fast_style.models.networks import TransformationNetwork, is_strength_parameter, load_network
from fast_style.perceptual.losses import PerceptualLoss
from fast_style.training.checkpoints import read_checkpoint
from fast_style.training.module import Hyperparameters

SAME_WEIGHTS = ("takes_strength", "upsampling", "styles")
"""Arguments by which networks may differ and still begin with one another's weights."""


def find_initial_model(config: TrainConfig) -> str | None:
    """Returns the model that a training run starts from, as the setting `init_from` says.

    Raises:
        ModelNotFoundError: the network's base does not exist.
    """
    if config.init_from != AUTO or config.model.base is None:
        return None if config.init_from == AUTO else config.init_from
    files = find_model(config.model.base)
    if files.safetensors is None:
        return None
    base = read_info(files.safetensors)
    wanted = {"width": config.model.width, "blocks": config.model.blocks, **config.model.arguments}
    fits = base.network == config.model.name and _size(base.network_arguments) == _size(wanted)
    return config.model.base if fits else None


def _size(arguments: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in arguments.items() if key not in SAME_WEIGHTS}


def load_initial_weights(
    model: str,
    network: TransformationNetwork,
    styles: Sequence[str],
    choose_blend: Callable[[TransformationNetwork, int], Tensor],
) -> None:
    """Gives `network` the weights of the trained model that the setting `init_from` names.

    Args:
        model: name or path of the model.
        network: the network to train, which is changed in place.
        styles: names of the styles to learn, where they are several: each begins with the model's style of that name.
        choose_blend: returns the weights `[K]` of the styles of a network that holds K, with which a style begins
            that the network does not know by name, given its number in the network to train.

    Raises:
        ModelNotFoundError: there is no such model.
        ConfigError: the model has another network, or no weights that can be trained.
    """
    files = find_model(model)
    if files.safetensors is None:
        raise ConfigError(
            f"has no {SAFETENSORS}; an .onnx file cannot be trained further", setting="init_from", value=model
        )
    trained = load_network(files.safetensors)
    # A network may be trained on with smoother upsampling, for other styles, and with a strength.
    if trained.name != network.name or _size(trained.arguments) != _size(network.arguments):
        raise ConfigError(
            f"is {trained.name} {trained.arguments}, the model to train is {network.name} {network.arguments}",
            setting="init_from",
            value=model,
            remedy="give it the same {model.name} and arguments",
            suggestions={"model.name": UNSET},
        )
    # A single style goes by no name: two people's "wave" are two paintings, and the loss tells them apart.
    known = [style["name"] for style in read_info(files.safetensors).styles] if len(styles) > 1 else []
    names = [*styles] if len(styles) > 1 else [""]
    choices = torch.eye(trained.styles)
    blends = [
        choices[known.index(name)]
        if name in known
        else choose_blend(trained, number)
        if trained.styles > 1
        else choices[0]
        for number, name in enumerate(names)
    ]
    weights = trained.with_styles(torch.stack(blends)).state_dict()
    # The other weights are those at strength 1, whether or not the model takes a strength. What another style has
    # learned about the strength would be of little use.
    wanted = {key: value for key, value in weights.items() if not is_strength_parameter(key)}
    network.load_state_dict(wanted, strict=False)


@torch.no_grad()
def nearest_blend(trained: TransformationNetwork, criterion: PerceptualLoss, photos: Tensor, style: int = 0) -> Tensor:
    """Returns the blend of a network's styles whose pictures have the lowest loss.

    Each style is tried alone, and then the best two and the best three together. What is new in a style is learned
    from there; the loss itself decides, so nothing has to be known of the paintings that the network learned.

    Args:
        trained: a network of K styles.
        criterion: the loss of the styles to learn.
        photos: float RGB in [0, 1], `[N, 3, H, W]`.
        style: number of the style to learn.

    Returns:
        Weights `[K]`, which sum to 1.
    """
    content = criterion.content_features(photos)
    grams = criterion.style_targets(torch.full((len(photos),), style, device=photos.device))

    def total(weights: Tensor) -> float:
        return float(criterion(trained(photos, style=weights), content, grams=grams)["total"])

    single = torch.eye(trained.styles)
    ranked = sorted(single, key=total)
    blends = [torch.stack(ranked[:count]).mean(0) for count in (1, 2, 3) if count <= len(ranked)]
    return min(blends, key=total)


def check_same_run(path: Path, hyperparameters: Hyperparameters, name: str) -> None:
    """Checks that the checkpoint which the setting `resume` names belongs to this very network, optimizer and style.

    Args:
        path: the checkpoint.
        hyperparameters: of the run that is to continue.
        name: name of its model.

    Raises:
        ConfigError: the checkpoint is of something else, or cannot be read.
    """
    found = read_checkpoint(path, setting="resume").hyper_parameters
    given = "give the settings it began with"
    try:
        began_with = Hyperparameters(**found)
    except TypeError as error:
        raise ConfigError(
            "not a checkpoint of fast-style train", setting="resume", value=path, remedy="give another file"
        ) from error
    old, new = (_describe(each) for each in (began_with, hyperparameters))
    if old != new:
        raise ConfigError(f"is a training run of {old}, and not of {new}", setting="resume", value=path, remedy=given)
    settings_file = path.parent / CONFIG
    if not settings_file.is_file():
        return
    config = read_config(settings_file)
    if style_name(config) != name:
        raise ConfigError(
            f"is a training run of {style_name(config)}, and not of {name}",
            setting="resume",
            value=path,
            remedy=f"{given}, like {{style.image}}, or {{init_from}} to begin with other weights",
            suggestions={"style.image": config.style.image, "init_from": "MODEL"},
        )


def _describe(hyperparameters: Hyperparameters) -> str:
    return f"{hyperparameters.network} {hyperparameters.network_arguments} with {hyperparameters.optimizer}"
