"""Lines on stderr: notes and complaints."""

from __future__ import annotations

import pytest

from fast_style.cli.consoles import complain, note


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
