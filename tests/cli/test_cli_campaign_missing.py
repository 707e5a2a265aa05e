from __future__ import annotations

import csv
import io

import pytest

from liface.testing.cli import run_cli

BULKS = "name: bulks\nengines: [emt]\nbulks: [Cu, W]\n"


@pytest.fixture
def campaign(tmp_path):
    (tmp_path / "bulks.yaml").write_text(BULKS)
    return "bulks.yaml"


def test_missing_is_told_before_and_after_a_run(campaign):
    before = run_cli(["campaign", "missing", campaign, "--json"], err="2 cases: 2 never run").json
    assert [(row["case"], row["engine"], row["state"]) for row in before] == [
        ("bulk/Cu", "emt:ase", "never run"), ("bulk/W", "emt:ase", "never run"),
    ]  # fmt: skip
    run_cli(["campaign", "run", campaign, "-j", 0, "--no-report"], code=4)
    (after,) = run_cli(["campaign", "missing", campaign, "--json"], err="--retry PATTERN").json
    assert (after["case"], after["state"]) == ("bulk/W", "failed") and "W" in after["reason"]
    run_cli(["campaign", "missing", campaign], out=r"^bulk/W +bulk +emt:ase +failed")
    (row,) = csv.DictReader(io.StringIO(run_cli(["campaign", "missing", campaign, "--csv"]).out))
    assert row["state"] == "failed"
    run_cli(["campaign", "missing", campaign, "--state", "never run"], err="nothing is never run")


def test_wrong_options_get_one_line(campaign):
    run_cli(["campaign", "missing", campaign, "--state", "lost"], code=2, err="states: never run")
    run_cli(["campaign", "missing", campaign, "--json", "--csv"], code=2, err="give one of them")
