"""From cells as drivers give them to plain values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis.strategies import datetimes

from liface.database.cells import CellError, plain_moment, plain_rows

COLUMNS = (("substrate", "string"), ("converged", "boolean"), ("created_at", "timestamp"), ("flags", "list"))
FLAGS = {"e1": ["reactive", "nonlinear"]}


def rows(*cells, columns=COLUMNS):
    return plain_rows(columns, cells, lambda entries: {entry: FLAGS[entry] for entry in entries if entry in FLAGS})


@given(datetimes())
def test_a_kept_moment_is_written_as_datetime_writes_it(moment):
    kept = moment.isoformat(sep=" ", timespec="microseconds")
    assert plain_moment(kept) == plain_moment(moment) == f"{moment.isoformat()}Z"


@pytest.mark.parametrize("text", [
    "2024-02-28 14:03:00.000001+01:00", "2024-02-28T14:03:00", "2024-02-28 14:03:00.000+01", "20240228T140300Z",
])  # fmt: skip
def test_moments_written_otherwise_are_read_too(text):
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
    assert plain_moment(text) == f"{moment.isoformat()}Z"


def test_a_moment_with_a_zone_is_told_in_utc():
    assert plain_moment(datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=1)))) == "2026-03-01T11:00:00Z"


@pytest.mark.parametrize("text", ["", "2024-02-31 14:03:00.000000", "2024-02-28 25:03:00.000000", "rubbish"])
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(ValueError):
        plain_moment(text)


def test_rows_by_name():
    assert rows(("W", 1, "2026-03-01 12:00:00.000000", "e1"), ("Mo", 0, "2026-03-01 12:00:00.500000", "e2"),
                (None, None, None, "e1")) == [
        {"substrate": "W", "converged": True, "created_at": "2026-03-01T12:00:00Z", "flags": FLAGS["e1"]},
        {"substrate": "Mo", "converged": False, "created_at": "2026-03-01T12:00:00.500000Z", "flags": []},
        {"substrate": None, "converged": None, "created_at": None, "flags": FLAGS["e1"]},
    ]  # fmt: skip
    assert rows() == []


def test_a_column_that_is_asked_twice_is_there_once():
    twice = (COLUMNS[1], COLUMNS[0], COLUMNS[1], COLUMNS[3], COLUMNS[3])
    assert rows((1, "W", 1, "e1", "e1"), columns=twice) == [{"converged": True, "substrate": "W", "flags": FLAGS["e1"]}]


def test_a_cell_that_holds_something_else_is_named():
    with pytest.raises(CellError) as caught:
        rows(("W", 1, "2026-03-01 12:00:00.000000", "e1"), ("W", 1, "2026-13-01 12:00:00.000000", "e1"))
    assert (caught.value.column, caught.value.value) == ("created_at", "2026-13-01 12:00:00.000000")
