import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def importable_calculators(monkeypatch):
    """Let worker processes import the calculators beside these tests."""
    folder = str(Path(__file__).parent)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH")])))
