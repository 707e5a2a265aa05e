"""The one-machine Slurm: jobs run, wait, are cancelled and refused as on a cluster, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from slurm_site import SlurmSite
from waiting import wait_until

HERE = Path(__file__).parent


def test_batch_job_runs(slurm, tmp_path):
    job = slurm.submit(tmp_path, "echo job $SLURM_JOB_ID in $PWD; exit 0")
    assert slurm.wait_for(job) == "COMPLETED"
    assert (tmp_path / f"slurm-{job}.out").read_text() == f"job {job} in {tmp_path}\n"


def test_job_that_fails_is_failed(slurm, tmp_path):
    job = slurm.submit(tmp_path, "exit 3")
    assert slurm.wait_for(job) == "FAILED"
    assert slurm.show(job)["ExitCode"] == "3:0"


def test_srun_runs_tasks(slurm, tmp_path):
    assert slurm.run("srun", "-n", "2", "echo", "task").stdout == "task\ntask\n"
    job = slurm.submit(tmp_path, "srun bash -c 'echo $SLURM_PROCID'", "-n", "2")
    assert slurm.wait_for(job) == "COMPLETED"
    assert sorted((tmp_path / f"slurm-{job}.out").read_text().split()) == ["0", "1"]


def test_queue_holds_what_the_machine_cannot_run_yet(slurm, tmp_path):
    first = slurm.submit(tmp_path, "sleep 60", "--exclusive")
    assert slurm.wait_for(first, "RUNNING") == "RUNNING"
    second = slurm.submit(tmp_path, "sleep 60", "--exclusive", "--job-name=waits")
    queue = slurm.run("squeue", "--noheader", "--format=%A %T %j").stdout.splitlines()
    assert sorted(queue) == sorted([f"{first} RUNNING job.sh", f"{second} PENDING waits"])
    slurm.run("scancel", first)
    assert slurm.wait_for(first) == "CANCELLED"
    assert slurm.wait_for(second, "RUNNING") == "RUNNING"
    slurm.clear()
    assert slurm.job_ids() == []


def test_cancel_reaches_the_program(slurm, tmp_path):
    """Batch systems warn with SIGTERM before they kill."""
    job = slurm.submit(tmp_path, "trap 'touch warned; exit 1' TERM; touch started; while :; do sleep 0.1; done")
    wait_until((tmp_path / "started").exists, "a file of the job")
    slurm.run("scancel", "--batch", "--signal=TERM", job)
    assert slurm.wait_for(job) == "FAILED"
    assert (tmp_path / "warned").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--partition=drained"], "not available"),
        (["--partition=nowhere"], "Invalid partition"),
        (["--nodes=3"], "More processors requested"),
        (["--ntasks=5000"], "More processors requested"),
        (["--time=10:00:00"], "time limit is invalid"),
    ],
)
def test_submission_is_refused(slurm, tmp_path, options, message):
    with pytest.raises(subprocess.CalledProcessError) as caught:
        slurm.submit(tmp_path, "true", *options)
    assert message in caught.value.stderr
    assert slurm.job_ids() == []


def test_job_in_a_down_partition_waits(slurm, tmp_path):
    job = slurm.submit(tmp_path, "true", "--partition=down")
    assert slurm.state(job) == "PENDING"
    assert slurm.show(job)["Reason"] in ("None", "PartitionDown")


@pytest.mark.slow
def test_job_over_its_time_limit_is_ended(slurm, tmp_path):
    """Slurm looks at the limits every 30 seconds."""
    job = slurm.submit(tmp_path, "sleep 600", "--time=1")
    slurm.wait_for(job, "RUNNING")
    slurm.run("scontrol", "update", f"JobId={job}", "EndTime=now")
    assert slurm.wait_for(job) == "TIMEOUT"


def test_job_sees_no_variable_of_the_test_runner(slurm, tmp_path, monkeypatch):
    monkeypatch.setenv("SOME_SECRET", "do not tell")
    job = slurm.submit(tmp_path, "env")
    slurm.wait_for(job)
    seen = (tmp_path / f"slurm-{job}.out").read_text()
    assert "SLURM_CONF=" in seen and "do not tell" not in seen


def test_a_second_site_lives_beside_the_first_and_leaves_nothing(slurm, tmp_path):
    with SlurmSite(cpus=slurm.cpus + 1) as other:
        assert other.run("srun", "-n", str(other.cpus), "echo", "x").stdout == "x\n" * other.cpus
        job = other.submit(tmp_path, "setsid sleep 600 & touch started; sleep 600")
        wait_until((tmp_path / "started").exists, "a file of the job")
        assert slurm.job_ids() == [] and other.job_ids() == [job]
        assert _processes(other.folder)
    assert _processes(other.folder) == [] and not other.folder.exists()
    assert slurm.run("sinfo", "-h", "-p", "debug", "-o", "%T").stdout.strip() == "idle"


def test_site_of_a_killed_process_ends_with_it(slurm, tmp_path):
    program = (
        "import pathlib, sys, time; from slurm_site import SlurmSite\n"
        f"site = SlurmSite().start(); site.submit(pathlib.Path({str(tmp_path)!r}), 'touch started; sleep 600')\n"
        "print(site.folder, flush=True); time.sleep(600)"
    )
    environment = slurm.environment(PYTHONPATH=str(HERE))
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment)
    assert parent.stdout is not None
    folder = Path(parent.stdout.readline().strip())
    wait_until((tmp_path / "started").exists, "a file of the job")
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    wait_until(lambda: not (_processes(folder) or folder.exists()), "the end of the site's processes and its folder")


def test_site_that_cannot_start_says_why(monkeypatch):
    site = SlurmSite()
    monkeypatch.setattr("slurm_site.CONFIGURATION", "NoSuchOption=1\n")
    with pytest.raises(RuntimeError, match="NoSuchOption"):
        site.start()
    assert not site.folder.exists()


def _processes(folder: Path) -> list[str]:
    """Give the processes that a site runs: all of them name its configuration in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if str(folder).encode() in (entry / "environ").read_bytes():
                    found.append((entry / "cmdline").read_text())
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
    return found
