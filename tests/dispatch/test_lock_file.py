"""Locks as files: the same run gives the same text, and what was changed is refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from liface.dispatch.lock_file import is_lock, lock_text, read_lock, write_lock
from liface.errors import InputError, LockError

sys.path.insert(0, str(Path(__file__).parents[1] / "database"))
from database_factories import run


def test_a_lock_reads_back_equal_and_is_written_equal(tmp_path):
    path = write_lock(run(), tmp_path / "q.lock.json")
    assert read_lock(path) == run() and is_lock(path)
    assert path.read_text(encoding="utf-8") == lock_text(run())
    assert [p.name for p in tmp_path.iterdir()] == ["q.lock.json"], "no half-written file is left"


def test_what_differs_between_two_runs_of_the_same_are_facts_of_the_run():
    first, second = (lock_text(run(n_computed=n)).splitlines() for n in (1, 2))
    differing = {a.split(":")[0].strip() for a, b in zip(first, second, strict=True) if a != b}
    assert differing == {'"run_id"', '"n_computed"'}


CHANGES = {
    "a number": lambda lock: lock["records"][0]["numbers"].update(gamma_mev_per_a2=80.000001),
    "an energy": lambda lock: lock["calculations"][0].update(energy_ev=-3.1),
    "weights": lambda lock: lock["engines"][0]["info"].update(weights_sha256="1" * 64),
    "the campaign": lambda lock: lock["content"].update(name="other"),
    "a package": lambda lock: lock["packages"].update(ase="1"),
    "the identity": lambda lock: lock.update(run_id="f" * 32),
    "not finite": lambda lock: lock["records"][0]["numbers"].update(gamma_mev_per_a2=float("nan")),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_lock_that_was_changed_is_refused(tmp_path, change):
    lock = json.loads(lock_text(run()))
    change(lock)
    path = tmp_path / "q.lock.json"
    path.write_text(json.dumps(lock))
    with pytest.raises(LockError, match="was changed after it was written"):
        read_lock(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no lock"),
        ("[1]", "is no lock"),
        ("[" * 100_000, "is no lock"),
        ('{"format": "liface campaign lock"}', "version None"),
        ('{"format": "liface campaign lock", "format_version": 1}', "is no whole lock"),
    ],
)
def test_what_is_no_lock_is_told_of(tmp_path, text, message):
    path = tmp_path / "q.lock.json"
    path.write_text(text)
    with pytest.raises(LockError, match=message):
        read_lock(path)
    with pytest.raises(LockError, match="no lock at"):
        read_lock(tmp_path / "absent")


@pytest.mark.parametrize("name", ["../escape.cif", "/etc/passwd", "a/b.cif", "..", "", ".hidden"])
def test_a_file_of_a_lock_cannot_lead_out_of_its_folder(name):
    with pytest.raises(ValueError, match="pattern"):
        run(files=({"name": name, "sha256": "0" * 64, "text": ""},))


def test_only_an_earlier_lock_of_the_same_campaign_is_written_over(tmp_path):
    path = write_lock(run(), tmp_path / "q.lock.json")
    write_lock(run(gamma=81.0), path)
    assert read_lock(path).records[0].numbers == {"gamma_mev_per_a2": 81.0}
    with pytest.raises(LockError, match="the lock of the campaign 'quickstart' and is left as it is"):
        write_lock(run("other"), path)
    path.write_text("my notes")
    with pytest.raises(LockError, match="is no lock of a campaign and is left as it is"):
        write_lock(run(), path)
    assert path.read_text() == "my notes"
    with pytest.raises(InputError, match="cannot be written to"):
        write_lock(run(), tmp_path / "nowhere" / "q.lock.json")
