"""Locks of real runs: written the same by the same run, and run again from the lock alone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from liface.database import Database
from liface.dispatch.derive import derive
from liface.dispatch.lock_file import lock_text, read_lock, write_lock
from liface.dispatch.manifest import manifest_of, record_run
from liface.dispatch.replay import campaign_of, checks_of, replay, require_new
from liface.dispatch.run import run_campaign
from liface.engines import registry
from liface.errors import CampaignError, DatabaseOpenError, LockError
from liface.workflows.campaign import Campaign

TEXT = """
name: small
title: A small campaign
engines: [emt]
materials: {MyNi: "cifs/ni of mine.cif"}
responses: points.csv
protocol: {surface_thickness_a: 5, fmax_ev_per_a: 0.05}
surfaces:
  - {material: Cu, planes: ["111"]}
  - {material: MyNi, planes: ["100"]}
"""
CIF = """data_Ni
_cell_length_a 3.52
_cell_length_b 3.52
_cell_length_c 3.52
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_name_H-M_alt 'F m -3 m'
_space_group_IT_number 225
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Ni1 Ni 0 0 0
"""
POINTS = "response,material,value,unit,qualifier,protocol\nhardness,Ni,1.0,GPa,=,mine\n"


def written(folder):
    """A campaign file with everything it names."""
    (folder / "cifs").mkdir()
    (folder / "cifs" / "ni of mine.cif").write_text(CIF)
    (folder / "points.csv").write_text(POINTS)
    (folder / "small.yaml").write_text(TEXT)
    return folder / "small.yaml"


def compute(campaign, file):
    with Database(file) as database:
        state = run_campaign(campaign.cases(), database, workers=0)
        derive(campaign, database)
        return record_run(campaign, database, "local", workers=0, n_computed=state.computed, wall_s=state.seconds)


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    return Campaign.load(written(tmp_path_factory.mktemp("campaign")))


@pytest.fixture(scope="module")
def ran(campaign, tmp_path_factory):
    """The file of a run, and its lock."""
    file = tmp_path_factory.mktemp("ran") / "r.db"
    return file, compute(campaign, file)


@pytest.fixture
def database(ran, tmp_path):
    with Database(shutil.copy(ran[0], tmp_path)) as database:
        yield database


def test_a_lock_holds_what_a_run_was_made_of(ran):
    _, lock = ran
    assert {file.name: file.text for file in lock.files} == {"ni_of_mine.cif": CIF, "points.csv": POINTS}
    assert lock.content["materials"] == {"MyNi": "ni_of_mine.cif"} and lock.content["responses"] == "points.csv"
    assert lock.content["protocol"]["vacuum_a"] == 15.0, "defaults are written out"
    assert (lock.n_cases, lock.n_records, lock.n_calculations) == (4, 4, len(lock.calculations))
    assert lock.engines[0].info.weights_sha256 and lock.packages["ase"] and lock.machine.cpu
    assert {record.noun for record in lock.records} == {"bulks", "surfaces"}
    assert lock.column_units["surfaces.gamma_mev_per_a2"] == "meV/Å²"
    assert set().union(*(record.calc_ids for record in lock.records)) <= {c.calc_id for c in lock.calculations}


def test_two_runs_of_the_same_differ_only_in_facts_of_the_run(ran, campaign, tmp_path):
    again = compute(campaign, tmp_path / "again.db")
    first, second = (lock_text(run).splitlines() for run in (ran[1], again))
    differing = {a.split(":")[0].strip(' "') for a, b in zip(first, second, strict=True) if a != b}
    assert again.lock_id == ran[1].lock_id and differing <= {"run_id", "wall_s", "created_at"}


def test_a_run_that_finds_everything_done_is_no_new_run(ran, campaign, database):
    assert record_run(campaign, database, "local", workers=0, n_computed=0) == ran[1]
    assert database.runs() == [ran[1]] and database.verify() == []
    record_run(campaign, database, "local", workers=0, n_computed=3)
    assert len(database.runs("small")) == 2, "one that computed is kept beside it"


def test_a_file_that_is_gone_is_told_of(ran, tmp_path):
    path = written(tmp_path)
    gone = Campaign.load(path)
    gone.cases()
    (tmp_path / "cifs" / "ni of mine.cif").unlink()
    with Database(ran[0]) as database, pytest.raises(CampaignError, match="cannot be read any more"):
        manifest_of(gone, database)


def test_a_lock_alone_is_enough_to_come_to_the_same(ran, tmp_path):
    """Neither the campaign file nor its CIF are there; both come from the lock."""
    lock = read_lock(write_lock(ran[1], tmp_path / "l.json"))
    folder = tmp_path / "files"
    folder.mkdir()
    campaign = campaign_of(lock, folder)
    assert [case.case_id for case in campaign.cases()] == [
        case.case_id for case in sorted(lock.cases, key=lambda c: [p.spec.name for p in campaign.cases()].index(c.case))
    ]
    with Database(tmp_path / "new.db") as database:
        done = replay(lock, campaign, database, workers=0, tolerances={})
        assert database.verify() == [] and database.runs() == [done.run]
    assert done.comparison.reproduced and done.comparison.count("identical") == lock.n_records
    assert all(e.same_identity and e.before == e.after for e in done.comparison.energies)
    assert done.state.computed == lock.n_calculations
    assert (done.run.lock_id, done.run.replay_of) == (lock.lock_id, lock.run_id)


def test_nothing_is_reused_unless_asked(database):
    with pytest.raises(DatabaseOpenError, match="calculations already"):
        require_new(database, resume=False)
    require_new(database, resume=True)


def standings(checks):
    return {check.what: check.standing for check in checks if check.standing != "same"}


def test_this_machine_meets_its_own_lock(ran):
    assert standings(checks_of(ran[1])) == {}


def test_other_weights_are_refused_and_other_versions_differ(ran, monkeypatch):
    info = registry.engine_info("emt")

    def other(**changes):
        monkeypatch.setattr("liface.dispatch.replay.engine_info", lambda _: info.model_copy(update=changes))
        return standings(checks_of(ran[1]))

    assert other(weights_sha256="f" * 64) == {"weights of emt": "refused"}
    assert other(model="another") == {"model of emt": "refused"}
    assert other(options={"asap_cutoff": True}) == {"options of emt": "refused"}
    assert other(code_version="1.0") == {"ase of emt": "differs"}


def test_a_lock_of_somebody_else_imports_nothing(ran, monkeypatch):
    (engine,) = ran[1].engines
    lock = ran[1].model_copy(update={"engines": (engine.model_copy(update={"asked": "ase:os.system"}),)})
    monkeypatch.setattr("liface.dispatch.replay.engine_info", lambda _: pytest.fail("was looked at"))
    assert standings(checks_of(lock)) == {"program of ase:os.system": "refused"}


def test_packages_and_engines_that_are_not_here_are_named(ran):
    lock = ran[1]
    old = lock.model_copy(update={"packages": {**lock.packages, "numpy": "1.0", "goneware": "2.0"}})
    assert standings(checks_of(old)) == {"numpy": "differs", "goneware": "differs"}
    assert standings(checks_of(lock, ["nothing"])) == {"engine emt": "missing"}
    with pytest.raises(LockError, match="2 engines given for the 1"):
        checks_of(lock, ["emt", "morse"])


def test_a_campaign_that_this_version_does_not_know_is_told_of(ran, tmp_path):
    lock = ran[1].model_copy(update={"content": {**ran[1].content, "novelty": 1}})
    with pytest.raises(LockError, match="cannot be read by"):
        campaign_of(lock, tmp_path)


def test_changed_settings_are_found_with_their_cause(ran, tmp_path):
    from liface.analysis.run_comparison import compare

    path = written(tmp_path)
    path.write_text(TEXT.replace("surface_thickness_a: 5", "surface_thickness_a: 9"))
    other = compute(Campaign.load(path), tmp_path / "other.db")
    comparison = compare(ran[1], other)
    assert {(r.noun, r.state) for r in comparison.records} == {("bulks", "identical"), ("surfaces", "changed")}
    kinds = [[cause.kind for cause in r.causes] for r in comparison.records if r.noun == "surfaces"]
    assert kinds == [["settings", "structure"]] * 2
    assert "surface_thickness_a 5 → 9" in comparison.records[0].causes[0].detail


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_run_that_was_killed_and_gone_on_with_has_the_lock_of_one_that_was_not(ran, tmp_path):
    path, db, lock = written(tmp_path), tmp_path / "k.db", tmp_path / "small.lock.json"
    command = [sys.executable, "-m", "liface", "campaign", "run", str(path), "--db", str(db), "-j", "0", "--no-report",
               "--lock", str(lock)]  # fmt: skip
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and process.poll() is None and not _has_begun(db):
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    killed_early = not lock.exists()
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert read_lock(lock).lock_id == ran[1].lock_id
    assert killed_early, "the run had ended before it could be killed"


def _has_begun(db):
    if not db.exists():
        return False
    try:
        with Database(db, read_only=True) as database:
            return database.count("calculations") > 0
    except DatabaseOpenError:
        return False
