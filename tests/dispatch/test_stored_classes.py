"""Names in stored jobs: those of a campaign are loaded, anything else is refused before it is imported."""

import copy
import sys

import pytest

from liface.dispatch.queues.base import configure_by_kind, reconfigured
from liface.dispatch.queues.stored_classes import JOBS, RESOURCES, check_classes
from liface.errors import UntrustedClassError
from liface.workflows.campaign import Campaign
from liface.workflows.campaign_file import shipped_campaigns
from liface.workflows.campaign_jobs import campaign_jobs

CONFIGS = {kind: {"worker": kind} for kind in ("light", "potential", "dft")}
WITNESS = "antigravity"
"""A module of the standard library that nobody imports by accident."""


@pytest.fixture(scope="module")
def stored():
    jobs = campaign_jobs(Campaign.load("quickstart", ()).cases())
    for job in jobs:
        configure_by_kind(job, CONFIGS)
    return [job.job.as_dict() for job in jobs]


@pytest.mark.parametrize("name", sorted(shipped_campaigns()))
def test_the_jobs_of_shipped_campaigns_name_nothing_else(name):
    for case_job in campaign_jobs(Campaign.load(name, ()).cases()):
        configure_by_kind(case_job, CONFIGS)
        check_classes(case_job.job.as_dict(), JOBS, name)


def test_a_stored_job_is_read(stored):
    for job in stored:
        assert reconfigured(job, lambda kind: CONFIGS[kind])["config.manager_config"] in CONFIGS.values()


FORGED = [
    {"@module": WITNESS, "@class": "Anything"},
    {"@module": WITNESS, "@callable": "geohash", "@bound": None},
    {"@module": "os", "@callable": "system"},
    {"@module": "liface.workflows.decorators", "@callable": "sys.modules"},
    {"@module": "liface.workflows.decorators", "@class": "a.b"},
    {"@module": "liface.engines.base", "@class": "Path"},
    {"@module": "liface.engines.registry", "@callable": "import_module"},
    {"@module": "liface.workflowsx", "@class": "Case"},
    {"@module": "jobflow.core.store", "@class": "JobStore"},
    {"@module": "builtins", "@class": "eval"},
    {"@class": "Case"},
    {"@module": WITNESS},
]


@pytest.mark.parametrize("forged", FORGED, ids=str)
@pytest.mark.parametrize("place", ["function", "function_args", "metadata"])
def test_a_forged_job_is_refused_before_anything_is_imported(stored, forged, place):
    job = copy.deepcopy(stored[0])
    job[place] = {"deep": [{"down": forged}]} if place == "metadata" else forged if place == "function" else [forged]
    with pytest.raises(UntrustedClassError, match=r"a job in the queue names .* nothing was loaded"):
        reconfigured(job, lambda kind: CONFIGS[kind])
    assert WITNESS not in sys.modules


def test_resources_of_a_worker():
    check_classes({"@module": "qtoolkit.core.data_objects", "@class": "QResources", "nodes": 1}, RESOURCES, "w")
    check_classes({"nodes": 1, "time": "1:00:00"}, RESOURCES, "w")
    with pytest.raises(UntrustedClassError, match=WITNESS):
        check_classes({"nodes": {"@module": WITNESS, "@class": "QResources"}}, RESOURCES, "w")


def test_what_never_ends_is_refused():
    endless: dict = {}
    endless["again"] = endless
    with pytest.raises(UntrustedClassError, match="nested more than"):
        check_classes(endless, JOBS, "a job")
