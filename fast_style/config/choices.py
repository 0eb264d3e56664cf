"""The groups of `conf/`, such as `style`, and what stands in an override in place of one of their choices."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from fast_style.config.schema import DistillConfig, TrainConfig, settings
from fast_style.errors import UNSET, ConfigError
from fast_style.images.formats import IMAGE_SUFFIXES
from fast_style.system.paths import check_no_url, resource


def groups() -> dict[str, list[str]]:
    """Returns the groups of `conf/`, and the names of the choices in each."""
    folders = sorted(path for path in resource("conf").iterdir() if path.is_dir())
    return {folder.name: sorted(path.stem for path in folder.glob("*.yaml")) for folder in folders}


def check_choices(overrides: Sequence[str], schema: type = TrainConfig) -> None:
    """Checks that what is chosen in a group is a name: Hydra has no error of its own for `style=3` and `style=null`.

    Args:
        overrides: As a user gives them.
        schema: The settings that they are for; a distillation has no groups.

    Raises:
        ConfigError: It is a number, a list or something else.
    """
    known = groups()
    for override in overrides:
        group, equals, value = override.partition("=")
        if equals and not group:
            raise not_a_setting(override, schema)
        if group not in known:
            continue
        if schema is DistillConfig:
            raise no_such_setting(group, schema)
        try:
            parsed = OverridesParser.create().parse_override(override)
        except HydraException:  # reported better when Hydra composes
            continue
        if not parsed.is_sweep_override() and not isinstance(parsed.value(), str):
            raise no_such_choice(group, value)


def no_such_choice(group: str, value: str) -> ConfigError:
    """Returns the error for a value that is not the name of a choice in a group, with what was meant if that shows."""
    known = groups().get(group, [])
    own = {"style": "style.image", "data": "data.dir"}.get(group)
    if own is not None and (Path(value).suffix.lower() in IMAGE_SUFFIXES or "/" in value or Path(value).is_dir()):
        return ConfigError(
            "no such choice", setting=group, value=value, remedy=f"did you mean {{{own}}}?", suggestions={own: value}
        )
    similar = difflib.get_close_matches(value, known, n=1, cutoff=0.7)
    remedy = f"did you mean {{{group}}}?" if similar else f"use one of {', '.join(known)}"
    suggestions = {group: similar[0]} if similar else {}
    return ConfigError("no such choice", setting=group, value=value, remedy=remedy, suggestions=suggestions)


def no_such_setting(name: str, schema: type) -> ConfigError:
    """Returns the error for a name that no setting has, with those that may be meant, or those that there are."""
    names = [each.name for each in settings(schema)]
    section, _, last = name.rpartition(".")
    # A name without its section, or with the section of another, before one that is spelled wrong.
    meant = [known for known in names if known.rpartition(".")[2] == last]
    inside = [known for known in names if section and known.startswith(f"{section}.")]
    if not meant and inside:  # the section itself does not make names alike
        meant = [f"{section}.{similar}" for similar in difflib.get_close_matches(
            last, [known.removeprefix(f"{section}.") for known in inside], n=1
        )]  # fmt: skip
    elif not meant:
        meant = difflib.get_close_matches(name, names, n=1)
    if meant:
        return ConfigError(
            "no such setting", setting=name, remedy=f"did you mean {' or '.join(f'{{{known}}}' for known in meant)}?",
            suggestions=dict.fromkeys(meant, UNSET),
        )  # fmt: skip
    there_are = inside or dict.fromkeys(known.partition(".")[0] for known in names)
    return ConfigError("no such setting", setting=name, remedy=f"there are {', '.join(there_are)}")


def not_a_setting(word: str, schema: type) -> ConfigError:
    """Returns the error for an argument without a `=`, such as `painting.jpg`, with the setting that it may be for."""
    meant = _meant(word, schema)
    if meant is None:
        example = ("photos", "photos/") if schema is DistillConfig else ("style.image", "painting.jpg")
        return ConfigError(
            "settings are written NAME=VALUE", setting=word, remedy=f"for example {{{example[0]}}}",
            suggestions=dict([example]),
        )  # fmt: skip
    setting, value = meant
    return ConfigError(
        "settings are written NAME=VALUE", setting=word, remedy=f"did you mean {{{setting}}}?",
        suggestions={setting: value},
    )  # fmt: skip


def _meant(word: str, schema: type) -> tuple[str, object] | None:
    """Returns the setting that a word without a name is probably the value of, or the name of, and a value for it."""
    check_no_url(word, ConfigError)
    distills = schema is DistillConfig
    names = [each.name for each in settings(schema)]
    if word in names:
        return word, "VALUE"
    path = Path(word).expanduser()
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return ("styles", f"[{word}]") if distills else ("style.image", word)
    if path.suffix == ".ckpt":
        return "resume", word
    if path.suffix in (".safetensors", ".onnx"):
        return ("student.start" if distills else "init_from"), word
    if path.is_dir() or word.endswith("/"):
        return ("photos" if distills else "data.dir"), word
    if not distills:
        for group, choices in groups().items():
            if word == group:
                return group, choices[0] if len(choices) == 1 else "NAME"
            if word in choices:
                return group, word
    similar = difflib.get_close_matches(word, names, n=1, cutoff=0.7)
    return (similar[0], "VALUE") if similar else None
