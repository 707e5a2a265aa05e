"""The links of a site that runs jobflow-remote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liface.dispatch.queues.base import Queue
from liface.dispatch.site import Site
from liface.dispatch.site_check.finding import Check, Finding, failed, ok
from liface.documents import JobKind
from liface.errors import MissingExtraError

if TYPE_CHECKING:
    from jobflow_remote.config.base import Project, WorkerBase


class RemoteLinks:
    """Checks of the project, the server, the stores and the workers of a site with jobflow-remote."""

    def __init__(self, site: Site, kinds: Sequence[JobKind]):
        self.site, self.kinds = site, kinds

    @cached_property
    def project(self) -> Project:
        """The project of the site."""
        from liface.dispatch.queues.remote_project import read_project

        return read_project(self.site.project)

    @cached_property
    def queue(self) -> Queue:
        """The queue of the site."""
        from liface.dispatch.queues import open_queue

        return open_queue("remote", self.site)

    def workers(self) -> dict[str, WorkerBase]:
        """Return the workers that take the kinds."""
        from liface.dispatch.queues.remote_resources import worker_of

        names = [worker_of(self.project, kind, getattr(self.site.kinds, kind)) for kind in self.kinds]
        return {name: self.project.workers[name] for name in dict.fromkeys(names)}

    # links

    def checks(self) -> list[Check]:
        """Return the checks of everything but the environment of workers and engines."""
        return [
            Check("queue package", self.check_package),
            Check("configuration", self.check_files, needs=("queue package",)),
            Check("passwords", self.check_passwords, needs=("configuration",)),
            Check("server", self.check_server, needs=("configuration",)),
            Check("outputs", self.check_outputs, needs=("server",)),
            Check("queue", self.check_queue, needs=("server", "outputs")),
            Check("runner", self.check_runner, needs=("queue",)),
            Check("batch system", self.check_workers, needs=("configuration",)),
        ]

    def check_package(self) -> Finding:
        """Find jobflow-remote."""
        from importlib.util import find_spec

        if find_spec("jobflow_remote") is None:
            raise MissingExtraError("jobflow_remote", "hpc")
        return ok(f"jobflow-remote {version('jobflow-remote')}")

    def check_files(self) -> Finding:
        """Read the project, and find the worker of each kind in it."""
        from liface.dispatch.queues.remote_resources import manager_config

        workers = {
            kind: manager_config(self.project, self.site, kind, getattr(self.site.kinds, kind)) for kind in self.kinds
        }
        told = ", ".join(f"{kind}: {config['worker']}" for kind, config in workers.items())
        return ok(f"project {self.project.name}; {told}")

    def check_passwords(self) -> Finding:
        """Look who may read the file of the project."""
        from jobflow_remote import ConfigManager

        path = Path(ConfigManager().get_project_data(self.project.name).filepath)
        if path.stat().st_mode & 0o007 and "password" in str(self.project.queue.store):
            return failed(f"{path} holds a password and everybody can read it", f"run: chmod 600 {path}")
        return ok("the file of the project is not for everybody")

    def check_server(self) -> Finding:
        """Read from the database of the queue."""
        from liface.dispatch.queues.remote_project import answering, connect, place_of

        place = place_of(self.project)
        with answering(place):
            controller = connect(self.project)
            try:
                controller.jobs.find_one({}, {"_id": 1})
            finally:
                controller.close()
        return ok(f"{place} answers")

    def check_queue(self) -> Finding:
        """Do what a submission does, but submitting."""
        self.queue.check()
        return ok(f"{self.queue.place} takes submissions")

    def check_outputs(self) -> Finding:
        """Write, read and delete an output."""
        from liface.dispatch.queues.remote_project import check_job_store

        check_job_store(self.project)
        return ok("an output with large data was written, read and deleted")

    def check_runner(self) -> Finding:
        """Find the runner, without which nothing is submitted or fetched."""
        from liface.dispatch.queues.remote_project import answering, connect

        name = self.project.name
        with answering(self.queue.place):
            controller = connect(self.project)
            try:
                runner: Any = controller.get_running_runner()
            finally:
                controller.close()
        if not isinstance(runner, dict):
            return failed(
                "no runner is known to the queue",
                f"start one on a machine that reaches the server and the workers: jf -p {name} runner start",
            )
        return ok(f"started on {runner.get('hostname', 'some machine')} by {runner.get('user', 'somebody')}")

    def check_workers(self) -> Iterator[Finding]:
        """Connect to each worker, ask its batch system, and write into its folder."""
        from dataclasses import replace

        from jobflow_remote.config.helper import check_worker

        for name, worker in self.workers().items():
            problem, _ = check_worker(worker)
            if problem:
                line = [line.strip() for line in problem.splitlines() if line.strip()][-1]
                found = failed(
                    line, f"look at workers.{name} in the file of the project; jf project check -w {name} -e"
                )
            else:
                found = ok(f"{worker.scheduler_type} answers, {worker.work_dir} is written")
            yield replace(found, check=f"batch system of {name}")
