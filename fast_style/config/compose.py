"""Composes settings: `conf/` and overrides go in, typed and checked settings come out.

Hydra composes the YAML files, and what it composed is merged into the schema, so that a misspelled key or a wrong type
is an error. `checks` looks at the values that a type cannot express.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from fast_style.config.checks import check
from fast_style.config.hydra_errors import COMMANDS, as_config_error
from fast_style.config.renamed import rename_settings
from fast_style.config.schema import DistillConfig, TrainConfig
from fast_style.errors import ConfigError, reason_of
from fast_style.system.files import atomic_write
from fast_style.system.paths import name_of, resource

Schema = TypeVar("Schema")

CONFIG = "config.yaml"
"""Name of the file in a run's folder that keeps its settings."""

UNUSABLE_IN_NAMES = frozenset('/\\:*?"<>|\0')


def register() -> None:
    """Registers the schemas and the `${stem:PATH}` resolver.

    `conf/train.yaml` and `conf/distill.yaml` start from the schemas under the names that are given here.
    """
    ConfigStore.instance().store(name="schema", node=structured(TrainConfig))
    ConfigStore.instance().store(name="distill_schema", node=structured(DistillConfig))
    OmegaConf.register_new_resolver("stem", lambda path: name_of(str(path)), replace=True)


def structured(schema: type) -> DictConfig:
    """Returns a schema as Hydra merges into it.

    It has no arguments of a network: `conf/model`, or a run's own settings, say all that a network takes, and what
    the schema's default network takes would be added to them.
    """
    node: DictConfig = OmegaConf.structured(schema)
    if schema is TrainConfig:
        node.model.arguments = {}
    return node


def to_config(composed: DictConfig) -> TrainConfig:
    """Returns typed and checked settings of a training run from what Hydra composed.

    Raises:
        ConfigError: A mandatory value is missing, or a value is impossible.
    """
    config = typed(composed, TrainConfig)
    check(config)
    return config


def typed(composed: object, schema: type[Schema]) -> Schema:
    """Returns what Hydra composed, or what a file held, as an object of `schema`.

    Raises:
        ConfigError: An unknown key, a wrong type or a missing mandatory value.
    """
    try:
        # It is merged into the schema once more, because +key=value on the command line gets past Hydra's own check.
        plain = OmegaConf.to_container(composed, resolve=False)
        config = OmegaConf.to_object(OmegaConf.merge(structured(schema), plain))
    except OmegaConfBaseException as error:
        raise as_config_error(error, schema) from error
    assert isinstance(config, schema)
    return config


def read_config(path: Path) -> TrainConfig:
    """Returns the settings that a run's folder keeps, of this version or an earlier one.

    Raises:
        ConfigError: The file is unreadable, or of another version of the schema.
    """
    try:
        plain = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
        if not isinstance(plain, dict):
            raise TypeError("not a mapping")
        values = rename_settings({str(key): _literal(value) for key, value in plain.items()})
        return typed(OmegaConf.create(values), TrainConfig)
    except Exception as error:  # PyYAML and OmegaConf raise types of their own
        raise ConfigError(
            f"{path}: not readable as settings ({reason_of(error)})", remedy="remove it to go without it"
        ) from error


def _literal(value: object) -> object:
    """Returns a value with texts that OmegaConf takes as they are: they were resolved before they were written."""
    if isinstance(value, dict):
        return {key: _literal(inner) for key, inner in value.items()}
    return value.replace("${", "\\${") if isinstance(value, str) else value


def write_config(config: TrainConfig, run_dir: Path) -> None:
    """Writes the settings of a run into its folder, where `read_config` finds them.

    Raises:
        WriteError: The file cannot be written.
    """
    with atomic_write(run_dir / CONFIG) as temporary:
        temporary.write_text(OmegaConf.to_yaml(asdict(config)), encoding="utf-8")


def compose_raw(overrides: list[str], schema: type) -> DictConfig:
    """Returns what Hydra composes from the file of a schema's command in `conf/` and these overrides.

    Raises:
        ConfigError: An override that Hydra cannot parse or the schema refuses.
    """
    register()
    try:
        with initialize_config_dir(str(resource("conf")), version_base="1.3"):
            return compose(COMMANDS[schema], overrides)
    except (HydraException, OmegaConfBaseException) as error:
        raise as_config_error(error, schema) from error


def style_name(config: TrainConfig) -> str:
    """Returns the name of the model: `style.name`, or that of the style image, or of the folder of them.

    Raises:
        ConfigError: The name is empty, or not usable as that of a folder.
    """
    name = config.style.name or name_of(config.style.images or config.style.image or "")
    if not name or name.startswith(".") or UNUSABLE_IN_NAMES & set(name):
        raise ConfigError("not usable as the name of a folder", setting="style.name", value=name, remedy="give another")
    return name
