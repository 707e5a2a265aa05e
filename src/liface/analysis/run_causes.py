"""Why a record differs between two runs: what went into it, part by part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from liface.documents import RunCalculation, RunDocument, RunEngine, RunRecord

CauseKind = Literal[
    "model", "weights", "options", "version", "settings", "campaign", "structure", "database", "failed", "noise"
]

CELL_NOISE_A = 2e-3
"""Start cells that differ by less follow from references that were relaxed to the same forces on another way."""

SECTIONS = {
    "morphologies": "growths",
    "depositions": "stacks",
    "creep": "hosts",
    "verdicts": "stories",
}
"""Key of the campaign that asks for a kind of result, where it has another name."""


@dataclass(frozen=True)
class Cause:
    """One reason, with what it was before and after."""

    kind: CauseKind
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}" if self.detail else self.kind


@dataclass
class Pairing:
    """Two runs and which of their engines belong together."""

    runs: tuple[RunDocument, RunDocument]
    indices: tuple[dict[str, int], dict[str, int]]
    calculations: tuple[dict[str, RunCalculation], dict[str, RunCalculation]] = field(repr=False)

    @classmethod
    def of(cls, before: RunDocument, after: RunDocument) -> Pairing:
        """Pair engines of one fingerprint, then of one label, then those that are alone on both sides."""
        first, second = before.fingerprints, after.fingerprints
        matched: list[tuple[str, str]] = [(key, key) for key in first if key in second]
        for same in (_label, _name, _role):
            left = {same(first[key]): key for key in first if key not in {a for a, _ in matched}}
            right = {same(second[key]): key for key in second if key not in {b for _, b in matched}}
            counts = [Counter(same(engines[key]) for key in engines if key not in taken) for engines, taken in
                      ((first, {a for a, _ in matched}), (second, {b for _, b in matched}))]  # fmt: skip
            matched += [(left[key], right[key]) for key in left if counts[0][key] == counts[1][key] == 1]
        indices: tuple[dict[str, int], dict[str, int]] = ({}, {})
        for number, (a, b) in enumerate(matched):
            indices[0][a] = indices[1][b] = number
        number = len(matched)
        for side, engines in enumerate((first, second)):
            for key in engines:
                if key not in indices[side]:
                    indices[side][key], number = number, number + 1
        calculations = ({c.calc_id: c for c in before.calculations}, {c.calc_id: c for c in after.calculations})
        return cls((before, after), indices, calculations)

    def index(self, fingerprint: str | None, side: int) -> int | None:
        """Return the number of an engine, the same on both sides for those that belong together."""
        return None if fingerprint is None else self.indices[side].get(fingerprint, -1)

    def engine(self, fingerprint: str | None, side: int) -> RunEngine | None:
        """Return an engine of one side."""
        return self.runs[side].fingerprints.get(fingerprint or "")

    def label(self, fingerprint: str | None, side: int) -> str:
        """Return ``engine:model`` of one side; empty where numbers were given by hand."""
        engine = self.engine(fingerprint, side)
        return engine.info.label if engine else ""

    def unit(self, column: str) -> str:
        """Return the unit of a number."""
        return self.runs[0].column_units.get(column) or self.runs[1].column_units.get(column, "")


def _label(engine: RunEngine) -> str:
    return f"{engine.role} {engine.info.label}"


def _name(engine: RunEngine) -> str:
    return f"{engine.role} {engine.info.name}"


def _role(engine: RunEngine) -> str:
    return engine.role


def causes_of(a: RunRecord, b: RunRecord, pairing: Pairing) -> tuple[Cause, ...]:
    """Return why two records differ, causes before what follows from them; noise if nothing that entered differs."""
    found = [*_engine(a, b, pairing), *_versions(pairing)]
    structure = _structure(a, b, pairing)
    settings = list(_settings(a, b, pairing))
    if settings or structure is not None:
        settings = _joined(settings, _protocol(pairing))
    if settings:
        found.append(Cause("settings", "; ".join(settings)))
    found += _campaign(a, pairing)
    if structure is not None:
        found.append(structure)
    if set(pairing.runs[0].outside) != set(pairing.runs[1].outside) and a.calc_ids != b.calc_ids:
        found.append(Cause("database", "rests on results of other campaigns, which differ"))
    if not found or all(cause.kind == "noise" for cause in found):
        return tuple(found) or (Cause("noise", "same structures, settings, weights and versions"),)
    return tuple(found)


def why_absent(record: RunRecord, pairing: Pairing, missing_in: int) -> Cause:
    """Return why a record of one run is not in the other."""
    number = pairing.index(record.engine, 1 - missing_in)
    run = pairing.runs[missing_in]
    case = next((c for c in run.cases if c.case == record.case and number == pairing.index(c.engine, missing_in)), None)
    if case is not None and case.status == "failed":
        return Cause("failed", case.reason)
    if case is not None:
        return Cause("campaign", "the case is finished there without it")
    derived = not any(c.case == record.case for c in pairing.runs[1 - missing_in].cases)
    return Cause("campaign", "what it is derived from is not there" if derived else "no such case there")


def _engine(a: RunRecord, b: RunRecord, pairing: Pairing) -> Iterator[Cause]:
    if a.engine == b.engine:
        return
    first, second = pairing.engine(a.engine, 0), pairing.engine(b.engine, 1)
    if first is None or second is None:
        yield Cause(
            "model", f"{first.info.label if first else 'by hand'} → {second.info.label if second else 'by hand'}"
        )
        return
    x, y = first.info, second.info
    if x.label != y.label:
        yield Cause("model", f"{x.label} → {y.label}")
    if x.weights_sha256 != y.weights_sha256:
        yield Cause("weights", f"sha256 {x.weights_sha256[:12]} → {y.weights_sha256[:12]}")
    if x.options != y.options:
        yield Cause("options", "; ".join(_changes(x.options, y.options)))
    if x.code == y.code and x.code_version != y.code_version:
        yield Cause("version", f"{x.code} {x.code_version} → {y.code_version}")


def _versions(pairing: Pairing) -> Iterator[Cause]:
    """Return other versions of packages, as stored with the calculations and as installed at the run."""
    first, second = pairing.runs
    changed: dict[str, str] = {}
    pairs: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = [(first.computed_with, second.computed_with)]
    if first.packages and second.packages:
        pairs.append((first.packages, second.packages))
    for x, y in pairs:
        changed |= {
            name: f"{name} {_said(x[name])} → {_said(y[name])}" for name in x if name in y and x[name] != y[name]
        }
    if first.liface_version != second.liface_version:
        changed["liface"] = f"liface {first.liface_version} → {second.liface_version}"
    if changed:
        yield Cause("version", "; ".join(changed[name] for name in sorted(changed)))


def _said(value: Any) -> str:
    return " and ".join(value) if isinstance(value, tuple) else str(value)


def _pairs(a: RunRecord, b: RunRecord, pairing: Pairing) -> tuple[list[tuple[RunCalculation, RunCalculation]], int]:
    """Pair the calculations behind two records by their labels; return also how many are alone."""
    sides: list[dict[tuple[str, int], RunCalculation]] = []
    for side, record in enumerate((a, b)):
        seen: Counter[str] = Counter()
        named: dict[tuple[str, int], RunCalculation] = {}
        for calculation in _own(record, pairing, side):
            named[calculation.label, seen[calculation.label]] = calculation
            seen[calculation.label] += 1
        sides.append(named)
    both = sides[0].keys() & sides[1].keys()
    return [(sides[0][key], sides[1][key]) for key in sorted(both)], len(sides[0]) + len(sides[1]) - 2 * len(both)


def _own(record: RunRecord, pairing: Pairing, side: int) -> list[RunCalculation]:
    """Return the calculations behind a record by their labels."""
    known = pairing.calculations[side]
    return sorted((known[i] for i in record.calc_ids if i in known), key=lambda c: (c.label, c.calc_id))


def _settings(a: RunRecord, b: RunRecord, pairing: Pairing) -> Iterator[str]:
    """Yield the settings of calculations that differ."""
    pairs, _ = _pairs(a, b, pairing)
    for x, y in dict.fromkeys((first.settings, second.settings) for first, second in pairs):
        if x == y:
            continue
        old, new = (run.settings[key].model_dump(mode="json") for run, key in zip(pairing.runs, (x, y), strict=True))
        yield from _changes(old, new)


def _protocol(pairing: Pairing) -> list[str]:
    first, second = (run.content.get("protocol") or {} for run in pairing.runs)
    return list(_changes(first, second)) if first and second else []


def _joined(settings: list[str], protocol: list[str]) -> list[str]:
    """Return what the protocol says, and of the calculations' settings what it does not."""
    values = {line.partition(" ")[2] for line in protocol}
    return [*protocol, *dict.fromkeys(line for line in settings if line.partition(" ")[2] not in values)]


def _campaign(a: RunRecord, pairing: Pairing) -> Iterator[Cause]:
    """Yield the part of the campaign that asks for this kind of result, and files that differ."""
    first, second = (run.content for run in pairing.runs)
    if not first or not second:
        return
    files = [{file.name: file.sha256 for file in run.files} for run in pairing.runs]
    if other := sorted(name for name in files[0].keys() & files[1].keys() if files[0][name] != files[1][name]):
        yield Cause("campaign", f"{', '.join(other)} differs")
    section = SECTIONS.get(a.noun, a.noun)
    changed = [key for key in (section, "stories") if first.get(key) != second.get(key)]
    if changed:
        yield Cause("campaign", f"{' and '.join(dict.fromkeys(changed))} ask for something else")


def _structure(a: RunRecord, b: RunRecord, pairing: Pairing) -> Cause | None:
    """Return how the start structures differ; noise where they follow from the same cell within the forces."""
    pairs, alone = _pairs(a, b, pairing)
    other = [(x, y) for x, y in pairs if x.geometry != y.geometry]
    if not other and not alone:
        return None
    if not other:
        sides = [{c.formula for c in _own(record, pairing, side)} for side, record in enumerate((a, b))]
        old, new = (", ".join(sorted(own)[:3]) or "none" for own in (sides[0] - sides[1], sides[1] - sides[0]))
        return Cause("structure", f"{alone} structures are in one run only: {old} → {new}")
    composition = [(x, y) for x, y in other if x.formula != y.formula]
    if composition:
        x, y = composition[0]
        told = f"{x.formula} → {y.formula} ({x.label.rsplit('/', 1)[-1]})"
        return Cause("structure", f"{len(other)} of {len(pairs)} start structures differ: {told}")
    x, y = max(other, key=lambda pair: _cell_change(*pair))
    change = _cell_change(x, y)
    if not alone and change <= CELL_NOISE_A:
        return Cause("noise", f"{len(other)} of {len(pairs)} start structures differ by {change:.1g} Å or less")
    k = max(range(3), key=lambda i: abs(x.cell[i] - y.cell[i]))
    told = f"{'abc'[k]} {x.cell[k]:.4f} → {y.cell[k]:.4f} Å" if change else "positions"
    return Cause("structure", f"{len(other)} of {len(pairs)} start structures differ: {told}")


def _cell_change(x: RunCalculation, y: RunCalculation) -> float:
    return max(abs(p - q) for p, q in zip(x.cell[:3], y.cell[:3], strict=True))


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for key in dict.fromkeys((*old, *new)):
        if old.get(key) != new.get(key):
            yield f"{key} {_word(old.get(key))} → {_word(new.get(key))}"


def _word(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_word, value)) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)


__all__ = ["Cause", "CauseKind", "Pairing", "causes_of", "why_absent"]
