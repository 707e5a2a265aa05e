"""Tells people, once, that a model computes with slower convolutions than it could."""

from __future__ import annotations

import logging

from liface.documents import CalculationDocument

KERNEL = "sevennet-kernel"
"""Under this name a calculation says what computed its convolutions: see :mod:`liface.engines.sevennet_kernel`."""

CHOSEN = ("stock (asked for)", "stock (device ")
"""Beginnings of what is said where the compiled convolutions were not refused, but not wanted or not made for it."""

_told: set[str] = set()


def slow_kernel(outcome: CalculationDocument) -> str | None:
    """Return what happened, why and what to do if the compiled convolutions were refused; else None."""
    record = outcome.versions.get(KERNEL, "")
    if not record.startswith("stock") or record.startswith(CHOSEN):
        return None
    reason = record.removeprefix("stock").strip().removeprefix("(").removesuffix(")")
    return (
        f"{outcome.engine.label} runs several times slower than it can: its compiled convolutions were refused "
        f"({reason}), so the package's own compute; results are right. Install sevenn and numba in the versions of "
        "constraints.txt, or name the engine sevennet?kernel=stock to keep it so without this message"
    )


def warn_once(outcome: CalculationDocument) -> None:
    """Log what :func:`slow_kernel` says, each text once per process: for workers of a queue, whose log people read."""
    text = slow_kernel(outcome)
    if text is not None and text not in _told:
        _told.add(text)
        logging.getLogger("liface").warning(text)
