"""``liface structure``: terminations, slabs and coherent interfaces, before any campaign."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from liface.cli.materials import library_with
from liface.cli.options import CifFile, Json, Plane, Termination
from liface.cli.output import talk, write_facts, write_json, write_table
from liface.cli.structure_file import format_of, write_structure
from liface.errors import InputError, LatticeMismatchError

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from liface.structures.interfaces import InterfaceCell
    from liface.structures.library import Material
    from liface.structures.matching import Match

app = typer.Typer(help="Slabs, terminations and coherent interfaces.", no_args_is_help=True)

FILM = "Li"
START_GAP_A = 2.0


def _with_known_format(path: Path | None) -> Path | None:
    if path is not None:
        format_of(path)
    return path


MaterialName = Annotated[
    str, typer.Option("--material", metavar="NAME", help="Name in the library; with --cif, any name.")
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        metavar="FILE",
        callback=_with_known_format,
        help="Write the cell: POSCAR or .vasp, .cif, .xyz or .extxyz, .traj by name.",
    ),
]


@app.command()
def terminations(
    material: MaterialName,
    plane: Plane,
    include_broken: Annotated[
        bool, typer.Option("--include-broken", help="Also those that cut molecular anions.")
    ] = False,
    cif: CifFile = None,
    json: Json = False,
) -> None:
    """List the ways to end a crystal along a plane; the index names them everywhere."""
    from liface.structures.slabs import terminations as find

    found = find(**_crystal(library_with(material, cif).get(material)), plane=plane, include_broken=include_broken)
    rows = [
        {
            "termination": t.index,
            "top_plane": t.composition,
            "shift_a": t.shift_a,
            "polar": t.polar,
            "broken_anions": t.broken_anions,
        }
        for t in found
    ]
    if json:
        write_json(rows)
    else:
        write_table(rows)


@app.command()
def slab(
    material: MaterialName,
    plane: Plane,
    termination: Termination = 0,
    thickness: Annotated[
        float, typer.Option(min=1.0, max=200.0, help="Least height between outermost atoms, Å.")
    ] = 10.0,
    vacuum: Annotated[float, typer.Option(min=1.0, max=200.0, help="Vacuum, Å.")] = 15.0,
    frozen: Annotated[int, typer.Option(min=0, help="Planes from the bottom whose atoms stay fixed.")] = 0,
    out: Out = None,
    cif: CifFile = None,
    json: Json = False,
) -> None:
    """Build a stoichiometric slab, describe it, and write it to a file."""
    from liface.structures.slabs import build_slab

    built = build_slab(
        **_crystal(library_with(material, cif).get(material)),
        plane=plane,
        termination=termination,
        min_thickness_a=thickness,
        vacuum_a=vacuum,
        frozen_planes=frozen,
    )
    facts = {
        "material": material,
        "plane": built.plane,
        "termination": built.termination,
        "n_atoms": len(built.structure),
        "n_planes": built.n_planes,
        "n_formula_units": built.n_formula_units,
        "thickness_a": built.thickness_a,
        "area_a2": built.area_a2,
        "vacuum_a": built.vacuum_a,
        "equal_faces": built.equal_faces,
        "polar": built.polar,
    }
    _answer(facts, json)
    _save(built.structure, out)


@app.command()
def interfaces(
    substrate: Annotated[str, typer.Option("--substrate", metavar="NAME", help="Library name; with --cif, any name.")],
    plane: Plane,
    film_plane: Annotated[str, typer.Option("--film-plane", metavar="HKL", help="Plane of the Li film.")] = "100",
    termination: Termination = 0,
    max_area: Annotated[float, typer.Option("--max-area", help="Largest cell, Å².")] = 120.0,
    max_strain: Annotated[float, typer.Option("--max-strain", help="Largest principal strain of the film, %.")] = 6.0,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Matches to list.")] = 10,
    film_planes: Annotated[int, typer.Option("--film-planes", min=1, max=200, help="Li planes in the cell.")] = 6,
    rank: Annotated[int, typer.Option("--rank", min=1, help="Which match --out writes; 1 is the best.")] = 1,
    out: Out = None,
    cif: CifFile = None,
    json: Json = False,
) -> None:
    """Rank the coherent cells of Li on a substrate; --out writes one as a periodic sandwich, ready to relax."""
    pair = _Pair(library_with(substrate, cif).get(substrate), plane, library_with(FILM, None).get(FILM), film_plane)
    matches = pair.matches(max_area, max_strain)
    if rank > len(matches):
        raise InputError(f"--rank {rank}: there are {len(matches)} matches; raise --max-area or --max-strain for more")
    cell = pair.sandwich(matches[rank - 1], termination, film_planes)
    rows = [_match_row(i, match, pair.n_atoms(match, cell)) for i, match in enumerate(matches[:limit], start=1)]
    if json:
        write_json(rows)
    else:
        write_table(rows)
        if len(matches) > limit:
            talk(f"{len(matches) - limit} more; raise --limit to see them")
    _save(cell.structure, out)


@dataclass(frozen=True)
class _Pair:
    """A substrate plane and a film plane."""

    substrate: Material
    plane: str
    film: Material
    film_plane: str

    def matches(self, max_area_a2: float, max_strain_percent: float) -> tuple[Match, ...]:
        from liface.structures.matching import best_match, find_matches, in_plane_vectors

        crystal = _crystal(self.substrate)
        below = in_plane_vectors(crystal["bulk"], self.plane, keep_cell=crystal["keep_cell"])
        above = in_plane_vectors(_crystal(self.film)["bulk"], self.film_plane)
        limits = {"max_area_a2": max_area_a2, "max_strain_percent": max_strain_percent}
        found = find_matches(below, above, **limits)
        if not found:
            label = f"{self.film.name}({self.film_plane}) on {self.substrate.name}({self.plane})"
            try:
                best_match(below, above, label=label, **limits)  # says how far off the nearest cell is
            except LatticeMismatchError as error:
                spelled = str(error).replace("max_area_a2", "--max-area").replace("max_strain_percent", "--max-strain")
                raise LatticeMismatchError(spelled) from None
        return found

    def sandwich(self, match: Match, termination: int, film_planes: int) -> InterfaceCell:
        from liface.structures.interfaces import InterfaceBuilder

        crystal = _crystal(self.substrate)
        builder = InterfaceBuilder(
            crystal["bulk"],
            self.plane,
            _crystal(self.film)["bulk"],
            self.film_plane,
            match,
            film_planes=film_planes,
            termination=termination,
            substrate_min_thickness_a=6.0,
            anion_bonds=crystal["anion_bonds"],
            keep_cell=crystal["keep_cell"],
        )
        return builder.sandwich(START_GAP_A)

    def n_atoms(self, match: Match, built: InterfaceCell) -> int:
        """Atoms of another match with the same planes as the cell that was built."""
        below = (len(built.structure) - built.n_film) // built.match.n_substrate_cells
        above = built.n_film // built.match.n_film_cells
        return below * match.n_substrate_cells + above * match.n_film_cells


def _match_row(rank: int, match: Match, n_atoms: int) -> dict[str, Any]:
    return {
        "rank": rank,
        "strain_percent": match.strain_percent,
        "principal_percent": list(match.principal_percent),
        "von_mises_percent": match.von_mises_percent,
        "area_a2": match.area_a2,
        "n_atoms": n_atoms,
        "rotation_deg": match.rotation_deg,
        "substrate_cells": match.n_substrate_cells,
        "film_cells": match.n_film_cells,
        "substrate_supercell": [list(row) for row in match.substrate_supercell],
        "film_supercell": [list(row) for row in match.film_supercell],
    }


def _crystal(material: Material) -> dict[str, Any]:
    """Return what the builders of slabs need of a material: the same canonical cell that campaigns match."""
    from liface.workflows.specs import MaterialSpec

    spec = MaterialSpec.from_material(material)
    return {"bulk": spec.structure(), "anion_bonds": spec.anion_bonds, "keep_cell": spec.broken_symmetry}


def _answer(facts: dict[str, Any], json: bool) -> None:
    if json:
        write_json(facts)
    else:
        write_facts(facts)


def _save(structure: Structure, out: Path | None) -> None:
    if out is not None:
        write_structure(structure, out)
        talk(f"wrote {out} ({len(structure)} atoms)")
