"""The notebook of the examples runs from top to bottom, and carries no output of anybody's."""

from __future__ import annotations

import nbformat
import pytest
from blocks import ROOT
from nbclient import NotebookClient
from session import terminal

NOTEBOOK = ROOT / "examples" / "forebay.ipynb"


@pytest.fixture
def notebook():
    return nbformat.read(NOTEBOOK, as_version=4)


def test_it_carries_no_output(notebook):
    """Outputs and counts are left out: what a reader sees is what the notebook does on their machine."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [([], None)] * len(cells) == [(cell.outputs, cell.execution_count) for cell in cells]


@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore:Proactor event loop", "ignore::DeprecationWarning")
def test_it_runs(notebook, tmp_path):
    """Every cell runs in a real kernel; nothing is left open, and both tickers answer."""
    client = NotebookClient(notebook, timeout=300, kernel_name="python3")
    done = client.execute(cwd=str(tmp_path), env=terminal({}))

    shown = {cell.source: cell.outputs[-1]["data"]["text/plain"] for cell in done.cells if cell.get("outputs")}
    assert "[]" == next(text for source, text in shown.items() if source.startswith("left"))
    assert {"AAPL", "MSFT"} <= set(next(text for source, text in shown.items() if "lake.sql" in source).split())
    assert "forebay sync" in next(text for source, text in shown.items() if "lake.missing" in source)
