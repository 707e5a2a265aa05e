"""One decorator per kind of job: output schema, large data and the check of the worker are declared in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, Self

from jobflow import CURRENT_JOB, job
from pydantic import Field

from liface import __version__
from liface.documents import CalculationDocument, CalculationRequest, Document
from liface.errors import WorkerVersionError

ORIGIN = "liface"
"""Key of a job's metadata under which :class:`Origin` stands once the job is submitted."""

LARGE_DATA = "data"
"""Additional store of the JobStore that takes calculations; the same that atomate2 uses."""


class Requests(Document):
    """Structures for one engine, in a fixed order."""

    requests: tuple[CalculationRequest, ...]


class Outcomes(Document):
    """What came of :class:`Requests`, in the same order."""

    calculations: tuple[CalculationDocument, ...]
    calc_ids: tuple[str, ...] = Field(default=(), description="Their identities, to be read without the calculations.")
    prerelaxed: tuple[CalculationDocument, ...] = Field(
        default=(), description="Relaxations by a cheaper engine that some of them began with, to be stored as well."
    )

    @classmethod
    def of(cls, calculations: Iterable[CalculationDocument], prerelaxed: Iterable[CalculationDocument] = ()) -> Self:
        """Put calculations together with their identities."""
        together = tuple(calculations)
        calc_ids = tuple(outcome.calc_id for outcome in together)
        return cls(calculations=together, calc_ids=calc_ids, prerelaxed=tuple(prerelaxed))


class Origin(Document):
    """Where a submitted job comes from; its fields can be asked for in the queue and in the JobStore."""

    submission: str
    campaign: str
    case: str
    step: str
    version: str


def structure_job(method: Callable) -> Callable:
    """Mark a function as the job that builds the structures of a calculation."""
    return job(_on_equal_version(method), output_schema=Requests)


def calculation_job(method: Callable) -> Callable:
    """Mark a function as a job that computes; its calculations go into the store for large data."""
    return job(_on_equal_version(method), output_schema=Outcomes, **{LARGE_DATA: "calculations"})


def analysis_job(schema: type[Document]) -> Callable:
    """Mark a function as a job that derives a result of type ``schema``."""
    return lambda method: job(_on_equal_version(method), output_schema=schema)


def origin_of_current_job() -> Origin | None:
    """Return where the running job comes from; None for one that nobody submitted."""
    running = getattr(CURRENT_JOB, "job", None)
    found = running.metadata.get(ORIGIN) if running is not None else None
    return Origin.model_validate(found) if found else None


def _on_equal_version(method: Callable) -> Callable:
    """Refuse to work for a submitter of another version: its structures and results would not be the same."""

    @wraps(method)
    def run(*args: Any, **kwargs: Any) -> Any:
        origin = origin_of_current_job()
        if origin is not None and origin.version != __version__:
            raise WorkerVersionError(
                f"this worker has liface {__version__}, the campaign {origin.campaign} was submitted by liface "
                f"{origin.version}; install that version where the jobs run and retry the job, or cancel the campaign "
                "and submit it again with this one: what is computed is kept"
            )
        return method(*args, **kwargs)

    del run.__wrapped__  # jobflow looks one layer deep to tell jobs by their function, and has one of its own
    return run
