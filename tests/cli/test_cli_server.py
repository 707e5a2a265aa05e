"""The commands on a database of a PostgreSQL server, with a password that nobody may read anywhere."""

from __future__ import annotations

import pytest
from stored_results import fill

from liface.testing.cli import run_cli
from postgresql_server import CLOSED, PASSWORD


@pytest.fixture(scope="module")
def address(postgresql_server):
    with postgresql_server.database() as name:
        fill(postgresql_server.address(name))
        postgresql_server.run(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {CLOSED}", database=name)
        yield postgresql_server.address(name, CLOSED, PASSWORD)


def hidden(result):
    text = result.out + result.err
    assert "se cret" not in text and "se%20cret" not in text
    return result


def test_asking_and_handing_on(address, filled, tmp_path):
    for command in ("info", "verify"):
        hidden(run_cli(["database", command, "--db", address]))
    assert hidden(run_cli(["database", "info", "--json", "--db", address])).json["size_bytes"] > 0
    for question in (["query", "interfaces", "--json"], ["query", "surfaces", "--csv", "--sort", "-gamma_mev_per_a2"]):
        there, here = run_cli([*question, "--db", address]), run_cli([*question, "--db", filled])
        assert hidden(there).out == here.out
    hidden(run_cli(["database", "export", "--out", tmp_path / "all.json", "--db", address]))
    assert (tmp_path / "all.json").stat().st_size > 1000


def test_there_and_back_again_is_the_same_row_by_row(postgresql_server, filled, tmp_path):
    with postgresql_server.database() as name:
        server = postgresql_server.address(name)
        run_cli(["database", "copy", filled, server])
        run_cli(["database", "copy", server, tmp_path / "back.db"])
        run_cli(["database", "copy", server, tmp_path / "back.db", "--check-only"], err="holds everything")
    for noun in ("interfaces", "surfaces", "calculations", "cases"):
        question = ["query", noun, "--json", "--columns", "all"]
        back, first = run_cli([*question, "--db", tmp_path / "back.db"]), run_cli([*question, "--db", filled])
        assert back.json == first.json


def test_the_environment_names_it_too(address):
    hidden(run_cli(["query", "surfaces"], env={"LIFACE_DB": address}))


@pytest.mark.parametrize("command", [["query", "surfaces"], ["database", "verify"], ["campaign", "plan", "quickstart"]])
def test_a_server_that_cannot_be_asked_is_one_line(address, command):
    wrong = address.replace("/test_", "/nowhere_")
    result = hidden(run_cli([*command, "--db", wrong], code=3, err="no such database"))
    assert len(result.err.strip().splitlines()) == 1


def test_a_plan_knows_what_is_stored_and_makes_nothing(postgresql_server, address):
    with postgresql_server.database() as empty:
        run_cli(["campaign", "plan", "quickstart", "--db", postgresql_server.address(empty)])
        assert postgresql_server.rows("SELECT 1 FROM pg_tables WHERE schemaname = 'public'", empty) == []
    hidden(run_cli(["campaign", "plan", "quickstart", "--db", address]))
