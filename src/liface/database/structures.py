"""Stored documents as structures of OPTIMADE: what of them can be asked, and where it is read.

Every shown result with a cell and every calculation with an energy is one structure. Its identity names the
quantity (``id``: kind, planes, engine, campaign and case; or the calculation), so that a newer result of the same
quantity takes its place under the same address; ``immutable_id`` names this very version.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from math import gcd
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from liface.database.columns import Column, Noun, Type
from liface.documents import Geometry

PREFIX = "liface"
"""Namespace of the properties that are not of OPTIMADE itself."""
OWN = f"_{PREFIX}_"

SMALLEST_VOLUME_A3 = 1e-6


@dataclass(frozen=True)
class Property(Column):
    """One property of a structure that a filter can use.

    Parameters
    ----------
    cell
        Column of the table; none where the property is made of others, or lies in a side table.
    """

    description: str = ""
    cell: str = ""


def _first(*names: str) -> Callable[[Any], Any]:
    """Read the first of these fields that a document has."""

    def read(document: Any) -> Any:
        return next((getattr(document, name) for name in names if hasattr(document, name)), None)

    return read


def _path(name: str) -> Callable[[Any], Any]:
    """Read a field of a field; nothing where a document lacks it."""

    def read(document: Any) -> Any:
        for part in name.split("."):
            document = getattr(document, part, None)
        return document

    return read


def _energy_per_atom(document: Any) -> float | None:
    if hasattr(document, "final"):
        return float(document.energy_ev) / document.final.n_atoms
    return getattr(document, "energy_ev_per_atom", None)


def _converged(document: Any) -> bool:
    return document.status == "converged" if hasattr(document, "final") else document.converged


def _own(
    name: str, type_: Type, unit: str, description: str, read: Callable[[Any], Any] | None = None, indexed: bool = False
) -> Property:
    return Property(
        name=OWN + name, type=type_, unit=unit, read=read or _path(name), indexed=indexed, description=description,
        cell=name if type_ != "list" else "",
    )  # fmt: skip


OWN_PROPERTIES: tuple[Property, ...] = (
    _own("kind", "string", "", "Kind of result (interface, surface, binding, bulk, ...), or calculation.",
         lambda document: getattr(document, "kind", "calculation"), indexed=True),
    _own("label", "string", "", "Readable name of a calculation; unknown for results."),
    _own("substrate", "string", "", "Substrate; of bulks and surfaces the material, of adhesions the material A.",
         _first("substrate", "material", "material_a"), indexed=True),
    _own("substrate_plane", "string", "", "Miller indices of its plane, e.g. 110.",
         _first("substrate_plane", "plane", "plane_a")),
    _own("substrate_termination", "integer", "1", "Index of its termination, counted along the plane normal.",
         _first("substrate_termination", "termination", "termination_a")),
    _own("film", "string", "", "Film on the substrate; of adhesions the material B.", _first("film", "material_b")),
    _own("film_plane", "string", "", "Miller indices of the plane of the film, or of the Li monolayers.",
         _first("film_plane", "plane_b")),
    _own("method", "string", "", "Of interfaces: sandwich (two interfaces) or vacuum (one, and two free surfaces)."),
    _own("arrangement", "string", "", "Of Li on a substrate: dispersed, cluster or film."),
    _own("monolayers", "integer", "1", "Li monolayers between substrate and adsorbate."),
    _own("n_li", "integer", "1", "Adsorbed Li atoms, or those that vibrate."),
    _own("gamma_mev_per_a2", "float", "meV/Å²",
         "Interfacial or surface energy; negative interfaces form spontaneously.", indexed=True),
    _own("e_bind_ev_per_li", "float", "eV",
         "Binding energy per Li against bcc Li; positive is less stable than bulk Li.", indexed=True),
    _own("work_of_adhesion_mev_per_a2", "float", "meV/Å²", "Work of adhesion; positive sticks."),
    _own("barrier_ev", "float", "eV", "Migration barrier of a Li adatom; the structure is its saddle point."),
    _own("energy_ev", "float", "eV", "Of calculations: potential energy of the cell, as the engine gives it."),
    _own("energy_ev_per_atom", "float", "eV", "Of calculations and bulks: potential energy per atom.",
         _energy_per_atom),
    _own("fmax_ev_per_a", "float", "eV/Å", "Of calculations: largest force on a free atom."),
    _own("task", "string", "", "Of calculations: static, relax or neb; of neb the structure is the highest image.",
         _path("settings.task")),
    _own("area_a2", "float", "Å²", "Area of the cell in the plane of the interface or surface."),
    _own("strain_percent", "float", "%", "Largest principal strain of the strained side, by absolute value."),
    _own("vacuum_a", "float", "Å",
         "Largest height without atoms along any lattice vector, periodic images included."),
    _own("converged", "boolean", "", "Every calculation behind the structure converged.", _converged),
    _own("flags", "list", "", "Reservations about the numbers, each 'slug' or 'slug: detail'; a filter may name "
         "either.", lambda document: list(getattr(document, "flags", ()))),
    _own("engine", "string", "", "Engine that relaxed the cell, e.g. sevennet or vasp.", _path("engine.name"),
         indexed=True),
    _own("model", "string", "", "Its model or functional.", _path("engine.model")),
    _own("trained_on", "string", "", "Training data or level of theory.", _path("engine.trained_on")),
    _own("engine_fingerprint", "string", "",
         "Identity of engine and settings; only numbers with the same one may be subtracted.",
         _path("engine.fingerprint"), indexed=True),
    _own("campaign", "string", "", "Campaign a result belongs to; unknown for calculations.",
         _path("provenance.campaign"), indexed=True),
    _own("case", "string", "", "Case inside the campaign.", _path("provenance.case")),
    _own("record_id", "string", "", "Content identity of a result; unknown for calculations.", lambda _: None,
         indexed=True),
)  # fmt: skip
"""Properties with the prefix of liface; numbers carry their unit."""


def _standard(name: str, type_: Type, unit: str = "", indexed: bool = False, cell: str | None = None) -> Property:
    """Return a property that OPTIMADE itself defines."""
    stored = "" if type_ == "list" else name
    return Property(
        name=name, type=type_, unit=unit, read=lambda _: None, indexed=indexed, cell=stored if cell is None else cell
    )


STANDARD_PROPERTIES: tuple[Property, ...] = (
    _standard("id", "string"),
    _standard("type", "string", cell=""),
    _standard("immutable_id", "string", indexed=True),
    _standard("last_modified", "timestamp", indexed=True),
    _standard("elements", "list"),
    _standard("nelements", "integer", "1", indexed=True),
    _standard("elements_ratios", "list"),
    _standard("chemical_formula_descriptive", "string"),
    _standard("chemical_formula_reduced", "string", indexed=True),
    _standard("chemical_formula_hill", "string"),
    _standard("chemical_formula_anonymous", "string", indexed=True),
    _standard("dimension_types", "list"),
    _standard("nperiodic_dimensions", "integer", "1", indexed=True),
    _standard("lattice_vectors", "list", "Å"),
    _standard("cartesian_site_positions", "list", "Å"),
    _standard("nsites", "integer", "1", indexed=True),
    _standard("species_at_sites", "list"),
    _standard("species", "list"),
    _standard("structure_features", "list"),
)
"""Those of OPTIMADE that are known here; the others are unknown for every structure."""

REFERENCE_IDS = _standard("references.id", "list")
"""References that a structure is related to; no property of it, but filters may use it."""

IDENTITIES = ("id", "immutable_id", f"{OWN}record_id")
"""Properties that name a structure."""

SITE_PROPERTIES: dict[str, str] = {
    f"{OWN}frozen": "Whether each site was held while the cell was relaxed, in the order of the sites.",
    f"{OWN}roles": "Part of a composed cell each site belongs to: bulk, substrate, film or adsorbate.",
}
"""Lists along the sites that are served and exported, but not asked for."""

STRUCTURES = Noun(
    name="structures",
    kind="structure",
    key="id",
    slot=("id",),
    columns={each.name: each for each in (*STANDARD_PROPERTIES, *OWN_PROPERTIES, REFERENCE_IDS)},
    adapter=TypeAdapter(dict),
)
"""What a filter on structures can name."""


def geometry_of(document: Any) -> Geometry | None:
    """Return the cell that a document is about; None where it has none that is a structure.

    A cell without atoms, without volume or with coordinates that are not finite is none.
    """
    geometry = getattr(document, "structure", None) or getattr(document, "final", None)
    if not isinstance(geometry, Geometry) or not geometry.n_atoms:
        return None
    cell, positions = geometry.cell_array, geometry.position_array
    if not (np.isfinite(cell).all() and np.isfinite(positions).all()):
        return None
    return geometry if abs(np.linalg.det(cell)) > SMALLEST_VOLUME_A3 else None


def scalars(document: Any, geometry: Geometry) -> dict[str, Any]:
    """Return the cells of the table of structures that follow from a document, by the name of the column.

    Identities are left to the caller, who has them from the row of the document.
    """
    periodic = dimension_types(geometry)
    values = {each.cell: each.read(document) for each in OWN_PROPERTIES if each.cell and each.name not in IDENTITIES}
    values["vacuum_a"] = float(geometry.empty_heights.max())
    return values | {
        "last_modified": _moment(document),
        "nelements": len(set(geometry.species)),
        "nsites": geometry.n_atoms,
        "nperiodic_dimensions": sum(periodic),
        **{f"dimension_type_{axis}": value for axis, value in zip("abc", periodic, strict=True)},
        "element_set": "".join(marked(symbol) for symbol, _ in elements(geometry.species)),
        **formulas(geometry.species),
    }


def _moment(document: Any) -> datetime:
    return document.provenance.created_at if hasattr(document, "provenance") else document.created_at


def elements(species: tuple[str, ...]) -> list[tuple[str, float]]:
    """Return the elements in alphabetical order with their share of the atoms."""
    return [(symbol, count / len(species)) for symbol, count in sorted(Counter(species).items())]


def marked(element: str) -> str:
    """Return an element as it stands in the joined set of all, ``|Cu||Li|``, which is searched fastest."""
    return f"|{element}|"


def references(document: Any) -> list[str]:
    """Return the DOIs that a document rests on, in the order of the document."""
    provenance = getattr(document, "provenance", None)
    return list(dict.fromkeys(provenance.doi)) if provenance is not None else []


def dimension_types(geometry: Geometry) -> list[int]:
    """Tell along which lattice vectors a cell repeats: 0 where there is vacuum, 1 elsewhere.

    Every cell is computed with periodic images in three dimensions. Across 6 Å without atoms they do not meet, so
    that a slab, or a film on a substrate below vacuum, repeats in two; a sandwich repeats in three.
    """
    return [0 if vacuum else 1 for vacuum in geometry.vacuum_directions]


def formulas(species: tuple[str, ...]) -> dict[str, str]:
    """Return the four formulas of OPTIMADE; the descriptive one is that of the whole cell in alphabetical order."""
    counts = dict(sorted(Counter(species).items()))
    divisor = gcd(*counts.values())
    reduced = {symbol: count // divisor for symbol, count in counts.items()}
    hill = sorted(counts, key=lambda symbol: {"C": "0", "H": "1"}.get(symbol, symbol)) if "C" in counts else counts
    shares = sorted(reduced.values(), reverse=True)
    return {
        "chemical_formula_descriptive": _formula(counts),
        "chemical_formula_reduced": _formula(reduced),
        "chemical_formula_hill": _formula({symbol: counts[symbol] for symbol in hill}),
        "chemical_formula_anonymous": _formula({_letter(i): share for i, share in enumerate(shares)}),
    }


def _formula(counts: dict[str, int]) -> str:
    return "".join(symbol if count == 1 else f"{symbol}{count}" for symbol, count in counts.items())


def _letter(number: int) -> str:
    """Return A to Z, then Aa to Za, Ab to Zb and so on."""
    round_, place = divmod(number, 26)
    return chr(ord("A") + place) + (chr(ord("a") + round_ - 1) if round_ else "")


def sites(geometry: dict[str, Any]) -> dict[str, Any]:
    """Return what OPTIMADE says about cell and sites, from a stored geometry; lengths in Å."""
    return {
        "lattice_vectors": geometry["cell"],
        "cartesian_site_positions": geometry["positions"],
        "species_at_sites": geometry["species"],
        "species": [
            {"name": symbol, "chemical_symbols": [symbol], "concentration": [1.0]}
            for symbol in sorted(set(geometry["species"]))
        ],
        f"{OWN}frozen": geometry["frozen"],
        f"{OWN}roles": geometry["roles"],
    }
