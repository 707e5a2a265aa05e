"""`liface hpc check`: every link proven, and one clear line for each that does not hold."""

from __future__ import annotations

import os
import re
import socket
import stat
import sys
from pathlib import Path

import pytest
from lab_site import LabSite

from liface import __version__
from liface.dispatch.site import load_site
from liface.dispatch.site_check.finding import Check, Finding, failed, ok, run_checks, skipped
from liface.dispatch.site_check.plan import Asked, SiteChecks, kinds_of
from liface.errors import SiteError

FAST = ("workers", "compute nodes")
"""Checks that start other processes; most tests leave them out."""


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("LIFACE_SITE", "FW_CONFIG_FILE", "JOBFLOW_CONFIG_FILE", "LIFACE_CALCULATIONS", "LIFACE_RUNS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def lab(mongo, slurm, tmp_path, monkeypatch):
    """A site that works."""
    site = LabSite(mongo, slurm, tmp_path).initialise()
    for name, value in slurm.env.items():
        monkeypatch.setenv(name, value)
    return site


@pytest.fixture
def bare(mongo, tmp_path):
    """A site without a batch system whose queue was never initialised."""
    return LabSite(mongo, None, tmp_path)


def look(site: LabSite, *names: str, **asked) -> dict[str, Finding]:
    """Run the checks of a site in this process; all that need no other, or those named and what they rest on."""
    checks = SiteChecks(load_site(site.folder / "site.yaml"), Asked(**asked)).checks()
    wanted = set(names) or {check.name for check in checks} - set(FAST)
    for check in reversed(checks):
        if check.name in wanted:
            wanted |= set(check.needs)
    return {finding.check: finding for finding in run_checks(check for check in checks if check.name in wanted)}


def states(findings: dict[str, Finding]) -> dict[str, str]:
    return {name: finding.state for name, finding in findings.items()}


# the whole


def test_a_site_that_works(lab):
    done = lab.liface("hpc", "check", "--engine", "emt", "--json")
    assert done.json["ok"]
    rows = {row["check"]: row for row in done.json["checks"]}
    assert {row["state"] for row in rows.values()} == {"ok"}
    assert list(rows) == [
        "site file", "queue package", "configuration", "passwords", "server", "credentials", "initialised", "outputs",
        "queue", "calculations folder", "runs folder", "batch system", "partition debug", "allocation light",
        "allocation potential", "engine emt", "worker cpu", "worker cpu: calculations folder",
        "worker cpu: runs folder", "worker cpu: server", "worker cpu: engine emt",
    ]  # fmt: skip
    assert rows["worker cpu"]["message"] == f"liface {__version__}, {Path(sys.prefix) / 'bin' / 'python'}"
    assert "sha256" in rows["engine emt"]["message"]
    assert not [path for folder in (lab.runs, lab.calculations) for path in folder.iterdir()]


def test_a_site_that_does_not(lab):
    """All that is wrong is found in one go, told in one line each, and the exit code says so."""
    lab.change("my_qadapter_cpu.yaml", 'queue: "debug"', "queue: nowhere")
    lab.change("site.yaml", str(lab.calculations), "/proc/calculations")
    lab.change("my_qadapter_cpu.yaml", f"source {sys.prefix}/bin/activate", "source /nowhere/activate; PATH=/nowhere")
    done = lab.liface("hpc", "check", "--kind", "light", code=5)
    table = {line.split("  ")[0]: line for line in done.out.splitlines()}
    assert "failed" in table["partition nowhere"] and " ok " in table["outputs"]
    lines = done.err.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "calculations folder", "partition nowhere", "worker cpu", f"{len(table) - 2} links",
    ]  # fmt: skip
    assert "there is no partition nowhere; known: debug, down, drained" in lines[1]
    assert "there is no python after its lines" in lines[2] and "pre_rocket in" in lines[2]
    assert "Traceback" not in done.err


def test_what_a_compute_node_finds(lab):
    done = lab.liface(
        "hpc", "check", "--kind", "light", "--engine", "emt", "--through-queue", "--wait", "120", "--json"
    )
    rows = {row["check"]: row for row in done.json["checks"]}
    assert {name for name in rows if name.startswith("node of cpu")} == {
        "node of cpu", "node of cpu: calculations folder", "node of cpu: runs folder", "node of cpu: server",
        "node of cpu: engine emt",
    }  # fmt: skip
    assert done.json["ok"], rows
    assert "allocation" in done.err and not list(lab.runs.iterdir())


def test_password_of_the_server_is_used_and_never_shown(mongo_with_password, slurm, tmp_path, monkeypatch):
    for name, value in slurm.env.items():
        monkeypatch.setenv(name, value)
    site = LabSite(mongo_with_password, slurm, tmp_path).initialise()
    done = site.liface("hpc", "check", "--kind", "light")
    assert f"user {mongo_with_password.username!r} may read" in done.out
    assert mongo_with_password.password not in done.out + done.err


# site file and configuration


def test_no_site_file(tmp_path):
    from liface.testing.cli import run_cli

    done = run_cli(["hpc", "check", "--site", "nowhere.yaml"], code=5, err="there is no site file nowhere.yaml")
    assert "liface hpc init" in done.err and "skipped" in done.out


def test_files_that_are_not_filled_in(bare):
    bare.change("my_launchpad.yaml", "host: ", "host: <MONGO_HOST> # ")
    found = look(bare, "configuration", "server", "calculations folder")
    assert "<MONGO_HOST> (line 2)" in found["configuration"].message
    assert states(found) == {
        "queue package": "ok", "configuration": "failed", "server": "skipped", "calculations folder": "ok",
    }  # fmt: skip
    assert found["server"].message == "it rests on: configuration"


def test_worker_that_does_not_take_the_jobs(bare):
    bare.change("my_fworker_cpu.yaml", "light, ", "")
    found = look(bare, "configuration", kinds=("light",))["configuration"]
    assert "leaves out 'light'" in found.message
    assert look(bare, "configuration", kinds=("dft",))["configuration"].state == "ok"


def test_worker_without_files(bare):
    bare.change("site.yaml", "worker: cpu", "worker: big")
    found = look(bare, "configuration")["configuration"]
    assert "worker big of the site has no file" in found.message and "workers here: cpu" in found.advice


def test_passwords_that_everybody_can_read(mongo_with_password, tmp_path):
    site = LabSite(mongo_with_password, None, tmp_path)
    assert look(site, "passwords")["passwords"].state == "ok"
    (site.folder / "jobflow.yaml").chmod(0o644)
    found = look(site, "passwords")["passwords"]
    assert "everybody can read it" in found.message and found.advice == f"run: chmod 600 {site.folder}/jobflow.yaml"


# server and stores


def test_server_that_does_not_answer(bare):
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        port = bare.read("my_launchpad.yaml")["port"]
        for name in ("my_launchpad.yaml", "jobflow.yaml"):
            bare.change(name, f"port: {port}", f"port: {taken.getsockname()[1]}")
            bare.change(name, "serverSelectionTimeoutMS: 10000", "serverSelectionTimeoutMS: 500")
        found = look(bare, "queue", "calculations folder")
    assert "does not answer" in found["server"].message and "refused" in found["server"].message
    assert found["server"].advice.startswith("is host right")
    assert "does not answer" in found["outputs"].message and found["calculations folder"].state == "ok"
    assert found["credentials"].state == found["queue"].state == "skipped"


@pytest.mark.parametrize("what", ["user", "password"])
def test_wrong_credentials(mongo_with_password, tmp_path, what):
    site = LabSite(mongo_with_password, None, tmp_path).initialise()
    said = site.read("my_launchpad.yaml")["username" if what == "user" else "password"]
    for name in ("my_launchpad.yaml", "jobflow.yaml"):
        site.change(name, f'"{said}"', '"somebody else"')
    found = look(site, "queue")
    assert found["server"].state == "ok"
    assert "refuses user" in found["credentials"].message and str(site.folder) in found["credentials"].message
    assert "refuses user" in found["outputs"].message
    assert not [finding for finding in found.values() if mongo_with_password.password in finding.message]


def test_queue_that_was_never_made(bare):
    found = look(bare, "queue")
    assert "holds no queue yet" in found["initialised"].message
    assert found["initialised"].advice == f"run once: lpad -l {bare.folder}/my_launchpad.yaml reset"
    assert found["outputs"].state == "ok" and found["queue"].state == "skipped"


def test_stores_that_keep_nothing_for_others(bare):
    bare.change("jobflow.yaml", "type: MongoStore", "type: MemoryStore")
    assert "JOB_STORE" in look(bare, "outputs")["configuration"].message
    bare.change("jobflow.yaml", "type: MemoryStore", "type: MongoStore")
    bare.change("jobflow.yaml", "    data:  #", "    dates:  #")
    assert "additional_stores.data" in look(bare, "outputs")["configuration"].message


def test_outputs_are_removed_again(bare, mongo):
    assert look(bare, "outputs")["outputs"].state == "ok"
    with mongo.client() as client:
        left = {
            name: client[bare.database][name].count_documents({})
            for name in client[bare.database].list_collection_names()
        }
    assert set(left.values()) <= {0}, left


# folders


def test_folders_that_cannot_be_written(bare):
    bare.change("site.yaml", str(bare.calculations), "/proc/calculations")
    bare.change("site.yaml", str(bare.runs), "/proc/runs")
    found = look(bare, "calculations folder", "runs folder")
    assert "/proc/calculations" in found["calculations folder"].message
    assert "LIFACE_CALCULATIONS" in found["calculations folder"].advice
    assert "/proc/runs cannot be written" in found["runs folder"].message


def test_file_system_without_hard_links(bare, monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    found = look(bare, "calculations folder")["calculations folder"]
    assert "hard links" in found.message + found.advice and found.state == "failed"


def test_folders_with_variables_of_compute_nodes(bare, monkeypatch):
    bare.change("site.yaml", str(bare.runs), "$LIFACE_TEST_SCRATCH/runs")
    assert look(bare, "runs folder")["runs folder"].state == "skipped"
    monkeypatch.setenv("LIFACE_TEST_SCRATCH", str(bare.runs))
    assert f"{bare.runs}/runs: written" in look(bare, "runs folder")["runs folder"].message


# batch system


def test_partitions_and_what_they_give(lab):
    lab.change("site.yaml", "cores: 2", "cores: 5000")
    found = look(lab, "batch system")
    assert found["partition debug"].state == found["allocation light"].state == "ok"
    assert "More processors requested than permitted" in found["allocation dft"].message
    assert "ntasks 5000" in found["allocation dft"].message
    lab.change("my_qadapter_cpu.yaml", 'queue: "debug"', "queue: down")
    assert look(lab, "batch system")["partition down"].message == "partition down is down"


def test_no_batch_system(bare, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    found = look(bare, "batch system")["batch system"]
    assert found.message == "sbatch, squeue, sinfo not found on the PATH" and "login node" in found.advice


def test_controller_that_does_not_answer(lab, slurm, tmp_path, monkeypatch):
    text = Path(slurm.env["SLURM_CONF"]).read_text()
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        other = re.sub(r"SlurmctldPort=\d+", f"SlurmctldPort={taken.getsockname()[1]}", text)
        (tmp_path / "slurm.conf").write_text(other + "MessageTimeout=2\n")
        monkeypatch.setenv("SLURM_CONF", str(tmp_path / "slurm.conf"))
        found = look(lab, "batch system")["batch system"]
    assert found.message.startswith("sinfo: ") and found.advice == "ask whether the batch system is up"


def test_pbs(mongo, tmp_path, monkeypatch):
    """With programs in place of those of PBS: what they say is what is told."""
    site = LabSite(mongo, None, tmp_path, scheduler="pbs", partition="workq")
    programs = {
        "qsub": "cat > /dev/null; echo 17.server",
        "qstat": '[ "$2" = "" ] || [ "$2" = workq ] || { echo "qstat: Unknown queue $2" >&2; exit 170; }',
    }
    for name, text in programs.items():
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    found = look(site, "batch system", kinds=("light",))
    assert states(found) == {
        "queue package": "ok", "configuration": "ok", "batch system": "ok", "partition workq": "ok",
        "allocation light": "skipped",
    }  # fmt: skip
    site.change("my_qadapter_cpu.yaml", 'queue: "workq"', "queue: other")
    assert "Unknown queue other" in look(site, "batch system")["partition other"].message


def test_allocation_that_never_starts(lab):
    lab.change("my_qadapter_cpu.yaml", 'queue: "debug"', "queue: down")
    checks = SiteChecks(load_site(lab.folder / "site.yaml"), Asked(kinds=("light",), wait_s=2))
    [found] = checks.check_nodes()
    assert found.state == "failed" and "gave no answer within 2 s: PENDING" in found.message
    assert not list(lab.runs.iterdir())


def test_allocation_that_ends_without_an_answer(lab, monkeypatch):
    monkeypatch.setattr("liface.dispatch.site_check.through_queue.POLL_S", 0.2)
    lab.change("my_qadapter_cpu.yaml", "export OMP_NUM_THREADS=1", "echo no such module >&2; exit 9")
    [found] = SiteChecks(load_site(lab.folder / "site.yaml"), Asked(kinds=("light",), wait_s=60)).check_nodes()
    assert "ended without an answer" in found.message and "no such module" in found.message


# workers


def fake_package(folder: Path, text: str) -> str:
    (folder / "other" / "liface").mkdir(parents=True)
    (folder / "other" / "liface" / "__init__.py").write_text(text)
    return f"export PYTHONPATH={folder}/other"


def worker(site: LabSite, line: str = "", **asked) -> list[Finding]:
    if line:
        site.change("my_qadapter_cpu.yaml", "export OMP_NUM_THREADS=1", line)
    return list(SiteChecks(load_site(site.folder / "site.yaml"), Asked(**asked)).check_workers())


def test_worker_without_liface(bare, tmp_path):
    [found] = worker(bare, fake_package(tmp_path, "raise ModuleNotFoundError('No module named liface')"))
    assert "has no liface: ModuleNotFoundError" in found.message
    assert "pre_rocket in" in found.advice and __version__ in found.advice


def test_worker_with_another_version(bare, tmp_path):
    [found] = worker(bare, fake_package(tmp_path, "__version__ = '0.0.9'"))
    assert f"liface 0.0.9 there ({tmp_path}/other/liface/__init__.py), {__version__} here" in found.message


def test_worker_whose_lines_fail(bare):
    [found] = worker(bare, "module load nothing || { echo 'no module nothing' >&2; exit 7; }")
    assert found.message.endswith("no module nothing") and "end the shell with 7" in found.message


def test_worker_without_the_launcher(bare, tmp_path):
    (tmp_path / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (tmp_path / "python").chmod(0o755)
    [found] = worker(bare, f"export PATH={tmp_path}:/usr/bin:/bin")
    assert "rlaunch is not on the PATH" in found.message and "liface[hpc]" in found.advice


def test_worker_that_inherits_nothing(bare, monkeypatch):
    """What is set in the shell of a person is not there on a node."""
    monkeypatch.setenv("LIFACE_CALCULATIONS", str(bare.calculations))
    bare.change("my_qadapter_cpu.yaml", "export LIFACE_CALCULATIONS", "# export LIFACE_CALCULATIONS")
    found = {finding.check: finding for finding in worker(bare)}
    assert found["worker cpu: calculations folder"].message == "LIFACE_CALCULATIONS is not set"


def test_worker_elsewhere(bare, tmp_path):
    """Another folder and another queue than those of the site file."""
    other = tmp_path / "elsewhere"
    bare.calculations.mkdir()
    bare.change("my_qadapter_cpu.yaml", f'CALCULATIONS="{bare.calculations}"', f'CALCULATIONS="{other}"')
    bare.change("my_qadapter_cpu.yaml", "export OMP_NUM_THREADS=1", f"export FW_CONFIG_FILE={tmp_path}/FW.yaml")
    (tmp_path / "lp.yaml").write_text((bare.folder / "my_launchpad.yaml").read_text().replace("name: ", "name: x # "))
    (tmp_path / "FW.yaml").write_text(f"LAUNCHPAD_LOC: {tmp_path}/lp.yaml\n")
    found = {finding.check: finding for finding in worker(bare)}
    assert "is not the folder" in found["worker cpu: calculations folder"].message
    assert f"{tmp_path}/FW.yaml leads to" in found["worker cpu: server"].message
    assert found["worker cpu: runs folder"].state == "ok"


# engines


def test_engine_that_is_another_there(bare, tmp_path):
    """The identity that the submitting machine sends is compared with that on the worker."""
    from liface.dispatch.site_check.engines import check_on_worker
    from liface.engines.registry import engine_info

    info = engine_info("emt")
    assert check_on_worker("emt", info, ("Li",)).state == "ok"
    found = check_on_worker("emt", info.model_copy(update={"weights_sha256": "f" * 64, "code_version": "9.9"}), ("Li",))
    assert found.state == "failed" and "code_version" in found.message and "9.9 here" in found.message
    assert f"weights_sha256 {info.weights_sha256[:12]} there, ffffffffffff here" in found.message


def test_engine_that_is_not_here(bare):
    found = look(bare, "engine sevennet:nothing", engines=("sevennet:nothing",))["engine sevennet:nothing"]
    assert "unknown sevennet model 'nothing'" in found.message


def test_vasp_without_binary_and_pseudopotentials(bare, tmp_path):
    """One line on the worker names the command and every element that is missing."""
    (tmp_path / "pseudo").mkdir()
    lines = f"export ATOMATE2_VASP_CMD='vasp_std_nowhere' PMG_VASP_PSP_DIR={tmp_path}/pseudo"
    found = {f.check: f for f in worker(bare, lines, engines=("vasp:slab",), elements=("Cu", "Li"))}
    vasp = found["worker cpu: engine vasp:slab"]
    assert vasp.state == "failed" and "\n" not in vasp.message
    for part in ("'vasp_std_nowhere'", "no POTCAR Cu", "no POTCAR Li"):
        assert part in vasp.message
    assert "pre_rocket" in vasp.advice


def test_gpaw_with_a_command_that_is_not_there(bare):
    lines = "export LIFACE_GPAW_COMMAND='mpirun-nowhere -n 4 python3'"
    found = {f.check: f for f in worker(bare, lines, engines=("gpaw",))}
    assert "no program 'mpirun-nowhere'" in found["worker cpu: engine gpaw"].message


def test_engines_and_elements_of_a_campaign_are_looked_for(bare, tmp_path):
    from liface.cli.hpc import _engines_and_elements

    text = "name: mine\nengines: [gpaw]\nsurfaces: [{material: Li2Te, planes: ['111']}]\n"
    (tmp_path / "mine.yaml").write_text(text)
    assert _engines_and_elements("mine.yaml", None) == (("gpaw",), ("Li", "Te"))
    (tmp_path / "mine.yaml").write_text(f"{text}screening: {{engine: emt, kinds: [surface], by: gamma_j_per_m2}}\n")
    assert _engines_and_elements("mine.yaml", None) == (("emt", "gpaw"), ("Li", "Te"))
    assert _engines_and_elements("mine.yaml", ["vasp:slab"])[0] == ("emt", "vasp:slab")
    assert _engines_and_elements(None, ["chgnet"]) == (("chgnet",), ("Li",))


def test_kinds_follow_from_engines():
    assert kinds_of(()) == ("light", "potential", "dft")
    assert kinds_of(("chgnet",)) == ("light", "potential")
    assert kinds_of(("vasp:slab", "chgnet")) == ("light", "potential", "dft")
    assert kinds_of(("gpaw",)) == ("light", "dft")


# how checks are run


def test_checks_that_rest_on_a_broken_one_are_skipped_and_others_are_not():
    def broken():
        raise SiteError("it does not hold; do this")

    checks = [
        Check("first", broken),
        Check("second", lambda: ok("never"), needs=("first",)),
        Check("third", lambda: ok("never"), needs=("second",)),
        Check("fourth", lambda: iter([ok("a"), failed("b", "c"), skipped("d")])),
        Check("fifth", lambda: ok("fine")),
        Check("sixth", lambda: ok("never"), needs=("fourth",)),
    ]
    found = list(run_checks(checks))
    assert [finding.state for finding in found] == [
        "failed", "skipped", "skipped", "ok", "failed", "skipped", "ok", "skipped",
    ]  # fmt: skip
    assert (found[0].message, found[0].advice) == ("it does not hold", "do this")
    assert [finding.check for finding in found][3:6] == ["fourth"] * 3


# jobflow-remote


def test_remote_site(remote_project, tmp_path):
    site = tmp_path / "site.yaml"
    site.write_text(
        f"name: lab\nqueue: remote\nruns: {tmp_path}/runs\ncalculations: {tmp_path}/calculations\n"
        f"project: {remote_project.name}\nkinds: {{light: {{worker: slurm}}, potential: {{worker: slurm}}}}\n"
    )
    asked = Asked(kinds=("light", "potential"), engines=("emt",))
    found = {finding.check: finding for finding in run_checks(SiteChecks(load_site(site), asked).checks())}
    assert states(found) == {
        "queue package": "ok", "configuration": "ok", "passwords": "ok", "server": "ok", "outputs": "ok", "queue": "ok",
        "runner": "failed", "calculations folder": "ok", "runs folder": "ok", "batch system of slurm": "ok",
        "engine emt": "ok", "worker slurm": "ok", "worker slurm: calculations folder": "ok",
        "worker slurm: runs folder": "ok", "worker slurm: engine emt": "ok",
    }, {name: finding.message for name, finding in found.items()}  # fmt: skip
    assert "jf -p liface_test runner start" in found["runner"].advice
