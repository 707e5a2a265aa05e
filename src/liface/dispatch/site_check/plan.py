"""All checks of a site, in the order in which its links rest on each other."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import get_args

from liface.dispatch.site import Site, load_site
from liface.dispatch.site_check.engines import check_identity
from liface.dispatch.site_check.finding import Check, Finding, failed, ok, run_checks, skipped
from liface.dispatch.site_check.fireworks_links import FireWorksLinks
from liface.dispatch.site_check.folders import check_calculations, check_runs, here
from liface.dispatch.site_check.on_worker import Question
from liface.dispatch.site_check.remote_links import RemoteLinks
from liface.dispatch.site_check.through_queue import Tell, through_queue
from liface.dispatch.site_check.worker import Said, Shell, findings_of, login_shell, worker_script
from liface.documents import JobKind
from liface.documents.calculation import EngineInfo
from liface.engines.base import EngineSpec
from liface.engines.registry import engine_info
from liface.errors import LifaceError

KINDS: tuple[JobKind, ...] = get_args(JobKind)


@dataclass(frozen=True)
class Asked:
    """What is to be proven."""

    site: Path | None = None
    kinds: tuple[JobKind, ...] = KINDS
    engines: tuple[str, ...] = ()
    elements: tuple[str, ...] = ("Li",)
    through_queue: bool = False
    wait_s: float = 300.0
    tell: Tell = field(default=lambda _: None)


def check_site(asked: Asked) -> Iterator[Finding]:
    """Yield what every check finds, one after the other."""
    try:
        site = load_site(asked.site)
    except LifaceError as error:
        what, _, advice = str(error).partition("; ")
        yield replace(failed(what, advice), check="site file")
        yield replace(skipped("everything else rests on the site file"), check="the rest")
        return
    yield replace(ok(f"{site.name}, {site.queue}"), check="site file")
    yield from run_checks(SiteChecks(site, asked).checks())


class SiteChecks:
    """The checks of one site."""

    def __init__(self, site: Site, asked: Asked):
        self.site, self.asked = site, asked
        self.links: FireWorksLinks | RemoteLinks
        self.links = (FireWorksLinks if site.queue == "fireworks" else RemoteLinks)(site, asked.kinds)

    def checks(self) -> list[Check]:
        """Return all of them: files and servers, folders, batch system, engines, workers, compute nodes."""
        *links, batch = self.links.checks()
        checks = [
            *links,
            Check("calculations folder", lambda: check_calculations(self.site.calculations)),
            Check("runs folder", lambda: check_runs(self.site.runs)),
            batch,
        ]
        checks += [Check(f"engine {engine}", partial(check_identity, engine)) for engine in self.asked.engines]
        checks.append(Check("workers", self.check_workers, needs=("configuration",)))
        if self.asked.through_queue:
            needs = ("configuration", "batch system", "runs folder")
            checks.append(Check("compute nodes", self.check_nodes, needs=needs))
        return checks

    def check_workers(self) -> Iterator[Finding]:
        """Run the lines of each worker in a fresh shell, and have liface look around there."""
        with self._question() as question:
            for name, lines, shell, program, where in self._workers():
                yield from findings_of(shell(worker_script(lines, program, question)), name, program, where)

    def check_nodes(self) -> Iterator[Finding]:
        """Send the same look around through the batch system."""
        if isinstance(self.links, RemoteLinks):
            yield skipped("jobflow-remote submits through its runner; submit a small campaign")
            return
        with self._question() as question:
            for name, (adapter, file) in self.links.worker_adapters().items():
                yield from through_queue(name, adapter, file, question, self.asked.wait_s, self.asked.tell)

    def _workers(self) -> Iterator[tuple[str, str, Shell, str, str]]:
        """Yield name, lines, shell, program and where the lines stand of each worker."""
        if isinstance(self.links, FireWorksLinks):
            for name, (adapter, file) in self.links.worker_adapters().items():
                lines = str(adapter.get("pre_rocket") or "")
                yield f"worker {name}", lines, login_shell, "rlaunch", f"pre_rocket in {file}"
            return
        for name, worker in self.links.workers().items():
            folders = f'export LIFACE_CALCULATIONS="{self.site.calculations}"\nexport LIFACE_RUNS="{self.site.runs}"'
            lines = f"{folders}\n{worker.pre_run or ''}"
            yield f"worker {name}", lines, _remote_shell(worker), "jf", f"workers.{name}.pre_run of the project"

    @contextmanager
    def _question(self) -> Iterator[Question]:
        """Give what workers are to look at; a token lies in the folder of calculations meanwhile."""
        engines: dict[str, EngineInfo] = {}
        for engine in self.asked.engines:
            try:
                engines[engine] = engine_info(engine)
            except LifaceError:  # told by its own check
                continue
        address = self.links.files.address if isinstance(self.links, FireWorksLinks) else ""
        with _token(self.site) as token:
            yield Question(
                site=self.site, token=token, queue_address=address, engines=engines, elements=self.asked.elements
            )


@contextmanager
def _token(site: Site) -> Iterator[str]:
    """Put a file into the folder of calculations; its name is empty where that cannot be done here."""
    folder = here(site.calculations)
    if folder is None or not folder.is_dir() or not os.access(folder, os.W_OK):
        yield ""
        return
    path = folder / f".check-{uuid.uuid4().hex}"
    path.touch()
    try:
        yield path.name
    finally:
        path.unlink(missing_ok=True)


def _remote_shell(worker: object) -> Shell:
    """Return a fresh login shell on the host of a worker of jobflow-remote."""
    import shlex

    from jobflow_remote.config.base import WorkerBase

    assert isinstance(worker, WorkerBase)
    if worker.is_local:
        return login_shell

    def run(script: str) -> Said:
        host = worker.get_host()
        host.connect()
        try:
            out, err, code = host.execute(f"bash -lc {shlex.quote(script)}", timeout=180)
        finally:
            host.close()
        return Said(code, out, err)

    return run


def kinds_of(engines: Sequence[str]) -> tuple[JobKind, ...]:
    """Return the kinds of jobs that these engines make; all of them where none is named."""
    if not engines:
        return KINDS
    dft = [EngineSpec.parse(engine).is_dft for engine in engines]
    return ("light", *(("potential",) if not all(dft) else ()), *(("dft",) if any(dft) else ()))
