"""A site as `liface hpc init` writes it, on the MongoDB and the Slurm of the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import yaml
from clean_environment import clean_environment
from mongo_site import MongoSite
from slurm_site import SlurmSite
from waiting import PATIENCE_S

from liface.testing.cli import CliResult, run_cli


class LabSite:
    """A written site.

    Attributes
    ----------
    folder
        The files.
    runs, calculations
        The shared folders.
    env
        What a command needs besides the usual.
    """

    def __init__(self, mongo: MongoSite, slurm: SlurmSite | None, folder: Path, **changes: str):
        self.folder, self.runs, self.calculations = folder / "config", folder / "runs", folder / "calculations"
        self.database = mongo.new_database_name()
        answers = {
            "name": "lab",
            "mongo-host": mongo.host,
            "mongo-port": str(mongo.port),
            "database": self.database,
            "user": mongo.username or "",
            "auth-database": mongo.auth_source,
            "runs": str(self.runs),
            "calculations": str(self.calculations),
            "environment": f"source {sys.prefix}/bin/activate",
            "partition": "debug",
            "account": "",
            "gpu-partition": "",
            "walltime-potential": "00:30:00",
            "walltime-dft": "00:30:00",
            "cores-dft": "2",
        } | changes
        options = [word for name, value in answers.items() for word in (f"--{name}", value)]
        self.env = {"LIFACE_SITE": str(self.folder / "site.yaml"), **(slurm.env if slurm else {})}
        run_cli(["hpc", "init", self.folder, *options], env={"LIFACE_MONGO_PASSWORD": mongo.password or ""})
        self.runs.mkdir()

    def initialise(self) -> LabSite:
        """Make the queue, as `lpad reset` does."""
        from datetime import date

        command = [
            "lpad",
            "-l",
            str(self.folder / "my_launchpad.yaml"),
            "reset",
            "--password",
            date.today().isoformat(),
        ]
        environment = clean_environment(FW_CONFIG_FILE=str(self.folder / "FW_config.yaml"))
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=PATIENCE_S)
        assert done.returncode == 0, done.stderr
        return self

    def change(self, name: str, old: str, new: str) -> None:
        """Replace text in one of the files."""
        path = self.folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {name}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def read(self, name: str) -> dict:
        """Return what one of the files says."""
        return yaml.safe_load((self.folder / name).read_text(encoding="utf-8"))

    def program(self, *arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run a command as a program of its own.

        FireWorks imports its own tests when it loads an adapter, and their marks are none of ours.
        """
        done = subprocess.run(
            ["liface", *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE_S,
            env=clean_environment(**self.env),
        )  # fmt: skip
        assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def liface(self, *arguments: object, code: int = 0, **options: str) -> CliResult:
        """Run a command in the environment of the site."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return run_cli(arguments, code=code, env={"PATH": path, **self.env}, **options)
