"""README.md and the pages of docs/ as tests see them: their prose, code blocks and commands."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from tests.conftest import ROOT

DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = (README, *sorted(DOCS.rglob("*.md")))


@cache
def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@cache
def prose(page: Path) -> str:
    """What stands outside of the code blocks."""
    return re.sub(r"^```.*?^```", "", text(page), flags=re.S | re.M)


def blocks(page: Path, language: str) -> list[str]:
    """What stands in the code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text(page), re.S | re.M)


def inline_code(page: Path) -> list[str]:
    return re.findall(r"`([^`\n]+)`", prose(page))


def commands(*pages: Path) -> list[str]:
    """Every line of a shell block, and every whole command in the text, without its comment."""
    lines = [line for page in pages for block in blocks(page, "sh") for line in block.splitlines() if line]
    inline = [
        code for page in pages for code in inline_code(page) if re.match(r"(\w+=\S+ \./run \S|\./run \S+ \S)", code)
    ]
    return list(dict.fromkeys(re.sub(r"\s+#.*", "", line) for line in (*lines, *inline)))


def settings_named(page: Path) -> list[str]:
    """Every `key=value` in the text that is meant for `fast-style train`."""
    given = (word for code in inline_code(page) for word in code.split() if "./run" not in code)
    return list(dict.fromkeys(word for word in given if re.fullmatch(r"\+?[a-z][a-z0-9_.]*=[^…\"(]+", word)))
