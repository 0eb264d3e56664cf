"""Translation of model files, cards and checkpoints of earlier versions into today's names.

Schema 1.0 called a network's strength its "dial", and the coefficients behind it "slopes". Files with those names are
never rewritten: whoever reads one passes the content through a function of this module. Values that carry today's
names pass through unchanged. Standard library alone, so that a model can be read without torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias, TypeVar

Value = TypeVar("Value")
JsonObject: TypeAlias = dict[str, Any]
"""An object read from JSON or about to be written as JSON; whoever reads one checks the values it needs."""

STATE_SUFFIXES = {"slopes": "strength_coefficients"}
"""Last parts of state-dict keys, old to new."""
NETWORK_ARGUMENTS = {"dial": "takes_strength"}
"""Arguments of a network's constructor, old to new."""
TRAINING_KEYS = {"dial_share": "strength_share"}
"""Keys of a training record and of a checkpoint's hyperparameters, old to new."""
SCORECARD_KEYS = {"dial": "strength", "flicker": "sensitivity"}
"""Keys of a scorecard, old to new."""


def rename_keys(values: Mapping[str, Value], names: Mapping[str, str]) -> dict[str, Value]:
    """Returns a copy of `values` with its keys renamed, in their order; a new name that is there already wins."""
    return {names.get(key, key): value for key, value in values.items() if not (key in names and names[key] in values)}


def migrate_network_arguments(arguments: Mapping[str, Value]) -> dict[str, Value]:
    """Returns the arguments of a network's constructor under today's names."""
    return rename_keys(arguments, NETWORK_ARGUMENTS)


def migrate_hyper_parameters(hyper_parameters: Mapping[str, object]) -> JsonObject:
    """Returns the hyperparameters of a training checkpoint, `network_arguments` among them, under today's names."""
    return _migrate_parts(rename_keys(hyper_parameters, TRAINING_KEYS), network_arguments=NETWORK_ARGUMENTS)


def migrate_metadata(metadata: Mapping[str, object]) -> JsonObject:
    """Returns a model's metadata, already parsed from JSON, under today's names."""
    return _migrate_parts(metadata, network_arguments=NETWORK_ARGUMENTS, training=TRAINING_KEYS)


def migrate_card(card: Mapping[str, object]) -> JsonObject:
    """Returns the content of a `card.json` under today's names."""
    return _migrate_parts(card, network=NETWORK_ARGUMENTS, training=TRAINING_KEYS, scorecard=SCORECARD_KEYS)


def migrate_state_dict(state: Mapping[str, Value]) -> dict[str, Value]:
    """Returns a state dict, of a network or of a module that holds one, under today's parameter names."""
    return {_migrate_state_key(key): value for key, value in state.items()}


def _migrate_state_key(key: str) -> str:
    parent, dot, last = key.rpartition(".")
    return f"{parent}{dot}{STATE_SUFFIXES.get(last, last)}"


def _migrate_parts(values: Mapping[str, object], **names: Mapping[str, str]) -> JsonObject:
    """Returns a copy with the keys of the named parts renamed; a part that is no dictionary stays as it is."""
    return {
        key: rename_keys(value, names[key]) if key in names and isinstance(value, dict) else value
        for key, value in values.items()
    }
