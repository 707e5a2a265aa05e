"""Works of adhesion of a stack from the database: of Li from wetting, of any pair from adhesion results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from liface.analysis.references import require_same_engine
from liface.database import Database
from liface.database.filters import quoted
from liface.dispatch.surfaces import named_surface, newest, of_engine, of_first_termination
from liface.documents import AdhesionResult, EngineInfo, WettingResult
from liface.errors import InputError, MixedEnginesError, UnknownMaterialError
from liface.mesoscale.deposition import Deposition
from liface.mesoscale.records import Origin
from liface.mesoscale.stack import LI, Adhesions
from liface.structures.library import MaterialsLibrary

Surface = tuple[str, str | None]

CLOSEST_PACKED = "110"
"""Plane of bcc Li that a nucleus shows."""


def stored_adhesions(
    database: Database,
    materials: Sequence[str],
    engine: str | None = None,
    by_hand: Iterable[str] = (),
    campaign: str | None = None,
) -> Adhesions:
    """Return what is stored of a stack: Li on each material, and each material on the next.

    For Li the wetting result comes before an adhesion result, since its film thickness is converged.

    Parameters
    ----------
    materials
        In the order of the stack, each a name or a name with its plane, ``'LiF(100)'``.
    engine
        Fingerprint, label or name of the engine; where None is given, all results must be of one.
    by_hand
        Pairs ``'A,B'`` that are not looked up.
    campaign
        Only records of this campaign.

    Raises
    ------
    InputError
        Results of several planes or engines fit one pair.
    MixedEnginesError
        Different pairs have results of different engines.
    """
    hand = {frozenset(part.strip() for part in pair.split(",")) for pair in by_hand}
    known, engines = Adhesions(), dict[str, EngineInfo]()
    for a, b in _pairs(materials):
        if frozenset((a, b)) in hand:
            continue
        record, source = _record(_Source(database, engine, campaign), a, b)
        if record is None:
            continue
        engines[record.engine.fingerprint] = record.engine
        known = known.given(
            a, b, record.work_of_adhesion_mev_per_a2, source, record_id=record.record_id, notes=_notes(record)
        )
    _require_one(engines)
    return known


def _pairs(materials: Sequence[str]) -> list[tuple[str, str]]:
    """Return the pairs of a stack, Li with each material first; nothing adheres to itself."""
    pairs = [(LI, material) for material in materials]
    pairs += pairwise(materials)
    return [(a, b) for a, b in dict.fromkeys(pairs) if a != b]


@dataclass(frozen=True)
class _Source:
    """Where records are looked up."""

    database: Database
    engine: str | None
    campaign: str | None

    def results(self, kind: str, where: str) -> list[Any]:
        """Return the results of the engine, of the campaign where one is named."""
        mine = f"({where}) AND campaign={quoted(self.campaign)}" if self.campaign else where
        return of_engine(self.database.results(kind, where=mine), self.engine)

    def of(self, engine: EngineInfo) -> _Source:
        """Return the same for one engine."""
        return replace(self, engine=engine.fingerprint)


def _record(stored: _Source, a: str, b: str) -> tuple[WettingResult | AdhesionResult | None, str]:
    """Return the record of a pair and what to call it."""
    if LI in (a, b):
        material = b if a == LI else a
        wetting = _wetting(stored, material)
        if wetting is not None:
            source = (
                f"wetting of {wetting.substrate}({wetting.substrate_plane}) by Li({wetting.film_plane}), "
                f"{wetting.engine.label}"
            )
            if _adhesions(stored.of(wetting.engine), a, b):
                source += "; an adhesion result is stored too, this one has a converged film thickness"
            return wetting, source
    adhesion = _adhesion(stored, a, b)
    return adhesion, _told(adhesion) if adhesion else ""


def _wetting(stored: _Source, material: str) -> WettingResult | None:
    """Return the wetting result of a material, or None; of several planes of Li that of its closest-packed one."""
    name, plane = named_surface(material)
    substrates = " OR ".join(f"substrate={quoted(known)}" for known in _names(name))
    found = [
        result
        for result in of_first_termination(stored.results("wetting", substrates))
        if plane in (None, result.substrate_plane)
    ]
    if len({(r.substrate, r.substrate_plane, r.engine.fingerprint) for r in found}) > 1:
        each = (
            f"{r.substrate}({r.substrate_plane})/Li({r.film_plane}) {r.engine.label}: "
            f"{r.work_of_adhesion_mev_per_a2:.4g}"
            for r in found
        )
        raise InputError(_several("wetting", material, f"Li,{material}", name, each))
    closest = [r for r in found if r.film_plane == CLOSEST_PACKED]
    return newest(closest or found)


def _adhesion(stored: _Source, a: str, b: str) -> AdhesionResult | None:
    """Return the adhesion result of a pair, or None; of several of the same faces the least strained, then the newest.

    Both sides can take the strain, and other limits give other cells: the least strained is nearest to both crystals.
    """
    found = _adhesions(stored, a, b)
    faces = {
        (r.material_a, r.plane_a, r.termination_a, r.material_b, r.plane_b, r.termination_b, r.engine.fingerprint)
        for r in found
    }
    if len(faces) > 1:
        each = (f"{_faces(r)} {r.engine.label}: {r.work_of_adhesion_mev_per_a2:.4g}" for r in found)
        raise InputError(_several("adhesion", f"{a}|{b}", f"{a},{b}", named_surface(a)[0], each))
    least = min((round(r.strain_percent, 3) for r in found), default=0.0)
    return newest(r for r in found if round(r.strain_percent, 3) == least)


def _adhesions(stored: _Source, a: str, b: str) -> list[AdhesionResult]:
    """Return every adhesion result of a pair, whichever of the two is its A."""
    first, second = named_surface(a), named_surface(b)
    where = " OR ".join(
        f"(material_a={quoted(left)} AND material_b={quoted(right)})"
        for one, other in ((first, second), (second, first))
        for left in _names(one[0])
        for right in _names(other[0])
    )
    return [r for r in stored.results("adhesion", where) if _fits(r, first, second) or _fits(r, second, first)]


def _fits(result: AdhesionResult, a: Surface, b: Surface) -> bool:
    return (
        result.material_a in _names(a[0])
        and a[1] in (None, result.plane_a)
        and result.material_b in _names(b[0])
        and b[1] in (None, result.plane_b)
    )


def _names(name: str) -> tuple[str, ...]:
    """Return a name as given and as the library knows it: carbon is stored as graphite."""
    try:
        return tuple(dict.fromkeys((name, MaterialsLibrary().get(name).name)))
    except UnknownMaterialError:
        return (name,)


def _faces(result: AdhesionResult) -> str:
    sides = (
        (result.material_a, result.plane_a, result.termination_a),
        (result.material_b, result.plane_b, result.termination_b),
    )
    return "|".join(
        f"{material}({plane})" + (f" termination {index}" if index else "") for material, plane, index in sides
    )


def _told(result: AdhesionResult) -> str:
    taut = result.material_a if result.strained == "a" else result.material_b
    return f"adhesion of {_faces(result)}, {taut} strained by {result.strain_percent:.1f} %, {result.engine.label}"


def _notes(record: WettingResult | AdhesionResult) -> tuple[str, ...]:
    """Return every doubt about a record."""
    said = any(flag.startswith("unconverged") for flag in record.flags)
    return record.flags if record.converged or said else (*record.flags, "unconverged: a calculation behind it")


def _several(kind: str, what: str, pair: str, name: str, each: Iterable[str]) -> str:
    listed = ", ".join(each)
    return (
        f"several {kind} results of {what}, meV/Å²: {listed}; name the plane as '{name}(PLANE)', choose --engine, or "
        f"give one with --adhesion '{pair}=VALUE'"
    )


def _require_one(engines: dict[str, EngineInfo]) -> None:
    try:
        if engines:
            require_same_engine(*engines.values())
    except MixedEnginesError as error:
        labels = " and ".join(sorted(engine.label for engine in engines.values()))
        raise MixedEnginesError(f"adhesions of {labels} in one sum; choose one with --engine ({error})") from error


def deposition_origin(database: Database, found: Deposition, campaign: str, case: str) -> Origin:
    """Return what a stored deposition says of where it comes from: engine, doubts and calculations of its records."""
    ids = [used.record_id for used in found.adhesions if used.record_id is not None]
    records = [record for record_id in ids if (record := database.result(record_id)) is not None]
    return Origin(
        case=case,
        campaign=campaign,
        engine=records[0].engine if records else None,
        converged=all(record.converged for record in records),
        flags=tuple(dict.fromkeys(note for used in found.adhesions for note in used.notes)),
        calc_ids=tuple(calc_id for record in records for calc_id in record.provenance.calc_ids),
    )
