from __future__ import annotations

import json

import pytest
from database_factories import all_results, calculation, failed_case, interface, surface

from liface import __version__
from liface.database import Database
from liface.database.columns import NOUNS, RESULT_NOUNS
from liface.database.frames import DTYPES
from liface.documents import InterfaceResult, SurfaceResult
from liface.errors import FilterError


@pytest.fixture(scope="module")
def full(shared):
    for document in all_results():
        shared.add_result(document)
    shared.add_result(interface("Mo", gamma=40.0, flags=("reactive: γ < 0", "nonlinear")))
    for number, status in enumerate(("converged", "unconverged", "failed")):
        shared.add_calculation(calculation(number, status))
    shared.add_case(failed_case())
    return shared


def plain(frame):
    """Rows of a frame as those of a query."""
    known = frame.astype(object).where(frame.notna(), None)
    return [{name: as_text(value) for name, value in row.items()} for row in known.to_dict("records")]


def as_text(value):
    return value.isoformat().replace("+00:00", "Z") if hasattr(value, "isoformat") else value


def test_a_frame_holds_the_rows_of_a_query_with_types_that_know_missing_values(full):
    with Database(":memory:") as empty:
        for noun in NOUNS:
            frame, nothing = full.table(noun), empty.table(noun)
            assert list(frame.columns) == list(NOUNS[noun].columns)
            assert plain(frame) == full.query(noun)
            assert len(nothing) == 0 and dict(nothing.dtypes) == dict(frame.dtypes), noun
            for name, column in NOUNS[noun].columns.items():
                assert str(frame[name].dtype) == DTYPES[column.type], name


def test_attrs_say_units_question_and_versions_and_are_json(full):
    frame = full.interfaces('substrate="W"', sort="-gamma_mev_per_a2", limit=3, columns=["gamma_mev_per_a2", "flags"])
    assert list(frame.columns) == ["gamma_mev_per_a2", "flags"]
    attrs = json.loads(json.dumps(frame.attrs))
    assert attrs["units"] == {"gamma_mev_per_a2": "meV/Å²"}
    assert attrs["types"] == {"gamma_mev_per_a2": "float", "flags": "list"}
    assert (attrs["noun"], attrs["filter"], attrs["limit"]) == ("interfaces", 'substrate="W"', 3)
    assert (attrs["schema_version"], attrs["liface_version"]) == (full.schema_version, __version__)
    assert attrs["database"] == full.url


def test_every_kind_of_result_has_a_method_of_its_own(full):
    for noun in RESULT_NOUNS.values():
        asked = getattr(full, noun.name, None)
        assert asked is not None, f"add `{noun.name} = NounTable()` to liface.database.frames.Tables"
        assert asked().equals(full.table(noun.name))
    assert full.wetting(columns=["substrate"])["substrate"].tolist() == ["Cu"]


def test_flags_and_tables_stay_lists_and_dictionaries(full):
    assert full.interfaces('substrate="Mo"')["flags"].tolist() == [["reactive: γ < 0", "nonlinear"]]
    assert full.growth()["delta_e_ev_per_li"].tolist() == [{"0/4": 0.01, "1/4": -0.2}]


def test_missing_values_are_missing_not_text(full):
    failed = full.table("calculations", 'status="failed"')
    assert failed["energy_ev"].isna().all() and failed["optimizer"].isna().all()
    assert full.interfaces()["n_points"].sum() == 6 and full.surfaces()["gamma_unrelaxed_mev_per_a2"].mean() == 81.0


@pytest.mark.parametrize("arguments", [{"columns": ["gama"]}, {"where": "gama > 1"}, {"limit": -1}, {"sort": "flags"}])
def test_a_wrong_question_is_refused(full, arguments):
    with pytest.raises(FilterError):
        full.interfaces(**arguments)
    with pytest.raises(FilterError, match="magnets"):
        full.table("magnets")


def test_documents_are_asked_for_by_their_class(full):
    found = full.results(InterfaceResult, sort="gamma_mev_per_a2")
    assert [type(each) for each in found] == [InterfaceResult] * 2
    for name in ("interface", "interfaces"):
        assert full.results(name, sort="gamma_mev_per_a2") == found
    for kind in (dict, "calculation", int):
        with pytest.raises(FilterError, match="no kind of result"):
            full.results(kind)


def test_documents_come_in_pieces(db):
    for number in range(7):
        db.add_result(surface(plane=str(number), gamma=float(number % 3)))
    found = list(db.iterate(SurfaceResult, "gamma_mev_per_a2 < 2", "-gamma_mev_per_a2", size=2))
    assert found == db.results(SurfaceResult, "gamma_mev_per_a2 < 2", "-gamma_mev_per_a2") and len(found) == 5
