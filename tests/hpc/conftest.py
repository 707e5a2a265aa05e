"""Fixtures for dispatch to clusters: a MongoDB and a one-machine Slurm."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from mongo_site import MongoSite
from mongo_standin.process import StandinProcess
from slurm_site import SlurmSite

from requirements_helper import need

USER, PASSWORD = "liface tester", "p@ss:w/rd é"


@pytest.fixture(scope="session")
def standin() -> Iterator[StandinProcess]:
    """A stand-in for MongoDB that asks for no password."""
    with StandinProcess() as server:
        yield server


@pytest.fixture(scope="session")
def guarded_standin() -> Iterator[StandinProcess]:
    """A stand-in for MongoDB that knows one user."""
    with StandinProcess({USER: PASSWORD}) as server:
        yield server


@pytest.fixture
def mongo(request: pytest.FixtureRequest) -> Iterator[MongoSite]:
    """A MongoDB: the one LIFACE_TEST_MONGODB names, or else the stand-in."""
    site = MongoSite.from_environment()
    if site is None:
        server = request.getfixturevalue("standin")
        site = MongoSite(server.host, server.port)
    yield site
    site.drop_databases()


@pytest.fixture
def mongo_with_password(request: pytest.FixtureRequest) -> Iterator[MongoSite]:
    """A MongoDB that asks for user and password: the real one if it does, or else the stand-in."""
    site = MongoSite.from_environment()
    if site is None or site.username is None:
        server = request.getfixturevalue("guarded_standin")
        site = MongoSite(server.host, server.port, USER, PASSWORD)
    yield site
    site.drop_databases()


@pytest.fixture(scope="session")
def slurm() -> Iterator[SlurmSite]:
    """A one-machine Slurm with nothing in its queue; it ends with the test session."""
    missing = SlurmSite.missing()
    need("slurm", not missing, f"{', '.join(missing)} not found; apt-get install slurm-wlm munge")
    with SlurmSite() as site:
        yield site


@pytest.fixture(autouse=True)
def _queue_is_empty_afterwards(request: pytest.FixtureRequest) -> Iterator[None]:
    """No job of a test is left to the next."""
    yield
    if "slurm" in request.fixturenames:
        request.getfixturevalue("slurm").clear()
