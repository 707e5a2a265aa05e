"""Stability against Li metal from stored bulks, or from entries that a person supplies."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from liface.analysis.known_stability import KNOWN, agreement, class_of
from liface.analysis.stability import LITHIUM, LithiumStability, PhaseEntry, lithium_stability
from liface.database import Database
from liface.documents import BulkResult, Input, StabilityResult
from liface.errors import InputError, UnknownMaterialError
from liface.mesoscale.records import Origin
from liface.structures.library import MaterialsLibrary

CAMPAIGN = "bulks"
"""Shipped campaign that computes the bulks of the library."""


class _Supplied(BaseModel):
    """One row of a file of entries."""

    model_config = ConfigDict(extra="forbid")

    formula: str
    name: str = ""
    energy_ev_per_atom: float = Field(allow_inf_nan=False)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    level: str = Field(min_length=1)
    entries: list[_Supplied] = Field(min_length=1)


def stored_bulks(database: Database, engine: str | None = None) -> list[BulkResult]:
    """Return the stored bulks of one engine.

    Raises
    ------
    InputError
        No bulk, or bulks of several engines and none named.
    """
    bulks: list[BulkResult] = database.results("bulk")
    labels = sorted({bulk.engine.label for bulk in bulks})
    chosen = [bulk for bulk in bulks if engine in (None, bulk.engine.label, bulk.engine.name)]
    compute = f"liface campaign run {CAMPAIGN} computes those of the library"
    if not chosen:
        asked = f" of {engine}; stored: {', '.join(labels)}" if engine and labels else ""
        raise InputError(f"the database holds no bulks{asked}; {compute}")
    levels = {bulk.engine.fingerprint: bulk.engine.label for bulk in chosen}
    if len(levels) > 1:
        raise InputError(
            f"bulks of {', '.join(sorted(levels.values()))} are stored; choose one with --engine ENGINE:MODEL, or ask "
            "a database of its own where models differ in their options only"
        )
    return newest_bulks(chosen)


def newest_bulks(bulks: Sequence[BulkResult]) -> list[BulkResult]:
    """Return the bulk of each material that was written last."""
    ordered = sorted(bulks, key=lambda bulk: (bulk.provenance.created_at, bulk.record_id))
    return list({bulk.material: bulk for bulk in ordered}.values())


def entries_of(bulks: Sequence[BulkResult]) -> list[PhaseEntry]:
    """Return an entry for every bulk."""
    return [
        PhaseEntry(
            name=bulk.material,
            composition=_formula_unit(Counter(bulk.structure.species)),
            energy_ev_per_atom=bulk.energy_ev_per_atom,
            level=f"{bulk.engine.label} [{bulk.engine.fingerprint}]",
            source=bulk.record_id,
        )
        for bulk in bulks
    ]


def stored_entries(database: Database, engine: str | None = None) -> list[PhaseEntry]:
    """Return an entry for every stored bulk of one engine; errors as :func:`stored_bulks`."""
    return entries_of(stored_bulks(database, engine))


def supplied_entries(path: Path) -> list[PhaseEntry]:
    """Return the entries of a YAML or JSON file: ``level``, and ``entries`` with formula, energy_ev_per_atom, name.

    Raises
    ------
    InputError
        The file cannot be read, or does not say what it must.
    """
    try:
        text = path.read_text(encoding="utf-8")
        found = _File.model_validate(json.loads(text) if path.suffix == ".json" else yaml.safe_load(text))
        return [
            PhaseEntry(
                name=row.name or row.formula,
                composition=_formula_unit(_counts(row.formula)),
                energy_ev_per_atom=row.energy_ev_per_atom,
                level=found.level,
                source=str(path),
            )
            for row in found.entries
        ]
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; name a file of entries") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise InputError(
            f"{path}: {where}: {first['msg']}; a file holds 'level: TEXT' and 'entries:', a list of "
            "{formula, energy_ev_per_atom, name}"
        ) from error
    except (yaml.YAMLError, ValueError) as error:  # also formulas that are none
        raise InputError(f"{path}: {' '.join(str(error).split())[:200]}") from error


def judged(
    entries: Sequence[PhaseEntry], materials: Sequence[str] = (), library: MaterialsLibrary | None = None
) -> list[LithiumStability]:
    """Judge materials, all of the entries but Li by default; gap and family come from the library where it has them.

    Raises
    ------
    InputError
        A material has no entry.
    """
    library = library or MaterialsLibrary()
    by_name = {entry.name: entry for entry in entries}
    wanted = list(materials) or [entry.name for entry in entries if set(entry.composition) != {LITHIUM}]
    found = []
    for name in wanted:
        known = _known(library, name)
        entry = by_name.get(name) or by_name.get(getattr(known, "name", ""))
        if entry is None:
            listed = ", ".join(sorted(by_name))
            raise InputError(f"no entry of {name}; entries: {listed}. 'bulks: [{name}]' in a campaign computes it")
        gap, category = getattr(known, "band_gap_ev", None), getattr(known, "category", "")
        found.append(lithium_stability(entry, entries, category=category, band_gap_ev=gap))
    return found


def stability_results(
    found: Sequence[LithiumStability], entries: Sequence[PhaseEntry], bulks: Sequence[BulkResult], campaign: str
) -> tuple[StabilityResult, ...]:
    """Return what is stored of verdicts; ``bulks`` are the records behind the entries, empty for supplied ones."""
    records = {bulk.record_id: bulk for bulk in bulks}
    return tuple(_stored(one, entries, records, campaign) for one in found)


def _stored(
    one: LithiumStability, entries: Sequence[PhaseEntry], records: Mapping[str, BulkResult], campaign: str
) -> StabilityResult:
    composition = next(entry.composition for entry in entries if entry.name == one.material)
    allowed = {*composition, LITHIUM}
    used = [entry for entry in entries if set(entry.composition) <= allowed]
    behind = [records[entry.source] for entry in used if entry.source in records]
    known = KNOWN.get(one.material)
    origin = Origin(
        case=f"stability/{one.material}",
        campaign=campaign,
        engine=behind[0].engine if behind else None,
        converged=all(bulk.converged for bulk in behind),
        flags=tuple(dict.fromkeys(flag for bulk in behind for flag in bulk.flags)),
        calc_ids=tuple(calc_id for bulk in behind for calc_id in bulk.provenance.calc_ids),
    )
    return StabilityResult(
        definition="tie-line with bcc Li and voltage window from linear programmes over the known phases",
        engine=origin.engine,
        converged=origin.converged,
        flags=origin.flags,
        inputs=tuple(
            Input(
                name=f"energy per atom, {entry.name}",
                value=entry.energy_ev_per_atom,
                unit="eV",
                source=f"bulk, {one.level}" if entry.source in records else f"{entry.source}, {one.level}",
                record_id=entry.source if entry.source in records else None,
            )
            for entry in used
        ),
        provenance=origin.provenance((*one.doi, *((known.doi,) if known else ()))),
        reaction=one.reaction,
        lithium_class=class_of(one.verdict),
        known=known.statement if known else "",
        agrees=agreement(one),
        phases=tuple(sorted(entry.name for entry in used)),
        **one.model_dump(exclude={"level", "doi"}),
    )


def _known(library: MaterialsLibrary, name: str) -> Any:
    try:
        return library.get(name)
    except UnknownMaterialError:
        return None


def _counts(formula: str) -> dict[str, float]:
    from pymatgen.core import Composition, Element

    counts = Composition(formula).as_dict()
    if unknown := [symbol for symbol in counts if not Element.is_valid_symbol(symbol)]:
        raise ValueError(f"formula {formula!r}: {', '.join(unknown)} is no element")
    return counts


def _formula_unit(counts: dict[str, Any]) -> dict[str, float]:
    """Return the composition of the smallest whole formula unit; amounts that are not whole stay as they are."""
    amounts = {element: float(amount) for element, amount in counts.items()}
    if not all(amount.is_integer() for amount in amounts.values()):
        return amounts
    divisor = reduce(math.gcd, (int(amount) for amount in amounts.values()))
    return {element: amount / divisor for element, amount in amounts.items()}
