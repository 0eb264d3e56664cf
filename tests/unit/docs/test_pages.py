"""Whatever README.md and the guide name is there: links, pictures, commands with their options, settings, packages.

`tests/e2e/test_guide.py` runs the commands.
"""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from docs.reference_pages import commands_page, settings_page
from fast_style.cli.app import app
from fast_style.config.entry import compose_training, described
from fast_style.config.schema import DistillConfig, TrainConfig
from fast_style.system.paths import PACKAGE, resource
from tests.conftest import ROOT
from tests.guide import DOCS, PAGES, blocks, commands, inline_code, prose, settings_named, text

GENERATED = {DOCS / "reference/commands.md": cache(commands_page), DOCS / "reference/settings.md": cache(settings_page)}
GROUP: Any = typer.main.get_command(app)
PROGRAMS = ("python", "pip", "tensorboard", "test", "docs")
"""What `./run` knows besides the commands of `fast-style`."""
NOT_IN_TABLES = {"--help", "--signal"}
"""An option that every command has, and one of another program."""


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def anchors(page: Path) -> set[str]:
    source = GENERATED[page]() if page in GENERATED else prose(page)
    headings = re.findall(r"^#+ (.+)$", source, re.M)
    return {re.sub(r"[^\w\s-]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found in GENERATED or found.exists(), target
        assert not anchor or anchor in anchors(found), target
        assert page.name == "README.md" or found.is_relative_to(DOCS), f"{target}: the built guide has only docs/"


def test_every_page_is_in_the_navigation() -> None:
    def pages(entry: object) -> list[str]:
        if isinstance(entry, str):
            return [entry]
        inner = entry.values() if isinstance(entry, dict) else entry
        return [page for each in inner for page in pages(each)]  # type: ignore[attr-defined]

    navigation = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    expected = {page.relative_to(DOCS).as_posix() for page in (*DOCS.rglob("*.md"), *GENERATED)}
    assert sorted(pages(navigation)) == sorted(expected)


def test_every_picture_is_used() -> None:
    pictures = {path.name for path in (DOCS / "pictures").iterdir() if path.suffix in (".jpg", ".png", ".webp")}
    used = set(re.findall(r"pictures/([\w.]+)\)", "".join(map(text, PAGES))))
    assert pictures == used


@pytest.mark.parametrize("command", commands(*PAGES))
def test_a_command_has_these_options(command: str) -> None:
    words = [word for word in shlex.split(command) if word[0] not in "<>"]
    words = words[1:] if re.match(r"\w+=", words[0]) else words
    assert words.pop(0) == "./run"
    if words[0] in PROGRAMS:
        return
    found, arguments = GROUP, [word for word in words if word != "--help"]
    while hasattr(found, "commands"):
        found = found.commands[arguments.pop(0)]
    if found.name in ("train", "distill"):
        described(arguments, TrainConfig if found.name == "train" else DistillConfig)
    else:
        found.make_context(found.name, arguments)


def test_every_option_in_the_text_is_one() -> None:
    def options(command: Any) -> set[str]:
        own = {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
        return own.union(*map(options, getattr(command, "commands", {}).values()))

    named = {found for page in PAGES for code in inline_code(page) for found in re.findall(r"(?<!\S)--[a-z-]+", code)}
    assert len(named) > 40
    assert named - options(GROUP) - NOT_IN_TABLES == set()


def test_settings_exist() -> None:
    # In python.md arguments of calls look alike.
    given = {word for page in PAGES if page.name != "python.md" for word in settings_named(page)}
    groups = {word for word in given if resource("conf").joinpath(word.partition("=")[0]).is_dir()}
    elsewhere = {"name=value"}
    values = {word for word in given if not word.startswith("hydra/")} - groups - elsewhere
    assert len(values) > 20 and len(groups) > 5
    always = ["style.image=a.jpg", "data.dir=photos"]
    # Of several values for one setting Hydra takes the last; here they are only looked at.
    compose_training([*always, *sorted(values)])
    for word in sorted(groups):
        compose_training([*always, word])


def test_recipes_are_those_there_are() -> None:
    named = set(re.findall(r"experiment=(\w+)", text(DOCS / "train.md")))
    assert named == {path.stem for path in resource("conf/experiment").glob("*.yaml")}


def test_extras_are_those_there_are() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (extras,) = re.findall(r"^\[project.optional-dependencies\]\n(.*?)^\[", project, re.S | re.M)
    named = set(re.findall(r"`'\.\[(\S+)\]'`", text(DOCS / "install.md")))
    assert named == set(re.findall(r"^([a-z-]+) = \[", extras, re.M)) - {"dev", "video"}


def test_the_tree_is_the_tree() -> None:
    (tree,) = re.findall(r"^fast_style/.*?\n(.*?)^tests/", text(DOCS / "explain/seam.md"), re.S | re.M)
    named = set(re.findall(r"^  (\w+(?:/|\.py)) ", tree, re.M))
    packages = {f"{path.parent.name}/" for path in PACKAGE.glob("*/__init__.py")}
    modules = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py"}
    assert named == packages | modules


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_python_is_python(page: Path) -> None:
    for block in blocks(page, "python"):
        compile(block, name(page), "exec")
    assert len(re.findall(r"^```", text(page), re.M)) % 2 == 0


def test_the_front_page_is_short() -> None:
    assert len(text(ROOT / "README.md").splitlines()) <= 200
