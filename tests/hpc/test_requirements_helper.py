from __future__ import annotations

import pytest

from requirements_helper import REQUIRED, need


@pytest.mark.parametrize("asked", ["", "gpaw", "slurmdbd"])
def test_missing_program_skips_where_nobody_insists(monkeypatch, asked):
    monkeypatch.setenv(REQUIRED, asked)
    with pytest.raises(pytest.skip.Exception, match="slurm is missing: apt-get"):
        need("slurm", False, "apt-get install slurm-wlm")


def test_missing_program_fails_where_it_must_be_there(monkeypatch):
    monkeypatch.setenv(REQUIRED, "gpaw, slurm")
    with pytest.raises(pytest.fail.Exception, match="LIFACE_REQUIRE"):
        need("slurm", False, "apt-get install slurm-wlm")


def test_program_that_is_there_lets_the_test_run(monkeypatch):
    monkeypatch.setenv(REQUIRED, "slurm")
    need("slurm", True, "")
