"""The notebook of the guide runs from top to bottom."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.conftest import ROOT

NOTEBOOK = ROOT / "docs" / "api.ipynb"


def test_the_notebook_is_kept_without_what_it_printed() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert len(notebook.cells) == 10
    assert all(cell.outputs == [] and cell.execution_count is None for cell in notebook.cells)


@pytest.mark.slow
def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    said = [str(cell.outputs) for cell in notebook.cells]
    assert "starry_night" in said[1]
    assert "<Stylizer starry_night: " in said[3]
    assert "image/png" in said[3]
    assert "(240, 320, 4)" in said[4]
    assert "torch.Size([3, 240, 320])" in said[5]
    assert "image/png" in said[6]
    assert "trained 4 steps" in said[7]
    assert "<Stylizer zigzag: lite, " in said[8]
    assert "(False, torch.Size([1, 3, 240, 320]))" in said[9]
    (model,) = tmp_path.glob("*/checkpoints/zigzag")
    assert (model / "model.onnx").is_file()
