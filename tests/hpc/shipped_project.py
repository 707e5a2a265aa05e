"""The project file for jobflow-remote that comes with liface, filled in for this machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml
from remote_project import RemoteProject

FILE = Path(__file__).parents[2] / "fireworks_config" / "jobflow_remote_project.yaml"


def shipped_project(project: RemoteProject, runs: Path, calculations: Path) -> dict[str, Any]:
    """Fill the marks; only how often a runner looks, and the size of a batch, are made to suit a test."""
    mongo = project.mongo
    marks = {
        "<SITE_NAME>": project.name,
        "<MONGO_HOST>": mongo.host,
        "<DATABASE>": project.database,
        "<MONGO_USER>": mongo.username or "''",
        "<MONGO_PASSWORD>": mongo.password or "''",
        "<MONGO_AUTH_DATABASE>": mongo.auth_source,
        "<CALCULATIONS_FOLDER>": str(calculations),
        "<RUNS_FOLDER>": str(runs),
        "<PARTITION>": "debug",
        "<GPU_PARTITION>": "debug",
        "<ACCOUNT>": "nobody",
        "<VIRTUAL_ENVIRONMENT>": sys.prefix,
    }
    text = FILE.read_text(encoding="utf-8").replace("port: 27017", f"port: {mongo.port}")
    for mark, value in marks.items():
        text = text.replace(mark, value)
    fields = yaml.safe_load(text)
    fields["runner"] = project.fields()["runner"] | {"delay_update_batch": 0.2}
    for worker in fields["workers"].values():
        worker["resources"]["time"] = "00:30:00"
    batch = fields["workers"]["batch"]
    batch["resources"]["cpus_per_task"] = batch["batch"]["parallel_jobs"] = 2
    batch["max_jobs"] = 1
    batch["batch"] |= {"max_wait": 60, "sleep_time": 0.3}
    return fields
