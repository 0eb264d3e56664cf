"""Turns the settings in an error into what the user of a command typed: `tile=32` into `--tile 32`.

A setting is looked up among the parameters of the command: under its own name, or, for the settings of `conf/`, under
the name in `PARAMETERS`. Commands that take settings as `NAME=VALUE`, such as `train`, have no such parameters, so
that their errors keep settings as they are.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import typer

from fast_style.errors import UNSET, FastStyleError, Spelling, spell_setting

PARAMETERS = {
    "style.image": "style",
    "style.size": "style_size",
    "encoder.name": "encoder",
    "encoder.weights": "weights",
    "encoder.pooling": "pooling",
    "loss.content_weight": "content_weight",
    "loss.style_weight": "style_weight",
    "loss.tv_weight": "tv_weight",
    "loss.layer_weights": "layer_weight",
    "data.dir": "photos",
}
"""Settings of `conf/`, and the parameter that sets each where a command has such a parameter."""

COMMAND_PARAMETERS: Mapping[str, Mapping[str, str]] = {
    "bench": {"pytorch_examples": "peer"},
    "similarity": {"style.image": "images", "style.size": "max_size"},
}
"""Further settings and arguments, by command."""


class Parameter(Protocol):
    """What is used here of a parameter as Typer builds it."""

    @property
    def name(self) -> str | None: ...

    @property
    def opts(self) -> list[str]: ...

    @property
    def secondary_opts(self) -> list[str]: ...


@dataclass(frozen=True)
class _Spelled:
    """How a parameter is written."""

    on: str
    """Its long option, or the metavar of an argument."""
    off: str | None
    """The option that turns a flag off, if there is one."""
    is_argument: bool


def spelling(command: str, parameters: Iterable[Parameter]) -> Spelling:
    """Returns the function that writes settings as a command's options.

    Args:
        command: Name of the command: `data coco`.
        parameters: The parameters that it takes.
    """
    names = {**PARAMETERS, **COMMAND_PARAMETERS.get(command, {})}
    known = {parameter.name: _spelled(parameter) for parameter in parameters}

    def spell(setting: str, value: object) -> str:
        found = known.get(setting) or known.get(names.get(setting))
        return spell_setting(setting, value) if found is None else _written(found, value)

    return spell


def context_spelling(context: typer.Context) -> Spelling:
    """Returns the `spelling` of the command that is running."""
    return spelling(context.info_name or "", context.command.params)


def _spelled(parameter: Parameter) -> _Spelled:
    options = [name for name in parameter.opts if name.startswith("--")]
    if options:
        return _Spelled(options[0], next(iter(parameter.secondary_opts), None), is_argument=False)
    metavar: str | None = getattr(parameter, "metavar", None)
    return _Spelled((metavar or str(parameter.name)).rstrip("…"), None, is_argument=True)


def _written(parameter: _Spelled, value: object) -> str:
    if value is UNSET or value is None or value is True:
        return parameter.on
    if value is False:
        return parameter.off or f"no {parameter.on}"
    values = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    text = " ".join(f"{each:g}" if isinstance(each, float) else str(each) for each in values)
    return text if parameter.is_argument else f"{parameter.on} {text}"


class ErrorsInLogs(logging.Filter):
    """Writes the errors among the arguments of log messages as the command line does.

    Args:
        spell: How to write a setting.
    """

    def __init__(self, spell: Spelling) -> None:
        super().__init__()
        self._spell = spell

    def filter(self, record: logging.LogRecord) -> bool:
        """Replaces the errors in place; keeps every record."""
        if isinstance(record.args, tuple):
            record.args = tuple(
                argument.render(self._spell) if isinstance(argument, FastStyleError) else argument
                for argument in record.args
            )
        return True
