"""``liface campaign lock | replay | diff | bundle | open | verify``."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys

import pytest

from liface.database import Database
from liface.dispatch.lock_file import read_lock, write_lock
from liface.documents import RunDocument
from liface.testing.cli import run_cli

TINY = """
name: tiny
title: Tiny campaign
engines: [emt]
doi: [10.1039/d4ee03130j]
protocol: {surface_thickness_a: 5, fmax_ev_per_a: 0.05}
surfaces:
  - {material: Cu, planes: ["111"]}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder in which the tiny campaign ran with two engines and was bundled."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "tiny.yaml").write_text(TINY)
    run_cli(["campaign", "run", "tiny.yaml", "-e", "emt", "-e", "morse", "-j", 0], folder=folder,
            err=r"lock: tiny.lock.json; liface campaign replay tiny.lock.json runs it again")  # fmt: skip
    run_cli(["campaign", "bundle", "tiny", "--author", "A. Person"], folder=folder, out="^sha256 +[0-9a-f]{64}")
    return folder


@pytest.fixture
def here(made, tmp_path):
    """A copy of it, as working folder."""
    for path in ("tiny.yaml", "tiny.lock.json", "liface.db", "tiny.zip"):
        shutil.copy(made / path, tmp_path / path)
    return tmp_path


def changed(here, name: str, **changes) -> RunDocument:
    """Write the lock of a run that differs, sealed as if it had been so."""
    lock = read_lock(here / "tiny.lock.json")
    counts = {"run_id", "lock_id", *(f for f in RunDocument.model_fields if f.startswith("n_") and f != "n_computed")}
    values = {k: getattr(lock, k) for k in RunDocument.model_fields if k not in counts}
    other = RunDocument.sealed(**{**values, **changes})
    (here / name).unlink(missing_ok=True)
    write_lock(other, here / name)
    return other


def with_gamma(here, shift: float):
    lock = read_lock(here / "tiny.lock.json")
    return tuple(
        r.model_copy(update={"numbers": {k: v + shift * (k == "gamma_mev_per_a2") for k, v in r.numbers.items()}})
        if r.noun == "surfaces" else r
        for r in lock.records
    )  # fmt: skip


# --- writing -------------------------------------------------------------------------------------------------------


def test_a_run_is_recorded_and_locked(here):
    (row,) = run_cli(["query", "runs", "--json"]).json
    lock = read_lock(here / "tiny.lock.json")
    assert (row["run_id"], row["n_records"], row["dispatcher"]) == (lock.run_id, 4, "local")
    run_cli(["query", "runs"], out=r"emt:ase, morse:liface")
    run_cli(["database", "verify"], err="is sound")


def test_the_lock_is_written_again_from_the_database(here):
    text = (here / "tiny.lock.json").read_text()
    (here / "tiny.lock.json").unlink()
    run_cli(["campaign", "lock", "tiny"], out="^recorded +local")
    assert (here / "tiny.lock.json").read_text() == text
    both = ["-e", "emt", "-e", "morse"]
    run_cli(["campaign", "lock", "tiny.yaml", *both, "-o", "b.json"])
    assert (here / "b.json").read_text() == text
    one = run_cli(["campaign", "lock", "tiny.yaml", "-o", "one.json", "--json"]).json
    assert (one["recorded"], one["engines"], one["cases"]) == ("database", "emt:ase", 2), "never recorded, made now"
    run_cli(["campaign", "lock", "nobody"], code=2, err="is recorded; recorded: tiny")
    run_cli(["campaign", "lock", "quickstart", "-e", "emt"], code=2, err="nothing is stored of quickstart")


def test_what_is_in_the_place_of_the_lock_is_told_of_before_any_work(here):
    (here / "tiny.lock.json").write_text("my notes")
    run_cli(["campaign", "run", "tiny.yaml", "--db", "new.db"], code=2, err="is no lock of a campaign and is left as")
    run_cli(["campaign", "run", "tiny.yaml", "--db", "new.db", "--lock", "no/where.json"], code=2, err="--no-lock")
    assert not (here / "new.db").exists() and (here / "tiny.lock.json").read_text() == "my notes"
    done = run_cli(["campaign", "run", "tiny.yaml", "--no-lock", "--no-report", "--json"]).json
    assert done["lock"] is None and (here / "tiny.lock.json").read_text() == "my notes"


# --- replay --------------------------------------------------------------------------------------------------------


def test_a_replay_meets_its_lock(here):
    done = run_cli(["campaign", "replay", "tiny.lock.json", "-j", 0, "--tolerance", "exact"])
    assert done.out.splitlines()[-1] == "reproduced: 4 results identical to the last digit"
    again = run_cli(["campaign", "replay", "tiny.lock.json", "-j", 0], code=3, err="calculations already")
    assert again.out == ""
    resumed = run_cli(["campaign", "replay", "tiny.lock.json", "-j", 0, "--resume", "--json"]).json
    assert resumed["reproduced"] is True and resumed["records"] == []
    run_cli(["campaign", "diff", "tiny.lock.json", "tiny-replay.db"], err="4 results: 4 identical")


def test_a_replay_that_comes_to_something_else_says_so(here):
    changed(here, "tiny.lock.json", records=with_gamma(here, 5.0))
    done = run_cli(["campaign", "replay", "tiny.lock.json", "-j", 0], code=6, out="^not reproduced: 2 of 4 results")
    assert "noise: same structures, settings, weights and versions" in done.out
    run_cli(["campaign", "replay", "tiny.lock.json", "--resume", "-t", "meV/Å²=6"], out="2 within tolerance")


def test_tampered_locks_and_other_weights_are_refused_before_any_work(here):
    text = (here / "tiny.lock.json").read_text()
    (here / "tiny.lock.json").write_text(text.replace('"fmax_ev_per_a": 0.05', '"fmax_ev_per_a": 0.5'))
    run_cli(["campaign", "replay", "tiny.lock.json"], code=2, err="was changed after it was written")
    (here / "tiny.lock.json").write_text(text)
    engines = read_lock(here / "tiny.lock.json").engines
    other = engines[0].model_copy(update={"info": engines[0].info.model_copy(update={"weights_sha256": "f" * 64})})
    changed(here, "tiny.lock.json", engines=(other, engines[1]))
    done = run_cli(["campaign", "replay", "tiny.lock.json"], code=2, err="weights of emt: locked ffffffffffffffff")
    assert "run all the same with --allow" in done.err
    table = run_cli(["campaign", "replay", "tiny.lock.json", "--check"], code=2)
    assert "refused" in table.out and not (here / "tiny-replay.db").exists()


def test_a_lock_checks_without_running(here):
    rows = run_cli(["campaign", "replay", "tiny.lock.json", "--check", "--json"]).json
    assert {row["standing"] for row in rows} == {"same"} and not (here / "tiny-replay.db").exists()


@pytest.mark.parametrize("text", ["meV=", "mev=1", "meV=-1", "eV=nan", "lightyears=2", "3"])
def test_tolerances_that_are_none_are_told_of(here, text):
    run_cli(["campaign", "replay", "tiny.lock.json", "--tolerance", text], code=2, err="--tolerance")


# --- diff ----------------------------------------------------------------------------------------------------------


def test_two_engines_of_one_campaign_side_by_side(here):
    rows = run_cli(["campaign", "diff", "tiny", "-e", "emt", "-e", "morse", "--json"]).json["records"]
    assert {row["noun"] for row in rows} == {"bulks", "surfaces"}
    assert rows[0]["why"][0]["kind"] == "model"
    assert rows[0]["why"][0]["detail"] == "emt:ase → morse:liface"
    run_cli(["campaign", "diff", "tiny", "-e", "emt", "-e", "nothing"], code=2, err="engines: emt:ase")


def test_runs_are_found_by_lock_database_and_run_id(here):
    other = changed(here, "other.lock.json", records=with_gamma(here, 5.0))
    with Database(here / "liface.db") as database:
        database.add_run(other)
    mine = read_lock(here / "tiny.lock.json").run_id
    for a, b in (("tiny.lock.json", "other.lock.json"), (mine[:8], other.run_id[:8]), ("liface.db", "other.lock.json"),
                 ("tiny", other.run_id)):  # fmt: skip
        rows = run_cli(["campaign", "diff", a, b, "--json"]).json["records"]
        assert [(row["noun"], row["numbers"][0]["difference"]) for row in rows] == [
            ("surfaces", pytest.approx(5.0)), ("surfaces", pytest.approx(5.0)),
        ]  # fmt: skip
    run_cli(["campaign", "diff", "tiny", "--db-b", "liface.db"], err="4 results: 4 identical")


def test_csv_has_a_line_for_every_number(here):
    changed(here, "other.lock.json", records=with_gamma(here, 5.0))
    text = run_cli(["campaign", "diff", "tiny.lock.json", "other.lock.json", "--csv"]).out
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["column"], row["unit"], float(row["difference"])) for row in rows] == [
        ("gamma_mev_per_a2", "meV/Å²", pytest.approx(5.0))
    ] * 2
    run_cli(["campaign", "diff", "tiny.lock.json", "other.lock.json", "-t", "meV/Å²=9"], err="2 within the tolerance")
    run_cli(["campaign", "diff", "tiny.lock.json", "other.lock.json", "--json", "--csv"], code=2, err="one of them")


def test_addresses_that_lead_nowhere_are_explained(here):
    run_cli(["campaign", "diff", "tiny"], code=2, err="what is A to be held against")
    run_cli(["campaign", "diff", "tiny", "nobody"], code=2, err="campaigns there: tiny")
    run_cli(["campaign", "diff", "tiny", "absent.json"], code=2, err="no lock at")
    run_cli(["campaign", "diff", "tiny", "tiny", "--db", "absent.db"], code=3, err="no database at")


# --- bundle --------------------------------------------------------------------------------------------------------

WITHOUT_ENGINES = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "sevenn", "chgnet", "ase", "pymatgen", "jobflow", "maggma", "atomate2"}:
            raise ImportError(f"{name} is not installed here")
sys.meta_path.insert(0, Blocked())
from liface.cli.app import invoke
sys.exit(max(invoke(line.split()) for line in sys.argv[1:]))
"""


def test_others_open_and_ask_a_bundle_without_any_engine(here):
    lines = ["campaign verify tiny.zip", "campaign open tiny.zip opened", "query surfaces --db opened/results.db",
             "query runs --db opened/results.db", "database verify --db opened/results.db",
             "database info --db opened/results.db"]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_ENGINES, *lines], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "tiny.zip is sound" in done.stderr and "surface_energy" not in done.stderr
    assert {path.name for path in (here / "opened").iterdir()} == {
        "CITATION.cff", "README.txt", "SHA256SUMS", "campaign.yaml", "literature.json", "references.bib", "report.html",
        "results.db", "structures", "tiny.lock.json",
    }  # fmt: skip
    with Database(here / "opened" / "results.db", read_only=True) as database:
        assert (database.count("surfaces"), database.count("calculations")) == (2, len(_lock(here).calculations))
    assert (here / "opened" / "tiny.lock.json").read_text() == (here / "tiny.lock.json").read_text()


def _lock(here):
    return read_lock(here / "tiny.lock.json")


def test_a_bundle_is_the_same_file_whoever_makes_it(here):
    command = [sys.executable, "-m", "liface", "campaign", "bundle", "tiny", "-o", "again.zip", "--author", "A. Person"]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    assert (here / "again.zip").read_bytes() == (here / "tiny.zip").read_bytes()


def test_what_a_bundle_holds_can_be_used(here):
    import yaml
    from ase.io import read

    run_cli(["campaign", "open", "tiny.zip", "o"])
    frames = [read(path) for path in sorted((here / "o" / "structures").iterdir())]
    assert len(frames) == 4 and {atoms.info["engine"] for atoms in frames} == {"emt:ase", "morse:liface"}
    cited = yaml.safe_load((here / "o" / "CITATION.cff").read_text())
    assert cited["authors"] == [{"name": "A. Person"}] and cited["type"] == "dataset"
    assert "10.1039/d4ee03130j" in {each.get("doi") for each in cited["references"]}
    assert "doi = {10.1039/d4ee03130j}" in (here / "o" / "references.bib").read_text()
    assert {value["material"] for value in json.loads((here / "o" / "literature.json").read_text())} == {"Cu"}
    plan = run_cli(["campaign", "plan", "o/campaign.yaml", "--db", "o/results.db", "--json"]).json
    assert {row["state"] for row in plan["cases"]} == {"in database"}, "the campaign file asks for the same"
    assert "surface" in (here / "o" / "report.html").read_text()


def test_a_bundle_of_what_was_never_recorded_holds_its_own_run(here):
    run_cli(["campaign", "bundle", "tiny.yaml", "-o", "emt.zip"])
    run_cli(["campaign", "open", "emt.zip", "o"])
    rows = run_cli(["query", "surfaces", "--db", "o/results.db", "--json"]).json
    assert [row["engine"] for row in rows] == ["emt"] and "morse" not in (here / "o" / "report.html").read_text()
    ids = {row["run_id"] for row in run_cli(["query", "runs", "--db", "o/results.db", "--json"]).json}
    assert read_lock(here / "o" / "tiny.lock.json").run_id in ids


def test_a_run_whose_results_have_changed_since_is_not_bundled_as_if_they_had_not(here):
    stale = changed(here, "other.lock.json", records=[
        record.model_copy(update={"record_id": "0" * 32}) for record in _lock(here).records])  # fmt: skip
    with Database(here / "liface.db") as database:
        database.add_run(stale)
    run_cli(["campaign", "bundle", stale.run_id[:10], "-o", "x.zip"], code=2, err="are no longer in the database as")
    assert not (here / "x.zip").exists()


def test_a_bundle_is_not_written_over_unasked(here):
    before = (here / "tiny.zip").read_bytes()
    run_cli(["campaign", "bundle", "tiny"], code=2, err="is there already; write over it with --force")
    assert (here / "tiny.zip").read_bytes() == before
    run_cli(["campaign", "bundle", "nobody"], code=2, err="is recorded; recorded: tiny")
    run_cli(["campaign", "open", "tiny.lock.json", "o"], code=2, err="damaged or no bundle")
