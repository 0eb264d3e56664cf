from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from fast_style.system.progress import ProgressDisplay, Unit


def terminal(*, interactive: bool = True) -> Console:
    return Console(file=io.StringIO(), force_terminal=interactive, width=120, color_system=None)


def shown(console: Console) -> list[str]:
    """The lines on the screen, without control sequences and empty lines; later states follow earlier ones."""
    assert isinstance(console.file, io.StringIO)
    text = re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", console.file.getvalue())
    return [line for line in re.split(r"[\r\n]+", text) if line.strip()]


@pytest.mark.parametrize(
    ("unit", "elapsed", "words"),
    [
        ("items", False, ["reading [raw]", "3/4", "1.5 photos/s"]),
        ("items", True, ["3/4", "1.5 photos/s", "·", "left"]),
        ("bytes", False, ["3/4 bytes", "1.5 photos/s"]),
        ("seconds", False, ["1.5 photos/s"]),
    ],
)
def test_what_a_bar_shows(unit: Unit, elapsed: bool, words: list[str]) -> None:
    console = terminal()
    with ProgressDisplay(console, unit=unit, elapsed=elapsed, keep=True) as display:
        task = display.add("reading [raw]", completed=1)
        task.update(total=4, detail="1.5 photos/s")
        task.advance()
        task.advance()
    last_line = shown(console)[-1]
    assert all(word in last_line for word in words)
    assert ("3/4" in last_line) == (unit != "seconds")


def test_tasks_are_shown_one_below_the_other() -> None:
    console = terminal()
    display = ProgressDisplay(console, keep=True)
    display.start()
    for description in ("first", "second"):
        display.add(description, 2).update(completed=2)
    display.stop()
    display.stop()
    first, second = shown(console)[-2:]
    assert "first" in first and "second" in second


def test_a_log_gets_the_last_state_alone() -> None:
    console = terminal(interactive=False)
    with ProgressDisplay(console, keep=True, log_end=True) as display:
        task = display.add("training", 2)
        task.advance()
        assert not shown(console)
        task.advance()
    (line,) = shown(console)
    assert line.startswith("training") and "2/2" in line


@pytest.mark.parametrize(("quiet", "interactive"), [(True, True), (False, False)])
def test_nothing_is_shown_when_quiet_or_not_on_a_terminal(quiet: bool, interactive: bool) -> None:
    console = terminal(interactive=interactive)
    with ProgressDisplay(console, quiet=quiet, keep=True) as display:
        display.add("reading", 2).advance()
    assert not shown(console)
