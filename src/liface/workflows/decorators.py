"""One decorator per kind of job: output schema and large data are declared in one place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jobflow import job

from liface.documents import CalculationDocument, CalculationRequest, Document


class Requests(Document):
    """Structures for one engine, in a fixed order."""

    requests: tuple[CalculationRequest, ...]


class Outcomes(Document):
    """What came of :class:`Requests`, in the same order."""

    calculations: tuple[CalculationDocument, ...]


def structure_job(method: Callable | None = None) -> Callable:
    """Mark a function as the job that builds the structures of a calculation."""
    return _typed(Requests, method)


def calculation_job(method: Callable | None = None) -> Callable:
    """Mark a function as a job that computes."""
    return _typed(Outcomes, method)


def analysis_job(schema: type[Document]) -> Callable:
    """Mark a function as a job that derives a result of type ``schema``."""
    return job(output_schema=schema)


def _typed(schema: type[Document], method: Callable | None) -> Any:
    return job(method, output_schema=schema) if method else job(output_schema=schema)
