"""The schema of `conf/`: every key with its type, so that a misspelt key or a wrong type is an error.

Hydra checks the composed YAML against these classes; `check` looks at values that a type can't express.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException, OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    MissingMandatoryValue,
    OmegaConfBaseException,
    ValidationError,
)

from fast_style.config.checks import check
from fast_style.config.overrides import PATHS
from fast_style.config.schema import DistillConfig, TrainConfig
from fast_style.errors import ConfigError, first_line
from fast_style.system.paths import resource

Schema = TypeVar("Schema")


def register() -> None:
    """Makes the schemas known to Hydra under the names that `train.yaml` and `distill.yaml` start from, and `${stem:…}`
    to OmegaConf."""
    ConfigStore.instance().store(name="schema", node=TrainConfig)
    ConfigStore.instance().store(name="distill_schema", node=DistillConfig)
    OmegaConf.register_new_resolver("stem", lambda path: Path(str(path)).stem, replace=True)


def to_config(composed: Any) -> TrainConfig:
    """Typed and checked values from what Hydra composed.

    Raises:
        ConfigError: a mandatory value is missing, or a value is impossible.
    """
    config = typed(composed, TrainConfig)
    check(config)
    return config


def typed(composed: Any, schema: type[Schema]) -> Schema:
    """What Hydra composed as an object of `schema`.

    Raises:
        ConfigError: an unknown key, a wrong type or a missing mandatory value.
    """
    try:
        # Merged into the schema once more: +key=value on the command line gets past Hydra's own check.
        plain = OmegaConf.to_container(composed, resolve=False)
        config = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(schema), plain))
    except OmegaConfBaseException as error:
        raise ConfigError(explain(error, schema)) from error
    assert isinstance(config, schema)
    return config


CONFIG = "config.yaml"
"""File in a run folder with its settings."""


def read_config(path: Path) -> TrainConfig:
    """The settings that a run folder keeps.

    Raises:
        ConfigError: unreadable, or of another version of the schema.
    """
    try:
        return typed(OmegaConf.load(path), TrainConfig)
    except Exception as error:  # PyYAML and OmegaConf raise types of their own
        raise ConfigError(f"{path}: not readable as settings ({first_line(error)}); remove it to go without") from error


def _compose(overrides: list[str], schema: type[Schema]) -> Schema:
    return typed(_composed(overrides, schema), schema)


COMMANDS: dict[type, str] = {TrainConfig: "train", DistillConfig: "distill"}
"""Of each schema the command that it is of, and the name of its file in `conf/`."""


def _composed(overrides: list[str], schema: type) -> Any:
    register()
    try:
        with initialize_config_dir(str(resource("conf")), version_base="1.3"):
            return compose(COMMANDS[schema], overrides)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(explain(error, schema)) from error


def explain(error: BaseException, schema: type = TrainConfig) -> str:
    """One line, with the key and the remedy, out of the several that Hydra and OmegaConf make of an error."""
    if isinstance(error, OverrideParseException):
        hint = "a value with '=', brackets or quotes in it needs quotes inside quotes: 'style.title=\"A = B\"'"
        return f"{error.override}: not readable as a setting; {hint}"
    cause = error if isinstance(error, OmegaConfBaseException) else error.__cause__
    key = getattr(cause, "full_key", None)
    if isinstance(cause, (ConfigAttributeError, ConfigKeyError)) and key:
        if key.startswith("loss.layer_weights."):
            return f"{key}: is not there yet; put a + before it: +{key}=VALUE"
        similar = difflib.get_close_matches(key, setting_names(schema), n=1)
        remedy = f"did you mean {similar[0]}?" if similar else f"fast-style {COMMANDS[schema]} --help shows them all"
        return f"{key}: no such setting; {remedy}"
    if isinstance(cause, MissingMandatoryValue) and key:
        title = OmegaConf.select(cause.parent_node, "title") if key == "style.image" else None
        why = f"{title} brings no picture (its painting is not part of the project)" if title else "no value given"
        return f"{key}: {why}; add {key}={'PATH' if key in PATHS else 'VALUE'}"
    if isinstance(cause, ValidationError) and key:
        return f"{key}: {first_line(cause)}"
    text = str(error).split("Config search path")[0]
    return " ".join(line.strip() for line in text.splitlines() if line.strip())


def setting_names(schema: type = TrainConfig) -> list[str]:
    """Every key of the schema, with its section: `style.image`."""
    return [name for name, _ in _settings(schema)]


def _settings(schema: type) -> Iterator[tuple[str, str]]:
    """Every key of the schema with its meaning, where it has one."""
    structured = OmegaConf.structured(schema)
    for part in fields(schema):
        section = OmegaConf.get_type(structured, part.name)
        inner = fields(section) if is_dataclass(section) else ()
        for each in inner:
            yield f"{part.name}.{each.name}", each.metadata.get("meaning", "")
        if not inner:
            yield part.name, part.metadata.get("meaning", "")


def style_name(config: TrainConfig) -> str:
    """`style.name`, or the file name of the style image; it names folders, so it must be fit for that.

    Raises:
        ConfigError: an empty name, or one with a path separator or a leading dot.
    """
    name = config.style.name or Path(config.style.image).stem
    if not name or name.startswith(".") or any(c in name for c in '/\\:*?"<>|\0'):
        raise ConfigError(f"style.name={name}: not usable as the name of a folder; give another")
    return name


def groups() -> dict[str, list[str]]:
    """The groups of `conf/`, with the names of what is in each."""
    folders = sorted(path for path in resource("conf").iterdir() if path.is_dir())
    return {folder.name: sorted(path.stem for path in folder.glob("*.yaml")) for folder in folders}
