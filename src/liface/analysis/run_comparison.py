"""Two runs of a campaign held against each other, record by record: what changed, by how much, and why."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from liface.analysis.run_causes import Cause, Pairing, causes_of, why_absent
from liface.documents import RunCalculation, RunDocument, RunRecord

State = Literal["identical", "within", "changed", "missing", "added"]

TOLERANCES: dict[str, float] = {
    "eV": 1e-3,
    "meV": 1.0,
    "meV/Å²": 0.1,
    "J/m²": 1.6e-3,
    "Å": 2e-3,
    "Å²": 0.02,
    "Å³": 0.02,
    "deg": 1.0,
    "THz": 0.02,
    "%": 0.05,
    "1": 1e-3,
}
"""What two machines may differ by, per unit: what the force limit of a relaxation leaves open. Round-off, with one
thread or several, is a hundred times smaller; docs/reproduce.md has the measurements."""

RELATIVE = 1e-3
"""The same for every other unit, as a share of the larger of both numbers: rates span decades."""

HEADLINES = {
    "bulks": "energy_ev_per_atom",
    "surfaces": "gamma_mev_per_a2",
    "interfaces": "gamma_mev_per_a2",
    "bindings": "e_bind_ev_per_li",
    "barriers": "barrier_ev",
    "wetting": "contact_angle_deg",
    "adhesions": "work_of_adhesion_mev_per_a2",
    "morphologies": "coverage",
    "depositions": "margin_ev",
    "creep": "current_ma_per_cm2",
    "stability": "reaction_energy_ev",
    "phonons": "f_vib_298_ev_per_atom",
    "verdicts": "n_for",
}
"""The number that a quantity is known by."""

SIDE = ("n_", "max_residual", "r_squared", "gamma_stderr", "residual_ev_per_a", "acoustic_gamma_thz")
"""Numbers that tell how good another one is; they never are what changed most."""


@dataclass(frozen=True)
class NumberChange:
    """One number before and after."""

    column: str
    before: float | None
    after: float | None
    unit: str
    tolerance: float

    @property
    def difference(self) -> float | None:
        """After minus before; None where one of them is missing."""
        return None if self.before is None or self.after is None else self.after - self.before

    @property
    def size(self) -> float:
        """Difference in units of the tolerance."""
        if self.difference is None:
            return math.inf
        if self.difference == 0:
            return 0.0
        return abs(self.difference) / self.tolerance if self.tolerance else math.inf


@dataclass(frozen=True)
class RecordChange:
    """One record in both runs, or in one of them."""

    noun: str
    case: str
    system: str
    engines: tuple[str, str]
    state: State
    numbers: tuple[NumberChange, ...] = ()
    """Those that are not equal, the headline first, then by size."""
    words: tuple[tuple[str, str, str], ...] = ()
    """Column, before, after."""
    flags: tuple[str, ...] = ()
    """``+flag`` and ``-flag``."""
    converged: tuple[bool, bool] | None = None
    """Before and after, where that changed."""
    causes: tuple[Cause, ...] = ()

    @property
    def size(self) -> float:
        """Difference of the number the record is known by, or of the largest other one, in units of its tolerance."""
        return self.numbers[0].size if self.numbers else 0.0


@dataclass(frozen=True)
class EnergyChange:
    """Energies of one structure in both runs."""

    label: str
    same_identity: bool
    before: float | None
    after: float | None
    status: tuple[str, str]


@dataclass(frozen=True)
class Comparison:
    """Everything that two runs share, and what they do not."""

    records: tuple[RecordChange, ...]
    energies: tuple[EnergyChange, ...]
    only_before: int
    """Calculations of the first run that the second has not."""
    only_after: int
    cases: tuple[int, int, int]
    """Cases of one identity in both; cases of the first, and of the second run."""
    tolerances: Mapping[str, float] = field(default_factory=dict)

    def count(self, *states: State) -> int:
        """Count the records in these states."""
        return sum(record.state in states for record in self.records)

    @property
    def reproduced(self) -> bool:
        """Whether every record of the first run is met, and no other came."""
        return self.count("changed", "missing", "added") == 0

    @property
    def largest_energy_change_ev(self) -> float:
        """Largest change of the energy of one structure, eV."""
        both = [(e.before, e.after) for e in self.energies]
        return max((abs(b - a) for a, b in both if a is not None and b is not None), default=0.0)


def tolerance_of(unit: str, values: Sequence[float], tolerances: Mapping[str, float]) -> float:
    """Return what a number of this unit may differ by; counts may not."""
    if unit == "1" and all(value.is_integer() for value in values):
        return 0.0
    if unit in tolerances:
        return tolerances[unit]
    return tolerances.get("relative", 0.0) * max(map(abs, values), default=0.0)


def compare(before: RunDocument, after: RunDocument, tolerances: Mapping[str, float] | None = None) -> Comparison:
    """Hold two runs against each other.

    Records are paired by what they are of (kind, planes, case), and by their engines: those of one fingerprint belong
    together, then those of one name, then the only one that is left on each side.

    Parameters
    ----------
    tolerances
        Largest differences by unit that are not called a change; ``relative`` is for every other unit. None: those
        of :data:`TOLERANCES` and :data:`RELATIVE`. Empty: numbers must be equal to the last bit.
    """
    allowed = {**TOLERANCES, "relative": RELATIVE} if tolerances is None else dict(tolerances)
    pairing = Pairing.of(before, after)
    records = [_record_change(a, b, pairing, allowed) for a, b in _pairs_of_records(before, after, pairing)]
    energies, lonely = _energies(before, after, pairing)
    ids = [{case.case_id for case in run.cases} for run in (before, after)]
    return Comparison(
        tuple(sorted(records, key=_by_size)), tuple(energies), *lonely,
        cases=(len(ids[0] & ids[1]), len(ids[0]), len(ids[1])), tolerances=allowed,
    )  # fmt: skip


def _by_size(record: RecordChange) -> tuple:
    order = {"changed": 0, "missing": 1, "added": 1, "within": 2, "identical": 3}
    return order[record.state], -record.size, record.noun, record.case


def _key(record: RunRecord, engine: int | None) -> tuple:
    return record.noun, record.case, engine, tuple(sorted((k, str(v)) for k, v in record.slot.items()))


def _pairs_of_records(
    before: RunDocument, after: RunDocument, pairing: Pairing
) -> Iterator[tuple[RunRecord | None, RunRecord | None]]:
    first = {_key(record, pairing.index(record.engine, 0)): record for record in before.records}
    second = {_key(record, pairing.index(record.engine, 1)): record for record in after.records}
    for key in dict.fromkeys((*first, *second)):
        yield first.get(key), second.get(key)


def _record_change(
    a: RunRecord | None, b: RunRecord | None, pairing: Pairing, tolerances: Mapping[str, float]
) -> RecordChange:
    one = a or b
    assert one is not None
    about = one.noun, one.case, _system(one)
    engines = (pairing.label(a.engine, 0) if a else "", pairing.label(b.engine, 1) if b else "")
    if a is None or b is None:
        cause = why_absent(one, pairing, missing_in=1 if b is None else 0)
        return RecordChange(*about, engines, "missing" if b is None else "added", causes=(cause,))
    numbers = _numbers(a, b, pairing, tolerances)
    words = tuple((k, a.words.get(k, ""), b.words.get(k, "")) for k in dict.fromkeys((*a.words, *b.words))
                  if a.words.get(k, "") != b.words.get(k, ""))  # fmt: skip
    flags = tuple([f"+{flag}" for flag in _missing(b.flags, a.flags)] + [f"-{f}" for f in _missing(a.flags, b.flags)])
    converged = None if a.converged == b.converged else (a.converged, b.converged)
    state: State = "identical"
    if any(number.size > 1 for number in numbers) or words or flags or converged:
        state = "changed"
    elif numbers:
        state = "within"
    causes = () if state == "identical" else causes_of(a, b, pairing)
    return RecordChange(*about, engines, state, numbers, words, flags, converged, causes)


def _missing(flags: Sequence[str], among: Sequence[str]) -> list[str]:
    """Return flags by their slugs: the numbers in their details change with every digit."""
    there = {flag.partition(":")[0] for flag in among}
    return sorted({flag.partition(":")[0] for flag in flags} - there)


def _numbers(a: RunRecord, b: RunRecord, pairing: Pairing, tolerances: Mapping[str, float]) -> tuple[NumberChange, ...]:
    changes = []
    for column in dict.fromkeys((*a.numbers, *b.numbers)):
        x, y = a.numbers.get(column), b.numbers.get(column)
        if x == y:
            continue
        unit = pairing.unit(f"{a.noun}.{column}")
        tolerance = tolerance_of(unit, [v for v in (x, y) if v is not None], tolerances)
        changes.append(NumberChange(column, x, y, unit, tolerance))
    headline = HEADLINES.get(a.noun)
    return tuple(sorted(changes, key=lambda n: (n.column != headline, n.column.startswith(SIDE), -n.size)))


def _system(record: RunRecord) -> str:
    """Return what a record is of, for people."""
    return " ".join(f"{name}={value}" for name, value in record.slot.items() if value not in (0, "", None))


def _energies(before: RunDocument, after: RunDocument, pairing: Pairing) -> tuple[list[EnergyChange], tuple[int, int]]:
    """Pair calculations by identity, then by label and engine in their order."""
    later = {calculation.calc_id: calculation for calculation in after.calculations}
    taken: set[str] = set()
    changes: list[EnergyChange] = []
    rest: list[RunCalculation] = []
    for calculation in before.calculations:
        same = later.get(calculation.calc_id)
        if same is None:
            rest.append(calculation)
        else:
            taken.add(same.calc_id)
            changes.append(_energy(calculation, same))
    named: dict[tuple[str, int | None], list[RunCalculation]] = defaultdict(list)
    for calculation in after.calculations:
        if calculation.calc_id not in taken:
            named[calculation.label, pairing.index(calculation.engine, 1)].append(calculation)
    lonely = 0
    for calculation in rest:
        others = named.get((calculation.label, pairing.index(calculation.engine, 0)))
        if others:
            changes.append(_energy(calculation, others.pop(0)))
        else:
            lonely += 1
    return changes, (lonely, sum(map(len, named.values())))


def _energy(a: RunCalculation, b: RunCalculation) -> EnergyChange:
    return EnergyChange(a.label, a.calc_id == b.calc_id, a.energy_ev, b.energy_ev, (a.status, b.status))


__all__ = ["RELATIVE", "TOLERANCES", "Comparison", "EnergyChange", "NumberChange", "RecordChange", "compare"]
