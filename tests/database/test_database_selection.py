"""One campaign with everything it rests on, in a file of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest
from database_factories import (
    EMT,
    OTHER,
    bulk,
    calculation,
    failed_case,
    finished_case,
    provenance,
    run,
    stability,
    surface,
)

from liface.database import Database
from liface.documents import Input
from liface.errors import DatabaseWriteError


@pytest.fixture
def full(file):
    """Two campaigns; a result of the first rests on a bulk of the second."""
    with Database(file) as database:
        cheap, costly = calculation(1, engine=OTHER), calculation(2)
        costly = costly.model_copy(update={"started_from": cheap.calc_id})
        foreign, lonely = calculation(3), calculation(4)
        for document in (cheap, costly, foreign, lonely):
            database.add_calculation(document)
        mine = surface(campaign="mine", flags=("polar", "thickness: 3"))
        mine = mine.model_copy(update={"provenance": provenance("mine", "case", (costly.calc_id,))})
        other = bulk(campaign="theirs").model_copy(update={"provenance": provenance("theirs", "b", (foreign.calc_id,))})
        database.commit_case(finished_case([mine], campaign="mine", engine=EMT, calc_ids=(costly.calc_id,)), [mine])
        database.commit_case(finished_case([other], "c2", campaign="theirs", case="b"), [other])
        database.add_case(failed_case("c3", campaign="mine", case="d"))
        database.add_result(surface(campaign="theirs", gamma=1.0))
        given = Input(name="bulk", value=1.0, unit="eV", source="record", record_id=other.record_id)
        database.add_result(stability(campaign="mine", case="s", inputs=(given,)))
        database.add_run(run("mine"))
        database.add_run(run("theirs"))
        yield database, {"cheap": cheap, "costly": costly, "foreign": foreign, "lonely": lonely}


def test_a_campaign_takes_what_it_rests_on_and_nothing_else(full, tmp_path):
    database, calculations = full
    copied = database.copy_campaign("mine", tmp_path / "mine.db")
    with Database(tmp_path / "mine.db", read_only=True) as own:
        assert own.verify() == []
        stored = set(own.status_of([c.calc_id for c in calculations.values()]))
        assert stored == {calculations[name].calc_id for name in ("cheap", "costly", "foreign")}
        assert own.results("surface") == database.results("surface", where='campaign="mine"')
        assert own.query("surfaces")[0]["flags"] == ["polar", "thickness: 3"]
        assert len(own.results("bulk")) == len(own.results("stability")) == 1
        assert {case.case for case in own.cases()} == {"case", "d"}
        assert [each.campaign for each in own.runs()] == ["mine"]
        assert copied["calculations"] == 3 and copied["cases"] == 2


def test_an_unknown_campaign_is_an_empty_database(full, tmp_path):
    database, _ = full
    assert sum(database.copy_campaign("nobody", tmp_path / "n.db").values()) == 0
    with Database(tmp_path / "n.db", read_only=True) as own:
        assert own.verify() == []


def test_what_is_there_is_not_written_over(full, tmp_path):
    database, _ = full
    database.copy_campaign("mine", tmp_path / "mine.db")
    with pytest.raises(DatabaseWriteError, match="already; give a new one"):
        database.copy_campaign("theirs", tmp_path / "mine.db")
    with Database(tmp_path / "mine.db", read_only=True) as own:
        assert [each.campaign for each in own.runs()] == ["mine"]


def test_the_same_rows_give_the_same_bytes_in_every_process(full, tmp_path):
    database, _ = full
    script = (
        "import sys; from liface.database import Database; Database(sys.argv[1]).copy_campaign('mine', sys.argv[2])"
    )
    for seed in ("1", "2"):
        command = [sys.executable, "-c", script, str(database.path), str(tmp_path / f"{seed}.db")]
        subprocess.run(command, check=True, env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)})
    assert (tmp_path / "1.db").read_bytes() == (tmp_path / "2.db").read_bytes()
