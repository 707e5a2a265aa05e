from __future__ import annotations

import numpy as np
import pytest
from ase.io import read

from liface.structures.library import MaterialsLibrary, builtin_names, load
from liface.structures.library.canonical import canonical_structure
from liface.testing.cli import run_cli
from liface.workflows.campaign import interface_spec

W_ON_LI = ["structure", "interfaces", "--substrate", "W", "--plane", "110", "--film-plane", "100"]
W_CIF = """data_tungsten
_symmetry_space_group_name_H-M 'P 1'
_cell_length_a 3.2
_cell_length_b 3.2
_cell_length_c 3.2
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
W1 W 0 0 0
W2 W 0.5 0.5 0.5
"""


def test_materials_list_and_show():
    assert [row["name"] for row in run_cli(["materials", "list", "--json"]).json] == list(builtin_names())
    run_cli(["materials", "list"], out=r"^LiF +LiF +halide +rocksalt .* 10\.\d+/")
    facts = run_cli(["materials", "show", "W", "--json"]).json
    assert facts["lattice"] == list(load("W").lattice) and facts["doi"].startswith("10.") and facts["n_atoms"] == 2
    run_cli(["materials", "show", "Li6PS5Cl"], out=r"^ordering +\w+")


def test_a_cif_of_the_user(tmp_path):
    (tmp_path / "w.cif").write_text(W_CIF)
    assert run_cli(["materials", "show", "Mine", "--cif", "w.cif", "--json"]).json["lattice"][0] == 3.2
    arguments = ["structure", "interfaces", "--substrate", "Mine", "--cif", "w.cif", "--plane", "110", "--json"]
    mine, ours = run_cli(arguments).json, run_cli([*W_ON_LI, "--json"]).json
    assert mine[0]["area_a2"] != ours[0]["area_a2"]


@pytest.mark.parametrize("arguments, message", [
    (["materials", "show", "Wolfram2"], "unknown material 'Wolfram2'"),
    (["materials", "show", "Mine", "--cif", "none.cif"], r"no file none\.cif"),
    (["materials", "show", "Mine", "--cif", "bad.cif"], r"bad\.cif"),
    (["materials", "show", "W", "--cif", "bad.cif"], "the library already has W"),
    (["structure", "slab", "--material", "W", "--plane", "9x9"], "'9x9' is no plane"),
    (["structure", "slab", "--material", "W", "--plane", "000"], "all indices are zero"),
    (["structure", "slab", "--material", "W", "--plane", "110", "--termination", "5"], "termination"),
    (["structure", "slab", "--material", "W", "--plane", "110", "--out", "x.docx"], r"x\.docx: no format.*POSCAR"),
    (["structure", "slab", "--material", "W", "--plane", "110", "--out", "no/x.cif"], r"no/x\.cif cannot be written"),
    (["structure", "slab", "--material", "W", "--plane", "110", "--thickness", "-3"], "thickness"),
    ([*W_ON_LI, "--max-strain", "0.001"], r"smallest strain .* raise --max-area or --max-strain"),
    ([*W_ON_LI, "--max-area", "3"], r"no coherent cell of at most 3 Å².*--max-area"),
    ([*W_ON_LI, "--max-area", "-3"], "max_area"),
    ([*W_ON_LI, "--rank", "999"], r"--rank 999: there are \d+ matches"),
    ([*W_ON_LI, "--termination", "3"], "termination"),
])  # fmt: skip
def test_mistakes_are_explained(tmp_path, arguments, message):
    (tmp_path / "bad.cif").write_text("data_x\n_cell_length_a nonsense\n")
    run_cli(arguments, code=2, err=message)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.cif"]


def lattice_constant(name):
    return canonical_structure(load(name)).lattice.a


@pytest.mark.parametrize(
    "substrate, plane, film_plane", [("W", "110", "100"), ("Ti", "0001", "110"), ("LiF", "100", "100")]
)
def test_the_best_match_is_the_one_a_campaign_takes(substrate, plane, film_plane):
    best = run_cli(["structure", "interfaces", "--substrate", substrate, "--plane", plane, "--film-plane", film_plane,
                    "--json"]).json[0]  # fmt: skip
    match = interface_spec(MaterialsLibrary(), substrate, plane, film_plane).match
    assert best["substrate_supercell"] == [list(row) for row in match.substrate_supercell]
    assert best["film_supercell"] == [list(row) for row in match.film_supercell]
    assert best["strain_percent"] == pytest.approx(match.strain_percent, abs=1e-4)


def test_matches_are_ranked_with_strain_area_and_atoms():
    rows = run_cli([*W_ON_LI, "--limit", 4, "--json"], err=None).json
    assert [row["rank"] for row in rows] == [1, 2, 3, 4]
    assert rows[0]["strain_percent"] < 4 < min(row["strain_percent"] for row in rows[1:])
    for row in rows:
        a = lattice_constant("W")
        cells = abs(round(np.linalg.det(row["substrate_supercell"])))
        assert cells == row["substrate_cells"] and row["area_a2"] == pytest.approx(cells * a * a / np.sqrt(2), rel=1e-3)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_any_match_is_written_with_the_atoms_that_were_listed(tmp_path, rank):
    result = run_cli([*W_ON_LI, "--film-planes", 5, "--rank", rank, "--out", "cell.extxyz", "--json"],
                     err=r"wrote cell\.extxyz")  # fmt: skip
    row, atoms = result.json[rank - 1], read(tmp_path / "cell.extxyz")
    assert len(atoms) == row["n_atoms"]
    assert atoms.get_chemical_symbols().count("Li") == 5 * row["film_cells"]
    assert set(atoms.arrays["role"]) == {"substrate", "film"}
    area = np.linalg.norm(np.cross(*atoms.cell[:2]))
    assert area == pytest.approx(row["area_a2"], rel=1e-3)


@pytest.mark.parametrize("name", ["POSCAR", "POSCAR_W", "s.vasp", "s.cif", "s.xyz", "s.traj"])
def test_slabs_are_written_in_every_format(tmp_path, name):
    facts = run_cli(["structure", "slab", "--material", "W", "--plane", "110", "--thickness", 8, "--vacuum", 12,
                     "--out", name, "--json"]).json  # fmt: skip
    fmt = "vasp" if name.startswith("POSCAR") else None
    atoms = read(tmp_path / name, format=fmt)
    assert len(atoms) == facts["n_atoms"] and facts["equal_faces"]
    spacing = lattice_constant("W") / np.sqrt(2)
    assert (
        facts["thickness_a"] == pytest.approx((facts["n_planes"] - 1) * spacing, abs=1e-3) and facts["thickness_a"] >= 8
    )
    assert atoms.cell[2, 2] == pytest.approx(facts["thickness_a"] + 12, abs=1e-3)


def test_frozen_planes_are_fixed_in_a_poscar(tmp_path):
    run_cli(["structure", "slab", "--material", "W", "--plane", "110", "--frozen", 2, "--out", "POSCAR"])
    fixed = [line for line in (tmp_path / "POSCAR").read_text().splitlines() if line.split()[-3:] == ["F", "F", "F"]]
    assert len(fixed) == 2


def test_terminations_are_told_apart_by_index():
    rows = run_cli(["structure", "terminations", "--material", "LiF", "--plane", "111", "--json"]).json
    assert [row["termination"] for row in rows] == [0, 1] and {row["top_plane"] for row in rows} == {"Li", "F"}
    assert all(row["polar"] for row in rows)
    run_cli(["structure", "terminations", "--material", "W", "--plane", "110"], out=r"^ +0 +W +0\.?0* +no +no")
