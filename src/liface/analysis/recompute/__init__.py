"""Results once more, from the calculations that they name: short formulas on stored energies, areas and forces.

The flows that made a result build cells, choose starts and describe what they find; none of that is repeated here.
What is left of a quantity is its definition (energies in, one number out), and a result whose number does not follow
from what is stored beside it is wrong, whoever wrote it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from liface.analysis.recompute import interfaces, models, motion, series, surfaces
from liface.analysis.recompute.evidence import Check, Evidence
from liface.documents import EnergyCalculation, ModelResult
from liface.errors import AnalysisError

Readings = Iterator[list[Check]]

FROM_CALCULATIONS: dict[str, Callable[[Any, Evidence], Readings]] = {
    "bulk": surfaces.bulk,
    "surface": surfaces.surface,
    "interface": interfaces.interface,
    "binding": surfaces.binding,
    "adhesion": surfaces.adhesion,
    "barrier": motion.barrier,
    "phonon": motion.phonon,
    "vibration": motion.vibration,
    "convergence": series.convergence,
}
FROM_RESULTS: dict[str, Callable[[Any, Sequence[Any]], Readings]] = {
    "wetting": models.wetting,
    "growth": models.growth,
}


@dataclass(frozen=True)
class Recomputed:
    """What became of one result: the numbers that were held against others, and those that differ."""

    checked: int = 0
    problems: tuple[str, ...] = ()


def recompute(
    document: Any,
    calculations: Mapping[str, EnergyCalculation],
    behind: Sequence[Any] = (),
    records: Mapping[str, Any] | None = None,
) -> Recomputed:
    """Hold every number of a result that can be recomputed against the stored one.

    A compound has two relaxed bulks, and a result does not say which it was measured against: it is right if one of
    them gives all its numbers.

    Parameters
    ----------
    calculations
        Those of its provenance that have an energy, by identity.
    behind
        Results whose calculations are all behind this one, for what is derived from results.
    records
        Results that it names, by identity, for the results of models.

    Returns
    -------
    Recomputed
        With nothing checked for kinds whose numbers do not follow from stored ones by a formula.
    """
    records = records or {}
    try:
        readings = list(_readings(document, calculations, behind, records))
    except AnalysisError as error:
        return Recomputed(problems=(str(error),))
    extra = list(models.inputs(document, records)) if isinstance(document, ModelResult) else []
    best = min(readings, key=lambda checks: sum(not check.holds for check in checks), default=[])
    checks = [*best, *extra]
    return Recomputed(len(checks), tuple(str(check) for check in checks if not check.holds))


def _readings(
    document: Any, calculations: Mapping[str, EnergyCalculation], behind: Sequence[Any], records: Mapping[str, Any]
) -> Readings:
    if document.kind in FROM_CALCULATIONS:
        named = document.provenance.calc_ids
        evidence = Evidence(calculations[calc_id] for calc_id in named if calc_id in calculations)
        shared = [_same_engine(document, evidence)] if document.kind != "convergence" else []
        for checks in FROM_CALCULATIONS[document.kind](document, evidence):
            yield [*shared, *checks]
    elif document.kind in FROM_RESULTS:
        yield from FROM_RESULTS[document.kind](document, behind)
    elif document.kind == "stability":
        yield from models.stability(document, records)
    elif document.kind == "deposition":
        yield from models.deposition(document)


def _same_engine(document: Any, evidence: Evidence) -> Check:
    engines = sorted({each.engine.fingerprint for each in evidence.all})
    return Check("engine of its calculations", [document.engine.fingerprint], engines)


__all__ = ["Check", "Evidence", "Recomputed", "recompute"]
