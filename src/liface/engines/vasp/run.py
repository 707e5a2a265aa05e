"""The engine: one request, one folder, one run of atomate2's maker, one document."""

from __future__ import annotations

import errno
import time
import warnings
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liface.documents.calculation import CalculationDocument, CalculationRequest, EngineInfo, FailedCalculation
from liface.engines.allocation import is_ending
from liface.engines.moments import magnetic_order
from liface.engines.vasp import outcome
from liface.engines.vasp.ending import not_of_the_structure
from liface.engines.vasp.folder import Start, enter, forget_results, ionic_steps, leave, output_file, tail
from liface.engines.vasp.inputs import Plan, plan
from liface.engines.vasp.presets import Level
from liface.engines.vasp.site import Pseudopotential, Site, check_setup, read_site
from liface.errors import CalculationError, EngineSetupError, RunStoppedError

if TYPE_CHECKING:
    from atomate2.vasp.jobs.base import BaseVaspMaker
    from emmet.core.tasks import TaskDoc
    from pymatgen.core import Structure

ENVIRONMENT_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EMFILE, errno.ENFILE)
"""Disk full, no permission, too many open files: trouble of the machine, which no structure is to blame for."""

WORDS = 300
"""Letters of the last lines of an output that go into a reason."""


@dataclass(frozen=True)
class VaspEngine:
    """VASP at one level of theory; see :class:`liface.engines.base.ProgramEngine`."""

    info: EngineInfo
    level: Level
    packages: tuple[str, ...] = outcome.PACKAGES

    def compute(self, request: CalculationRequest, folder: Path) -> CalculationDocument:
        """Compute a request in a folder of its own.

        A run of the same request that was killed in this folder goes on from its last geometry.

        Raises
        ------
        EngineSetupError
            If this machine lacks VASP or pseudopotentials, or is configured against the level of theory; nothing is
            written then. Also if VASP cannot be started, or the disk is full or cannot be written.
        RunStoppedError
            If the time of the job ran out, or VASP was killed from outside; the next run goes on.
        """
        potentials = check_setup(self.level, request.geometry.species)
        return Calculation(request, self.level, potentials, folder).run()


class Calculation:
    """One request on its way; holds what the document needs, however it ends."""

    def __init__(
        self, request: CalculationRequest, level: Level, potentials: tuple[Pseudopotential, ...], folder: Path
    ):
        self.request, self.level, self.potentials, self.folder = request, level, potentials, folder
        self.site: Site = read_site()
        self.started = time.perf_counter()
        self.vasp_version = "unknown"
        self.spent = 0

    def run(self) -> CalculationDocument:
        """Plan the calculation, run it and say what came of it."""
        try:
            planned = plan(self.request, self.level)
        except CalculationError as error:
            return self._failed(str(error))  # nothing was run, so there is no folder to look into
        with _environment(self.folder):
            start = enter(self.folder, self.request, planned)
            try:
                relaxed = self._relaxed_by_liface if planned.relaxer == "liface" else self._relaxed_by_vasp
                self.spent = start.spent
                result = relaxed(planned, start)
            except CalculationError as error:
                self.spent += ionic_steps(self.folder)
                result = self._failed(f"{error}; see {self.folder.resolve()}")
            leave(self.folder, self.request.calc_id, self.spent)
        return result

    def _relaxed_by_vasp(self, planned: Plan, start: Start) -> CalculationDocument:
        """Run VASP once, single point or relaxation, and read it."""
        if start.resumed and planned.relaxer == "vasp":
            left = max(1, self.request.settings.max_force_calls - start.spent)
            planned = replace(planned, incar={**planned.incar, "NSW": left})
        task = self.run_task(planned, start)
        run = outcome.read_run(task, planned, start)
        self.check(task, run, planned)
        spent = self.spent + ionic_steps(self.folder)  # where something is refused, counted there
        common = {**self.common(), "n_force_calls": spent}
        document = outcome.document(self.request, planned, run, common, self._optimizer(planned))
        self.spent = spent
        return document

    def _relaxed_by_liface(self, planned: Plan, start: Start) -> CalculationDocument:
        from liface.engines.vasp.driven import relax

        return relax(self, planned, start)

    def run_task(self, planned: Plan, start: Start) -> TaskDoc:
        """Run atomate2's maker for real in the folder.

        Raises
        ------
        CalculationError
            If VASP or custodian gave up, or the outputs cannot be read.
        EngineSetupError
            If VASP never began.
        RunStoppedError
            If VASP was killed from outside, or failed as the time of the job ran out: Slurm ends VASP half a minute
            before this process.
        """
        from liface.engines.vasp.makers import maker_of, structure_of

        maker = maker_of(planned, self.level, self.site, self.request.label or self.request.calc_id)
        structure = structure_of(planned, start.positions, start.cell)
        forget_results(self.folder)
        try:
            return run_job(maker, structure, self.folder)
        except (EngineSetupError, MemoryError):
            raise
        except Exception as error:
            # Custodian, atomate2 and the parsers raise many kinds of errors over what VASP leaves behind.
            if isinstance(error, OSError) and error.errno in ENVIRONMENT_ERRNOS:
                raise
            if is_ending():
                raise RunStoppedError(
                    f"VASP was ended in {self.folder.resolve()} as the time of the Slurm job ran out; the next run "
                    "goes on from its last geometry"
                ) from error
            if (trouble := not_of_the_structure(error, self.folder)) is not None:
                raise trouble from error
            raise CalculationError(self._what_happened(error)) from error

    def check(self, task: TaskDoc, run: outcome.Run, planned: Plan) -> None:
        """Refuse a run that is not the one that was asked for."""
        from liface.engines.vasp.makers import electrons

        self.vasp_version = run.version
        outcome.check_level(self.folder, planned)
        outcome.check_electrons(task, electrons(planned, self.potentials))

    def common(self) -> dict[str, Any]:
        """Return the fields that every document of this calculation has."""
        order = "none" if self.level.spin is False else magnetic_order(self.request.geometry)
        return {
            "calc_id": self.request.calc_id,
            "label": self.request.label,
            "engine": self.request.engine,
            "settings": self.request.settings,
            "initial": self.request.geometry,
            "n_force_calls": self.spent,
            "wall_s": time.perf_counter() - self.started,
            "versions": outcome.versions(self.vasp_version, self.potentials, order),
        }

    def _failed(self, reason: str) -> FailedCalculation:
        return FailedCalculation(**self.common(), reason=reason)

    def _optimizer(self, planned: Plan) -> str:
        if planned.relaxer == "none":
            return "none"
        from pymatgen.io.vasp.inputs import Incar

        path = output_file(self.folder, "INCAR")
        ran = Incar.from_file(path).get("IBRION", 2) if path else 2
        asked = planned.incar["IBRION"]
        return f"vasp IBRION={asked}" if ran == asked else f"vasp IBRION={asked}, then {ran}"

    def _what_happened(self, error: Exception) -> str:
        """Say how a run ended: the error, what custodian had tried, the last words of VASP."""
        texts = [f"{type(error).__name__}: {error}"]
        if tried := _corrections(self.folder):
            texts.append(f"custodian had met {tried}")
        last_words = {name: tail(self.folder, name) for name in ("vasp.out", "std_err.txt")}
        texts += [f"{name} ends with {words[-WORDS:]!r}" for name, words in last_words.items() if words]
        return "; ".join(texts)


def run_job(maker: BaseVaspMaker, structure: Structure, folder: Path) -> TaskDoc:
    """Run a maker's job in a folder, with a store in memory, and return its task document.

    The job may run inside another job of jobflow; what jobflow knows of that one is put back.
    """
    from jobflow import CURRENT_JOB, JobStore
    from maggma.stores import MemoryStore

    outer = CURRENT_JOB.job, CURRENT_JOB.store
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    store.connect()
    try:
        with chdir(folder), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Pydantic serializer warnings")
            warnings.filterwarnings("ignore", message=".*is an unconverged VASP run")  # the document says so
            make: Any = maker.make  # the decorator of jobflow hides what it returns
            return make(structure).run(store).output
    finally:
        CURRENT_JOB.job, CURRENT_JOB.store = outer
        store.close()


def _corrections(folder: Path) -> str:
    """Return the errors that custodian has met in a folder, each with its count."""
    from monty.serialization import loadfn

    path = output_file(folder, "custodian.json")
    if path is None:
        return ""
    try:
        jobs = loadfn(path, cls=None)
    except ValueError:
        return ""
    met = [str(name) for job in jobs for entry in job.get("corrections", []) for name in entry.get("errors", [])]
    return ", ".join(f"{name} ({met.count(name)}×)" for name in sorted(set(met)))


@contextmanager
def _environment(folder: Path) -> Iterator[None]:
    """Tell trouble with the disk as what it is."""
    try:
        yield
    except OSError as error:
        raise EngineSetupError(
            f"the folder {folder} cannot be used ({error.strerror or error}); free space or choose another folder"
        ) from error
