"""The command as a whole: `--help` of every command, its speed, and how errors end it.

`train`, `distill`, `stylize`, `video`, `webcam`, `web`, `data`, `evaluate`, `optimize`, `bench` and `export` are run
from end to end in `tests/e2e`.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import signal
import subprocess
import sys
from typing import NoReturn

import pytest
from rich.console import Console
from typer.testing import CliRunner

import fast_style
from fast_style.cli import app as app_module
from fast_style.cli import settings_help
from fast_style.cli.app import app, command_name, main
from fast_style.errors import ConfigError
from fast_style.system import optional
from fast_style.training.interruption import Interrupted

runner = CliRunner(env={"COLUMNS": "200"})

COMMANDS = [
    "train", "distill", "stylize", "sheet", "models", "optimize", "similarity", "visualize", "evaluate", "bench",
    "video", "webcam", "flicker", "web", "data prepare", "data coco", "export",
]  # fmt: skip


@pytest.mark.parametrize("command", ["", "data", *COMMANDS])
def test_a_short_flag_asks_for_help_too(command: str) -> None:
    short, long = (runner.invoke(app, [*command.split(), flag]) for flag in ("-h", "--help"))
    assert short.exit_code == long.exit_code == 0, short.output
    assert short.output == long.output
    assert f"fast-style {command}".strip() in short.output.replace("root", "fast-style")


def parameters_of(command: str) -> list[object]:
    found: object = app_module.typer.main.get_command(app)
    for word in command.split():
        found = found.commands[word]  # type: ignore[attr-defined]
    return list(found.params)  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_has_a_help_string_that_is_a_sentence(command: str) -> None:
    for parameter in parameters_of(command):
        text = getattr(parameter, "help", "")
        assert text, f"{command}: {parameter} has no help"
        assert text[0].isupper(), f"{command}: {text}"
        assert text.endswith("."), f"{command}: {text}"
        assert not text.startswith("Of "), f"{command}: {text}"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("optimize", "optimize [OPTIONS] PHOTO STYLE"),
        ("export", "export [OPTIONS] CKPT"),
        ("bench", "bench [OPTIONS] [NAME=VALUE…]"),
        ("bench", "By default starry_night."),
        ("webcam", "By default starry_night."),
        ("webcam", "Camera index."),
        ("stylize", "Skip pictures that are already stylized."),
        ("stylize", "Quality of JPEG, WebP and AVIF results, 1 to 100."),
        ("optimize", "Seed for the initial noise."),
        ("video", "--steady"),
        ("stylize", "auto, cpu, cuda, mps, coreml or directml."),
        ("stylize", "--overwrite, --no-overwrite "),
        ("stylize", "[default: --metadata]"),
        ("optimize", "[default: 1; 1 to 6]"),
    ],
)
def test_help_is_clear(command: str, words: str) -> None:
    assert words in runner.invoke(app, [command, "--help"]).output


@pytest.mark.parametrize("command", ["", "data", *COMMANDS])
def test_help_fits_a_terminal_of_80_columns(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings_help, "stdout", Console(width=80, markup=False))  # made when it was imported
    result = runner.invoke(app, [*command.split(), "--help"], env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"})
    assert max(map(len, result.output.splitlines())) <= 80
    for word in ("<", " range>", "{", "..."):
        assert word not in result.output.replace("ARGS]...", "").partition("setting ")[0], word
    assert "│ -h, --help " in result.output or command in ("", "data", "train", "distill")


def test_settings_without_a_value_are_required() -> None:
    output = runner.invoke(app, ["distill", "--help"]).output
    assert "???" not in output
    assert re.search(r"photos +required ", output)


@pytest.mark.parametrize("command", ["", "data", *(name for name in COMMANDS if name not in ("train", "distill"))])
def test_help_shows_no_type_beside_a_flag(command: str) -> None:
    assert "bool" not in runner.invoke(app, [*command.split(), "--help"]).output


def test_commands_stand_in_panels_and_choices_are_shown() -> None:
    output = runner.invoke(app, ["--help"]).output
    places = [output.index(word) for word in ("─ Stylize", "webcam", "─ Train and measure", "─ Research", "distill")]
    assert places == sorted(places)
    assert "--install-completion" in output
    assert "auto|onnx|torch" in runner.invoke(app, ["stylize", "--help"]).output


@pytest.mark.parametrize("command", ["train", "distill"])
def test_the_version_of_commands_with_settings_is_ours(command: str) -> None:
    assert runner.invoke(app, [command, "--version"]).output.strip() == fast_style.__version__


@pytest.mark.parametrize("command", ["train", "distill photos=x", "similarity a b", "export a.ckpt -o b"])
def test_a_command_without_its_packages_says_how_to_install_them(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optional, "is_installed", lambda module: module != "torch")
    error = runner.invoke(app, command.split()).exception
    assert str(error) == "needs torch; pip install 'fast-style[train]'"


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import json, sys\n"
        "from typer.testing import CliRunner\n"
        "from fast_style.cli.app import app\n"
        f"for command in {[command for command in COMMANDS if command not in ('train', 'distill')]}:\n"
        "    assert CliRunner().invoke(app, [*command.split(), '--help']).exit_code == 0\n"
        "heavy = {'torch', 'hydra', 'pytorch_lightning', 'onnxruntime', 'cv2', 'av'}\n"
        "print(json.dumps(sorted(heavy & set(sys.modules))))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(result.stdout) == []


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ([], ""),
        (["--version"], ""),
        (["stylize", "a.jpg", "-o", "b.jpg"], "stylize"),
        (["data", "coco", "photos"], "data coco"),
        (["train", "style.image=a.jpg"], "train"),
    ],
)
def test_the_command_is_found_among_the_arguments(arguments: list[str], name: str) -> None:
    assert command_name(arguments) == name


def run_with(monkeypatch: pytest.MonkeyPatch, error: BaseException, *arguments: str) -> object:
    """Runs `main` with a Typer application that raises; returns the exit status."""

    def fail() -> NoReturn:
        raise error

    monkeypatch.setattr(sys, "argv", ["fast-style", *arguments])
    monkeypatch.setattr(logging, "basicConfig", lambda **_: None)
    monkeypatch.setattr(app_module, "command_spelling", lambda command: lambda setting, value: f"--{setting} {value}")
    monkeypatch.setattr(app_module, "app", fail)
    with pytest.raises(SystemExit) as exit_info:
        main()
    return exit_info.value.code


def test_an_error_is_one_line_with_options(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    error = ConfigError("must be 64 or more", setting="tile", value=3)
    assert run_with(monkeypatch, error, "stylize", "a.jpg") == 2
    assert capsys.readouterr().err == "fast-style stylize: --tile 3: must be 64 or more\n"


def test_an_error_of_the_system_names_its_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = PermissionError(errno.EACCES, os.strerror(errno.EACCES), "photos")
    assert run_with(monkeypatch, error, "data", "prepare") == 2
    assert capsys.readouterr().err == "fast-style data prepare: photos: Permission denied\n"


def test_ctrl_c_ends_with_the_status_of_a_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_with(monkeypatch, KeyboardInterrupt(), "stylize") == 130


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_distillation_has_the_status_of_its_signal(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def interrupted(config: object) -> NoReturn:
        raise Interrupted(number, 5)

    monkeypatch.setattr("fast_style.distillation.distill.distill", interrupted)
    assert runner.invoke(app, ["distill", "photos=photos"]).exit_code == 128 + number
