"""The pages of the reference that are made of code: every command with its options, and every setting.

MkDocs runs this file as a hook and adds the pages at build time, so that they cannot fall behind the code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from inspect import cleandoc
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

    from fast_style.config.schema import Limits


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the generated pages: an event of MkDocs."""
    from mkdocs.structure.files import File

    for name, content in (("commands", commands_page()), ("settings", settings_page())):
        files.append(File.generated(config, f"reference/{name}.md", content=content))
    return files


def on_post_build(config: MkDocsConfig) -> None:
    """Refuses pages that would ask another host for something: an event of MkDocs."""
    from mkdocs.exceptions import PluginError

    for page in sorted(Path(config.site_dir).rglob("*.html")):
        if found := requests(page.read_text(encoding="utf-8")):
            raise PluginError(f"{page}: asks another host for {', '.join(found)}")


def requests(html: str) -> list[str]:
    """Returns the addresses on other hosts that a browser asks for when it shows a page; links are not among them."""
    tags = re.findall(r"<(?:script|img|link|iframe|source|video|audio|object|embed|use)\b[^>]*>", html)
    return [address for tag in tags for address in re.findall(r"""=["']?((?:https?:)?//[^"'\s>]+)""", tag)]


def commands_page() -> str:
    """Returns a page with the arguments and options of every command, as `--help` explains them."""
    import typer

    from fast_style.cli.app import app

    group: Any = typer.main.get_command(app)
    lines = ["# Commands", "", "`./run COMMAND` is `fast-style COMMAND`, after installing what it needs.", ""]
    for name, command in _leaves(group):
        context = command.make_context(name, [], resilient_parsing=True)
        usage = " ".join(piece.strip() for piece in command.collect_usage_pieces(context))
        lines += [f"## {name}", "", cleandoc(command.help), "", "```text", f"fast-style {name} {usage}", "```", ""]
        parameters = command.get_params(context)
        records = [record for each in parameters if (record := each.get_help_record(context))]
        if any(each.name == "help" for each in parameters):
            rows = ((f"`{_without_types(left)}`", right) for left, right in records)
            lines += [*_table(("Argument or option", "Meaning"), rows), ""]
        else:
            lines += ["It takes [settings](settings.md), not options.", ""]
    return "\n".join(lines)


def _without_types(parameter: str) -> str:
    """Returns `--jobs N` for `--jobs <int range>`: readers need no names of Python's types."""
    named = parameter.startswith("-")
    for types, word in ((r"list\[.*?\]", "NAME"), ("path", "FILE"), ("str", "TEXT"), ("(?:int|float)(?: range)?", "N")):
        parameter = re.sub(f" <{types}>$", f" {word}" if named else "", parameter)
    return parameter


def _leaves(group: Any, prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _leaves(command, f"{prefix}{name} ")
        else:
            yield prefix + name, command


def settings_page() -> str:
    """Returns a page with every setting of `train` and `distill`: its default, its meaning and its limits."""
    from fast_style.config.choices import groups
    from fast_style.config.schema import DistillConfig, TrainConfig

    lines = [
        "# Settings",
        "",
        "A setting is written `name=value` on the command line of `train`, `distill` and `bench`. The defaults below",
        "are those of a run without any argument; recipes and encoders change some of them. `./run train --help` shows",
        "the values under the arguments that you give.",
        "",
        "## Ready-made groups",
        "",
        *_table(
            ("Group", "Choices"),
            ((f"`{name}=`", ", ".join(f"`{each}`" for each in choices)) for name, choices in groups().items()),
        ),
        "",
    ]
    for command, schema in (("train", TrainConfig), ("distill", DistillConfig)):
        lines += [f"## {command}", "", *_sections(command, schema)]
    return "\n".join(lines)


def _sections(command: str, schema: Any) -> list[str]:
    from fast_style.config.entry import described
    from fast_style.config.schema import settings

    limits = {each.name: each.limits for each in settings(schema)}
    # A distillation needs photos.
    given = ["photos=photos/"] if command == "distill" else []
    values = {name: (value, meaning) for name, value, meaning in described(given, schema)}
    about = {
        each.name: each.default_factory.__doc__ or ""
        for each in fields(schema)
        if isinstance(each.default_factory, type) and is_dataclass(each.default_factory)
    }
    lines: list[str] = []
    for section in ("", *about):
        names = [name for name in values if name.rpartition(".")[0] == section]
        rows = (
            (
                f"`{name}`",
                "required" if f"{name}=photos/" in given else f"`{values[name][0]}`",
                values[name][1],
                describe_limits(limits[name]),
            )
            for name in names
        )
        if section:
            lines += [f"### {command}: {section}", "", about[section], ""]
        lines += [*_table(("Setting", "Default", "Meaning", "Allowed"), rows), ""]
    return lines


def describe_limits(limits: Limits) -> str:
    """Returns the values that a setting allows, in words: `above 0, at most 1`; empty if it allows any."""
    words = {
        "minimum": "at least {}", "above": "above {}", "maximum": "at most {}", "below": "below {}",
        "multiple_of": "a multiple of {}",
    }  # fmt: skip
    given = [(text, getattr(limits, name)) for name, text in words.items()]
    told = [text.format(value) for text, value in given if value is not None]
    told += [", ".join(f"`{choice}`" for choice in limits.choices)] if limits.choices else []
    told += ["not empty"] if limits.not_empty else []
    told += [f"with `{limits.only_if}`"] if limits.only_if else []
    return ", ".join(told)


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Returns the lines of a Markdown table."""
    escaped = ([cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows)
    return [f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *escaped)]
