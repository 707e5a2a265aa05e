"""A campaign on this machine: finished, repeated, killed, retried."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from liface.database import Database
from liface.dispatch.correlate import descriptor_values
from liface.dispatch.derive import derive
from liface.dispatch.run import run_campaign
from liface.errors import DatabaseOpenError, InputError
from liface.workflows.campaign import Campaign

TEXT = """
name: small
engines: [morse]
protocol:
  film_planes_100: [4, 5, 6]
  film_planes_110: [4, 5, 6]
  gaps_a: [2.3]
  registry_grid: 1
  registry_grid_commensurate: 2
  registry_candidates: 1
  release: false
  surface_thickness_a: 5
  substrate_thickness_a: 3
  binding_thickness_a: 3
  binding_edge_a: 5
  max_force_calls: 40
  fmax_ev_per_a: 0.05
surfaces:
  - {material: Cu, planes: ["111"]}
  - {material: Li, planes: ["110"]}
interfaces:
  - {substrate: Cu, planes: ["111"], film_planes: ["110"]}
bindings:
  - {substrate: Cu, plane: "111", n_li: [1, 2]}
"""


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    path = tmp_path_factory.mktemp("campaign") / "small.yaml"
    path.write_text(TEXT)
    return Campaign.load(path)


@pytest.fixture(scope="module")
def run_once(campaign, tmp_path_factory):
    """The file with what a run of the campaign has stored, and how the run ended."""
    file = tmp_path_factory.mktemp("ran") / "r.db"
    with Database(file) as database:
        state = run_campaign(campaign.cases(), database, workers=0)
    return file, state


@pytest.fixture
def database(run_once, tmp_path):
    """A copy of it, to be changed."""
    with Database(shutil.copy(run_once[0], tmp_path)) as database:
        yield database


def test_a_campaign_runs_to_results_and_again_without_a_force_call(campaign, run_once, database):
    _, first = run_once
    derive(campaign, database)
    assert {case.status for case in first.done} == {"finished"}, [getattr(c, "reason", "") for c in first.done]
    assert first.computed > 10 and first.force_calls > first.computed
    kinds = {noun: database.count(noun) for noun in ("bulks", "surfaces", "interfaces", "bindings", "wetting")}
    assert kinds == {"bulks": 2, "surfaces": 2, "interfaces": 1, "bindings": 3, "wetting": 1}
    before = {noun: database.query(noun) for noun in kinds}
    started = time.process_time()
    second = run_campaign(campaign.cases(), database, workers=0)
    derive(campaign, database)
    assert (second.computed, second.force_calls, len(second.skipped)) == (0, 0, len(campaign.cases()))
    assert time.process_time() - started < 5
    assert {noun: database.query(noun) for noun in kinds} == before
    assert database.verify() == []


def test_the_same_campaign_gives_the_same_numbers(campaign, database, tmp_path):
    def numbers(database):
        rows = database.query("interfaces") + database.query("bindings")
        return [{k: v for k, v in row.items() if k != "created_at"} for row in rows]

    with Database(tmp_path / "again.db") as again:
        run_campaign(campaign.cases(), again, workers=0)
        assert numbers(again) == numbers(database) != []


def test_wetting_obeys_dupre(campaign, database):
    (wetting,) = (result for result in derive(campaign, database).documents if result.kind == "wetting")
    surfaces = {s.material: s.gamma_mev_per_a2 for s in database.results("surface")}
    interface = database.results("interface")[0].gamma_mev_per_a2
    assert wetting.work_of_adhesion_mev_per_a2 == pytest.approx(surfaces["Cu"] + surfaces["Li"] - interface)


def test_descriptor_values_are_of_one_engine(database):
    values = descriptor_values(database, film_plane="110")
    assert list(values) == ["Cu"]
    with pytest.raises(InputError, match="unknown descriptor"):
        descriptor_values(database, "colour")


def test_retry_must_be_a_pattern(campaign, tmp_path):
    with pytest.raises(InputError, match="regular expression"):
        run_campaign(campaign.cases(), Database(tmp_path / "r.db"), workers=0, retry="(")


def test_killed_at_any_moment_nothing_finished_is_lost_and_nothing_is_computed_twice(tmp_path):
    """Kill the whole process group with SIGKILL twice, then let it finish."""
    path = tmp_path / "small.yaml"
    path.write_text(TEXT)
    db = tmp_path / "k.db"
    log = tmp_path / "computed.log"
    script = (
        "import sys\n"
        "from liface.database import Database\n"
        "from liface.dispatch import run as r\n"
        "from liface.workflows.campaign import Campaign\n"
        "if __name__ == '__main__':\n"
        "    state = r.run_campaign(Campaign.load(sys.argv[1]).cases(), Database(sys.argv[2]), workers=2)\n"
        "    print(state.computed, state.reused, len(state.skipped), [c.status for c in state.done])\n"
    )
    program = tmp_path / "program.py"
    program.write_text(script)
    command = [sys.executable, str(program), str(path), str(db)]
    stored: dict[str, str] = {}
    for round_ in range(2):
        process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=log.open("ab"))
        wanted = len(stored) + 3
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and process.poll() is None:
            if db.exists() and len(_times(db)) >= wanted:
                break
            time.sleep(0.05)
        assert process.poll() is None, f"round {round_} ended before it could be killed: {log.read_text()[-2000:]}"
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        now = _times(db)
        assert {i: now[i] for i in stored} == stored, "a finished calculation was lost or computed twice"
        stored = now
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    final = _times(db)
    assert {i: final[i] for i in stored} == stored
    with Database(db) as database:
        assert database.verify() == []
        assert database.count("interfaces") == 1
    assert "failed" not in done.stdout


def _times(db):
    try:
        database = Database(db, read_only=True)
    except DatabaseOpenError:  # just being made
        return {}
    with database:
        return {row["calc_id"]: (row["created_at"], row["wall_s"]) for row in database.query("calculations")}


def test_derived_results_go_when_what_they_rest_on_goes(campaign, database):
    from liface.documents import FailedCase

    derive(campaign, database)
    assert database.count("wetting") == 1
    planned = next(case for case in campaign.cases() if case.spec.kind == "interface")
    database.add_case(
        FailedCase(
            case_id=planned.case_id,
            campaign="small",
            case=planned.spec.name,
            kind="interface",
            engine=planned.case.engine,
            reason="taken back",
        )
    )
    derive(campaign, database)
    assert (database.count("interfaces"), database.count("wetting")) == (0, 0)


def test_a_stopped_run_blames_no_case(campaign, database):
    """Interrupt a forced run; what was finished stays finished and shown."""
    before = {noun: database.count(noun) for noun in ("surfaces", "interfaces", "bindings")}

    def interrupt(state):
        if state.computed >= 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_campaign(campaign.cases(), database, workers=0, force=True, progress=interrupt)
    assert database.cases(status="failed") == []
    assert {noun: database.count(noun) for noun in before} == before


def test_force_starts_again_from_the_beginning(campaign, database):
    first = {row["calc_id"]: row["n_force_calls"] for row in database.query("calculations")}
    run_campaign(campaign.cases(), database, workers=0, force=True)
    assert {row["calc_id"]: row["n_force_calls"] for row in database.query("calculations")} == first
