"""Fixtures for dispatch to clusters: a MongoDB, a one-machine Slurm, and the files of FireWorks and jobflow-remote."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fireworks_site import FireworksSite
from mongo_site import MongoSite
from mongo_standin.process import StandinProcess
from remote_project import RemoteProject
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


@pytest.fixture
def fireworks_site(mongo: MongoSite, tmp_path: Path) -> FireworksSite:
    """FireWorks with an empty queue; its folder holds the files a user would have."""
    folder = tmp_path / "fireworks"
    folder.mkdir()
    site = FireworksSite(mongo, folder)
    site.launchpad().reset("", require_password=False)
    return site


@pytest.fixture
def remote_project(
    mongo: MongoSite, slurm: SlurmSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> RemoteProject:
    """A project of jobflow-remote with an empty queue, whose worker submits to Slurm; this process uses it too."""
    import jobflow_remote

    folder = tmp_path / "jfremote"
    folder.mkdir()
    project = RemoteProject(mongo, slurm, folder)
    for name, value in project.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(jobflow_remote.SETTINGS, "projects_folder", str(folder))
    monkeypatch.setattr(jobflow_remote.SETTINGS, "project", project.name)
    controller = project.controller()
    controller.reset()
    controller.close()
    return project
