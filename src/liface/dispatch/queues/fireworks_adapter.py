"""Resources of a kind of job in the words of FireWorks' adapters to batch systems."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from liface.dispatch.queues.fireworks_files import FireWorksFiles, read
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
        It is none, or of a batch system that FireWorks does not know.
    """
    from fireworks.user_objects.queue_adapters.common_adapter import CommonAdapter

    said = read(path)
    known = CommonAdapter.default_q_commands
    if said.get("_fw_name") != "CommonAdapter" or said.get("_fw_q_type") not in known:
        raise SiteError(f"{path}: _fw_name must be CommonAdapter and _fw_q_type one of {', '.join(known)}")
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
    """
    said = _pbs(resources) if batch_system(adapter) == "PBS" else _slurm(resources, adapter or {})
    common = {
        "walltime": resources.walltime,
        "queue": resources.partition,
        "account": resources.account,
    }
    return said | {key: value for key, value in common.items() if value is not None}


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
        model = re.fullmatch(r"gpu(:[^:]+)?:\d+", str(adapter.get("gres")))
        gres = f"gpu{(model and model[1]) or ''}:{math.ceil(resources.gpus / nodes)}" if resources.gpus else None
        said |= {"gres": gres, "gpus": None, "gpus_per_node": None, "gpus_per_task": None}
    return said


def _pbs(resources: Resources) -> dict[str, Any]:
    """Return nodes and processors per node, as TORQUE's ``nodes=N:ppn=M``; its memory is that of a process."""
    said: dict[str, Any] = {}
    nodes = resources.nodes or 1
    if resources.nodes or resources.cores or resources.threads:
        processors = (resources.cores or nodes) * (resources.threads or 1)
        said |= {"nnodes": nodes, "ppnode": math.ceil(processors / nodes)}
    if resources.memory_gb is not None:
        said["pmem"] = f"{math.ceil(resources.memory_gb * 1024 / (resources.cores or 1))}mb"
    return said
