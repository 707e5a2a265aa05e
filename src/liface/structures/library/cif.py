"""A user's crystal from a CIF file.

The crystal is symmetrised, brought to its conventional standard cell, ordered where sites are shared, and classed by
its composition, so that it can stand beside the shipped materials.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, cast

from liface.errors import MaterialFileError
from liface.structures.library.anions import molecular_anions
from liface.structures.library.classes import category_of, default_planes_of, is_closed_shell_salt
from liface.structures.library.material import (
    LATTICE_DECIMALS,
    MAX_CONVENTIONAL_ATOMS,
    SYMPREC_A,
    Lattice6,
    Material,
    primitive_cell,
)
from liface.structures.library.ordering import order

if TYPE_CHECKING:
    from pymatgen.core import Structure

MIN_DISTANCE_A = 0.6
"""No two atoms of a crystal are nearer than this, Å."""

COORDINATE_DECIMALS = 6
MAX_FILE_BYTES = 20_000_000
_DOI = re.compile(r"^_(?:journal_paper_doi|citation_doi)\s+['\"]?(10\.\d{4,}/[^\s'\"]+)", re.MULTILINE)


def from_cif(name: str, path: str | Path) -> Material:
    """Read a material from a CIF file.

    Raises
    ------
    MaterialFileError
        If the file is missing, no CIF, holds no or several crystals, impossible distances, or disorder that
        cannot be ordered.
    """
    path = Path(path)
    text = _read(name, path)
    crystal = _parse(name, path, text)
    _check_elements(name, path, crystal)
    try:
        ordered, ordering = order(crystal)
        standard = standard_cell(ordered)
    except MaterialFileError as error:
        raise MaterialFileError(f"{name} ({path}): {error}") from error
    _check_distances(name, path, standard)
    return _material(name, path, text, standard, ordering)


def standard_cell(structure: Structure) -> Structure:
    """Return the symmetrised conventional standard cell, lengths to 1e-4 Å, atoms in a fixed order.

    Raises
    ------
    MaterialFileError
        If no symmetry can be found, because atoms coincide or the cell is degenerate.
    """
    from pymatgen.core import Lattice, Structure
    from pymatgen.symmetry.analyzer import SpacegroupAnalyzer, SymmetryUndeterminedError

    try:
        refined = SpacegroupAnalyzer(structure, symprec=SYMPREC_A).get_refined_structure()
    except (SymmetryUndeterminedError, ValueError, TypeError) as error:
        raise MaterialFileError(
            f"no symmetry found ({error}); look for coinciding atoms or a degenerate cell in the file"
        ) from error
    lengths = [round(float(x), LATTICE_DECIMALS) for x in (*refined.lattice.abc, *refined.lattice.angles)]
    coords = refined.frac_coords.round(COORDINATE_DECIMALS) % 1.0
    symbols = [site.specie.symbol for site in refined]
    rows = sorted(zip(symbols, coords.tolist(), strict=True), key=lambda row: (row[0], row[1]))
    return Structure(Lattice.from_parameters(*lengths), [row[0] for row in rows], [row[1] for row in rows])


def _read(name: str, path: Path) -> str:
    if path.is_dir():
        raise MaterialFileError(f"{name}: {path} is a folder; give the path of a CIF file")
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise MaterialFileError(f"{name}: {path} cannot be read ({error.strerror}); check the path") from error
    if not raw.strip():
        raise MaterialFileError(f"{name}: {path} is empty; export the CIF again")
    if len(raw) > MAX_FILE_BYTES or b"\0" in raw:
        raise MaterialFileError(f"{name}: {path} ({len(raw)} bytes) is no text file; give a CIF")
    return raw.decode("utf-8", errors="replace")


def _parse(name: str, path: Path, text: str) -> Structure:
    from pymatgen.io.cif import CifParser

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # rounding notes of the parser; what matters is checked below
            crystals = CifParser.from_str(text, occupancy_tolerance=1.01).parse_structures(primitive=False)
    except Exception as error:  # the parser raises whatever it stumbled over; the cause is kept and shown
        raise MaterialFileError(
            f"{name}: no crystal in {path} ({type(error).__name__}: {error}); "
            "it needs cell lengths, angles, a space group and atom sites with fractional coordinates"
        ) from error
    if len(crystals) != 1:
        raise MaterialFileError(f"{name}: {path} holds {len(crystals)} crystals; keep one data block")
    if not len(crystals[0]):
        raise MaterialFileError(f"{name}: {path} has no atoms; give a CIF with atom sites")
    crystal = crystals[0]
    crystal.remove_oxidation_states()
    return crystal


def _check_elements(name: str, path: Path, crystal: Structure) -> None:
    from pymatgen.core import Element

    strange = sorted({str(e) for e in crystal.composition if not isinstance(e, Element)})
    if strange:
        raise MaterialFileError(f"{name}: {path} has sites of {', '.join(strange)}, which are no chemical elements")


def _check_distances(name: str, path: Path, structure: Structure) -> None:
    close = structure.get_neighbor_list(MIN_DISTANCE_A)
    if len(close[0]):
        i, j, r = int(close[0][0]), int(close[1][0]), float(close[3][0])
        raise MaterialFileError(
            f"{name}: in {path}, {structure[i].specie} and {structure[j].specie} are {r:.2f} Å apart; "
            "check the cell lengths, the space group and its setting, and split sites"
        )


def _material(name: str, path: Path, text: str, standard: Structure, ordering: str) -> Material:
    from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

    analyzer = SpacegroupAnalyzer(standard, symprec=SYMPREC_A)
    group = analyzer.get_space_group_symbol()
    formula = standard.composition.reduced_formula
    doi = _DOI.search(text)
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
    lattice = tuple(round(float(x), LATTICE_DECIMALS) for x in (*standard.lattice.abc, *standard.lattice.angles))
    note = ""
    if len(standard) > MAX_CONVENTIONAL_ATOMS:
        note = f"; used as the primitive cell of {len(primitive_cell(standard))} atoms"
    return Material(
        name=name,
        formula=formula,
        category=category_of(standard),
        prototype=f"{formula}, {group} (from a CIF file)",
        lattice=cast(Lattice6, lattice),
        source=f"CIF file {path.name}, sha256 {digest}{note}",
        doi=doi.group(1) if doi else "",
        default_planes=default_planes_of(standard, analyzer.get_space_group_number()),
        closed_shell_salt=is_closed_shell_salt(standard.composition),
        anion_bonds=molecular_anions(standard),
        ordering=ordering,
        space_group=group,
        sites=tuple((site.specie.symbol, *(float(x) for x in site.frac_coords)) for site in standard),  # type: ignore[misc]
        sites_complete=True,
    )
