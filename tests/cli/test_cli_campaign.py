from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from liface.cli.options import MOST_WORKERS, workers_or_default
from liface.database import Database
from liface.testing.cli import run_cli

TINY = """
name: tiny
title: Tiny campaign
engines: [morse]
protocol:
  {film_planes_100: [4, 5, 6], max_force_calls: 150, registry_candidates: 1, registry_grid: 1, gaps_a: [2.2],
   surface_thickness_a: 5, substrate_thickness_a: 3, fmax_ev_per_a: 0.1, max_area_a2: 30, max_strain_percent: 15}
surfaces:
  - {material: W, planes: ["110"]}
  - {material: Li, planes: ["100"]}
interfaces:
  - {substrate: W, planes: ["110"], film_planes: ["100"]}
"""
BULKS = "name: bulks\nengines: [emt]\nbulks: [Cu, W]\n"
CASES = ["bulk/W", "bulk/Li", "surface/W-110", "surface/Li-100", "interface/W-110_Li-100"]


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A folder in which the tiny campaign ran, and what the run said."""
    folder = tmp_path_factory.mktemp("ran")
    (folder / "tiny.yaml").write_text(TINY)
    return folder, run_cli(["campaign", "run", "tiny.yaml", "--workers", 0], folder=folder, env={"COLUMNS": "200"})


@pytest.fixture
def failed(tmp_path):
    """EMT knows copper and no tungsten."""
    (tmp_path / "bulks.yaml").write_text(BULKS)
    return run_cli(["campaign", "run", "bulks.yaml", "-j", 0], code=4)


def test_list_shows_what_is_shipped():
    run_cli(["campaign", "list"], out=r"^quickstart +")
    names = [row["name"] for row in run_cli(["campaign", "list", "--json"]).json]
    assert names == ["quickstart", "oh2024", "wang2023", "story", "bulks", "regression"]


def test_run_prints_the_summary_and_the_path_of_the_report(ran):
    folder, result = ran
    head, *_, last = result.out.splitlines()
    assert head.split()[:3] == ["quantity", "system", "morse:liface"]
    assert "Li interfacial energy  W(110)|Li(100)" in result.out and last == "report: tiny-report.html"
    assert "<title>Tiny campaign" in (folder / "tiny-report.html").read_text()
    assert "5 cases, 0 in the database; in this process" in result.err and "5 cases run, 0 finished" in result.err


def test_run_stored_results_and_what_follows_from_them(ran):
    with Database(ran[0] / "liface.db", read_only=True) as database:
        assert sorted(case.case for case in database.cases("tiny", "finished")) == sorted(CASES)
        assert database.count("interfaces") == database.count("wetting") == 1
        assert database.verify() == []


def test_running_again_computes_nothing(ran):
    folder, first = ran
    again = run_cli(["campaign", "run", "tiny.yaml", "--json", "-j", 0], folder=folder)
    assert again.json["run"] | {"seconds": 0} == {
        "cases": 5, "run": 0, "finished_before": 5, "failed": [], "computed": 0, "reused": 0,
        "failed_calculations": 0, "force_calls": 0, "seconds": 0,
    }  # fmt: skip
    assert again.json["report"] == "tiny-report.html"
    assert [row["system"] for row in again.json["summary"]] == ["W(110)|Li(100)", "Li(100)", "W(110)", "W(110)|Li(100)"]
    assert all(row["morse:liface"] in first.out for row in again.json["summary"])


def test_plan_before_anything_ran_creates_nothing(tmp_path):
    (tmp_path / "tiny.yaml").write_text(TINY)
    plan = run_cli(["campaign", "plan", "tiny.yaml", "--json", "-j", 2]).json
    assert [row["case"] for row in plan["cases"]] == CASES and {row["state"] for row in plan["cases"]} == {"to do"}
    seconds = sum(row["core_seconds"] for row in plan["cases"])
    assert plan["total"]["estimated_seconds"] == pytest.approx(seconds / 2, abs=0.06) and seconds > 0
    assert plan["total"]["structures_to_do"] == sum(row["structures"] for row in plan["cases"])
    assert "assumed" in plan["total"]["speed"][0]
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.yaml"]


def test_plan_knows_what_is_done_and_how_fast_it_was(ran):
    folder, _ = ran
    plan = run_cli(["campaign", "plan", "tiny.yaml", "--json"], folder=folder).json
    assert {row["state"] for row in plan["cases"]} == {"in database"}
    assert plan["total"]["to_do"] == 0 and plan["total"]["estimated_seconds"] == 0
    assert "calculations in the database" in plan["total"]["speed"][0]
    table = run_cli(["campaign", "plan", "tiny.yaml"], folder=folder, err="5 cases, 0 to do").out
    assert len(table.splitlines()) == 2 + len(CASES) and table.count("in database") == len(CASES)


def test_another_protocol_is_other_work(ran, tmp_path):
    folder, _ = ran
    (tmp_path / "tiny.yaml").write_text(TINY.replace("fmax_ev_per_a: 0.1", "fmax_ev_per_a: 0.05"))
    plan = run_cli(["campaign", "plan", "tiny.yaml", "--json", "--db", folder / "liface.db"]).json
    assert {row["state"] for row in plan["cases"]} == {"to do"}


def test_status_counts_by_kind_and_state(ran):
    folder, _ = ran
    status = run_cli(["campaign", "status", "tiny.yaml", "--json"], folder=folder).json
    assert status["failures"] == []
    assert [(row["kind"], row["in_database"], row["failed_before"], row["to_do"]) for row in status["cases"]] == [
        ("bulk", 2, 0, 0), ("surface", 2, 0, 0), ("interface", 1, 0, 0),
    ]  # fmt: skip


def test_report_is_written_again_without_computing(ran, tmp_path):
    folder, _ = ran
    path = tmp_path / "again.html"
    run_cli(["campaign", "report", "tiny.yaml", "--report", path], folder=folder, out=rf"^report: {path}$")
    assert path.stat().st_size > 10_000
    assert path.read_text() == (folder / "tiny-report.html").read_text()


def test_without_a_report_none_is_written(tmp_path):
    (tmp_path / "cu.yaml").write_text("name: cu\nengines: [emt]\nbulks: [Cu]\n")
    result = run_cli(["campaign", "run", "cu.yaml", "--no-report", "-j", 0])
    assert "report:" not in result.out and not list(tmp_path.glob("*.html"))


def test_engines_side_by_side_and_forced(tmp_path):
    (tmp_path / "cu.yaml").write_text("name: cu\nengines: [sevennet]\nbulks: [Cu]\n")
    arguments = ["campaign", "run", "cu.yaml", "--no-report", "-j", 0, "-e", "emt", "--engine", "morse", "--json"]
    first = run_cli(arguments).json["run"]
    forced = run_cli([*arguments, "--force"]).json["run"]
    assert first["run"] == forced["run"] == 2 and forced["computed"] == first["computed"] == 2
    assert {row["engine"] for row in run_cli(["query", "bulks", "--json"]).json} == {"emt", "morse"}


def test_failed_cases_leave_with_code_4_and_the_rest_is_stored(failed):
    assert "failed: bulk/W [emt:ase]:" in failed.err and "1 of 2 cases failed" in failed.err
    assert "--retry PATTERN" in failed.err
    assert [row["material"] for row in run_cli(["query", "bulks", "--json"]).json] == ["Cu"]


def test_status_groups_failures_by_reason(failed):
    status = run_cli(["campaign", "status", "bulks.yaml", "--json"]).json
    assert status["cases"] == [{"kind": "bulk", "engine": "emt:ase", "in_database": 1, "failed_before": 1, "to_do": 0}]
    assert {row["what"] for row in status["failures"]} == {"failed case", "failed calculation"}
    run_cli(["campaign", "status", "bulks.yaml"], out=r"^failed calculation +1 ", err="--retry PATTERN")
    plan = run_cli(["campaign", "plan", "bulks.yaml", "--json"]).json["cases"]
    assert [row["state"] for row in plan] == ["in database", "failed before"] and plan[1]["note"]


def test_retry_computes_again_what_matches(failed):
    arguments = ["campaign", "run", "bulks.yaml", "-j", 0, "--json"]
    assert run_cli(arguments, code=4).json["run"]["computed"] == 0
    assert run_cli([*arguments, "--retry", "no such reason"], code=4).json["run"]["computed"] == 0
    assert run_cli([*arguments, "--retry", "."], code=4).json["run"]["computed"] == 1
    run_cli([*arguments, "--retry", "("], code=2, err="no regular expression")


BAD_FILES = {
    "interfaces:\n  - {substrate: W, plane: '110'}": r"interfaces\.0\.plane: unknown key; known here: .*planes",
    "colour: red": "colour: unknown key; known here: .*bulks",
    "bulks: [Unobtainium]": "unknown material 'Unobtainium'",
    "surfaces:\n  - {material: W, planes: [wrong]}": "'wrong' is no plane",
    "surfaces:\n  - {material: W, planes: ['110'], termination: 7}": r"termination",
    "interfaces:\n  - {substrate: W, planes: ['110']}\nprotocol: {max_strain_percent: 0.001}": "smallest strain",
    "protocol: {fmax_ev_per_a: -1}": "fmax_ev_per_a",
    "bulks: [W\n": "not YAML",
    "materials: {Mine: broken.cif}\nbulks: [Mine]": "broken.cif",
    "materials: {Mine: absent.cif}\nbulks: [Mine]": "absent.cif",
    "engines: [morsee]": "unknown engine 'morsee'; did you mean morse",
    "engines: []": "engines",
}  # fmt: skip


@pytest.mark.parametrize("body", BAD_FILES, ids=list(BAD_FILES.values()))
@pytest.mark.parametrize("verb", ["plan", "run"])
def test_mistakes_in_a_campaign_are_explained_and_leave_no_database(tmp_path, verb, body):
    (tmp_path / "broken.cif").write_text("data_x\n_cell_length_a  nonsense\n")
    text = body if "engines" in body else f"engines: [morse]\n{body}"
    (tmp_path / "bad.yaml").write_text(f"name: bad\n{text}\n" + ("bulks: [W]\n" if "engines" in body else ""))
    result = run_cli(["campaign", verb, "bad.yaml"], code=2, err=BAD_FILES[body])
    assert result.out == "" and not (tmp_path / "liface.db").exists()


def test_unknown_campaign_and_engine():
    run_cli(["campaign", "run", "nothing"], code=2, err="no campaign 'nothing': neither a file nor one of quickstart")
    run_cli(["campaign", "plan", "quickstart", "-e", "sevenet"], code=2, err="did you mean sevennet")


def test_reports_of_nothing_and_places_that_cannot_be_written(ran, tmp_path):
    folder, _ = ran
    (tmp_path / "tiny.yaml").write_text(TINY)
    run_cli(["campaign", "report", "tiny.yaml"], code=3, err="no database")
    run_cli(["campaign", "status", "tiny.yaml"], code=3, err="no database")
    run_cli(["campaign", "run", "tiny.yaml", "--report", tmp_path], code=2, err="the report cannot be written to")
    (tmp_path / "file").write_text("")
    run_cli(["campaign", "run", "tiny.yaml", "--report", "file/r.html"], code=2, err="the report cannot be written to")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "tiny.yaml"]
    run_cli(["campaign", "report", "tiny.yaml", "--db", folder / "liface.db", "-o", "file/r.html"], code=2,
            err="cannot write")  # fmt: skip


def test_a_database_that_cannot_be_written_is_refused_before_any_work(ran, tmp_path, monkeypatch):
    (tmp_path / "tiny.yaml").write_text(TINY)
    (tmp_path / "liface.db").write_bytes((ran[0] / "liface.db").read_bytes())
    monkeypatch.setattr("liface.database.sqlite._why_not_writable", lambda path: "the file is read-only")
    run_cli(["campaign", "run", "tiny.yaml"], code=3, err="is read-only; nothing was run")
    run_cli(["campaign", "status", "tiny.yaml"], out="in_database")


def test_what_is_no_database_is_not_run_into(tmp_path):
    (tmp_path / "tiny.yaml").write_text(TINY)
    (tmp_path / "liface.db").write_text("my notes, not a database")
    for verb in ("run", "plan", "status", "report"):
        run_cli(["campaign", verb, "tiny.yaml"], code=3, err="is not a database")
    assert (tmp_path / "liface.db").read_text() == "my notes, not a database"


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_run_is_stopped_by_the_keyboard_and_goes_on(tmp_path):
    bulks = "name: stop\nengines: [morse]\nbulks: [W, Mo, Cr, Li, Cu, Ag, Ni, Fe, Al]\n"
    (tmp_path / "stop.yaml").write_text(bulks)
    # a shell in the background lets its children ignore the keyboard
    script = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from liface.cli.app import main"
    command = [sys.executable, "-c", f"{script}; main()", "campaign", "run", "stop.yaml", "-j", "1", "--no-report"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        deadline = time.monotonic() + 60
        while not _n_calculations(tmp_path) and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and out == "" and "Traceback" not in err
    assert "stopped; finished work is in" in err and "run again to go on" in err
    before = _n_calculations(tmp_path)
    again = run_cli(["campaign", "run", "stop.yaml", "-j", 0, "--no-report", "--json"]).json["run"]
    assert 0 < before < before + again["computed"] == _n_calculations(tmp_path)


def _n_calculations(folder) -> int:
    if not (folder / "liface.db").exists():
        return 0
    with Database(folder / "liface.db") as database:
        return database.count("calculations")


def test_workers_default_to_the_cores_at_most_eight():
    assert 1 <= workers_or_default(None) <= MOST_WORKERS and workers_or_default(3) == 3 and workers_or_default(0) == 0


def test_summary_goes_to_stdout_only(ran):
    folder, _ = ran
    result = run_cli(["campaign", "report", "tiny.yaml", "--json", "-o", "x.html"], folder=folder)
    assert json.loads(result.out)["report"] == "x.html"
