"""One crystal of the library: its cell, its provenance and what other modules must know about it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from pymatgen.core import Structure

Category = Literal[
    "metal",
    "alloy",
    "carbon",
    "nitride",
    "oxide",
    "halide",
    "chalcogenide",
    "pnictide",
    "electrolyte",
    "semiconductor",
]
CATEGORIES: tuple[str, ...] = get_args(Category)

AnionBond = tuple[str, str, float]
Site = tuple[str, float, float, float]
Lattice6 = tuple[float, float, float, float, float, float]

MAX_CONVENTIONAL_ATOMS = 200
"""A larger conventional cell is given as its primitive cell, which every engine can afford."""

LATTICE_DECIMALS = 4
"""Decimals of cell lengths (Å) and angles (degrees): finer differences do not make another material."""

SYMPREC_A = 0.01
"""Distance in Å below which atoms count as symmetry-equivalent."""


@dataclass(frozen=True)
class Material:
    """A crystal with its provenance.

    Attributes
    ----------
    name
        Key in the library.
    formula
        Reduced formula.
    category
        Family of materials.
    prototype
        Structure type.
    lattice
        Conventional a, b, c (Å) and α, β, γ (degrees); experimental unless ``source`` says otherwise.
    source
        Where prototype, lattice constants and coordinates come from.
    doi
        DOI of the entry's source; empty only for a user's file that names none.
    default_planes
        Facets that a campaign takes unless told otherwise, in the axes of ``lattice``.
    closed_shell_salt
        Insulating closed-shell ionic compound: neutral Li on it is outside the domain of ML potentials.
    band_gap_ev
        Band gap, eV; ``band_gap_source`` says of which kind. None for metals and where none is known.
    anion_bonds
        Molecular anions that no cut may break: (centre, ligand, largest bond length in Å).
    ordering
        How the ordered cell of a disordered crystal was chosen; empty for ordered crystals.
    space_group
        Hermann–Mauguin symbol of the ordered crystal.
    sites
        (element, x, y, z) in fractions of ``lattice``: the asymmetric unit, or all atoms where
        ``sites_complete``.
    """

    name: str
    formula: str
    category: Category
    prototype: str
    lattice: Lattice6
    source: str
    doi: str
    default_planes: tuple[str, ...]
    closed_shell_salt: bool = False
    band_gap_ev: float | None = None
    anion_bonds: tuple[AnionBond, ...] = ()
    ordering: str = ""
    aliases: tuple[str, ...] = ()
    band_gap_source: str = ""
    space_group: str = "P1"
    sites: tuple[Site, ...] = field(default=(), repr=False)
    sites_complete: bool = False

    def structure(self) -> Structure:
        """Return the ordered conventional cell, or the primitive one above 200 atoms.

        The caller owns the returned structure. It has no oxidation states and no site properties.
        """
        return _build(self).copy()


EXPANDED = "expanded.json"
"""Cells of the shipped materials, all atoms; ``python -m liface.testing.crystals`` writes it, a test looks after it."""


@lru_cache(maxsize=128)
def _build(material: Material) -> Structure:
    """Return the shipped cell, as the operations of a space group take pymatgen longer than all else of a plan."""
    from pymatgen.core import Lattice, Structure

    shipped = _expanded().get(material.name)
    if shipped is None or shipped["of"] != identity(material):
        return expand(material)
    return Structure(Lattice(shipped["lattice"]), shipped["species"], shipped["frac_coords"])


def identity(material: Material) -> list[Any]:
    """Return what the cell of a material follows from, as JSON has it."""
    sites = [list(site) for site in material.sites]
    return [material.space_group, list(material.lattice), sites, material.sites_complete]


@cache
def _expanded() -> dict[str, Any]:
    file = resources.files(__package__) / "data" / EXPANDED
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def expand(material: Material) -> Structure:
    """Return the cell that the space group makes of the asymmetric unit."""
    from pymatgen.core import Lattice, Structure

    lattice = Lattice.from_parameters(*(round(value, LATTICE_DECIMALS) for value in material.lattice))
    species = [site[0] for site in material.sites]
    coords = [site[1:] for site in material.sites]
    if material.sites_complete:
        structure = Structure(lattice, species, coords, to_unit_cell=True)
    else:
        structure = Structure.from_spacegroup(material.space_group, lattice, species, coords, tol=0.005)
    structure = structure.get_sorted_structure(key=lambda site: _order_of(site, material))
    if len(structure) > MAX_CONVENTIONAL_ATOMS:
        structure = primitive_cell(structure)
    return structure


def primitive_cell(structure: Structure) -> Structure:
    """Return the standard primitive cell, with its atoms in a fixed order."""
    from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

    primitive = SpacegroupAnalyzer(structure, symprec=SYMPREC_A).get_primitive_standard_structure()
    return primitive.get_sorted_structure()


def _order_of(site: Any, material: Material) -> tuple:
    """Sort key: elements as the entry lists them, then position; independent of floating-point noise."""
    elements = [entry[0] for entry in material.sites]
    return elements.index(site.specie.symbol), *(round(float(x) % 1.0, 6) % 1.0 for x in site.frac_coords)


def summary(material: Material) -> dict[str, Any]:
    """Return what a person wants to know about a material, ready for JSON.

    Lengths in Å, angles in degrees, density in g/cm³, gap in eV; ``n_atoms`` counts the cell of
    :meth:`Material.structure`.
    """
    structure = material.structure()
    return {
        "name": material.name,
        "formula": material.formula,
        "category": material.category,
        "prototype": material.prototype,
        "spacegroup": material.space_group,
        "lattice": list(material.lattice),
        "n_atoms": len(structure),
        "density": round(float(structure.density), 4),
        "default_planes": list(material.default_planes),
        "source": material.source,
        "doi": material.doi,
        "closed_shell_salt": material.closed_shell_salt,
        "band_gap_ev": material.band_gap_ev,
        "band_gap_source": material.band_gap_source,
        "anion_bonds": [list(bond) for bond in material.anion_bonds],
        "ordering": material.ordering,
        "aliases": list(material.aliases),
    }
