"""Lines on stderr: notes and complaints."""

from __future__ import annotations

import io
import logging
import sys

import pytest

from fast_style.cli.consoles import LogLines, complain, note, show_any_name


@pytest.mark.parametrize(
    ("command", "line"), [("stylize", "fast-style stylize: it broke\n"), ("", "fast-style: it broke\n")]
)
def test_a_complaint_names_the_command(command: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    complain(command, "it broke")
    assert capsys.readouterr().err == line


def test_a_note_keeps_brackets_and_its_length(capsys: pytest.CaptureFixture[str]) -> None:
    text = "[red] " + "long " * 100
    note(text)
    note("unseen", quiet=True)
    assert capsys.readouterr().err == text + "\n"


def test_messages_stay_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    name = "two\nlines\x1b[31m.jpg " + "long " * 100
    record = logging.LogRecord("fast_style", logging.WARNING, "", 0, "%s is odd", (name,), None)
    complain("stylize", name)
    note(name)
    LogLines().handle(record)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert all("two\\nlines\\x1b[31m.jpg long" in line for line in lines)
    assert lines[2].startswith("WARNING  two") and lines[2].endswith("is odd")


def test_a_name_that_a_terminal_lacks_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in ("stdout", "stderr"):
        monkeypatch.setattr(sys, stream, io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    show_any_name()
    print("é\udcff")
    note("größe.jpg")
    complain("stylize", "größe.jpg")
    for stream, text in ((sys.stdout, "\\xe9\\udcff"), (sys.stderr, "gr\\xf6\\xdfe.jpg")):
        stream.flush()
        assert text in stream.buffer.getvalue().decode("ascii")  # type: ignore[attr-defined]
