"""The address of `--ray` may be left out."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from fast_style.cli.app import app
from fast_style.cli.ray import with_address
from fast_style.errors import ConfigError, MissingPackageError


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "in" / "a.png")
    return tmp_path / "in"


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (["in", "--ray"], ["in", "--ray=local"]),
        (["--ray", "in", "-o", "out"], ["--ray=local", "in", "-o", "out"]),
        (["--ray", "auto", "in"], ["--ray=auto", "in"]),
        (["--ray", "ray://head:10001", "in"], ["--ray=ray://head:10001", "in"]),
        (["--ray", "10.0.0.1:6379", "in"], ["--ray=10.0.0.1:6379", "in"]),
        (["--ray=head:6379", "in"], ["--ray=head:6379", "in"]),
        (["in", "--", "--ray", "auto", "x"], ["in", "--", "--ray", "auto", "x"]),
        (["--ray", "--quiet"], ["--ray=local", "--quiet"]),
        ([], []),
    ],
)
def test_an_address_may_be_left_out(given: list[str], read: list[str]) -> None:
    assert with_address(given) == read


def test_without_the_extra(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ray" else found(name))
    result = CliRunner().invoke(app, ["stylize", str(pictures), "-o", str(pictures.parent / "out"), "--ray"])
    assert isinstance(result.exception, MissingPackageError)
    assert str(result.exception) == "needs Ray; pip install 'fast-style[ray]'"
    assert not (pictures.parent / "out").exists()


@pytest.mark.parametrize("number", ["0", "1.5", "-1"])
def test_a_share_that_is_none(pictures: Path, number: str) -> None:
    pytest.importorskip("ray")
    arguments = ["stylize", str(pictures), "-o", str(pictures.parent / "out"), "--ray", "--per-worker", number]
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, ConfigError)
    assert "whole number of threads" in str(result.exception)


def test_a_share_without_workers(pictures: Path) -> None:
    result = CliRunner().invoke(app, ["stylize", str(pictures), "-o", "out", "--per-worker", "2"])
    assert isinstance(result.exception, ConfigError)
    assert "workers of a cluster" in str(result.exception)
