from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for database_factories, under every import mode


@pytest.fixture
def db():
    from liface.database import Database

    with Database(":memory:") as database:
        yield database


@pytest.fixture
def file(tmp_path) -> Path:
    return tmp_path / "liface.db"
