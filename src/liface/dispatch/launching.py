"""Allocations of the batch system for jobs that are ready on the LaunchPad.

Light jobs and relaxations with potentials are packed: one allocation takes job after job. A DFT job gets an
allocation of its own, reserved for it.
"""

from __future__ import annotations

import ast
import json
import logging
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from liface.dispatch.queues.fireworks import FireWorksQueue
from liface.dispatch.queues.fireworks_adapter import allocation, batch_system, category, read_adapter, takes
from liface.dispatch.queues.fireworks_batch import open_allocations
from liface.dispatch.queues.fireworks_files import quiet, read
from liface.dispatch.site import Site
from liface.dispatch.site_files import LAUNCH_UNTIL, seconds_of
from liface.documents import JobKind
from liface.errors import InputError, SiteError, SubmissionError
from liface.workflows.executor import CALCULATIONS
from liface.workflows.resources import Resources, ResourcesByKind

if TYPE_CHECKING:
    from fireworks import FWorker

ROCKET = re.compile(r"(?<=\s)(singleshot|rapidfire|multi)(?=\s|$)")
LONGEST_NAME = {"PBS": 15}


@dataclass(frozen=True)
class Launched:
    """What was submitted, and what there was to do."""

    kind: JobKind
    ready: int
    """Jobs of this kind that were ready."""
    queued: int
    """Allocations of this kind that had not started yet."""
    running: int
    """Allocations that run; of DFT jobs, which have one each, none is counted."""
    allocations: tuple[str, ...] = field(default=())
    """What the batch system calls the new allocations."""


def launch(site: Site, kind: JobKind, allocations: int = 1, resources: ResourcesByKind | None = None) -> Launched:
    """Submit allocations for the jobs of a kind that are ready: not more than asked for, nor than there are jobs.

    Allocations that wait in the batch system, and those that run and take job after job, count as if they were of this
    call, so that it can be repeated.

    Parameters
    ----------
    resources
        What a campaign asks for, over what the site gives; that of the site alone by default.

    Raises
    ------
    QueueUnreachableError
        The LaunchPad does not answer.
    SiteError
        The files of the worker do not hold together.
    SubmissionError
        The batch system takes no more; what it had taken before stays, the message says how many.
    """
    if allocations < 1:
        raise InputError(f"{allocations} allocations cannot be launched; ask for one or more")
    if resources is not None:
        site = site.model_copy(update={"kinds": resources})
    plan = _Plan(FireWorksQueue(site), site, kind)
    with plan.queue.files.server.answering():
        ready = plan.ready()
        queued, running = plan.open() if ready and kind != "dft" else (0, 0)
        done: list[str] = []
        for _ in range(min(allocations - queued - running, ready - queued)):
            try:
                submitted = plan.submit()
            except SubmissionError as error:
                raise SubmissionError(f"{_told(done, allocations)}; then: {error}") from error
            if submitted is None:  # another launcher was quicker
                break
            done.append(submitted)
    return Launched(kind, ready, queued, running, tuple(done))


class _Plan:
    """How allocations of one kind are made at a site."""

    def __init__(self, queue: FireWorksQueue, site: Site, kind: JobKind):
        self.queue, self.site, self.kind = queue, site, kind
        self.resources: Resources = getattr(site.kinds, kind)
        path = queue.files.adapter_file(self.resources)
        if path is None:
            raise SiteError(
                f"{queue.files.config_file}: QUEUEADAPTER_LOC is missing; it names the file that describes allocations"
            )
        self.adapter_file, self._adapter = path, read_adapter(path)
        category(kind, self.resources, queue.files)  # refuses a worker that would never take such jobs
        self.folder = self._folder()

    @property
    def job_name(self) -> str:
        """Name by which allocations of this kind are known in the batch system."""
        worker = f"-{self.resources.worker}" if self.resources.worker else ""
        return f"liface-{self.kind}{worker}"[: LONGEST_NAME.get(batch_system(self._adapter), 60)]

    @property
    def worker(self) -> FWorker:
        """The worker for jobs of this kind alone."""
        from fireworks import FWorker

        said = self._worker_said()
        return FWorker(said.get("name") or "liface", self.kind, json.loads(said.get("query") or "{}"))

    def ready(self) -> int:
        """Count the jobs that are ready."""
        return self.queue.launchpad.fireworks.count_documents(self.worker.query | {"state": "READY"})

    def open(self) -> tuple[int, int]:
        """Count the allocations that have not started, and those that run; none where only Slurm and PBS could tell.

        Raises
        ------
        SubmissionError
            The batch system does not answer.
        """
        found = open_allocations(self.job_name, batch_system(self._adapter))
        if isinstance(found, str):
            raise SubmissionError(f"the batch system does not tell what is queued: {found}")
        return found

    def submit(self) -> str | None:
        """Submit one allocation; None where no job is left."""
        from fireworks.queue.queue_launcher import launch_rocket_to_queue
        from fireworks.user_objects.queue_adapters.common_adapter import CommonAdapter
        from fireworks.utilities.fw_serializers import SAVED_FW_MODULES

        # FireWorks copies the adapter by its name, which it would look for in all of its modules and their tests.
        SAVED_FW_MODULES["CommonAdapter"] = CommonAdapter.__module__
        is_single = self.kind == "dft"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            said = self._single() if is_single else self._packed()
        except OSError as error:
            raise SiteError(f"runs: {self.folder} cannot be written: {error.strerror}") from error
        with _told_errors() as problems, quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about keys that a template does not have
            # with a logdir, be it null, FireWorks tells every success on the terminal
            adapter = CommonAdapter.from_dict({key: value for key, value in said.items() if key != "logdir" or value})
            submitted = launch_rocket_to_queue(
                self.queue.launchpad, self.worker, adapter, str(self.folder), reserve=is_single, strm_lvl="CRITICAL",
                create_launcher_dir=True,
            )  # fmt: skip
        if submitted is None or (submitted is False and not problems):
            return None
        if submitted is False:
            raise SubmissionError(_why(problems, self.adapter_file))
        return str(submitted)

    def _single(self) -> dict[str, Any]:
        """Return the adapter of an allocation for one job, which names itself and brings its resources."""
        return self._with_folders(self._adapter) | {"rocket_launch": self._rocket("singleshot")}

    def _packed(self) -> dict[str, Any]:
        """Return the adapter of an allocation that takes jobs until four fifths of its time are over."""
        said = self._adapter | allocation(self._adapter, self.resources)
        if (nodes := int(said.get("nodes") or said.get("nnodes") or 1)) > 1:
            raise SiteError(
                f"{self.adapter_file}: jobs of kind {self.kind} share an allocation of one node, not {nodes}; give one "
                f"there or under kinds.{self.kind} of the site file, and launch more allocations"
            )
        if not said.get("walltime"):
            raise SiteError(
                f"{self.adapter_file}: walltime is missing; say there, or under kinds.{self.kind} of the site file, "
                "how long an allocation lasts, so that no job is started shortly before its end"
            )
        timeout = f"--timeout {int(LAUNCH_UNTIL * _seconds(said['walltime'], self.adapter_file))}"
        at_once = self._at_once()
        how = f"multi {at_once} {timeout}" if at_once > 1 else f"rapidfire {timeout}"
        return self._with_folders(said) | {"rocket_launch": self._rocket(how), "job_name": self.job_name}

    def _at_once(self) -> int:
        """Return how many jobs run side by side: one per core that the site asks for, else as its adapter says."""
        if self.resources.cores is not None:
            return self.resources.cores
        found = re.search(r"\smulti\s+(\d+)", self._adapter.get("rocket_launch") or "")
        return int(found[1]) if found else 1

    def _rocket(self, how: str) -> str:
        """Return the command of the adapter in another mode, for these kinds of job only."""
        said = str(self._adapter.get("rocket_launch") or "")
        found = ROCKET.search(said)
        if found is None or "rlaunch" not in said or "--offline" in said:
            raise SiteError(
                f"{self.adapter_file}: rocket_launch must be an rlaunch with singleshot, rapidfire or multi, and not "
                f"--offline; got {said!r}"
            )
        return f'{said[: found.start()].rstrip()} -w "{self._worker_copy()}" {how}'

    def _worker_copy(self) -> Path:
        """Write the worker as it is for these allocations: a small one must not take what needs a large one."""
        import yaml

        own = self._worker_said()
        kinds: tuple[JobKind, ...] = (self.kind, "light") if self.kind == "potential" else (self.kind,)
        path = self.folder / f"my_fworker_{self.site.name}_{self.resources.worker or self.kind}.yaml"
        said = {"name": "liface", "query": "{}", "env": {}} | own
        said["category"] = [kind for kind in kinds if takes(own, kind)]
        aside = path.with_name(f".{path.name}.{uuid4().hex}")
        aside.write_text(yaml.safe_dump(said, sort_keys=False), encoding="utf-8")
        aside.replace(path)
        return path

    def _worker_said(self) -> dict[str, Any]:
        path = self.queue.files.worker_file(self.resources)
        return read(path) if path else {}

    def _with_folders(self, said: dict[str, Any]) -> dict[str, Any]:
        """Let jobs find the folder of finished calculations, unless the lines before them name one."""
        folder = re.sub(r"^~(?=/|$)", "$HOME", self.site.calculations).replace('"', '\\"')
        lines = [
            said.get("pre_rocket") or "",
            f'export {CALCULATIONS}="${{{CALCULATIONS}:-{folder}}}"',
            self._threads(),
        ]
        return said | {"pre_rocket": "\n".join(line.rstrip() for line in lines if line)}

    def _threads(self) -> str:
        """Return the line that gives programs as many threads as were asked for; Slurm tells them of each job."""
        if batch_system(self._adapter) == "SLURM":
            return 'export OMP_NUM_THREADS="${SLURM_CPUS_PER_TASK:-${OMP_NUM_THREADS:-1}}"'
        return f"export OMP_NUM_THREADS={self.resources.threads}" if self.resources.threads else ""

    def _folder(self) -> Path:
        """Return where allocations begin; it is made here, so everything in its name must be known here."""
        filled = os.path.expandvars(self.site.runs)
        if "$" in filled:
            raise SiteError(f"runs: {self.site.runs}: a variable in it is not set here, where the folder is made")
        return Path(filled).expanduser() / "allocations" / self.kind


class _Heard(logging.Handler):
    """Keeps what FireWorks logs as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


@contextmanager
def _told_errors() -> Iterator[list[str]]:
    """Collect what FireWorks logs instead of raising it."""
    heard = _Heard()
    root = logging.getLogger()
    root.addHandler(heard)
    try:
        yield heard.said
    finally:
        root.removeHandler(heard)


def _why(problems: list[str], file: Path) -> str:
    """Return what the batch system says, out of what FireWorks logs around it."""
    text = "\n".join(problems)
    if found := re.search(r"The error response reads: (b['\"].*)", text):
        answer = ast.literal_eval(found[1]).decode(errors="replace")
        lines = [line.split("error:", 1)[-1].strip() for line in answer.splitlines() if line.strip()]
        return f"the batch system refuses: {'; '.join(dict.fromkeys(lines))} (allocations are described in {file})"
    raised = [line for line in text.splitlines() if re.match(r"[\w.]+(Error|Exception)\b", line)]
    return f"no allocation could be submitted: {raised[0] if raised else text[-300:]} (see {file})"


def _seconds(walltime: Any, file: Path) -> int:
    """Return the seconds of a wall time."""
    try:
        return seconds_of(str(walltime))
    except ValueError as error:
        raise SiteError(f"{file}: walltime {walltime!r} is not hours:minutes:seconds such as '12:00:00'") from error


def _told(done: list[str], asked: int) -> str:
    names = f" ({', '.join(done)})" if done else ""
    return f"{len(done)} of {asked} allocations submitted{names}"
