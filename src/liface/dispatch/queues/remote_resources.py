"""Resources of a kind of job, as jobflow-remote and the scheduler of a worker want them."""

from __future__ import annotations

import math
import re
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from liface.dispatch.queues.gres import with_gpus
from liface.dispatch.queues.stored_classes import RESOURCES, check_classes
from liface.dispatch.site import Site
from liface.documents import JobKind
from liface.errors import SubmissionError
from liface.workflows.executor import CALCULATIONS
from liface.workflows.resources import Resources
from liface.workflows.run_folders import RUNS

if TYPE_CHECKING:
    from jobflow_remote.config.base import Project, WorkerBase
    from qtoolkit.core.data_objects import QResources

COMMON = "liface"
"""Name of the execution configuration of a project for jobs whose kind has none of its own."""

PLACEMENT = ("nodes", "processes", "processes_per_node", "process_placement")


def manager_config(project: Project, site: Site, kind: JobKind, resources: Resources) -> dict[str, Any]:
    """Return worker, resources and execution configuration of a kind of job.

    All three are always there: jobflow-remote lets a job made by another inherit what it does not say itself.

    Raises
    ------
    SubmissionError
        The worker is not known, or cannot give these resources.
    """
    name = worker_of(project, kind, resources)
    return {
        "worker": name,
        "resources": _allocation(project.workers[name], f"worker {name}, jobs of kind {kind}", resources),
        "exec_config": _execution(project, site, kind, resources.threads),
    }


def worker_of(project: Project, kind: JobKind, resources: Resources) -> str:
    """Return the worker of a kind of job; the only one of the project where none is named.

    Raises
    ------
    SubmissionError
        It is not in the project, or there are several and none is named, or it is one that could never start.
    """
    known = list(project.workers)
    listed = ", ".join(known) or "none"
    name = resources.worker or (known[0] if len(known) == 1 else None)
    if name is None:
        raise SubmissionError(
            f"jobs of kind {kind} have no worker; name one of {listed} (project {project.name}) under "
            f"kinds.{kind}.worker in the site file"
        )
    if name not in project.workers:
        raise SubmissionError(
            f"jobs of kind {kind} are to go to worker {name!r}, which project {project.name} does not have; "
            f"its workers: {listed}"
        )
    worker = project.workers[name]
    if worker.is_batch and not worker.max_jobs:
        raise SubmissionError(
            f"batch worker {name} of project {project.name} starts nothing without a limit; set max_jobs to the "
            "number of batches that may be in the queue at once"
        )
    return name


def _execution(project: Project, site: Site, kind: JobKind, threads: int | None) -> str | dict[str, Any]:
    """Return the execution configuration of a kind, with the folders of the site and the number of threads.

    What the environment of a worker says about the folders holds; so does an ``export`` of the project.
    """
    name = kind if kind in project.exec_config else COMMON
    base = project.exec_config.get(name)
    exports: dict[str, Any] = {}
    for variable, folder in ((CALCULATIONS, site.calculations), (RUNS, site.runs)):
        if base is None or variable not in (base.export or {}):
            exports[variable] = _unless_set(variable, folder)
    if threads is not None:
        exports["OMP_NUM_THREADS"] = threads
    if not exports:
        return name
    said = base.model_dump(exclude_none=True) if base is not None else {}
    return said | {"export": said.get("export", {}) | exports}


def _unless_set(variable: str, folder: str) -> str:
    """Return shell text for a folder that the environment of a worker may name otherwise."""
    path = re.sub(r"^~(?=/|$)", "$HOME", folder).replace("\\", "\\\\").replace('"', '\\"').replace("`", "\\`")
    return f'"${{{variable}:-{path}}}"'


def _allocation(worker: WorkerBase, where: str, resources: Resources) -> dict[str, Any]:
    """Return the resources of a job over the defaults of its worker.

    Where there are only the defaults, they are given in full: jobflow-remote makes empty resources of none, and takes
    these for what was asked.
    """
    from monty.json import MontyDecoder
    from qtoolkit.core.data_objects import QResources
    from qtoolkit.core.exceptions import UnsupportedResourcesError
    from qtoolkit.io import ShellIO, SlurmIO

    scheduler = worker.get_scheduler_io()
    has_allocation = not worker.is_batch and not isinstance(scheduler, ShellIO)
    asked = resources.model_dump(exclude_none=True, exclude={"worker"} if has_allocation else {"worker", "threads"})
    if not asked:
        return dict(worker.resources or {}) if has_allocation else {}
    if not has_allocation:
        kind = "a batch worker" if worker.is_batch else "a worker without a scheduler"
        raise SubmissionError(
            f"{where}: {kind} gives no resources to single jobs ({', '.join(asked)}); remove them from the site file "
            "and the campaign, or name another worker"
        )
    check_classes(worker.resources, RESOURCES, f"{where}: the worker")
    default = MontyDecoder().process_decoded(dict(worker.resources or {}))
    try:
        if isinstance(scheduler, SlurmIO) and isinstance(default, dict):
            said: dict[str, Any] | QResources = _slurm(default, resources)
        elif isinstance(default, QResources) or not default:
            said = _general(default or QResources(), resources)
        else:
            raise UnsupportedResourcesError("its own are in the words of its scheduler; write them as QResources")
        scheduler.get_submission_script("true", said)
    except (UnsupportedResourcesError, ValueError) as error:
        raise SubmissionError(f"{where}: {asked} cannot be asked for: {error}") from error
    return said if isinstance(said, dict) else said.as_dict()


def _slurm(default: dict[str, Any], resources: Resources) -> dict[str, Any]:
    """Return options of sbatch; the defaults of the worker hold where the resources say nothing."""
    said = dict(default)
    if resources.cores is not None:
        said.pop("ntasks_per_node", None)
    nodes = resources.nodes or _whole(said.get("nodes")) or 1
    new = {
        "nodes": resources.nodes,
        "ntasks": resources.cores,
        "cpus_per_task": resources.threads,
        "time": resources.walltime,
        "partition": resources.partition,
        "account": resources.account,
        "qos": resources.qos,
    }
    said |= {key: value for key, value in new.items() if value is not None}
    if resources.memory_gb is not None:
        said.pop("mem_per_cpu", None)
        said["mem"] = f"{math.ceil(resources.memory_gb * 1024 / nodes)}M"  # Slurm counts it per node
    if resources.gpus is not None:
        gres = with_gpus(said.get("gres"), math.ceil(resources.gpus / nodes))
        for key in ("gpus", "gpus_per_node", "gres"):
            said.pop(key, None)
        if gres:
            said["gres"] = gres
    return said


def _general(default: QResources, resources: Resources) -> QResources:
    """Return resources in the words that qtoolkit translates for every scheduler."""
    from qtoolkit.core.data_objects import QResources

    said = {field.name: getattr(default, field.name) for field in fields(default)}
    if resources.nodes is not None or resources.cores is not None:
        said |= dict.fromkeys(PLACEMENT)
        if resources.nodes is None:
            said["processes"] = resources.cores
        else:
            per_node = math.ceil(resources.cores / resources.nodes) if resources.cores else default.processes_per_node
            said["nodes"], said["processes_per_node"] = resources.nodes, per_node or 1
    elif default.process_placement is None:
        said["processes"] = 1
    threads = resources.threads or default.threads_per_process or 1
    new = {
        "threads_per_process": resources.threads,
        "gpus_per_job": resources.gpus,
        "time_limit": _seconds(resources.walltime),
        "queue_name": resources.partition,
        "account": resources.account,
        "qos": resources.qos,
    }
    said |= {key: value for key, value in new.items() if value is not None}
    if resources.memory_gb is not None:
        processes = said["processes"] or (said["nodes"] or 1) * (said["processes_per_node"] or 1)
        said["memory_per_thread"] = math.ceil(resources.memory_gb * 1024 / (processes * threads))
    return QResources(**said)


def _seconds(walltime: str | None) -> int | None:
    if walltime is None:
        return None
    days, _, time = walltime.rpartition("-")
    hours, minutes, seconds = (int(part) for part in time.split(":"))
    return ((int(days or 0) * 24 + hours) * 60 + minutes) * 60 + seconds


def _whole(value: Any) -> int | None:
    return int(value) if str(value).isdigit() else None
