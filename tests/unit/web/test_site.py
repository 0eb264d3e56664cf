"""The files of a written page, and what is said of models and folders that cannot be used."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fast_style.errors import MissingPackageError, ModelError, WebError
from fast_style.inference.stylizer import Stylizer
from fast_style.models.artifact import ModelFiles
from fast_style.models.networks import build_network
from fast_style.training.export import export_model
from fast_style.web import runtime
from fast_style.web.site import PAGE, write_site


def test_the_site_names_its_models_with_their_checksums(site: Path, model: Path) -> None:
    manifest = json.loads((site / "site.json").read_text(encoding="utf-8"))
    (entry,) = manifest["models"]
    stylizer = Stylizer.load(model, engine="onnx")
    content = (site / entry["url"].split("?")[0]).read_bytes()
    assert content == (model / "model.onnx").read_bytes()
    assert entry["bytes"] == len(content)
    assert entry["integrity"] == "sha256-" + base64.b64encode(hashlib.sha256(content).digest()).decode()
    assert (entry["name"], entry["title"], entry["network"]) == ("tiny", "Tiny — ü", "johnson")
    assert entry["minimum_side"] == stylizer.info.minimum_side
    assert entry["inputs"] == {}
    scene = np.array(Image.open(site / manifest["scene"]))
    preview = np.array(Image.open(site / entry["preview"]))
    assert preview.shape == scene.shape
    # Both went through JPEG.
    assert np.abs(preview.astype(int) - stylizer(scene)).mean() < 12
    assert max(Image.open(site / entry["thumbnail"]).size) == 240
    assert not (site / "ort").exists()
    assert {urls["url"].rsplit("/", 1)[0] for files in manifest["engines"].values() for urls in files.values()} == {
        "https://cdn.jsdelivr.net/npm/onnxruntime-web@1.30.0/dist"
    }


def test_the_page_refers_to_nothing_elsewhere(site: Path) -> None:
    for source in PAGE.iterdir():
        text = source.read_text(encoding="utf-8")
        assert (site / source.name).read_text(encoding="utf-8") == text
        assert "https://" not in text, source.name
        assert text.replace("http://www.w3.org/2000/svg", "").count("http://") == 0, source.name
    assert "Cross-Origin-Embedder-Policy: require-corp" in (site / "_headers").read_text()


def test_a_strength_is_told(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build_network("johnson", width=4, blocks=1, takes_strength=True)
    folder = export_model(network, tmp_path / "adjustable", name="adjustable", training={}).folder
    write_site([str(folder)], tmp_path / "site", cdn=True)
    (entry,) = json.loads((tmp_path / "site" / "site.json").read_text())["models"]
    assert entry["inputs"] == {"strength": {"default": 1.0, "minimum": 0.0, "maximum": 1.5}}


def test_a_site_is_written_anew_over_itself_alone(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    write_site([str(model)], folder, cdn=True)
    (folder / "CNAME").write_text("style.example")
    write_site([str(model)], folder, cdn=True)
    assert (folder / "CNAME").exists()
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.tex").touch()
    with pytest.raises(WebError, match="holds other files"):
        write_site([str(model)], other, cdn=True)
    assert [path.name for path in other.iterdir()] == ["thesis.tex"]
    with pytest.raises(WebError, match="is a file"):
        write_site([str(model)], other / "thesis.tex", cdn=True)


def test_what_an_earlier_page_alone_needed_is_removed(model: Path, tmp_path: Path) -> None:
    copies = [tmp_path / f"{name}.onnx" for name in ("one", "two")]
    for copy in copies:
        copy.write_bytes((model / "model.onnx").read_bytes())
    folder = tmp_path / "site"
    write_site(list(map(str, copies)), folder, cdn=True)
    engine = folder / "ort" / runtime.PACKAGE.files[0].name
    engine.parent.mkdir()
    engine.touch()
    own = [folder / name for name in ("CNAME", "models/README.md", "previews/two.png", "notes/two.onnx")]
    for path in own:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    write_site([str(copies[0])], folder, cdn=True)
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*") if path not in own) == sorted([
        "models/one.onnx", "previews/one.jpg", "thumbnails/one.jpg", "scene.jpg", "site.json",
        "edition.js", "edition.js.gz", "site.json.gz",
        *(f"samples/{name}.jpg" for name in ("balloons", "city", "fruit", "lake", "mountains", "sunflower")),
        *(f"{path.name}.gz" for path in PAGE.iterdir()), *(path.name for path in PAGE.iterdir()),
    ])  # fmt: skip
    assert not engine.parent.exists()
    assert all(path.is_file() for path in own)


def test_a_linked_folder_of_models_keeps_the_others(model: Path, tmp_path: Path) -> None:
    folder, others = tmp_path / "site", tmp_path / "others"
    write_site([str(model)], folder, cdn=True)
    (folder / "models").rename(others)
    (others / "mine.onnx").touch()
    try:
        (folder / "models").symlink_to(others, target_is_directory=True)
    except OSError:
        pytest.skip("this system gives no links")
    write_site([str(model)], folder, cdn=True)
    assert sorted(path.name for path in others.iterdir()) == ["mine.onnx", "tiny.onnx"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["flow", "starry_night", "wave"], ["starry_night", "flow", "wave"]),
        (["flow", "wave"], ["flow", "wave"]),
    ],
)
def test_a_page_of_all_models_opens_with_the_default_one(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str], expected: list[str]
) -> None:
    files = [ModelFiles(name, onnx=model / "model.onnx") for name in names]
    monkeypatch.setattr("fast_style.web.site.list_models", lambda: files)
    assert write_site([], tmp_path / "site", cdn=True).models == expected
    manifest = json.loads((tmp_path / "site" / "site.json").read_text())
    assert [entry["name"] for entry in manifest["models"]] == expected


def test_models_that_cannot_be_shown(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "site"
    with pytest.raises(ModelError, match="no model nothing"):
        write_site(["nothing"], target, cdn=True)
    torch_only = tmp_path / "torch only"
    torch_only.mkdir()
    (torch_only / "model.safetensors").write_bytes((model / "model.safetensors").read_bytes())
    with pytest.raises(ModelError, match=r"no \.onnx file"):
        write_site([str(torch_only)], target, cdn=True)
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes((model / "model.onnx").read_bytes()[:200])
    with pytest.raises(ModelError, match="not readable"):
        write_site([str(damaged)], target, cdn=True)
    with pytest.raises(WebError, match="would both be called tiny"):
        write_site([str(model), str(model / "model.onnx")], target, cdn=True)
    monkeypatch.setenv("FAST_STYLE_CACHE", str(tmp_path / "empty"))
    with pytest.raises(MissingPackageError, match="fast-style web install"):
        write_site([str(model)], target)
    assert not target.exists()


def test_names_fit_into_addresses(model: Path, tmp_path: Path) -> None:
    odd = tmp_path / "Mon été #1?"
    odd.mkdir()
    for name in ("model.onnx", "second.onnx"):
        (odd / name).write_bytes((model / "model.onnx").read_bytes())
    assert write_site([str(odd), str(odd / "second.onnx")], tmp_path / "site", cdn=True).models == [
        "Mon-t-1", "second",
    ]  # fmt: skip


def test_a_model_may_have_any_name_of_the_page_s_own_pictures(model: Path, tmp_path: Path) -> None:
    names = ["scene", "x", "x-small"]
    for name in names:
        (tmp_path / f"{name}.onnx").write_bytes((model / "model.onnx").read_bytes())
    write_site([str(tmp_path / f"{name}.onnx") for name in names], tmp_path / "site", cdn=True)
    manifest = json.loads((tmp_path / "site" / "site.json").read_text())
    kinds = ("url", "preview", "thumbnail")
    assert len({manifest["scene"], *(entry[kind] for entry in manifest["models"] for kind in kinds)}) == 10
    scene = Image.open(tmp_path / "site" / manifest["scene"])
    for entry in manifest["models"]:
        assert Image.open(tmp_path / "site" / entry["preview"]).size == scene.size
        assert max(Image.open(tmp_path / "site" / entry["thumbnail"]).size) == 240


def test_every_module_that_the_page_imports_is_written(site: Path) -> None:
    modules = {path.name for path in PAGE.glob("*.mjs")}
    assert {path.name for path in site.glob("*.mjs")} == modules
    for name in modules:
        imported = re.findall(
            r"""(?:from |new URL\()"(?:\./)?([a-z]+\.mjs)\"""", (site / name).read_text(encoding="utf-8")
        )
        assert set(imported) <= modules, name
    assert "app.mjs" in (site / "index.html").read_text(encoding="utf-8")


def test_the_page_names_no_option_of_the_command_in_its_errors(tmp_path: Path, model: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WebError) as caught:
        write_site([str(model)], tmp_path / "file", cdn=True)
    assert (caught.value.setting, caught.value.value) == ("output", tmp_path / "file")


def test_an_edition_is_named_by_its_content(model: Path, tmp_path: Path) -> None:
    editions = []
    for strength in ("same", "same", "other"):
        if strength == "other":
            (tmp_path / "more.onnx").write_bytes((model / "model.onnx").read_bytes())
        models = [str(model), str(tmp_path / "more.onnx")] if strength == "other" else [str(model)]
        write_site(models, tmp_path / "site", cdn=True)
        text = (tmp_path / "site" / "edition.js").read_text()
        editions.append(json.loads(text.removeprefix("self.EDITION = ").rstrip(";\n")))
    assert editions[0] == editions[1]
    assert editions[0]["name"] != editions[2]["name"]
    named = [*editions[2]["files"][1:], *editions[2]["pictures"], "offline.js", "edition.js"]
    assert all((tmp_path / "site" / name).is_file() for name in named)
    assert set(editions[2]["files"]) >= {"index.html", "app.mjs", "site.json", "scene.jpg", "style.css"}
