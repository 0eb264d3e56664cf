"""Options that several commands share."""

from __future__ import annotations

import sys

import pytest

from fast_style.cli.app import main


@pytest.mark.parametrize("command", ["stylize photo.jpg -o out.jpg", "video in.mp4 out.mp4"])
def test_a_second_model_is_refused(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["fast-style", *command.split(), "-m", "wave", "-m", "mosaic"])
    with pytest.raises(SystemExit) as exit_info:
        main()
    assert exit_info.value.code == 2
    assert capsys.readouterr().err == (
        f"fast-style {command.split()[0]}: --model: only one at a time here; "
        "run the command once for each of wave, mosaic\n"
    )
