"""Sweeps: the jobs that `-m` asks for, and a model name for each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override
from hydra.errors import HydraException, OverrideParseException
from omegaconf import OmegaConf

from fast_style.config.choices import groups
from fast_style.config.compose import compose_raw, style_name, to_config
from fast_style.config.hydra_errors import as_config_error
from fast_style.config.overrides import in_quotes
from fast_style.config.schema import PATHS, TrainConfig
from fast_style.errors import ConfigError

MULTIRUN = {"-m", "--multirun"}
"""Hydra's flags for a sweep."""

NAMING = ("style", "style.image", "style.name")
"""Settings that name a model by themselves."""


def with_own_names(overrides: list[str]) -> list[str]:
    """Adds to a sweep a `style.name` that tells its jobs apart, because each job's model needs its own folder.

    Nothing is added where only the style, its image or its name is swept: these name the model already.
    """
    texts = [override for override in overrides if not override.startswith("-")]
    if not MULTIRUN & set(overrides) or any("style.name" in text and "${" in text for text in texts):
        return overrides
    try:
        parsed = OverridesParser.create().parse_overrides(texts)
    except OverrideParseException:  # reported better when Hydra composes
        return overrides
    last = {override.key_or_group or "": override for override in parsed}
    swept = {key: override for key, override in last.items() if override.is_sweep_override()}
    if not swept:
        return overrides
    constant = [override.input_line or "" for key, override in last.items() if key not in swept]
    fixed = _fixed_parts(constant, swept.keys())
    if fixed is None:
        return overrides
    parts = [*fixed, *_swept_parts(swept.keys())]
    if "style.name" not in swept:
        return [*overrides, f"style.name={in_quotes('-'.join(parts))}"]
    given = [str(getattr(value, "text", value)) for value in swept["style.name"].sweep_iterator()]
    return [*overrides, "style.name=" + ",".join(in_quotes("-".join([name, *parts])) for name in given)]


def _fixed_parts(constant: list[str], swept: Iterable[str]) -> list[str] | None:
    """Returns the part of a name that all jobs share; None where the jobs need no names, or there is none to give.

    Args:
        constant: The overrides that are not swept.
        swept: The settings that are.
    """
    keys = set(swept)
    try:
        style = compose_raw(constant, TrainConfig).style
    except ConfigError:  # reported when the jobs are composed
        return None
    name = None if OmegaConf.is_missing(style, "name") else style.name
    if name and "style.name" not in keys:
        return [str(name)]
    if keys & set(NAMING):
        return None if len(keys) == 1 else []
    return None if OmegaConf.is_missing(style, "image") else ["${stem:${style.image}}"]


def _swept_parts(swept: Iterable[str]) -> list[str]:
    """Returns the part of a name for each setting that is swept, those that name a style first."""
    parts = []
    for key in sorted((key for key in swept if key != "style.name"), key=lambda key: key not in NAMING):
        value = f"${{stem:${{{key}}}}}" if key in PATHS else f"${{{key}}}"
        if key in groups():
            value = f"${{hydra:runtime.choices.{key}}}"
        parts.append(value if key in NAMING else f"{key.rpartition('.')[2]}-{value}")
    return parts


def compose_sweep(overrides: list[str]) -> list[TrainConfig]:
    """Returns the settings of every job of a sweep.

    There are none for a single run, nor where other flags of Hydra's or another sweeper decide on the jobs.

    Args:
        overrides: As `normalized` returns them.

    Raises:
        ConfigError: A job's settings are wrong, or two jobs would write the same model.
    """
    flags = {override for override in overrides if override.startswith("-")}
    if not flags or flags - MULTIRUN or any("hydra/sweeper=" in override for override in overrides):
        return []
    found: dict[str, list[str]] = {}
    configs = []
    for job in sweep_jobs(overrides):
        configs.append(to_config(compose_raw(job, TrainConfig)))
        name = style_name(configs[-1])
        if name in found:
            raise _same_name(name, found[name], job)
        found[name] = job
    return configs


def _same_name(name: str, first: list[str], second: list[str]) -> ConfigError:
    different = [text for text in (*first, *second) if not (text in first and text in second)]
    which = ", ".join(text for text in different if not text.startswith("style.name="))
    return ConfigError(
        f"two jobs of the sweep would write this model{f' ({which})' if which else ''}",
        setting="style.name",
        value=name,
        remedy="leave one out, rename a picture, or train them one by one with {style.name}",
        suggestions={"style.name": "NAME"},
    )


def sweep_jobs(overrides: Sequence[str]) -> list[list[str]]:
    """Returns the overrides of each job of a sweep; those of a single run, without its flags, as its one job.

    Raises:
        ConfigError: An override cannot be parsed, or has values that cannot be counted, such as an interval.
    """
    texts = [override for override in overrides if not override.startswith("-")]
    if not MULTIRUN & set(overrides):
        return [texts]
    try:
        parsed = OverridesParser.create().parse_overrides(texts)
        # Of several overrides of one key Hydra takes the last.
        choices = {
            override.get_key_element(): [f"{override.get_key_element()}={value}" for value in _swept_values(override)]
            if override.is_sweep_override()
            else [text]
            for text, override in zip(texts, parsed, strict=True)
        }
    except HydraException as error:
        raise as_config_error(error) from error
    return [_with_choices(job) for job in product(*choices.values())]


def _with_choices(job: Sequence[str]) -> list[str]:
    """Replaces what `with_own_names` asks of Hydra's application, which does not run here."""
    replaced = list(job)
    for override in job:
        key, _, value = override.partition("=")
        replaced = [text.replace(f"${{hydra:runtime.choices.{key}}}", value) for text in replaced]
    return replaced


def _swept_values(override: Override) -> Iterable[str]:
    """Returns the values of a sweep: `model=lite,johnson` or `model=glob(*)`."""
    value: object = override.value()
    # Hydra resolves a pattern in its application only.
    if isinstance(value, Glob):
        return value.filter(groups().get(override.key_or_group, []))
    return override.sweep_string_iterator()
