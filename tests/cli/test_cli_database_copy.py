"""``liface database copy`` from the outside."""

from __future__ import annotations

import pytest

from liface.database import Database
from liface.testing.cli import run_cli


def test_copy_reports_what_it_did_and_checks_it(filled):
    report = run_cli(["database", "copy", filled, "copy.db", "--json"], err="holds everything").json
    assert report["complete"] is True and report["problems"] == []
    assert all(row["copied"] == row["in_source"] == row["verified"] for row in report["nouns"])
    with Database(filled, read_only=True) as source, Database("copy.db", read_only=True) as copied:
        assert copied.info()["counts"] == source.info()["counts"]
    run_cli(["database", "copy", filled, "copy.db"], out="noun +in_source +copied +there +verified")


def test_check_only_tells_by_its_exit_code_and_writes_nothing(filled):
    Database("empty.db").close()
    run_cli(["database", "copy", filled, "empty.db", "--check-only"], code=3, err="does not hold everything")
    with Database("empty.db", read_only=True) as target:
        assert not any(target.info()["counts"].values())


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["{}", ":memory:"], 2, "is gone when this ends"),
        (["{}", "sqlite://"], 2, "is gone when this ends"),
        (["{}", "store.yaml"], 2, "no file store.yaml"),
        (["{}", "new.db", "--conflicts", "maybe"], 2, "give refuse, keep or newer"),
        (["missing.db", "new.db"], 3, "no database at"),
        (["{}", "new.db", "--check-only"], 3, "no database at"),
        (["{}", "{}"], 2, "onto itself"),
    ],
)
def test_wrong_input_makes_no_file(filled, tmp_path, arguments, code, said):
    run_cli(["database", "copy", *(str(each).format(filled) for each in arguments)], code=code, err=said)
    assert list(tmp_path.iterdir()) == []
