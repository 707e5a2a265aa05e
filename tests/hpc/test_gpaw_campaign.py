"""Real DFT on a cluster: LaunchPad, allocations of Slurm, GPAW, results database; one job per structure."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from clean_environment import clean_environment
from lab_site import LabSite
from waiting import PATIENCE_S

from liface.database import Database
from requirements_helper import need

CAMPAIGN = """
name: copper
engines: ["gpaw:PBE?ecut=320&kspacing=0.7&smearing=0.2"]
protocol:
  fmax_ev_per_a: 0.3
  bulk_fmax_ev_per_a: 0.3
  max_force_calls: 6
  bulk_force_calls: 12
  binding_edge_a: 2.0
  binding_thickness_a: 3.5
  vacuum_a: 8.0
  site_candidates: 1
bulks: [Li]
bindings:
  - {substrate: Cu, plane: "111", n_li: [1]}
"""
LONGEST_S = 480.0


@pytest.fixture
def lab(mongo, slurm, tmp_path, monkeypatch):
    need("gpaw", find_spec("gpaw") is not None, "make gpaw")
    monkeypatch.chdir(tmp_path)
    for name in ("FW_CONFIG_FILE", "JOBFLOW_CONFIG_FILE", "LIFACE_CALCULATIONS", "LIFACE_RUNS"):
        monkeypatch.delenv(name, raising=False)
    return LabSite(mongo, slurm, tmp_path).initialise()


@pytest.mark.slow
def test_lithium_on_copper_goes_through_the_cluster_into_the_database(lab, slurm, tmp_path):
    (tmp_path / "copper.yaml").write_text(CAMPAIGN)
    lab.liface("campaign", "submit", "copper.yaml")
    with builds_and_analyses(lab):
        most = work_off(lab, slurm)
    assert most <= 2  # as many allocations as were asked for at a time
    lab.liface("campaign", "collect", "copper.yaml")
    with Database(tmp_path / "liface.db") as database:
        assert database.verify() == []
        assert {case.status for case in database.cases("copper")} == {"finished"}
        (binding,) = database.results("binding")
        assert binding.engine.options["ecut_ev"] == 320 and -1.5 < binding.e_bind_ev_per_li < 1.0
        rows = database.query("calculations")
        assert {row["engine"] for row in rows} == {"gpaw"}
        energies = database.results("bulk", where='material="Li"')
        assert energies[0].lattice[0] == pytest.approx(3.44, rel=0.05)
    logs = {path.relative_to(lab.runs).parts[:2] for path in lab.runs.rglob("gpaw.txt")}
    assert ("copper", "binding-Cu-111") in logs and len(list(lab.runs.rglob("gpaw.txt"))) == len(rows)


@contextmanager
def builds_and_analyses(lab):
    """Let light jobs run beside the queue, as on a login node; DFT goes through it."""
    worker = lab.folder / "my_fworker_login.yaml"
    name = lab.read("my_fworker_cpu.yaml")["name"]  # jobs are for workers of the name that the site gives
    worker.write_text(f"{{name: {name}, category: light, query: '{{}}', env: {{}}}}")
    command = [Path(sys.executable).parent / "rlaunch", "-w", worker, "rapidfire", "--nlaunches", "infinite"]
    environment = clean_environment(
        FW_CONFIG_FILE=str(lab.folder / "FW_config.yaml"), JOBFLOW_CONFIG_FILE=str(lab.folder / "jobflow.yaml"),
        LIFACE_CALCULATIONS=str(lab.calculations), LIFACE_RUNS=str(lab.runs),
    )  # fmt: skip
    with (lab.folder / "login.log").open("w") as log:
        process = subprocess.Popen(
            [*map(str, command), "--sleep", "1"], cwd=lab.folder, env=environment, stdout=log, stderr=log
        )
        try:
            yield
        finally:
            process.kill()
            process.wait()


def work_off(lab, slurm) -> int:
    """Launch allocations as a user does until nothing is left to do; return how many there ever were at once."""
    command = [sys.executable, "-m", "liface", "hpc", "launch", "--kind", "dft", "--allocations", "2"]
    most, until, jobs = 0, time.monotonic() + LONGEST_S, {}
    while time.monotonic() < until:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE_S, env=clean_environment(**lab.env)
        )
        assert done.returncode == 0, done.stderr
        most = max(most, len(slurm.job_ids()))
        while slurm.job_ids():
            time.sleep(0.5)
        seen = lab.liface("campaign", "status", "copper.yaml", "--json").json
        assert not seen["failed_jobs"], seen["failed_jobs"]
        jobs = seen["jobs"]
        if set(jobs) <= {"done"}:
            return most
    raise AssertionError(f"not finished after {LONGEST_S:g} s: {jobs}")
