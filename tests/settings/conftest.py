from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def working_folder(tmp_path, monkeypatch):
    """An empty working folder: no .env of the machine's own takes part."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
