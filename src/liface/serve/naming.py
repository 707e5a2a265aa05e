"""Names that a person recognises a record by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from liface.database.columns import RESULT_NOUNS
from liface.report.numbers import facet, formula, pairing


def title_of(document: Any) -> str:
    """Name a result, a calculation or a case."""
    kind = getattr(document, "kind", "")
    if kind in _TITLES:
        return _TITLES[kind](document)
    if kind in RESULT_NOUNS and hasattr(document, "provenance"):
        noun = RESULT_NOUNS[kind]
        keys = [name for name in noun.slot if name not in ("engine_fingerprint", "campaign", "case")]
        return ", ".join(str(noun.columns[name].read(document)) for name in keys)
    return getattr(document, "label", "") or getattr(document, "case", "") or ""


def _surface(d: Any) -> str:
    return facet(d.substrate, d.substrate_plane)


def _adsorbate(d: Any) -> str:
    layers = f", {d.monolayers} Li layers below" if d.monolayers else ""
    return f"{d.n_li} Li on {_surface(d)}, {d.arrangement}{layers}"


_TITLES: dict[str, Callable[[Any], str]] = {
    "bulk": lambda d: formula(d.material),
    "surface": lambda d: facet(d.material, d.plane) + (f", termination {d.termination}" if d.termination else ""),
    "interface": lambda d: pairing(d.substrate, d.substrate_plane, d.film, d.film_plane),
    "binding": _adsorbate,
    "barrier": lambda d: f"Li on {_surface(d)}" + (f", {d.monolayers} Li layers below" if d.monolayers else ""),
    "growth": lambda d: f"Li on {_surface(d)}",
    "wetting": lambda d: pairing(d.substrate, d.substrate_plane, "Li", d.film_plane),
    "adhesion": lambda d: pairing(d.material_a, d.plane_a, d.material_b, d.plane_b),
    "phonon": lambda d: formula(d.material),
    "vibration": lambda d: (
        pairing(d.substrate, d.substrate_plane, "Li", d.film_plane) if d.arrangement == "film" else _adsorbate(d)
    ),
    "morphology": lambda d: f"Li on {_surface(d)}",
    "verdict": lambda d: _surface(d),
    "stability": lambda d: f"{formula(d.material)} against Li",
    "deposition": lambda d: f"{formula(d.electrolyte)} | {formula(d.interlayer)} | {formula(d.collector)}",
    "creep": lambda d: f"{d.host}, pores of {d.pore_nm:g} nm at {d.temperature_k:g} K",
}
