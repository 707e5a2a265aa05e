from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from requirements_helper import need

sys.path.insert(0, str(Path(__file__).parents[1] / "database"))  # for database_factories, under every import mode
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session", autouse=True)
def _servers_are_installed():
    present = all(importlib.util.find_spec(name) for name in ("fastapi", "uvicorn"))
    need("serve", present, "pip install 'liface[serve]'")


@pytest.fixture(scope="session")
def filled(tmp_path_factory) -> Path:
    from served_site import fill

    return fill(tmp_path_factory.mktemp("serve") / "filled.db")


@pytest.fixture(scope="session")
def site(filled):
    from served_site import Served

    with Served(filled) as served:
        yield served


@pytest.fixture(scope="session")
def ids(site):
    """Record ids of the interfaces by substrate and engine."""
    rows = site.json("api/rows/interfaces?where=campaign=%22quickstart%22")["rows"]
    return {(row["substrate"], row["engine"]): row["record_id"] for row in rows}
