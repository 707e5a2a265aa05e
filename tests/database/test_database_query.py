from __future__ import annotations

import json
import subprocess
import sys

import pytest
from database_factories import all_results, binding, calculation, failed_case, interface, surface

from liface.database.columns import NOUNS
from liface.errors import FilterError

PROMISED = {
    "interfaces": (
        "substrate substrate_plane film_plane engine model gamma_mev_per_a2 gamma_stderr_mev_per_a2 "
        "gamma_free_mev_per_a2 gamma_plateau_mev_per_a2 max_residual_mev_per_a2 strain_percent area_a2 n_points "
        "converged flags method von_mises_percent gamma_j_per_m2 strain_energy_mev_per_li substrate_termination "
        "anion_bonds_lost campaign case record_id created_at engine_fingerprint"
    ),
    "bindings": (
        "substrate substrate_plane monolayers n_li arrangement engine model e_bind_ev_per_li converged flags "
        "e_bind_lowest_3d_ev_per_li reference_gain_ev"
    ),
    "surfaces": "material plane termination gamma_j_per_m2 gamma_mev_per_a2 engine model converged flags",
    "wetting": (
        "substrate substrate_plane film_plane contact_angle_deg cos_theta work_of_adhesion_mev_per_a2 "
        "work_of_adhesion_j_per_m2"
    ),
    "adhesions": (
        "material_a plane_a termination_a material_b plane_b termination_b strained engine model "
        "work_of_adhesion_mev_per_a2 work_of_adhesion_j_per_m2 strain_percent area_a2 gap_a n_atoms converged flags"
    ),
    "barriers": (
        "substrate substrate_plane monolayers engine model barrier_ev barrier_across_ev attempt_hz hop_length_a n_hops "
        "n_minima converged flags"
    ),
    "growth": "substrate substrate_plane mode evidence",
    "bulks": "material energy_ev_per_atom a b c",
    "calculations": (
        "calc_id label engine model task status reason energy_ev fmax_ev_per_a n_atoms formula n_force_calls wall_s "
        "created_at optimizer"
    ),
    "cases": "case_id campaign case kind status reason",
}


@pytest.fixture(scope="module")
def full(shared):
    for document in all_results():
        shared.add_result(document)
    for number, status in enumerate(("converged", "unconverged", "failed")):
        shared.add_calculation(calculation(number, status))
    shared.add_case(failed_case())
    return shared


@pytest.mark.parametrize("noun", PROMISED)
def test_rows_have_the_promised_keys_and_are_json(full, noun):
    rows = full.query(noun)
    assert rows and set(PROMISED[noun].split()) <= set(rows[0])
    assert list(rows[0]) == list(full.columns(noun))
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows


@pytest.mark.parametrize("noun", PROMISED)
def test_every_number_has_a_unit_and_names_are_lower_case(full, noun):
    for name, (type_, unit) in full.columns(noun).items():
        assert name == name.lower() and name.isidentifier()
        assert unit or type_ not in ("integer", "float"), name


@pytest.mark.parametrize("document", all_results(), ids=lambda d: d.kind)
def test_rows_hold_what_the_document_says(full, document):
    (row,) = full.query(document.kind)
    plain = document.model_dump(mode="json")
    shared = (set(row) & set(plain)) - {"engine", "flags"}
    assert len(shared) > 3
    assert {name: row[name] for name in shared} == {name: plain[name] for name in shared}
    assert row["engine"] == getattr(document.engine, "name", None) and row["flags"] == list(document.flags)
    assert row["created_at"] == "2026-03-01T12:00:00Z"


def test_scalar_fields_of_documents_are_all_columns():
    for noun in NOUNS.values():
        if noun.is_result:
            model = type(next(d for d in all_results() if d.kind == noun.kind))
            numbers = {n for n, f in model.model_fields.items() if f.annotation in (float, int, "float | None")}
            assert numbers <= set(noun.columns)


def test_lattice_of_a_bulk_is_spread_over_columns(full):
    (row,) = full.query("bulks")
    assert [row[n] for n in ("a", "b", "c", "alpha_deg", "beta_deg", "gamma_deg")] == [3.43, 3.44, 3.45, 90, 91, 92]


def test_failed_calculation_has_no_energy_but_a_reason(full):
    (row,) = full.query("calculations", 'status="failed"')
    assert row["energy_ev"] is None and row["optimizer"] is None
    assert row["reason"] == "energy is not finite" and row["formula"] == "CuLi" and row["n_atoms"] == 2


def test_unknown_values_come_last_in_both_orders(full):
    for sort in ("energy_ev", "-energy_ev"):
        assert [row["status"] == "failed" for row in full.query("calculations", sort=sort)] == [False, False, True]
    rising = [row["energy_ev"] for row in full.query("calculations", sort="energy_ev")][:2]
    assert rising == sorted(rising)


def test_order_by_several_columns_and_ties_by_identity(db):
    results = [surface(material=m, plane=p, gamma=g) for m, p, g in
               [("W", "110", 3.0), ("Cu", "111", 3.0), ("Cu", "100", 5.0), ("W", "100", 3.0)]]  # fmt: skip
    for result in results:
        db.add_result(result)
    rows = db.query("surfaces", sort="-gamma_mev_per_a2, material,-plane")
    assert [(r["material"], r["plane"]) for r in rows] == [("Cu", "100"), ("Cu", "111"), ("W", "110"), ("W", "100")]
    tied = [r["record_id"] for r in db.query("surfaces", "gamma_mev_per_a2=3", sort="converged")]
    assert (
        len(tied) == 3
        and tied == [r["record_id"] for r in db.query("surfaces", "gamma_mev_per_a2=3", "-converged")][::-1]
    )
    assert [r.record_id for r in db.results("surface", sort="material,plane")] == [
        r["record_id"] for r in db.query("surfaces")
    ]


def test_pages_cover_everything_once(db):
    for number in range(7):
        db.add_result(surface(plane=str(number)))
    pages = [db.query("surfaces", sort="converged", limit=3, offset=start) for start in (0, 3, 6, 9)]
    assert [len(page) for page in pages] == [3, 3, 1, 0]
    assert len({row["plane"] for page in pages for row in page}) == 7
    assert db.query("surfaces", limit=0) == [] and db.count("surfaces") == 7


def test_flags_of_more_rows_than_fit_in_one_statement(db):
    with db._store.writing() as connection:
        from liface.database.writing import put_result

        for number in range(520):
            put_result(connection, surface(plane=f"{number:04d}", flags=(f"thickness: {number} planes", "polar")))
    rows = db.query("surfaces", sort="plane")
    assert [row["flags"] for row in rows] == [[f"thickness: {n} planes", "polar"] for n in range(520)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sort": "-gama_mev_per_a2"}, "did you mean gamma_mev_per_a2"),
        ({"sort": "flags"}, "no order"),
        ({"sort": "--n_points"}, "no column"),
        ({"sort": "n_points,"}, "no column ''"),
        ({"sort": ",".join(["n_points"] * 30)}, "at most"),
        ({"limit": -1}, "limit is -1"),
        ({"limit": 2**70}, "limit is"),
        ({"offset": -5}, "offset is -5"),
    ],
)
def test_bad_orders_and_pages(db, arguments, message):
    with pytest.raises(FilterError, match=message):
        db.query("interfaces", **arguments)


def test_unknown_noun_lists_what_exists(db):
    with pytest.raises(FilterError, match="interfaces, bindings"):
        db.query("magnets")


def test_typed_results_can_be_filtered_sorted_and_limited(db):
    for energy in (-0.5, -0.2, 0.1):
        db.add_result(binding(energy=energy, n_li=round(10 * energy) + 10))
    found = db.results("binding", "e_bind_ev_per_li < 0", sort="-e_bind_ev_per_li", limit=1)
    assert [b.e_bind_ev_per_li for b in found] == [-0.2]


def test_import_and_query_need_no_heavy_package(tmp_path):
    code = (
        "import sys; from liface.database import Database; early = set(sys.modules)\n"
        "db = Database(sys.argv[1]); db.query('interfaces', 'substrate=\"W\"', sort='-gamma_mev_per_a2')\n"
        "heavy = {'torch', 'pymatgen', 'pandas', 'ase', 'jobflow', 'scipy', 'matplotlib'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "assert not {'optimade', 'lark'} & early\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "x.db")], check=True)


def test_interfaces_of_two_methods_are_two_rows(db):
    db.add_result(interface(method="sandwich"))
    db.add_result(interface(method="vacuum", n_interfaces=1))
    assert [row["method"] for row in db.query("interfaces")] == ["sandwich", "vacuum"]
