from __future__ import annotations

import shutil
import zlib
from contextlib import ExitStack
from dataclasses import replace

import pytest
from database_factories import (
    adhesion,
    all_results,
    binding,
    calculation,
    creep,
    deposition,
    finished_case,
    interface,
    morphology,
    phonon,
    provenance,
    surface,
    verdict,
    vibration,
    wetting,
)
from sqlalchemy import text

from liface.database import Database
from liface.database.codec import encode
from liface.database.columns import NOUNS
from liface.database.identities import derived_problems
from liface.database.units import unit_problems
from liface.database.verify import _check_loose_flags
from liface.documents import Input

PLACE = deposition().places[0]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def original(request, tmp_path_factory):
    """Make a sound database once: a function makes copies of it, and gives their addresses."""
    if request.param == "sqlite":
        folder = tmp_path_factory.mktemp("sound")
        fill(str(folder / "original.db"))
        yield lambda stack: str(shutil.copy(folder / "original.db", folder / "copy.db"))
        return
    server = request.getfixturevalue("postgresql_server")
    with server.database() as name:
        fill(server.address(name))
        yield lambda stack: server.address(stack.enter_context(server.database(template=name)))


@pytest.fixture
def sound(original):
    """A database with something of everything, in which nothing is wrong, to do harm to."""
    with ExitStack() as stack:
        yield stack.enter_context(Database(original(stack)))


def fill(target: str) -> None:
    stored = calculation()
    results = [
        r.model_copy(update={"provenance": provenance(calc_ids=(stored.calc_id,)), "flags": ("partial", "polar")})
        for r in all_results()
    ]
    with Database(target) as db:
        db.add_calculation(stored)
        db.add_calculation(calculation(1, "failed"))
        db.commit_case(finished_case(results), results)
        assert db.verify() == []


def tamper(db, statement: str, **values) -> None:
    with db._store.writing() as connection:
        connection.execute(text(statement), values)


@pytest.mark.parametrize(
    ("statement", "noun", "check", "message"),
    [
        ("UPDATE interfaces SET gamma_mev_per_a2 = 1.0", "interfaces", "column", "gamma_mev_per_a2 is 1.0"),
        ("UPDATE calculations SET status = 'converged'", "calculations", "column", "document says 'failed'"),
        ("UPDATE surfaces SET created_at = '2020-01-01 00:00:00.000000'", "surfaces", "column", "created_at"),
        ("UPDATE bulks SET record_id = 'x'", "bulks", "column", "record_id is 'x'"),
        ("UPDATE bulks SET slot_id = 'x'", "bulks", "identity", "entry and slot"),
        ("UPDATE growth SET document = document_sha256", "growth", "document", "damaged"),
        ("UPDATE wetting SET document_sha256 = 'x'", "wetting", "document", "checksum"),
        ("DELETE FROM binding_flags WHERE position = 0", "bindings", "column", "flags are ['polar']"),
        (
            "UPDATE phonons SET whole_row = replace(whole_row, 'case', 'cas')",
            "phonons",
            "whole row",
            "its document says",
        ),
        ("UPDATE phonons SET whole_row = NULL", "phonons", "whole row", "'None', which is no row of phonons"),
        ("UPDATE cases SET whole_row = '[]'", "cases", "whole row", "'[]', which is no row of cases"),
        ("DELETE FROM calculations WHERE status = 'converged'", "surfaces", "reference", "calculation"),
        ("DELETE FROM surfaces", "cases", "reference", "result"),
    ],
)
def test_every_tampering_is_found(sound, statement, noun, check, message):
    if sound._store.engine.name == "postgresql":
        statement = statement.replace("= document_sha256", "= document_sha256::bytea")
    tamper(sound, statement)
    problems = sound.verify()
    assert any((p.noun, p.check) == (noun, check) and message in p.message for p in problems), problems
    assert all(str(p).startswith(p.noun) for p in problems)


def test_missing_table_is_found(target):
    with Database(target) as db:
        tamper(db, "DROP TABLE growth_flags")
        assert [(p.noun, p.check, p.message) for p in db.verify()] == [("file", "tables", "missing: growth_flags")]


def test_document_with_a_valid_checksum_but_no_valid_content(sound):
    import hashlib

    blob = zlib.compress(b'{"kind": "wetting"}')
    sha = hashlib.sha256(b'{"kind": "wetting"}').hexdigest()
    tamper(sound, "UPDATE wetting SET document = :b, document_sha256 = :s", b=blob, s=sha)
    assert any(
        p.noun == "wetting" and p.check == "document" and "no valid document" in p.message for p in sound.verify()
    )


def test_identity_of_a_calculation_is_computed_again(sound):
    forged = calculation().model_copy(update={"initial": calculation(7).initial})
    blob, sha = encode(forged)
    tamper(sound, "UPDATE calculations SET document = :b, document_sha256 = :s WHERE calc_id = :c",
           b=blob, s=sha, c=forged.calc_id)  # fmt: skip
    problems = sound.verify()
    found = {(p.key, p.check) for p in problems if p.noun == "calculations"}
    assert found == {(forged.calc_id, "identity"), (forged.calc_id, "structure")}


def test_edited_document_does_not_keep_its_record_id(sound):
    (stored,) = sound.results("surface")
    blob, sha = encode(stored.model_copy(update={"gamma_mev_per_a2": 81.0, "gamma_j_per_m2": 81.0 * 0.01602176634}))
    tamper(sound, "UPDATE surfaces SET document = :b, document_sha256 = :s, gamma_mev_per_a2 = 81", b=blob, s=sha)
    assert any(p.check == "column" and p.message.startswith("record_id") for p in sound.verify())


def test_two_shown_results_of_one_quantity_are_reported(sound):
    sound.add_result(surface(gamma=81.0))
    tamper(sound, "UPDATE surfaces SET is_current = TRUE")
    assert [p.message for p in sound.verify() if p.check == "current"] == ["2 results of the same quantity are shown"]


@pytest.mark.parametrize(
    ("document", "name"),
    [
        (surface(gamma_j_per_m2=1.5), "gamma_j_per_m2"),
        (interface(gamma_j_per_m2=1.0), "gamma_j_per_m2"),
        (interface(gamma_free_mev_per_a2=50.0), "gamma_free_mev_per_a2"),
        (binding(e_bind_ev_per_li=-0.9), "e_bind_ev_per_li"),
        (wetting(work_of_adhesion_mev_per_a2=44.0), "work_of_adhesion_mev_per_a2"),
        (wetting(work_of_adhesion_j_per_m2=0.5), "work_of_adhesion_j_per_m2"),
        (wetting(cos_theta=0.6), "cos_theta"),
        (wetting(contact_angle_deg=10.0), "contact_angle_deg"),
        (adhesion(energy_ab_ev=-31.0), "work_of_adhesion_mev_per_a2"),
        (adhesion(work_of_adhesion_j_per_m2=0.5), "work_of_adhesion_j_per_m2"),
        (morphology(coverage=0.5), "coverage"),
        (deposition(places=(PLACE.model_copy(update={"driving_force_ev": 0.2}),)), "driving_force_ev"),
        (deposition(area_per_li_a2=9.0), "adhesion_ev"),
        (creep(capacity_mah_per_cm2=1.0), "capacity_mah_per_cm2"),
        (verdict(n_for=2), "n_for"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_numbers_that_contradict_each_other_are_reported(db, document, name):
    assert [problem.split()[0] for problem in derived_problems(document)] == [name]
    db.add_result(document)
    assert [p.check for p in db.verify()] == ["identity"]


def test_records_behind_a_model_are_followed(db):
    missing = Input(name="E_b", value=-0.5, unit="eV", source="binding", record_id="f" * 32)
    db.add_result(morphology(inputs=(missing,)))
    assert [(p.noun, p.check) for p in db.verify()] == [("morphologies", "reference")]


@pytest.mark.parametrize(
    ("interface_energy", "angle"), [(20.0, 0.0), (50.0, 0.0), (80.0, 90.0), (110.0, 180.0), (150.0, 180.0)]
)
def test_contact_angle_is_clipped(interface_energy, angle):
    document = wetting(
        gamma_interface_mev_per_a2=interface_energy,
        work_of_adhesion_mev_per_a2=110.0 - interface_energy,
        work_of_adhesion_j_per_m2=(110.0 - interface_energy) * 0.01602176634,
        cos_theta=(80.0 - interface_energy) / 30.0,
        contact_angle_deg=angle,
    )
    assert list(derived_problems(document)) == []


@pytest.mark.parametrize(
    ("document", "field"),
    [
        (phonon(zpe_ev_per_atom=0.05), "zpe_ev_per_atom"),
        (vibration(e_bind_298_ev_per_li=-0.3), "e_bind_298_ev_per_li"),
        (
            vibration(
                gamma_mev_per_a2=10.0,
                gamma_0_mev_per_a2=9.6,
                gamma_298_mev_per_a2=9.0,
                gamma_333_mev_per_a2=7.8,
                n_interfaces=2,
                n_li=10,
            ),
            "gamma_298_mev_per_a2",
        ),
    ],
)
def test_sums_of_vibrations_are_held_against_their_terms(document, field):
    problems = list(derived_problems(document))
    assert len(problems) == 1 and problems[0].startswith(field)
    assert not list(derived_problems(phonon())) and not list(derived_problems(vibration()))


# --- units, loose flags, a quick look ---------------------------------------------------------------------------


@pytest.mark.parametrize("noun", NOUNS.values(), ids=lambda noun: noun.name)
def test_every_number_has_the_unit_its_document_declares(noun):
    assert list(unit_problems(noun)) == []


@pytest.mark.parametrize(
    ("unit", "message"),
    [("", "without a unit"), ("J/m²", "the table says J/m², its document meV/Å²"), ("furlong", "none that is known")],
)
def test_a_wrong_unit_of_a_column_is_found(unit, message):
    surfaces = NOUNS["surfaces"]
    wrong = {**surfaces.columns, "gamma_mev_per_a2": replace(surfaces.columns["gamma_mev_per_a2"], unit=unit)}
    ((column, found),) = unit_problems(replace(surfaces, columns=wrong))
    assert column == "gamma_mev_per_a2" and message in found


def test_flags_of_no_entry_are_found_also_by_a_quick_look(sound):
    if sound.path is None:
        pytest.skip("PostgreSQL lets no flag without its entry in")
    with sound._store.writing() as connection:
        connection.execute(text("PRAGMA defer_foreign_keys=ON"))
        connection.execute(text("INSERT INTO surface_flags SELECT 'nobody', position, slug, flag FROM surface_flags"))
        rows = list(_check_loose_flags(connection, NOUNS["surfaces"]))
        connection.execute(text("DELETE FROM surface_flags WHERE entry_id = 'nobody'"))
    assert [(p.key, p.check) for p in rows] == [("nobody", "flags")] and "2 flags" in rows[0].message


def test_a_quick_look_reads_no_documents(sound):
    tamper(sound, "UPDATE growth SET document = :b", b=b"\x00")
    assert sound.verify(quick=True) == [] and sound.verify() != []
    tamper(sound, "DROP TABLE growth_flags")
    assert [p.check for p in sound.verify(quick=True)] == ["tables"]


def test_documents_come_page_by_page_and_damaged_ones_are_passed_over(db):
    stored = [surface(case=f"case-{i}", gamma=80.0 + i) for i in range(205)]
    for each in stored:
        db.add_result(each)
    tamper(db, "UPDATE surfaces SET document = :b WHERE \"case\" = 'case-7'", b=b"\x00")
    found = {each.provenance.case for each in db.each("surfaces")}
    assert found == {each.provenance.case for each in stored} - {"case-7"}
