"""Resources of a kind of job in the words of FireWorks' adapters to batch systems."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from liface.dispatch.queues.fireworks_files import FireWorksFiles, read
from liface.dispatch.queues.gres import with_gpus
from liface.documents import JobKind
from liface.errors import SiteError
from liface.workflows.resources import Resources


def batch_system(adapter: dict[str, Any] | None) -> str:
    """Return the batch system of an adapter file; Slurm where there is none."""
    return str((adapter or {}).get("_fw_q_type") or "SLURM")


def read_adapter(path: Path) -> dict[str, Any]:
    """Return what an adapter file says.

    Raises
    ------
    SiteError
        It is none, or of a batch system that FireWorks does not know, or gives a wall time as a number, which is what
        YAML makes of one without quotes: seconds, where batch systems take minutes.
    """
    from fireworks.user_objects.queue_adapters.common_adapter import CommonAdapter

    said = read(path)
    known = CommonAdapter.default_q_commands
    if said.get("_fw_name") != "CommonAdapter" or said.get("_fw_q_type") not in known:
        raise SiteError(f"{path}: _fw_name must be CommonAdapter and _fw_q_type one of {', '.join(known)}")
    if isinstance(walltime := said.get("walltime"), int):
        raise SiteError(f"{path}: walltime {walltime} is a number; write it in quotes, such as '24:00:00'")
    return said


def category(kind: JobKind, resources: Resources, files: FireWorksFiles) -> dict[str, Any]:
    """Return what tells workers whether a job is for them: its kind, and the worker where the site names one.

    Raises
    ------
    SiteError
        The worker does not take jobs of this kind.
    """
    said: dict[str, Any] = {"_category": kind}
    path = files.worker_file(resources)
    if path is None:
        return said
    worker = read(path)
    if not takes(worker, kind):
        raise SiteError(
            f"{path}: category {worker['category']!r} leaves out {kind!r}, so that this worker would never take jobs "
            "of that kind; add it there, or name another worker in the site file"
        )
    if resources.worker is not None:
        said["_fworker"] = worker.get("name")
    return said


def takes(worker: dict[str, Any], kind: JobKind) -> bool:
    """Tell whether a worker takes jobs of a kind; one without a category takes everything."""
    own = worker.get("category")
    return not own or kind in ([own] if isinstance(own, str) else own)


def allocation(adapter: dict[str, Any] | None, resources: Resources) -> dict[str, Any]:
    """Return keys of the adapter's template for these resources; what they do not say is left out.

    A key that contradicts one of them becomes None, which takes it out of the adapter.

    Raises
    ------
    SiteError
        The batch system cannot be asked for some of them in FireWorks' template.
    """
    system = batch_system(adapter)
    said: dict[str, Any] = {"queue": resources.partition, "account": resources.account}
    match system:
        case "SLURM":
            said |= _slurm(resources, adapter or {}) | {"walltime": resources.walltime}
        case "PBS":
            _refuse(system, resources, ("gpus", "qos"))
            said |= _pbs(resources, adapter or {}) | {"walltime": _without_days(resources.walltime)}
        case _:
            _refuse(system, resources, ("nodes", "cores", "threads", "gpus", "memory_gb", "walltime", "qos"))
    empty = {"queue", "account", "walltime"}
    return {key: value for key, value in said.items() if value is not None or key not in empty}


def _refuse(system: str, resources: Resources, names: tuple[str, ...]) -> None:
    asked = [name for name in names if getattr(resources, name)]
    if asked:
        raise SiteError(
            f"FireWorks' template for {system} has no place for {', '.join(asked)}; take it out of the site file and "
            "the campaign, and write it into the adapter file in the words of that batch system"
        )


def _slurm(resources: Resources, adapter: dict[str, Any]) -> dict[str, Any]:
    direct = {
        "nodes": resources.nodes,
        "ntasks": resources.cores,
        "cpus_per_task": resources.threads,
        "qos": resources.qos,
    }
    said: dict[str, Any] = {key: value for key, value in direct.items() if value is not None}
    nodes = resources.nodes or int(adapter.get("nodes") or 1)
    if resources.cores is not None:
        said["ntasks_per_node"] = None
    if resources.memory_gb is not None:  # Slurm counts it per node
        said |= {"mem": f"{math.ceil(resources.memory_gb * 1024 / nodes)}M", "mem_per_cpu": None}
    if resources.gpus is not None:
        gres = with_gpus(adapter.get("gres"), math.ceil(resources.gpus / nodes))
        said |= {"gres": gres, "gpus": None, "gpus_per_node": None, "gpus_per_task": None}
    return said


def _pbs(resources: Resources, adapter: dict[str, Any]) -> dict[str, Any]:
    """Return nodes and processors per node, as TORQUE's ``nodes=N:ppn=M``; its memory is that of a process.

    What is not asked for is as the adapter says.
    """
    said: dict[str, Any] = {}
    nodes = resources.nodes or int(adapter.get("nnodes") or 1)
    per_node = int(adapter.get("ppnode") or 1)
    if resources.cores is not None:
        per_node = math.ceil(resources.cores * (resources.threads or 1) / nodes)
    elif resources.threads is not None:
        per_node = max(per_node, resources.threads)
    if resources.nodes or resources.cores or resources.threads:
        said |= {"nnodes": nodes, "ppnode": per_node}
    if resources.memory_gb is not None:
        processes = resources.cores or nodes * per_node // (resources.threads or 1)
        said["pmem"] = f"{math.ceil(resources.memory_gb * 1024 / processes)}mb"
    return said


def _without_days(walltime: str | None) -> str | None:
    """Return a wall time in hours, minutes and seconds, the only ones PBS knows."""
    if walltime is None or "-" not in walltime:
        return walltime
    days, _, rest = walltime.partition("-")
    hours, minutes, seconds = rest.split(":")
    return f"{24 * int(days) + int(hours)}:{minutes}:{seconds}"
