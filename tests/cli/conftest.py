from __future__ import annotations

import pytest
from stored_results import fill


@pytest.fixture(scope="session")
def filled(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("cli") / "filled.db")


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """Every test in a folder of its own, without the settings of the person who runs it."""
    monkeypatch.chdir(tmp_path)
    for name in ("LIFACE_DB", "LIFACE_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "120")
