"""What other programs read from an export is what was stored."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pytest
from database_factories import (
    adhesion,
    all_results,
    binding,
    calculation,
    failed_case,
    finished_case,
    geometry,
    growth,
    surface,
)
from hypothesis import example, given
from hypothesis import strategies as st

from liface.database import Database
from liface.database.exports.structures import geometry_of, has_structures, label
from liface.documents import Geometry
from liface.errors import FilterError, InputError

SKEW = Geometry(
    cell=((4.123456789, 0.0, 0.0), (1.1, 3.9, 0.0), (0.2, -0.3, 12.0)),
    species=("Cu", "O", "Li"),
    positions=((0.1, 0.2, 0.3), (1.37, 1.9, 2.111111111), (2.0, 2.5, 6.0)),
    frozen=(True, False, False),
    roles=("substrate", "substrate", "adsorbate"),
)
FORCES = ((0.01, 0.0, -0.02), (0.0, 0.005, 0.0), (-0.01, 1e-6, 0.02))


def skew_calculation():
    return calculation(9).model_copy(update={"final": SKEW, "forces_ev_per_a": FORCES, "energy_ev": -11.123456789012})


@pytest.fixture(scope="module")
def full(shared):
    for document in all_results():
        shared.add_result(document)
    shared.add_result(surface(plane="100", flags=("polar", "thickness: 3 meV/Å², still falling")))
    shared.add_calculation(skew_calculation())
    shared.add_calculation(calculation(1, "failed"))
    shared.add_case(failed_case())
    return shared


def same_cell(atoms, stored, tolerance):
    np.testing.assert_allclose(atoms.cell.array, stored.cell_array, atol=1e-12)
    np.testing.assert_allclose(atoms.positions, stored.position_array, atol=tolerance)
    assert tuple(atoms.symbols) == stored.species and all(atoms.pbc)
    (constraint,) = atoms.constraints
    assert list(constraint.index) == [i for i, frozen in enumerate(stored.frozen) if frozen]


# --- rows ----------------------------------------------------------------------------------------------------------


def test_parquet_has_values_types_units_and_descriptions(full, tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    for noun in ("surfaces", "calculations", "growth"):
        (path,) = full.export(tmp_path / f"{noun}.parquet", nouns=[noun])
        table = pq.read_table(path)
        said = {field.name: {k.decode(): v.decode() for k, v in field.metadata.items()} for field in table.schema}
        assert {name: (meta["type"], meta.get("unit", "")) for name, meta in said.items()} == full.columns(noun)
        for row, stored in zip(table.to_pylist(), full.query(noun), strict=True):
            row["created_at"] = row["created_at"].isoformat().replace("+00:00", "Z")
            if noun == "growth":
                row["delta_e_ev_per_li"] = json.loads(row["delta_e_ev_per_li"])
            assert row == stored
        assert table.schema.metadata[b"noun"].decode() == noun
    assert said["created_at"]["unit"] == "UTC"
    assert pq.read_schema(tmp_path / "surfaces.parquet").field("thickness_a").metadata[b"description"]


def test_pandas_reads_parquet(full, tmp_path):
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    (path,) = full.export(tmp_path / "s.pq", nouns=["surfaces"])
    frame = pd.read_parquet(path)
    assert list(frame.gamma_mev_per_a2) == [row["gamma_mev_per_a2"] for row in full.query("surfaces")]
    assert frame.created_at[0] == datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_an_empty_selection_is_an_empty_table(full, tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    (path,) = full.export(tmp_path / "none.parquet", nouns=["surfaces"], where='material="U"')
    assert pq.read_table(path).num_rows == 0


# --- structures ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["db", "json"])
def test_ase_reads_its_database(full, tmp_path, suffix):
    from ase.db import connect

    paths = full.export(tmp_path / f"out.{suffix}", "ase", ["calculations", "surfaces"])
    assert paths == [tmp_path / f"out.{suffix}"] and paths.left_out == 1
    read = connect(str(paths[0]))
    (row,) = read.select(noun="calculations")
    atoms, stored = row.toatoms(), skew_calculation()
    same_cell(atoms, SKEW, 0)
    assert atoms.get_potential_energy() == stored.energy_ev
    np.testing.assert_array_equal(atoms.get_forces(apply_constraint=False), FORCES)
    assert row.data["roles"] == list(SKEW.roles)
    assert row.data["liface"] == full.query("calculations", f'calc_id="{stored.calc_id}"')[0]
    assert {each.plane for each in read.select(noun="surfaces")} == {"(111)", "(100)"}
    (polar,) = read.select("plane=(100)")
    assert polar.flags == "polar; thickness: 3 meV/Å², still falling" and polar.gamma_mev_per_a2 == 80.0
    assert read.metadata["key_descriptions"]["gamma_mev_per_a2"][2] == "meV/Å²"
    assert len(list(read.select("gamma_mev_per_a2>70"))) == 2


def test_extended_xyz_reads_back(full, tmp_path):
    from ase.io import read

    (path,) = full.export(tmp_path / "out.xyz", nouns=["calculations", "adhesions"])
    adhesions, calculations = [], []
    for atoms in read(path, ":"):
        (calculations if atoms.info["noun"] == "calculations" else adhesions).append(atoms)
    (atoms,) = calculations
    same_cell(atoms, SKEW, 1e-8)
    assert atoms.get_potential_energy() == skew_calculation().energy_ev
    np.testing.assert_allclose(atoms.get_forces(apply_constraint=False), FORCES, atol=1e-8)
    assert tuple(atoms.arrays["role"]) == SKEW.roles
    (atoms,) = adhesions
    assert atoms.info["liface"] == full.query("adhesions")[0]
    assert atoms.info["plane_a"] == "(111)" and atoms.info["work_of_adhesion_mev_per_a2"] == 30.0
    assert atoms.calc is None


def test_awkward_text_survives_in_extended_xyz(db, tmp_path):
    from ase.io import read

    awkward = 'a "quoted" line\nwith = and \\ and {braces} [brackets] µ T'
    db.add_calculation(calculation(1, "unconverged", reason=awkward, label="T F"))
    (path,) = db.export(tmp_path / "out.extxyz", nouns=["calculations"])
    atoms = read(path)
    assert atoms.info["liface"]["reason"] == awkward
    assert atoms.info["label"] == "(T F)"


def test_cif_blocks_read_back(full, tmp_path):
    from ase.io import read
    from pymatgen.io.cif import CifFile, CifParser

    paths = full.export(tmp_path / "out.cif", nouns=["calculations", "surfaces"])
    assert paths == [tmp_path / "out.cif"] and paths.left_out == 1
    text = paths[0].read_text(encoding="ascii")
    key = skew_calculation().calc_id
    block = CifFile.from_str(text).data[f"calculation_{key}"]
    assert block["_symmetry_Int_Tables_number"] == "1"
    assert float(block["_liface_energy_ev"]) == skew_calculation().energy_ev
    assert block["_liface_atom_site_role"] == list(SKEW.roles)
    assert block["_liface_atom_site_frozen"] == ["yes", "no", "no"]
    structures = CifParser.from_str(text, frac_tolerance=0).parse_structures(primitive=False)
    found = {structure.composition.formula: structure for structure in structures}["Li1 Cu1 O1"]
    stored = SKEW.to_structure()
    np.testing.assert_allclose(found.lattice.parameters, stored.lattice.parameters, atol=1e-10)
    by_element = sorted(found, key=lambda site: site.specie.symbol)
    expected = sorted(stored, key=lambda site: site.specie.symbol)
    for site, asked in zip(by_element, expected, strict=True):
        np.testing.assert_allclose(np.mod(site.frac_coords, 1), np.mod(asked.frac_coords, 1), atol=1e-10)
    images = read(paths[0], ":")
    assert len(images) == 3
    (atoms,) = [each for each in images if len(each) == 3]
    np.testing.assert_allclose(atoms.get_all_distances(mic=True), SKEW.to_ase().get_all_distances(mic=True), atol=1e-9)


def test_cif_of_awkward_text(db, tmp_path):
    from pymatgen.io.cif import CifFile

    db.add_calculation(calculation(1, "unconverged", reason="it's #1: 'γ' and\n_loop data_x; \"five\" Å²"))
    (path,) = db.export(tmp_path / "out.cif", nouns=["calculations"])
    (block,) = CifFile.from_str(path.read_text(encoding="ascii")).data.values()
    assert block["_liface_reason"] == 'it"s No.1: "\\u03b3" and _loop data_x; "five" A2'
    assert block["_liface_status"] == "unconverged", "what follows the text is read as well"


def test_cif_in_a_folder_is_one_file_each(full, tmp_path):
    (tmp_path / "cells").mkdir()
    (tmp_path / "cells" / "mine.txt").write_text("stays")
    paths = full.export(tmp_path / "cells", "cif", ["surfaces"])
    assert {path.name for path in paths} == {f"surface_{row['record_id']}.cif" for row in full.query("surfaces")}
    assert all(path.exists() for path in paths)
    assert (tmp_path / "cells" / "mine.txt").read_text() == "stays"
    assert len(list(tmp_path.iterdir())) == 1


def test_all_structures_are_those_of_all_nouns_that_have_one(full, tmp_path):
    from ase.io import read

    (path,) = full.export(tmp_path / "all.extxyz")
    documents = [*all_results(), surface(plane="100"), skew_calculation()]
    assert len(read(path, ":")) == sum(
        isinstance(getattr(each, "structure", getattr(each, "final", None)), Geometry) for each in documents
    )


def test_nouns_without_structures_are_refused_by_name(full, tmp_path):
    with pytest.raises(InputError, match="growth: no structure"):
        full.export(tmp_path / "out.xyz", nouns=["growth", "surfaces"])
    assert list(tmp_path.iterdir()) == []


def test_what_has_a_structure_is_known_without_reading(full):
    from liface.database.columns import RESULT_NOUNS

    for document in all_results():
        noun = RESULT_NOUNS[document.kind]
        assert has_structures(noun) == (geometry_of(noun, document) is not None)
    assert growth().kind == "growth" and geometry().n_atoms == 2


@given(st.text(max_size=12))
@example("110")
@example("1-10")
@example("1e5")
@example("T F")
@example("true")
@example("nan")
def test_labels_never_look_like_numbers(text):
    from ase.db.core import str_represents

    assert not any(str_represents(label(text), kind) for kind in (bool, int, float))


# --- selections ----------------------------------------------------------------------------------------------------


def test_filter_order_and_limit(full, tmp_path):
    (path,) = full.export(tmp_path / "s.jsonl", nouns=["surfaces"], where='plane="111" OR plane="100"', sort="-plane")
    assert [json.loads(line)["plane"] for line in path.read_text().splitlines()] == ["111", "100"]
    (path,) = full.export(tmp_path / "s.cif", nouns=["surfaces"], sort="plane", limit=1)
    assert path.read_text().count("data_surface_") == 1 and "'100'" in path.read_text()


@pytest.mark.parametrize("suffix", ["db", "xyz", "cif", "json", "jsonl", "csv", "parquet"])
def test_nothing_selected_is_an_empty_file(db, tmp_path, suffix):
    (path,) = db.export(tmp_path / f"none.{suffix}", nouns=["surfaces"])
    assert path.exists() and list(tmp_path.iterdir()) == [path]
    if suffix == "db":
        from ase.db import connect

        assert len(connect(str(path))) == 0


def test_a_campaign_brings_the_calculations_it_rests_on(db, tmp_path):
    mine, other, loose = calculation(1), calculation(2), calculation(3)
    for document in (mine, other, loose):
        db.add_calculation(document)
    for name, rests_on in (("mine", mine), ("other", other)):
        result = binding(campaign=name)
        provenance = result.provenance.model_copy(update={"calc_ids": (rests_on.calc_id,)})
        db.add_result(result.model_copy(update={"provenance": provenance}))
        db.add_case(finished_case(case_id=name, campaign=name, calc_ids=(rests_on.calc_id,)))
    (path,) = db.export(tmp_path / "mine.json", campaign="mine")
    content = json.loads(path.read_text())
    assert [row["calc_id"] for row in content["calculations"]["rows"]] == [mine.calc_id]
    assert [row["campaign"] for row in content["bindings"]["rows"]] == ["mine"]
    (path,) = db.export(tmp_path / "mine.xyz", nouns=["calculations"], campaign="mine", limit=1)
    assert path.read_text().count(mine.calc_id) and other.calc_id not in path.read_text()


def test_selections_that_make_no_sense(full, tmp_path):
    with pytest.raises(InputError, match="--noun"):
        full.export(tmp_path / "out.json", where="gamma_mev_per_a2 > 5")
    with pytest.raises(FilterError):
        full.export(tmp_path / "out.json", nouns=["surfaces"], where="nothing > 5")
    with pytest.raises(FilterError):
        full.export(tmp_path / "out.xyz", nouns=["surfaces"], sort="nothing")
    with pytest.raises(InputError, match="unknown format 'poscar'; formats: json"):
        full.export(tmp_path / "out.cif", "poscar")
    with pytest.raises(InputError, match=r"suffix says parquet, the format asked for is csv; name the file out\.csv"):
        full.export(tmp_path / "out.parquet", "csv")
    assert list(tmp_path.iterdir()) == []


def test_an_export_never_replaces_a_results_database(file):
    with Database(file) as database:
        database.add_calculation(calculation())
        for fmt in ("ase", "json", "cif"):
            with pytest.raises(InputError, match=r"is a results database|the suffix says ase"):
                database.export(file, fmt)
        assert database.calculation(calculation().calc_id) == calculation()
    assert list(file.parent.glob(".*")) == []


def test_what_fails_half_way_leaves_the_earlier_file(full, tmp_path, monkeypatch):
    from ase.io import extxyz

    path = tmp_path / "out.xyz"
    path.write_text("earlier")
    real, calls = extxyz.write_xyz, []

    def full_disk(file, atoms):
        calls.append(atoms)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        real(file, atoms)

    monkeypatch.setattr(extxyz, "write_xyz", full_disk)
    with pytest.raises(InputError, match="No space left"):
        full.export(path)
    assert path.read_text() == "earlier" and list(tmp_path.iterdir()) == [path]


def test_an_ase_database_is_replaced_by_a_new_one(full, tmp_path):
    from ase.db import connect

    for _ in range(2):
        (path,) = full.export(tmp_path / "out.db", nouns=["adhesions"])
        assert len(connect(str(path))) == 1
    assert adhesion().kind == "adhesion" and list(tmp_path.iterdir()) == [path]
