"""Checks of values that a type cannot rule out: the limits that the schema states, and the rules between settings."""

from __future__ import annotations

import math

from fast_style.config.schema import ANYTHING, DistillConfig, Limits, Setting, TrainConfig, settings
from fast_style.errors import UNSET, ConfigError

SMALLEST_SCALED = 8
"""Shortest side, in pixels, of the crops at the smallest scale at which they are compared."""

LARGEST = 2**63
"""Numbers from here up do not fit into 64 bits."""


def check(config: TrainConfig) -> None:
    """Checks the settings of a training run.

    Raises:
        ConfigError: For the first value with which no run is possible.
    """
    check_limits(config)
    if (config.style.image is None) == (config.style.images is None):
        raise ConfigError(
            "needs either one image or a folder of them",
            setting="style",
            remedy="give {style.image} or {style.images}",
            suggestions={"style.image": UNSET, "style.images": UNSET},
        )
    loss = config.loss
    for key, scales in (("scales", loss.scales), ("content_scales", loss.content_scales)):
        smallest = min(scales)
        if smallest > 0 and config.data.image_size * smallest < SMALLEST_SCALED:
            raise ConfigError(
                f"{smallest} of data.image_size={config.data.image_size} is less than {SMALLEST_SCALED} pixels, too "
                "few for an encoder",
                setting=f"loss.{key}",
                remedy="leave it out or use a larger {data.image_size}",
                suggestions={"data.image_size": math.ceil(SMALLEST_SCALED / smallest)},
            )
    if loss.adversarial_weight > 0 and config.style.images is not None:
        raise ConfigError(
            "works with a single style, and each image of style.images is one",
            setting="loss.adversarial_weight",
            value=loss.adversarial_weight,
            remedy="give the paintings of one hand as {style.image}",
            suggestions={"style.image": config.style.images},
        )
    if loss.content_weight == loss.style_weight == 0:
        raise ConfigError(
            "content_weight and style_weight are both 0, so there is nothing to learn",
            setting="loss",
            remedy="make one of them larger",
        )


def check_distillation(config: DistillConfig) -> None:
    """Checks the settings of a distillation.

    Raises:
        ConfigError: For the first value with which no distillation is possible.
    """
    check_limits(config)
    if config.longest_life < config.shortest_life:
        raise ConfigError(
            f"must be at least shortest_life={config.shortest_life}", setting="longest_life", value=config.longest_life
        )
    teacher = config.teacher
    if teacher.content_layer not in teacher.layers:
        raise ConfigError(
            f"must be one of teacher.layers, {', '.join(teacher.layers)}",
            setting="teacher.content_layer",
            value=teacher.content_layer,
        )


def check_limits(config: TrainConfig | DistillConfig) -> None:
    """Checks every value against the limits that the schema states for it.

    Raises:
        ConfigError: For the first value outside of its limits.
    """
    for each in settings(type(config)):
        condition = each.limits.only_if
        if condition is None or value_of(config, condition):
            _check_setting(each, value_of(config, each.name))


def value_of(config: object, name: str) -> object:
    """Returns the value of a setting by its full name: `style.image`."""
    value = config
    for key in name.split("."):
        value = getattr(value, key)
    return value


def _check_setting(each: Setting, value: object) -> None:
    if each.path and value == "":
        raise ConfigError("is empty", setting=each.name, value="", remedy="give a path, or leave it out")
    if each.limits.not_empty and not value:
        raise ConfigError("needs at least one entry", setting=each.name, value=value)
    for entry in value if isinstance(value, list) else [value]:
        problem = _problem(entry, each.limits)
        if problem is not None:
            raise ConfigError(problem, setting=each.name, value=value)


def _problem(value: object, limits: Limits) -> str | None:
    """Returns what is wrong with one value, or None."""
    if isinstance(value, str):
        wrong = limits.choices and value not in limits.choices
        return f"must be one of {', '.join(limits.choices)}" if wrong else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not _inside(value, limits):
        return f"must be {_described(limits)}"
    if limits != ANYTHING and value >= LARGEST:
        return "is too large"
    if limits.multiple_of is not None and value % limits.multiple_of:
        return f"must be a multiple of {limits.multiple_of}"
    return None


def _inside(value: float, limits: Limits) -> bool:
    """Whether a number lies within its bounds; NaN, which compares with nothing, does not, where there is one."""
    return (
        (limits.minimum is None or value >= limits.minimum)
        and (limits.above is None or value > limits.above)
        and (limits.maximum is None or value <= limits.maximum)
        and (limits.below is None or value < limits.below)
    )


def _described(limits: Limits) -> str:
    """Returns the bounds in words: `above 0 and at most 1`."""
    bounds = {
        "at least": limits.minimum,
        "above": limits.above,
        "at most": limits.maximum,
        "below": limits.below,
    }
    return " and ".join(f"{word} {bound:g}" for word, bound in bounds.items() if bound is not None)
