from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
sys.path.insert(0, str(Path(__file__).parents[2] / "database"))  # for database_factories, under every import mode
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def stored(tmp_path_factory):
    """A database of every kind of result in two campaigns, and calculations of every outcome."""
    from database_factories import all_results, calculation, interface

    from liface.database import Database

    path = tmp_path_factory.mktemp("optimade") / "liface.db"
    with Database(path) as database:
        for campaign in ("quickstart", "other"):
            for result in all_results(campaign):
                database.add_result(result)
        database.add_result(interface("Mo", flags=("few_points", "reactive: 4 of 16 bonds")))
        for number in range(8):
            database.add_calculation(calculation(number))
        database.add_calculation(calculation(8, "unconverged"))
        database.add_calculation(calculation(9, "failed"))
    return path


@pytest.fixture(scope="session")
def app(stored):
    from liface.serve.optimade import optimade_app

    return optimade_app(stored, allow_origins=["https://page.example"])


@pytest.fixture(scope="session")
def address(app):
    from optimade_serving import served

    with served(app) as base_url:
        yield base_url


@pytest.fixture(scope="session")
def mounted(app):
    """The same server below /optimade of another application."""
    from fastapi import FastAPI

    outer = FastAPI()
    outer.mount("/optimade", app)
    from optimade_serving import served

    with served(outer) as base_url:
        yield f"{base_url}/optimade"
