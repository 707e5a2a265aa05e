"""A project of jobflow-remote with one local worker that submits to Slurm."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from clean_environment import clean_environment, search_path
from mongo_site import MongoSite
from slurm_site import SlurmSite
from waiting import PATIENCE_S

if TYPE_CHECKING:
    from jobflow import JobStore
    from jobflow_remote.jobs.jobcontroller import JobController
    from jobflow_remote.jobs.runner import Runner

NAME = "liface_test"
WORKER = "slurm"


class RemoteProject:
    """A project in a projects folder of its own.

    Attributes
    ----------
    name, worker
        Names of the project and of its worker.
    folder
        The projects folder; the project is `NAME.yaml` in it.
    work_dir
        Where the worker runs the jobs.
    env
        What a program needs in its environment to use the project and to submit.
    """

    name, worker = NAME, WORKER

    def __init__(self, mongo: MongoSite, slurm: SlurmSite, folder: Path):
        self.mongo = mongo
        self.slurm = slurm
        self.folder = folder
        self.work_dir = folder / "work"
        self.work_dir.mkdir()
        self.database = mongo.new_database_name()
        self.env = {
            "JFREMOTE_PROJECTS_FOLDER": str(folder),
            "JFREMOTE_PROJECT": NAME,
            "JFREMOTE_CONFIG_FILE": str(folder / "none.yaml"),
            **slurm.env,
        }
        self.file = folder / f"{NAME}.yaml"
        self.write(self.fields())

    def fields(self) -> dict[str, Any]:
        """Give what the project file says; a test may write it changed."""
        exports = {"PATH": search_path(), "PYTHONPATH": clean_environment()["PYTHONPATH"]} | self.slurm.env
        worker = {
            "type": "local",
            "scheduler_type": "slurm",
            "work_dir": str(self.work_dir),
            "resources": {"nodes": 1, "ntasks": 1, "partition": "debug"},
            "pre_run": "\n".join(f"export {name}='{value}'" for name, value in exports.items()),
        }
        return {
            "name": NAME,
            "log_level": "info",
            "workers": {WORKER: worker},
            "queue": {"store": self.mongo.store(self.database, "jobs")},
            "jobstore": {
                "docs_store": self.mongo.store(self.database, "outputs"),
                "additional_stores": {"data": self.mongo.store(self.database, "outputs_blobs", "GridFSStore")},
            },
            "runner": {
                "delay_checkout": 0.2,
                "delay_check_run_status": 0.2,
                "delay_advance_status": 0.2,
                "delta_retry": [1, 1, 1],
            },
        }

    def write(self, fields: dict[str, Any]) -> None:
        """Write the project file."""
        self.file.write_text(yaml.safe_dump(fields, sort_keys=False), encoding="utf-8")

    def environment(self, **extra: str) -> dict[str, str]:
        """Give a whole environment for `jf`."""
        return clean_environment(**self.env, **extra)

    def run(self, *command: str, check: bool = True, **extra: str) -> subprocess.CompletedProcess[str]:
        """Run a program such as jf to its end; further names are environment variables."""
        done = subprocess.run(
            command, env=self.environment(**extra), cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE_S
        )
        assert not check or done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done

    def start(self, *command: str, **extra: str) -> subprocess.Popen[bytes]:
        """Start a program and leave it running; the caller ends it."""
        with (self.folder / "started.log").open("ab") as log:
            return subprocess.Popen(command, env=self.environment(**extra), cwd=self.folder, stdout=log, stderr=log)

    def controller(self) -> JobController:
        """Connect to the queue; the caller closes it."""
        from jobflow_remote.jobs.jobcontroller import JobController

        return JobController.from_project_name(NAME)

    def runner(self) -> Runner:
        """Make a runner in this process; the caller cleans it up."""
        from jobflow_remote.jobs.runner import Runner

        return Runner(NAME)

    def run_jobs(self, max_seconds: int = PATIENCE_S) -> None:
        """Run all jobs there are, in Slurm, until none is left to run; each takes seconds, many on a busy machine."""
        runner = self.runner()
        try:
            runner.run_all_jobs(max_seconds=max_seconds)
        except RuntimeError as error:  # out of time: which jobs, and what Slurm has of them
            jobs = [(job.name, job.state.value) for job in runner.job_controller.get_jobs_info()]
            raise RuntimeError(f"{error}: {jobs}\n{self.run('squeue').stdout}") from error
        finally:
            runner.cleanup()

    def job_store(self) -> JobStore:
        """Connect to the results."""
        from jobflow import JobStore

        store = JobStore.from_dict_spec(self.fields()["jobstore"])
        store.connect()
        return store
