"""A folder with all the files that FireWorks and jobflow read, as a user would have them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from clean_environment import clean_environment, search_path
from mongo_site import MongoSite
from waiting import PATIENCE_S

if TYPE_CHECKING:
    from fireworks import LaunchPad
    from jobflow import JobStore


class FireworksSite:
    """FireWorks on one machine.

    Attributes
    ----------
    folder
        Where the files are: FW_config.yaml, my_launchpad.yaml, my_fworker.yaml, my_qadapter.yaml, jobflow.yaml.
    launches
        Folder in which programs are run, and below which jobs are launched.
    env
        What a program needs in its environment to use these files.
    queue_logs
        What qlaunch and the queue say.
    database
        Name of the database of the queue, and of the results.
    """

    def __init__(self, mongo: MongoSite, folder: Path):
        self.mongo = mongo
        self.folder = folder
        self.launches = folder / "launches"
        self.launches.mkdir()
        self.queue_logs = folder / "queue_logs"  # qlaunch needs it to be there
        self.queue_logs.mkdir()
        self.database = mongo.new_database_name()
        self.job_store_fields = {
            "docs_store": mongo.store(self.database, "outputs"),
            "additional_stores": {"data": mongo.store(self.database, "outputs_blobs", "GridFSStore")},
        }
        self.env = {
            "FW_CONFIG_FILE": str(folder / "FW_config.yaml"),
            "JOBFLOW_CONFIG_FILE": str(folder / "jobflow.yaml"),
        }
        for name, content in self._files().items():
            (folder / name).write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")

    def _files(self) -> dict[str, dict[str, Any]]:
        exports = {"PATH": search_path()} | self.env  # a login shell has its own PATH
        return {
            "FW_config.yaml": {
                "LAUNCHPAD_LOC": str(self.folder / "my_launchpad.yaml"),
                "FWORKER_LOC": str(self.folder / "my_fworker.yaml"),
                "QUEUEADAPTER_LOC": str(self.folder / "my_qadapter.yaml"),
                "QUEUE_UPDATE_INTERVAL": 0.3,
                "RAPIDFIRE_SLEEP_SECS": 0.3,
            },
            "my_launchpad.yaml": {
                "host": self.mongo.host,
                "port": self.mongo.port,
                "name": self.database,
                "username": self.mongo.username,
                "password": self.mongo.password,
                "authsource": self.mongo.auth_source,
                "logdir": None,
                "strm_lvl": "INFO",
                "user_indices": [],
                "wf_user_indices": [],
            },
            "my_fworker.yaml": {"name": "tests", "category": "", "query": "{}", "env": {}},
            "my_qadapter.yaml": {
                "_fw_name": "CommonAdapter",
                "_fw_q_type": "SLURM",
                "rocket_launch": "rlaunch singleshot",
                "nodes": 1,
                "ntasks": 1,
                "walltime": "00:05:00",
                "queue": "debug",
                "job_name": "toy",
                "logdir": str(self.queue_logs),
                "pre_rocket": "\n".join(f"export {name}='{value}'" for name, value in exports.items()),
            },
            "jobflow.yaml": {"JOB_STORE": self.job_store_fields},
        }

    def environment(self, **extra: str) -> dict[str, str]:
        """Give a whole environment for programs of FireWorks; add `**slurm.env` for those that submit."""
        return clean_environment(**self.env, **extra)

    def run(self, *command: str, check: bool = True, **extra: str) -> subprocess.CompletedProcess[str]:
        """Run a program such as lpad, rlaunch or qlaunch to its end; further names are environment variables."""
        done = subprocess.run(
            command,
            env=self.environment(**extra),
            cwd=self.launches,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        assert not check or done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done

    def start(self, *command: str, **extra: str) -> subprocess.Popen[bytes]:
        """Start a program and leave it running; the caller ends it."""
        with (self.folder / "started.log").open("ab") as log:
            return subprocess.Popen(command, env=self.environment(**extra), cwd=self.launches, stdout=log, stderr=log)

    def launchpad(self) -> LaunchPad:
        """Connect to the queue."""
        from fireworks import LaunchPad

        return LaunchPad.from_file(str(self.folder / "my_launchpad.yaml"))

    def job_store(self) -> JobStore:
        """Connect to the results."""
        from jobflow import JobStore

        store = JobStore.from_dict_spec(self.job_store_fields)
        store.connect()
        return store
