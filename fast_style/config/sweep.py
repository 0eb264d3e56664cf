"""Sweeps: the jobs of a multirun, and a model name for each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override
from hydra.errors import HydraException, OverrideParseException
from omegaconf import MISSING, OmegaConf

from fast_style.config.compose import _composed, explain, groups, style_name, to_config
from fast_style.config.overrides import PATHS, quoted
from fast_style.config.schema import TrainConfig
from fast_style.errors import ConfigError


def with_own_names(overrides: list[str]) -> list[str]:
    """In a sweep, `style.name` with what is swept: each job's model needs a folder. A style, its image or its name
    alone is name enough."""
    flags = MULTIRUN & set(overrides)
    settings = [override for override in overrides if not override.startswith("-")]
    try:
        parsed = OverridesParser.create().parse_overrides(settings)
    except OverrideParseException:  # Hydra says it better
        return overrides
    last = {override.key_or_group or "": override for override in parsed}
    swept = {key: override for key, override in last.items() if override.is_sweep_override()}
    if not flags or not swept or any("style.name" in text and "${" in text for text in settings):
        return overrides
    constant = [override.input_line or "" for key, override in last.items() if key not in swept]
    try:
        style: Any = OmegaConf.to_container(_composed(constant, TrainConfig).style)
    except ConfigError:
        return overrides
    named = [] if "style.name" in swept or not style["name"] else [style["name"]]
    if not named and len(swept) == 1 and swept.keys() & NAMING:
        return overrides
    if not named and not swept.keys() & NAMING:
        if style["image"] == MISSING:  # an error of its own
            return overrides
        named = ["${stem:${style.image}}"]
    for key in sorted((key for key in swept if key != "style.name"), key=lambda key: key not in NAMING):
        value = f"${{stem:${{{key}}}}}" if key in PATHS else f"${{{key}}}"
        if key in groups():
            value = f"${{hydra:runtime.choices.{key}}}"
        named.append(value if key in NAMING else f"{key.rpartition('.')[2]}-{value}")
    if "style.name" not in swept:
        return [*overrides, f"style.name={quoted(Path('-'.join(named)))}"]
    own = [str(getattr(value, "text", value)) for value in swept["style.name"].sweep_iterator()]
    return [*overrides, "style.name=" + ",".join(quoted(Path("-".join([name, *named]))) for name in own)]


MULTIRUN = {"-m", "--multirun"}
"""Hydra's flags of a sweep."""


NAMING = ("style", "style.image", "style.name")
"""Settings that name a model by themselves."""


def compose_sweep(overrides: list[str]) -> list[TrainConfig]:
    """The settings of every job of a sweep, from what `normalized` gave; none of a single run, and none where other
    flags of Hydra's or another sweeper than its own have a say.

    Raises:
        ConfigError: as `to_config`, or two jobs would write the same model.
    """
    flags = {override for override in overrides if override.startswith("-")}
    if not flags or flags - MULTIRUN or any("hydra/sweeper=" in override for override in overrides):
        return []
    made: dict[str, list[str]] = {}
    configs = []
    for job in _jobs(overrides):
        configs.append(to_config(_composed(job, TrainConfig)))
        name = style_name(configs[-1])
        if name in made:
            differ = [text for text in (*made[name], *job) if not (text in made[name] and text in job)]
            told = ", ".join(text for text in differ if not text.startswith("style.name="))
            raise ConfigError(
                f"style.name={name}: two jobs of the sweep would write this model{f' ({told})' if told else ''}; leave "
                f"one out, rename a picture, or train them one by one with style.name=NAME"
            )
        made[name] = job
    return configs


def _jobs(overrides: Sequence[str]) -> list[list[str]]:
    """The overrides of each job of a sweep; of a single run, which has no flag for it, as they are."""
    settings = [override for override in overrides if not override.startswith("-")]
    if not MULTIRUN & set(overrides):
        return [settings]
    try:
        parsed = OverridesParser.create().parse_overrides(settings)
        # Of several overrides of one key Hydra takes the last.
        choices = {
            override.get_key_element(): [f"{override.get_key_element()}={value}" for value in _swept(override)]
            if override.is_sweep_override()
            else [text]
            for text, override in zip(settings, parsed, strict=True)
        }
    except HydraException as error:  # also of what can't be counted, an interval
        raise ConfigError(explain(error)) from error
    jobs = []
    for job in product(*choices.values()):
        made = list(job)
        for override in job:
            key, _, value = override.partition("=")
            # What `with_own_names` asks of Hydra, whose application does not run here.
            made = [text.replace(f"${{hydra:runtime.choices.{key}}}", value) for text in made]
        jobs.append(made)
    return jobs


def _swept(override: Override) -> Iterable[str]:
    """The values of a sweep, `model=lite,johnson` or `model=glob(*)`."""
    value = override.value()
    # Hydra finds what a pattern means in its application alone.
    if isinstance(value, Glob):
        return value.filter(groups().get(override.key_or_group, []))
    return override.sweep_string_iterator()
