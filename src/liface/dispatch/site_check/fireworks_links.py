"""The links of a site that runs FireWorks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

from liface.dispatch.queues.base import Queue
from liface.dispatch.site import Site
from liface.dispatch.site_check.batch import check_allocation, check_commands, check_partition, script_of
from liface.dispatch.site_check.finding import Check, Finding, failed, ok
from liface.dispatch.site_check.stores import check_outputs
from liface.documents import JobKind
from liface.workflows.resources import Resources


class FireWorksLinks:
    """Checks of the files, the server, the stores and the batch system of a site with FireWorks."""

    def __init__(self, site: Site, kinds: Sequence[JobKind]):
        self.site, self.kinds = site, kinds

    @cached_property
    def files(self) -> Any:
        """The files of the site."""
        from liface.dispatch.queues.fireworks_files import FireWorksFiles

        return FireWorksFiles(self.site)

    @cached_property
    def queue(self) -> Queue:
        """The queue of the site."""
        from liface.dispatch.queues import open_queue

        return open_queue("fireworks", self.site)

    def resources(self, kind: JobKind) -> Resources:
        """Return the resources of a kind of job."""
        return getattr(self.site.kinds, kind)

    def adapter(self, kind: JobKind) -> tuple[dict[str, Any], Path] | None:
        """Return what the adapter file of a kind says, with its resources, and the file."""
        from liface.dispatch.queues.fireworks_adapter import allocation, read_adapter

        path = self.files.adapter_file(self.resources(kind))
        if path is None:
            return None
        adapter = read_adapter(path)
        return adapter | allocation(adapter, self.resources(kind)), path

    def worker_adapters(self) -> dict[str, tuple[dict[str, Any], Path]]:
        """Return adapter and file of each worker that takes a kind."""
        from liface.dispatch.queues.fireworks_adapter import read_adapter

        found = {}
        for kind in self.kinds:
            resources = self.resources(kind)
            if path := self.files.adapter_file(resources):
                found[resources.worker or "default"] = (read_adapter(path), path)
        return found

    # links

    def checks(self) -> list[Check]:
        """Return the checks of everything but workers and engines."""
        files = [
            Check("queue package", self.check_package),
            Check("configuration", self.check_files, needs=("queue package",)),
            Check("passwords", self.check_passwords, needs=("configuration",)),
            Check("server", self.check_server, needs=("configuration",)),
            Check("credentials", self.check_credentials, needs=("server",)),
            Check("initialised", self.check_initialised, needs=("credentials",)),
            Check("outputs", self.check_outputs, needs=("configuration",)),
            Check("queue", self.check_queue, needs=("initialised", "outputs")),
        ]
        return [*files, Check("batch system", self.check_batch, needs=("configuration",))]

    def check_package(self) -> Finding:
        """Find FireWorks, and have it read its settings."""
        from liface.dispatch.queues.fireworks_files import import_fireworks

        import_fireworks(Path(self.site.fireworks_config or "FW_config.yaml"))
        return ok(f"FireWorks {version('FireWorks')}")

    def check_files(self) -> Finding:
        """Read every file that a submission or a worker reads."""
        from liface.dispatch.queues.fireworks_adapter import category

        files = self.files
        store_file = files.job_store()[1].file
        for kind in self.kinds:
            category(kind, self.resources(kind), files)
        workers = ", ".join(f"{kind}: {self.resources(kind).worker or 'any worker'}" for kind in self.kinds)
        self.worker_adapters()
        return ok(f"{files.config_file}, {files.launchpad_file.name}, {store_file.name}; {workers}")

    def check_passwords(self) -> Finding:
        """Look who may read the files with passwords."""
        return check_secrets([self.files.launchpad_file, self.files.job_store()[1].file])

    def check_server(self) -> Finding:
        """Have the server answer, with or without valid credentials."""
        return check_answer(self.files)

    def check_credentials(self) -> Finding:
        """Read from the database of the queue."""
        server = self.files.server
        with server.answering():
            self.files.launchpad().fireworks.find_one({}, {"_id": 1})
        return ok(f"user {server.user!r} may read {self.files.address}" if server.user else "none are asked for")

    def check_initialised(self) -> Finding:
        """Find the counter of jobs that ``lpad reset`` makes."""
        files = self.files
        with files.server.answering():
            if files.launchpad().fw_id_assigner.find_one({"next_fw_id": {"$exists": True}}) is None:
                return failed(
                    f"the database {files.address} holds no queue yet",
                    f"run once: lpad -l {files.launchpad_file} reset",
                )
        return ok(f"{files.address} holds a queue")

    def check_queue(self) -> Finding:
        """Do what a submission does, but submitting."""
        self.queue.check()
        return ok(f"{self.queue.place} takes submissions")

    def check_outputs(self) -> Finding:
        """Write, read and delete an output."""
        store, server = self.files.job_store()
        with server.answering():
            return check_outputs(store, server.address)

    def check_batch(self) -> Iterator[Finding]:
        """Look at the commands, partitions and allocations of all kinds."""
        systems: dict[str, Finding] = {}
        partitions: dict[tuple[str, str | None], Finding] = {}
        for kind in self.kinds:
            found = self.adapter(kind)
            if found is None:
                continue
            adapter, path = found
            system = adapter["_fw_q_type"]
            if system not in systems:
                systems[system] = replace(check_commands(system), check="batch system")
                yield systems[system]
            if systems[system].state != "ok":
                continue
            key = (system, adapter.get("queue"))
            if key not in partitions:
                partitions[key] = replace(check_partition(*key, path), check=f"partition {key[1] or ''}".strip())
                yield partitions[key]
            if partitions[key].state == "ok":
                script = script_of(adapter, Path("/"))
                yield replace(check_allocation(system, script, _asked(adapter)), check=f"allocation {kind}")


def check_answer(files: Any) -> Finding:
    """Have a server answer, whoever asks."""
    from pymongo.errors import OperationFailure

    with files.server.answering(), suppress(OperationFailure):  # it answers, though not to this user
        files.launchpad().connection.admin.command("ping")
    return ok(f"{files.address} answers")


def check_secrets(paths: Sequence[Path]) -> Finding:
    """Look who may read files with passwords."""
    from liface.dispatch.queues.fireworks_files import read

    for path in paths:
        if path.stat().st_mode & 0o007 and _has_password(read(path)):
            return failed(f"{path} holds a password and everybody can read it", f"run: chmod 600 {path}")
    return ok("files with passwords are not for everybody")


def _has_password(content: Any) -> bool:
    if isinstance(content, dict):
        return any((key == "password" and value) or _has_password(value) for key, value in content.items())
    return False


def _asked(adapter: dict[str, Any]) -> str:
    names = ("nodes", "ntasks", "cpus_per_task", "nnodes", "ppnode", "gres", "mem", "walltime", "queue", "account")
    return ", ".join(f"{name} {adapter[name]}" for name in names if adapter.get(name) is not None)
