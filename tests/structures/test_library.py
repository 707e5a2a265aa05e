"""The materials library against handbook numbers, textbook coordination and independent symmetry analysis."""

from __future__ import annotations

import json
import pickle
import re
import subprocess
import sys
from dataclasses import FrozenInstanceError, replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Composition, Lattice, Structure
from pymatgen.io.cif import CifWriter
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from liface.errors import MaterialFileError, UnknownMaterialError
from liface.structures.library import CATEGORIES, MaterialsLibrary, builtin_names, from_cif, load, material, summary
from liface.structures.library.classes import is_closed_shell_salt
from liface.structures.library.lithium_titanate import disordered_lithium_titanate, ordered_lithium_titanate
from liface.structures.library.ordering import order
from liface.testing.crystals import expanded_text

REQUIRED = (
    "Li Cu Li2Te W Cr Mo Ti Zr Li6PS5Cl LiF Li2S Mg Ag graphite LiC6 TiN Ni Fe Cu2Te Li3PS4 Li7La3Zr2O12 "
    "Li4Ti5O12 Li2O LiCl Li3P Al Li9Al4 Si Li22Si5 LiAg ZnO BeO SrF2"
)

# name: (a, c or None, Å; density, g/cm³), from handbooks, typed by hand
HANDBOOK = {
    "Li": (3.51, None, 0.534),
    "Cu": (3.615, None, 8.96),
    "Li2Te": (6.517, None, 3.39),
    "W": (3.165, None, 19.3),
    "Cr": (2.885, None, 7.19),
    "Mo": (3.147, None, 10.2),
    "Ti": (2.951, 4.684, 4.51),
    "Zr": (3.232, 5.148, 6.52),
    "Mg": (3.209, 5.211, 1.74),
    "Ag": (4.086, None, 10.5),
    "Ni": (3.524, None, 8.91),
    "Fe": (2.867, None, 7.87),
    "Al": (4.050, None, 2.70),
    "Si": (5.431, None, 2.33),
    "LiF": (4.027, None, 2.64),
    "LiCl": (5.13, None, 2.07),
    "Li2O": (4.619, None, 2.013),
    "Li2S": (5.71, None, 1.66),
    "Li3P": (4.27, 7.59, 1.43),
    "Li6PS5Cl": (9.85, None, 1.86),
    "Li7La3Zr2O12": (13.13, 12.66, 5.11),
    "graphite": (2.464, 6.711, 2.26),
    "LiC6": (4.305, 3.706, 2.2),
    "TiN": (4.24, None, 5.4),
    "ZnO": (3.25, 5.207, 5.61),
    "BeO": (2.698, 4.377, 3.01),
    "SrF2": (5.80, None, 4.24),
    "LiAg": (3.17, None, 6.0),
}

# (material, centre, ligand): coordination number and bond length in Å as textbooks have it
COORDINATION = {
    ("Li", "Li", "Li"): (8, 3.04),
    ("Cu", "Cu", "Cu"): (12, 2.556),
    ("Si", "Si", "Si"): (4, 2.35),
    ("graphite", "C", "C"): (3, 1.42),
    ("LiC6", "Li", "C"): (12, 2.34),
    ("TiN", "Ti", "N"): (6, 2.12),
    ("ZnO", "Zn", "O"): (4, 1.98),
    ("BeO", "Be", "O"): (4, 1.65),
    ("SrF2", "Sr", "F"): (8, 2.51),
    ("Li2S", "Li", "S"): (4, 2.47),
    ("Li6PS5Cl", "P", "S"): (4, 2.05),
    ("Li3PS4", "P", "S"): (4, 2.05),
    ("Li7La3Zr2O12", "Zr", "O"): (6, 2.11),
    ("Li4Ti5O12", "Ti", "O"): (6, 1.99),
}


def bonds(structure: Structure, centre: str, ligand: str, limit: float) -> list[list[float]]:
    """Return the distances from each centre to the ligands within a limit, Å."""
    found = []
    for site in structure:
        if site.specie.symbol == centre:
            near = structure.get_neighbors(site, limit)
            found.append(sorted(n.nn_distance for n in near if n.specie.symbol == ligand))
    return found


def write_cif(folder: Path, structure: Structure, name: str = "crystal.cif", **options: object) -> Path:
    path = folder / name
    CifWriter(structure, **options).write_file(path)
    return path


def argyrodite(li: float = 0.5) -> Structure:
    """Li6PS5Cl with Li spread over the 48h pairs."""
    coords = [[0.183, 0.183, 0.976], [0.5] * 3, [0.3803] * 3, [0.75] * 3, [0.0] * 3]
    return Structure.from_spacegroup("F-43m", Lattice.cubic(9.85), [{"Li": li}, "P", "S", "S", "Cl"], coords)


def test_every_required_material_is_there() -> None:
    assert set(builtin_names()) >= set(REQUIRED.split())
    assert len(set(builtin_names())) == len(builtin_names())


@pytest.mark.parametrize("name", builtin_names())
def test_entry_holds_together(name: str) -> None:
    material = load(name)
    structure = material.structure()
    assert structure.is_ordered
    assert structure.composition.reduced_composition == Composition(material.formula).reduced_composition
    assert SpacegroupAnalyzer(structure, symprec=0.01).get_space_group_symbol() == material.space_group
    assert len(structure) <= 200
    closest = min(structure.lattice.abc) if len(structure) == 1 else structure.get_neighbor_list(4.5)[3].min()
    assert closest > 1.3
    assert material.category in CATEGORIES
    assert re.fullmatch(r"10\.\d{4,}/\S+", material.doi)
    assert len(material.source) > 40
    assert material.default_planes
    assert (material.band_gap_ev is None) == (material.band_gap_source == "")
    assert not (material.category in ("metal", "alloy") and material.band_gap_ev)
    assert {bond[0] for bond in material.anion_bonds} <= {site.specie.symbol for site in structure}


@pytest.mark.parametrize("name", sorted(HANDBOOK))
def test_lattice_and_density_agree_with_handbooks(name: str) -> None:
    a, c, density = HANDBOOK[name]
    material = load(name)
    assert material.lattice[0] == pytest.approx(a, rel=0.005)
    assert c is None or material.lattice[2] == pytest.approx(c, rel=0.005)
    assert material.structure().density == pytest.approx(density, rel=0.02)


@pytest.mark.parametrize("case", sorted(COORDINATION))
def test_coordination_is_the_textbook_one(case: tuple[str, str, str]) -> None:
    name, centre, ligand = case
    number, length = COORDINATION[case]
    for distances in bonds(load(name).structure(), centre, ligand, 1.13 * length):
        assert len(distances) == number
        assert np.mean(distances) == pytest.approx(length, abs=0.06)


def test_argyrodite_has_its_anions_apart() -> None:
    structure = load("Li6PS5Cl").structure()
    free = [len(d) for d in bonds(structure, "S", "P", 2.4)]
    assert sorted(free) == [0] * 4 + [1] * 16
    assert min(min(d) for d in bonds(structure, "Li", "S", 3.0)) > 2.1


def test_large_cell_comes_as_the_primitive_one() -> None:
    structure = load("Li22Si5").structure()
    assert len(structure) == 108
    assert structure.volume == pytest.approx(18.71**3 / 4, rel=1e-6)
    assert not any(bonds(structure, "Si", "Si", 4.0)[0])


def test_salts_carry_the_domain_flag_and_metals_do_not() -> None:
    flags = {name: load(name).closed_shell_salt for name in builtin_names()}
    assert all(flags[n] for n in ("LiF", "Li2S", "Li2Te", "Li6PS5Cl", "Li2O", "LiCl", "Li3P", "SrF2", "Li7La3Zr2O12"))
    assert not any(flags[n] for n in ("W", "Li", "TiN", "graphite", "LiC6", "Li22Si5", "Li9Al4", "LiAg", "Si"))


@pytest.mark.parametrize("name", [n for n in builtin_names() if n != "Cu2Te"])
def test_charge_counting_rediscovers_the_flag(name: str) -> None:
    assert is_closed_shell_salt(Composition(load(name).formula)) == load(name).closed_shell_salt


def test_only_chosen_orderings_are_recorded() -> None:
    assert {n for n in builtin_names() if load(n).ordering} == {"Li6PS5Cl", "Li4Ti5O12"}


def test_lithium_titanate_entry_is_what_its_generator_makes() -> None:
    structure, record = ordered_lithium_titanate()
    entry = load("Li4Ti5O12")
    assert entry.ordering == record
    shipped = entry.structure()
    np.testing.assert_allclose(structure.lattice.matrix, shipped.lattice.matrix, atol=1e-3)
    for site in structure:
        near = shipped.get_sites_in_sphere(site.coords, 0.01)
        assert [n.specie.symbol for n in near] == [site.specie.symbol]


def test_aliases_and_unknown_names() -> None:
    assert load("LPSCl") is load("Li6PS5Cl")
    assert load("LLZO").name == "Li7La3Zr2O12"
    with pytest.raises(UnknownMaterialError, match="Li2Te"):
        load("Li2Tee")


def test_material_is_frozen_hashable_and_travels() -> None:
    material = load("W")
    with pytest.raises(FrozenInstanceError):
        material.name = "V"  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(material)) == material
    assert len({material, load("W")}) == 1


def test_caller_owns_the_structure() -> None:
    load("Cu").structure().remove_sites([0])
    assert len(load("Cu").structure()) == 4


def test_summary_is_json() -> None:
    row = json.loads(json.dumps(summary(load("LLZO"))))
    assert row["n_atoms"] == 192
    assert row["spacegroup"] == "I4_1/acd"
    assert row["lattice"] == [13.134, 13.134, 12.663, 90.0, 90.0, 90.0]
    assert row["density"] == pytest.approx(5.11, abs=0.02)


def test_names_are_listed_without_pymatgen() -> None:
    code = (
        "import sys; from liface.structures.library import MaterialsLibrary, builtin_names, load;"
        "MaterialsLibrary({'mine': 'mine.cif'}).names(); load('W');"
        "sys.exit(any(m in sys.modules for m in ('pymatgen', 'ase', 'torch', 'spglib')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_users_cif_joins_by_relative_path(tmp_path: Path) -> None:
    write_cif(tmp_path, Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.212), ["Mg", "O"], [[0] * 3, [0.5] * 3]))
    library = MaterialsLibrary({"MgO": "crystal.cif"}, tmp_path)
    material = library.get("MgO")
    assert library.names() == [*builtin_names(), "MgO"]
    assert library.get("MgO") is material
    assert library.get("W") is load("W")
    assert (material.formula, material.category, material.space_group) == ("MgO", "oxide", "Fm-3m")
    assert material.closed_shell_salt
    assert material.ordering == ""
    assert len(material.structure()) == 8
    assert "crystal.cif" in material.source
    with pytest.raises(UnknownMaterialError, match="MgO"):
        library.get("MgO2")


def test_a_name_of_the_library_cannot_be_taken(tmp_path: Path) -> None:
    for name in ("W", "LPSCl"):
        with pytest.raises(MaterialFileError, match=f"{name}-mine"):
            MaterialsLibrary({name: "w.cif"}, tmp_path)


def test_primitive_and_noisy_cells_become_the_same_standard_cell(tmp_path: Path) -> None:
    lif = load("LiF").structure()
    noisy = lif.copy().perturb(1e-5)
    first = from_cif("a", write_cif(tmp_path, lif.get_primitive_structure(), "p.cif"))
    second = from_cif("b", write_cif(tmp_path, noisy, "n.cif"))
    assert first.lattice == second.lattice == (4.027, 4.027, 4.027, 90.0, 90.0, 90.0)
    np.testing.assert_allclose(first.structure().lattice.matrix, second.structure().lattice.matrix, atol=1e-9)
    assert first.structure().matches(second.structure())


def test_doi_is_taken_from_the_file(tmp_path: Path) -> None:
    path = write_cif(tmp_path, load("LiF").structure())
    path.write_text(path.read_text().replace("_cell_length_a", "_journal_paper_doi 10.1000/xyz.1\n_cell_length_a", 1))
    assert from_cif("x", path).doi == "10.1000/xyz.1"


def good_cif(folder: Path) -> str:
    return write_cif(folder, load("LiF").structure(), "good.cif").read_text()


BROKEN = {
    "empty": lambda good: b"",
    "blank": lambda good: b" \n\n",
    "words": lambda good: b"this is no crystal",
    "header only": lambda good: good.split("loop_")[0].encode(),
    "cut in the atoms": lambda good: good[: good.index("_atom_site_fract_y")].encode(),
    "binary": lambda good: bytes(range(256)) * 20,
    "no atoms": lambda good: good[: good.rindex("_occupancy") + len("_occupancy")].encode(),
    "zero cell": lambda good: re.sub(r"_cell_length_a .*", "_cell_length_a 0.0", good).encode(),
    "broken number": lambda good: re.sub(r"_cell_length_a .*", "_cell_length_a x?y", good).encode(),
    "two crystals": lambda good: (good + "\n" + good.replace("data_LiF", "data_other")).encode(),
    "tiny cell": lambda good: re.sub(r"(_cell_length_\w) .*", r"\1 0.5", good).encode(),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_file_is_told_apart(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.cif"
    path.write_bytes(BROKEN[kind](good_cif(tmp_path)))
    with pytest.raises(MaterialFileError, match=r"mine.*broken\.cif"):
        from_cif("mine", path)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(MaterialFileError, match="No such file"):
        from_cif("mine", tmp_path / "none.cif")
    with pytest.raises(MaterialFileError, match="folder"):
        from_cif("mine", tmp_path)


def test_disordered_argyrodite_is_ordered_reproducibly_with_whole_anions(tmp_path: Path) -> None:
    path = write_cif(tmp_path, argyrodite(), symprec=0.01)
    first, second = from_cif("mine", path), from_cif("mine", path)
    assert first == second
    assert first.formula == "Li6PS5Cl"
    assert "Ewald" in first.ordering
    assert first.category == "electrolyte"
    assert first.closed_shell_salt
    assert first.anion_bonds == (("P", "S", 2.4),)
    structure = first.structure()
    assert all(len(d) == 4 for d in bonds(structure, "P", "S", 2.4))
    assert min(min(d, default=9) for d in bonds(structure, "Li", "Li", 3.0)) > 2.0  # no pair filled twice


def test_occupancies_that_fit_no_small_cell_are_refused_with_advice(tmp_path: Path) -> None:
    path = write_cif(tmp_path, argyrodite(0.45), symprec=0.01)
    with pytest.raises(MaterialFileError, match="round the occupancies"):
        from_cif("mine", path)


def test_occupancies_are_rounded_within_an_element(tmp_path: Path) -> None:
    """Li 1.4 + 4.6 atoms on two kinds of sites: six Li in one cell, no atom made or lost."""
    split = argyrodite(4.6 / 12)
    extra = Structure.from_spacegroup("F-43m", Lattice.cubic(9.85), [{"Li": 1.4 / 4}], [[0.1, 0.1, 0.1]])
    material = from_cif("mine", write_cif(tmp_path, Structure.from_sites([*split, *extra]), symprec=0.01))
    assert material.formula == "Li6PS5Cl"
    assert "1.4 to 1" in material.ordering
    assert "4.6 to 5" in material.ordering


def test_ordering_does_not_depend_on_listing_or_origin() -> None:
    disordered = disordered_lithium_titanate()
    moved = disordered.copy().translate_sites(range(len(disordered)), [0.25, 0.5, 0.125])
    shuffled = Structure.from_sites([moved[i] for i in np.random.default_rng(1).permutation(len(moved))])
    assert order(disordered)[0].matches(order(shuffled)[0])


def test_ordered_crystals_are_left_alone() -> None:
    structure = load("LiF").structure()
    assert order(structure) == (structure, "")


def test_ordering_finds_the_checkerboard() -> None:
    """Two unlike ions share a simple cubic net: they alternate, which is rock salt."""
    mixed = Structure(Lattice.cubic(2.1), [{"Mg": 0.5, "O": 0.5}], [[0, 0, 0]])
    ordered, record = order(mixed, max_cells=2)
    assert SpacegroupAnalyzer(ordered, symprec=0.01).get_space_group_symbol() == "Fm-3m"
    assert "2 primitive" in record


def test_search_reaches_the_enumerated_energy() -> None:
    from liface.structures.library.filling import best_filling

    random = np.random.default_rng(3)
    points = random.normal(size=(10, 3))
    matrix = 1 / (np.linalg.norm(points[:, None] - points[None], axis=2) + np.eye(10) * 3)
    groups = [(list(range(10)), {"A": 4, "B": 6})]
    charges = {"A": 1.5, "B": -1.0}
    enumerated = best_filling(["A"] * 10, groups, charges, matrix, 1000)
    searched = best_filling(["A"] * 10, groups, charges, matrix, 10)
    assert enumerated.enumerated and not searched.enumerated
    assert enumerated.n_fillings == 210
    assert searched.energy == pytest.approx(enumerated.energy, abs=1e-9)
    assert searched.occupants.count("A") == 4


@pytest.mark.parametrize(
    ("group", "a", "species", "coords", "expected"),
    [
        ("P3_221", (4.913, 5.405), ["Si", "O"], [[0.4697, 0, 2 / 3], [0.4135, 0.2669, 0.7858]], ()),
        ("R-3c", (4.99, 17.06), ["Ca", "C", "O"], [[0, 0, 0], [0, 0, 0.25], [0.257, 0, 0.25]], (("C", "O", 1.5),)),
    ],
    ids=["quartz is a network", "calcite has CO3"],
)
def test_molecular_anions(group: str, a: tuple, species: list, coords: list, expected: tuple, tmp_path: Path) -> None:
    crystal = Structure.from_spacegroup(group, Lattice.hexagonal(*a), species, coords)
    assert from_cif("x", write_cif(tmp_path, crystal)).anion_bonds == expected


def test_shipped_cells_are_those_that_the_space_groups_make():
    """The last bit of a sine depends on the processor."""
    shipped = json.loads((resources.files("liface.structures.library") / "data" / material.EXPANDED).read_bytes())
    made = json.loads(expanded_text())
    assert list(shipped) == list(made), "run python -m liface.testing.crystals"
    for name, entry in made.items():
        assert {**shipped[name], "lattice": 0, "frac_coords": 0} == {**entry, "lattice": 0, "frac_coords": 0}, name
        for key in ("lattice", "frac_coords"):
            assert np.allclose(shipped[name][key], entry[key], rtol=0, atol=1e-12), (name, key)


def test_a_shipped_cell_is_the_expanded_one():
    for name in ("W", "Li2Te", "Li6PS5Cl"):
        known, made = MaterialsLibrary().get(name).structure(), material.expand(MaterialsLibrary().get(name))
        assert np.allclose(known.frac_coords, made.frac_coords, rtol=0, atol=1e-12)
        assert np.allclose(known.lattice.matrix, made.lattice.matrix, rtol=0, atol=1e-12)
        assert known.species == made.species


def test_a_material_that_was_changed_is_expanded_anew():
    tungsten = MaterialsLibrary().get("W")
    wider = replace(tungsten, lattice=(3.3, 3.3, 3.3, 90.0, 90.0, 90.0))
    assert wider.structure().lattice.a == 3.3 and len(wider.structure()) == 2
