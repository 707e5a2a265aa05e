"""What the server answers: entries, pages, warnings, and errors that tell nothing of the inside."""

from __future__ import annotations

import concurrent.futures
import logging
from urllib.parse import quote, urlsplit

import pytest
import requests
from database_factories import surface
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from optimade_serving import served

from liface.database import Database
from liface.documents import Geometry
from liface.errors import DatabaseOpenError
from liface.serve.optimade import optimade_app

session = requests.Session()


def get(url, **params):
    return session.get(url, params=params, timeout=30)


def pages(url, **params):
    """Follow the links to the next pages."""
    while url:
        answer = get(url, **params).json()
        yield answer
        url, params = answer["links"]["next"], {}


def test_a_structure_is_what_the_database_holds(address, stored):
    with Database(stored, read_only=True) as database:
        expected = {entry["id"]: entry for entry in database.structures.every()}
    answer = get(f"{address}/v1/structures", page_limit=100).json()
    assert answer["meta"]["data_returned"] == answer["meta"]["data_available"] == len(expected) == len(answer["data"])
    for entry in answer["data"]:
        known = {name: value for name, value in expected[entry["id"]].items() if name not in ("id", "references")}
        assert {name: entry["attributes"][name] for name in known} == known


@pytest.mark.parametrize("place", ["address", "mounted"])
@pytest.mark.parametrize("way", [{"page_offset": 0}, {"page_number": 1}, {"page_above": ""}])
def test_the_links_lead_through_all_pages(place, way, request):
    base = request.getfixturevalue(place)
    found = list(pages(f"{base}/v1/structures", page_limit=7, response_fields="nsites", **way))
    ids = [entry["id"] for page in found for entry in page["data"]]
    assert len(ids) == len(set(ids)) == found[0]["meta"]["data_available"]
    assert [page["meta"]["more_data_available"] for page in found] == [True] * (len(found) - 1) + [False]
    assert all(page["links"]["next"].startswith(f"{base}/v1/structures?") for page in found[:-1])


@pytest.mark.parametrize("place", ["address", "mounted"])
def test_addresses_are_those_below_the_mount(place, request):
    base = request.getfixturevalue(place)
    about = get(f"{base}/v1/info").json()["data"]["attributes"]
    assert about["available_api_versions"] == [{"url": f"{base}/v1", "version": about["api_version"]}]
    assert get(f"{base}/v1/links").json()["data"][0]["attributes"]["base_url"] == base
    assert get(f"{base}/versions").text == "version\n1\n"
    assert get(f"{base}/v1/versions").status_code == 404
    answer = get(f"{base}/v1/structures", page_limit=1).json()
    assert answer["meta"]["query"]["representation"] == "/structures?page_limit=1"
    assert get(f"{base}/v2/info").status_code == 553
    led = session.get(f"{base}/", timeout=30)
    assert led.url == f"{base}/v1/info" and led.status_code == 200


def test_order_and_fields(address):
    url = f"{address}/v1/structures"
    answer = get(url, sort="-_liface_gamma_mev_per_a2,id", response_fields="_liface_gamma_mev_per_a2", page_limit=100)
    values = [entry["attributes"] for entry in answer.json()["data"]]
    assert all(set(each) == {"_liface_gamma_mev_per_a2"} for each in values)
    gammas = [each["_liface_gamma_mev_per_a2"] for each in values]
    known = [gamma for gamma in gammas if gamma is not None]
    assert known == sorted(known, reverse=True) and None not in gammas[: len(known)] and None in gammas
    nothing = get(url, response_fields="assemblies", page_limit=1).json()["data"][0]["attributes"]
    assert nothing == {"assemblies": None}


def test_what_is_not_asked_for_is_not_read(address, stored, monkeypatch):
    from liface.database import structure_entries

    def fail(*_):
        raise AssertionError("a document was read")

    monkeypatch.setattr(structure_entries, "_geometries", fail)
    assert get(f"{address}/v1/structures", response_fields="nsites,elements").status_code == 200


def test_definitions_have_units(address):
    properties = get(f"{address}/v1/info/structures").json()["data"]["properties"]
    assert properties["_liface_gamma_mev_per_a2"]["unit"] == "meV/Ao2"
    assert properties["_liface_e_bind_ev_per_li"]["unit"] == "eV"
    assert "vacuum" in properties["dimension_types"]["description"]
    numbers = [each for each in properties.values() if each["type"] in ("integer", "float") and each["unit"] is None]
    standard = {"nelements", "nsites", "nperiodic_dimensions"}
    assert all(properties[name] in numbers for name in standard) and len(numbers) == len(standard)
    answer = get(f"{address}/v1/structures", page_limit=1).json()["data"][0]
    assert set(properties) - {"id", "type"} <= set(answer["attributes"])


def test_references_come_along_unless_they_are_not_wanted(address):
    url = f"{address}/v1/structures"
    answer = get(url, filter='references.id HAS "10.1039/d4ee03130j"', page_limit=100).json()
    assert [each["id"] for each in answer["included"]] == ["10.1039/d4ee03130j"]
    assert all(each["relationships"]["references"]["data"] for each in answer["data"])
    assert get(url, include="").json()["included"] == []
    assert get(url, include="authors").status_code == 400
    calculations = get(url, filter='_liface_kind="calculation"').json()
    assert calculations["included"] == [] and "relationships" not in calculations["data"][0]
    assert get(f"{address}/v1/references").json()["data"][0]["attributes"]["doi"] == "10.1039/d4ee03130j"


@pytest.mark.parametrize(
    ("where", "number"),
    [
        ('elements HAS ALL "Li","Cu"', 26),
        ('elements HAS ONLY "Li"', 0),
        ('elements:elements_ratios HAS "Li":>=0.5 AND _liface_kind="surface"', 2),
        ('_liface_flags HAS "reactive"', 1),
        ('_liface_flags HAS "reactive: 4 of 16 bonds" AND _liface_substrate="Mo"', 1),
        ("_liface_flags LENGTH 2", 1),
        ("_liface_energy_ev IS KNOWN AND NOT _liface_converged=TRUE", 1),
        ("-3.0 > _liface_energy_ev AND nperiodic_dimensions=2", 9),
        ("nsites=3", 0),
        ('NOT type="structures"', 0),
        ('last_modified<"2000-01-01T00:00:00Z"', 0),
    ],
)
def test_filters(address, where, number):
    answer = get(f"{address}/v1/structures", filter=where, page_limit=100).json()
    assert answer["meta"]["data_returned"] == len(answer["data"]) == number


def test_properties_of_others_are_unknown_and_a_warning_says_so(address):
    url = f"{address}/v1/structures"
    answer = get(url, filter="_crazyprovider_x>3").json()
    assert answer["data"] == [] and "_crazyprovider_x" in answer["meta"]["warnings"][0]["detail"]
    either = get(url, filter="_crazyprovider_x>3 OR nsites=2").json()
    assert either["meta"]["data_returned"] == either["meta"]["data_available"]
    recognised = get(url, filter="_mp_band_gap>3").json()
    assert recognised["data"] == [] and "warnings" not in recognised["meta"]
    assert "warnings" not in get(url).json()["meta"]


def test_warnings_stay_with_their_request(address):
    def ask(number):
        asked = {"filter": f"_crazy{number}_x=1"} if number % 2 else {}
        return number, get(f"{address}/v1/structures", page_limit=1, **asked).json()["meta"].get("warnings", [])

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for number, told in pool.map(ask, range(40)):
            assert [f"_crazy{number}_x" in each["detail"] for each in told] == ([True] if number % 2 else [])


WRONG = {
    "filter=crazyfield=2": 400,
    "filter=_liface_crazy=2": 400,
    "filter=nsites=": 400,
    'filter=nsites="2"': 501,
    'filter=elements="Li"': 501,
    'filter=species.mass HAS "x"': 501,
    "filter=lattice_vectors HAS 1": 501,
    'filter=last_modified>"yesterday"': 400,
    "filter=nsites=1e999": 400,
    "filter=; DROP TABLE structures --": 400,
    'filter=id="\\" OR 1=1 --"': 200,
    "filter=" + "(" * 400 + "nsites=1" + ")" * 400: 400,
    "filter=" + "NOT " * 400 + "nsites=1": 400,
    "filter=" + " OR ".join(["nsites=1"] * 300): 400,
    "filter=id HAS ANY " + ",".join(['"x"'] * 300): 501,
    "filter=elements HAS ANY " + ",".join(['"x"'] * 300): 400,
    "filter=nsites=" + "9" * 4000: 400,
    "filter=%00": 400,
    "filter=%ff%fe": 400,
    "sort=crazy": 400,
    "sort=-elements": 400,
    "sort=_other_x": 200,
    "sort=nsites;drop": 400,
    "sort=" + "nsites," * 30: 400,
    "page_limit=501": 403,
    "page_limit=500": 200,
    "page_limit=0": 400,
    "page_limit=-1": 400,
    "page_limit=x": 400,
    "page_offset=99999999999999999999": 400,
    "page_offset=100000": 200,
    "page_number=99999999999999999999": 400,
    "page_number=-3": 200,
    "page_above=zzz": 200,
    "page_above=a&sort=nsites": 400,
    "page_cursor=3": 200,
    "response_fields=crazy": 400,
    "response_fields=_liface_crazy": 200,
    "response_format=xml": 400,
    "crazy=1": 400,
    "filter": 400,
    "email_address=x": 400,
    "api_hint=v1": 200,
}


@pytest.mark.parametrize("query", list(WRONG), ids=range(len(WRONG)))
def test_questions_that_make_no_sense(address, query):
    raw = quote(query, safe="=&%;")
    answer = get(f"{address}/v1/structures?{raw}")
    content = answer.json()
    assert answer.status_code == WRONG[query], str(content)[:300]
    if answer.status_code != 200:
        (error,) = content["errors"]
        assert error["status"] == str(answer.status_code) and error["detail"]
        assert "Traceback" not in answer.text and "lark" not in answer.text.lower() and ".py" not in answer.text
        assert content["meta"]["api_version"] and "data" not in content


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.sampled_from(
            ["elements", "nsites", "_liface_flags", "_x_y", "id", " HAS ", " HAS ALL ", " LENGTH ", "=", "<", " AND ",
             " NOT ", "(", ")", '"Li"', "3", "0.5", ":", ",", " IS UNKNOWN", " CONTAINS ", "\\", '"', "é", "TRUE", "--"]
        ), max_size=12,
    )
)  # fmt: skip
def test_no_filter_breaks_the_server(address, parts):
    answer = get(f"{address}/v1/structures", filter="".join(parts), page_limit=1, response_fields="id")
    assert answer.status_code in (200, 400, 501), answer.text[:300]
    assert answer.json()["meta"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/structures/none", 404),
        ('/v1/structures/x" OR nsites>0 OR id="y', 404),
        ("/v1/structures/x\\", 404),
        ("/v1/structures/%00", 400),
        ("/v1/references/10.1/none", 404),
        ("/v1/info/crazy", 404),
        ("/v1/crazy", 404),
        ("/crazy", 404),
        ("/v0.10/structures", 553),
        ("/v1.2/structures", 200),
        ("/v1.2.0/structures", 200),
        ("/structures?api_hint=v1", 200),
        ("/structures?api_hint=v9", 553),
        ("/structures?api_hint=crazy", 200),
    ],
)
def test_addresses(address, path, status):
    answer = get(f"{address}{path}")
    assert answer.status_code == status, answer.text[:300]
    assert ("errors" in answer.json()) == (status != 200)


def test_it_only_reads(address):
    for method in ("post", "put", "patch", "delete"):
        answer = getattr(session, method)(f"{address}/v1/structures", timeout=30)
        assert answer.status_code == 405 and answer.json()["errors"][0]["status"] == "405"
    head = session.head(f"{address}/v1/structures", timeout=30)
    assert head.status_code == 200 and head.text == "" and int(head.headers["content-length"]) > 0
    assert head.headers["content-type"].startswith("application/vnd.api+json")


def test_pages_of_other_origins_may_ask_only_where_they_are_allowed(address, mounted):
    url = f"{address}/v1/info"
    allowed = session.get(url, headers={"Origin": "https://page.example"}, timeout=30)
    assert allowed.headers["access-control-allow-origin"] == "https://page.example"
    other = session.get(url, headers={"Origin": "https://evil.example"}, timeout=30)
    assert "access-control-allow-origin" not in other.headers


def test_a_damaged_document_is_told_without_the_path(tmp_path, caplog):
    path = tmp_path / "secret-name.db"
    with Database(path) as database:
        database.add_result(surface("Cu"))
        with database._store.writing() as connection:
            connection.exec_driver_sql("UPDATE surfaces SET document = X'00'")
    with served(optimade_app(path)) as base, caplog.at_level(logging.ERROR):
        answer = get(f"{base}/v1/structures")
        assert answer.status_code == 503 and "secret-name" not in answer.text
        assert get(f"{base}/v1/structures", response_fields="nsites").status_code == 200
    assert "damaged" in caplog.text


def test_a_failure_of_the_server_tells_nothing(stored, monkeypatch, caplog):
    application = optimade_app(stored)
    monkeypatch.setattr(type(application.state.entry_collections["structures"]), "_run_db_query", lambda *_: 1 / 0)
    with served(application) as base:
        answer = get(f"{base}/v1/structures")
    assert answer.status_code == 500 and answer.json()["errors"][0]["title"] == "Internal Server Error"
    assert "division" not in answer.text


def test_a_database_that_is_not_there(tmp_path):
    with pytest.raises(DatabaseOpenError, match="no database"):
        optimade_app(tmp_path / "none.db")
    assert not list(tmp_path.iterdir())


def test_it_sees_what_is_stored_while_it_runs(tmp_path):
    path = tmp_path / "liface.db"
    with Database(path) as database, served(optimade_app(path)) as base:
        assert get(f"{base}/v1/structures").json()["data"] == []
        assert get(f"{base}/v1/references").json()["data"] == []
        database.add_result(surface("Cu"))
        (entry,) = get(f"{base}/v1/structures").json()["data"]
        assert Geometry(
            cell=entry["attributes"]["lattice_vectors"], positions=entry["attributes"]["cartesian_site_positions"],
            species=entry["attributes"]["species_at_sites"], frozen=entry["attributes"]["_liface_frozen"],
            roles=entry["attributes"]["_liface_roles"],
        ) == surface("Cu").structure  # fmt: skip


def test_a_base_url_that_is_given_is_the_one_others_are_told(stored):
    with served(optimade_app(stored, base_url="https://group.example/data/")) as base:
        answer = get(f"{base}/v1/structures", page_limit=1).json()
        assert answer["links"]["next"].startswith("https://group.example/data/v1/structures?")
        assert urlsplit(get(f"{base}/v1/links").json()["data"][0]["attributes"]["base_url"]).path == "/data"
