"""How the page names the styles of models."""

from __future__ import annotations

from pathlib import Path

from fast_style.models.artifact import ModelInfo
from fast_style.web.manifest import looks_of, model_entry


def info(name: str, title: str, network: str = "johnson", **more: object) -> ModelInfo:
    return ModelInfo(name, network, {}, title, f"credit of {name}", 8, **more)  # type: ignore[arg-type]


def test_networks_that_paint_one_style_share_its_name() -> None:
    models = [
        info("wave", "The Great Wave", "lite"), info("wave_johnson", "Wave johnson"),
        info("sea_johnson", "Rivers"), info("sea", "Another", "lite"),
        info("own_johnson", "Own johnson"), info("plain", "Johnson"),
    ]  # fmt: skip
    looks = looks_of({model.name: model for model in models})
    assert [(look.name, look.painting, look.title, look.credit) for look in looks] == [
        ("wave", "wave", "The Great Wave", "credit of wave"),
        ("wave_johnson", "wave", "The Great Wave", "credit of wave"),
        ("sea_johnson", "sea", "Another", "credit of sea"),  # by the model's name
        ("sea", "sea", "Another", "credit of sea"),
        ("own_johnson", "own", "Own", "credit of own_johnson"),
        ("plain", "plain", "Johnson", "credit of plain"),
    ]


def test_a_model_of_several_styles_is_listed_by_each(tmp_path: Path) -> None:
    styles = [{"name": "wave", "title": "Wave"}, {"name": "ink wash", "title": "Ink wash"}]
    looks = looks_of({"paintings": info("paintings", "Paintings", styles=styles)})
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "paintings.onnx").write_bytes(b"model")
    entries = [model_entry(tmp_path, look) for look in looks]
    assert [(entry["name"], entry["title"], entry["values"]) for entry in entries] == [
        ("paintings-wave", "Wave", {"style": [1.0, 0.0]}),
        ("paintings-ink-wash", "Ink wash", {"style": [0.0, 1.0]}),
    ]
    assert entries[0]["url"] == entries[1]["url"]
    assert len({entry["preview"] for entry in entries}) == 2


def test_a_style_that_has_a_model_of_its_own_is_the_same_painting() -> None:
    styles = [{"name": name, "title": name.capitalize()} for name in ("wave", "rivers", "monet")]
    models = {
        "paintings": info("paintings", "Paintings", "lite", styles=styles),
        "wave": info("wave", "The Great Wave", "lite"),
        "rivers_johnson": info("rivers_johnson", "Rivers johnson"),
    }
    assert [(look.name, look.painting, look.title, look.credit) for look in looks_of(models)] == [
        ("paintings-wave", "wave", "The Great Wave", "credit of wave"),
        ("paintings-rivers", "rivers", "Rivers", "credit of rivers_johnson"),
        ("paintings-monet", "paintings-monet", "Monet", "credit of paintings"),
        ("wave", "wave", "The Great Wave", "credit of wave"),
        ("rivers_johnson", "rivers", "Rivers", "credit of rivers_johnson"),
    ]
