"""The files of a site: as shipped, as `liface hpc init` writes them, and at work."""

from __future__ import annotations

import getpass
import os
import platform
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from clean_environment import clean_environment
from fireworks import FWorker, LaunchPad
from fireworks.user_objects.queue_adapters.common_adapter import CommonAdapter
from jobflow import Job
from jobflow.managers.fireworks import flow_to_workflow
from waiting import PATIENCE_S

from liface.dispatch.site import load_site
from liface.dispatch.site_files import MARK, PROJECT_FILE, site_answers, site_files, unfilled
from liface.errors import SiteError
from liface.testing.cli import run_cli

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "fireworks_config"
TEMPLATES = ROOT / "src" / "liface" / "dispatch" / "templates"
LAB = [
    "--name", "lab", "--mongo-host", "db.lab.org", "--mongo-port", "27018", "--database", "li", "--user", "li user",
    "--auth-database", "admin", "--runs", "$SCRATCH/liface/runs", "--calculations", "/shared/li face/calculations",
    "--environment", "module load python/3.11", "--environment", "source /opt/li/bin/activate",
    "--partition", "batch", "--account", "a-17", "--walltime-dft", "2-00:00:00", "--cores-dft", "64",
]  # fmt: skip
PASSWORD = "p@ss:w/rd é \"'\\# {x}"


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LIFACE_MONGO_PASSWORD", raising=False)
    monkeypatch.delenv("LIFACE_SITE", raising=False)


def read(path: Path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


# what is shipped


@pytest.mark.parametrize("name", site_files(site_answers({}), everything=True))
def test_shipped_files_are_those_of_init_without_answers(name, tmp_path):
    run_cli(["hpc", "init", tmp_path / "here", "--defaults"])
    expected = (tmp_path / "here" / name).read_text(encoding="utf-8").replace(str(tmp_path / "here"), "<CONFIG_FOLDER>")
    shipped = (SHIPPED / name).read_text(encoding="utf-8")
    if name == PROJECT_FILE:  # its database has no default
        assert shipped == (TEMPLATES / name).read_text(encoding="utf-8"), f"copy {name} into {TEMPLATES}"
        shipped = shipped.replace("<DATABASE>", '"liface"')
    assert shipped == expected


def test_nothing_else_is_shipped():
    assert {path.name for path in SHIPPED.iterdir()} - {"README.md"} == set(site_files(site_answers({}), True))


def test_readme_names_every_file_and_no_other():
    text = (SHIPPED / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w]+\.yaml)`", text)) - {"my_fworker_NAME.yaml", "my_qadapter_NAME.yaml"}
    assert named == {path.name for path in SHIPPED.glob("*.yaml")}


def test_shipped_site_file_is_refused_until_it_is_filled_in():
    with pytest.raises(SiteError, match="<SITE_NAME>"):
        load_site(SHIPPED / "site.yaml")


def fill_in(folder: Path, answers: dict[str, str]) -> None:
    """Do what a person does who copies the folder: put a value in the place of every mark, and touch nothing else."""
    folder.mkdir()
    for path in SHIPPED.glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        for mark, value in answers.items():
            text = text.replace(mark, value)
        (folder / path.name).write_text(text, encoding="utf-8")
    left = {mark for path in folder.glob("*.yaml") for _, mark in unfilled(path.read_text(encoding="utf-8"))}
    assert not left


@pytest.fixture
def filled_in(mongo_with_password, tmp_path):
    """The shipped folder, filled in for the test site."""
    database = mongo_with_password.new_database_name()
    folder = tmp_path / "fireworks_config"
    fill_in(
        folder,
        {
            "<SITE_NAME>": "test",
            "<CONFIG_FOLDER>": str(folder),
            "<MONGO_HOST>": mongo_with_password.host,
            "port: 27017": f"port: {mongo_with_password.port}",
            "<MONGO_USER>": mongo_with_password.username,
            "<MONGO_PASSWORD>": mongo_with_password.password,
            "<MONGO_AUTH_DATABASE>": mongo_with_password.auth_source,
            "<DATABASE>": database,
            'liface"': f'{database}"',
            "<RUNS_FOLDER>": str(tmp_path / "runs"),
            "<CALCULATIONS_FOLDER>": str(tmp_path / "calculations"),
            "<VIRTUAL_ENVIRONMENT>": sys.prefix,
            "<PARTITION>": "debug",
            "<GPU_PARTITION>": "debug",
            "<ACCOUNT>": "nobody",
            "24:00:00": "00:10:00",
        },
    )
    (tmp_path / "runs").mkdir()
    return folder


def test_fireworks_and_jobflow_read_the_filled_files(filled_in, tmp_path):
    pad = LaunchPad.from_file(str(filled_in / "my_launchpad.yaml"))
    pad.reset("", require_password=False)
    assert pad.get_fw_ids() == []
    assert FWorker.from_file(str(filled_in / "my_fworker_cpu.yaml")).category == ["light", "potential", "dft"]
    assert FWorker.from_file(str(filled_in / "my_fworker_gpu.yaml")).category == ["potential"]
    for worker in ("cpu", "gpu"):
        script = CommonAdapter.from_file(str(filled_in / f"my_qadapter_{worker}.yaml")).get_script_str("/launches")
        assert "#SBATCH --partition=debug\n" in script and "#SBATCH --time=00:10:00\n" in script
        assert f'export FW_CONFIG_FILE="{filled_in}/FW_config.yaml"\n' in script and "$$" not in script
        assert f'-w "{filled_in}/my_fworker_{worker}.yaml" rapidfire --timeout 69120\n' in script
    assert "--gres=gpu:1" in script
    pbs = CommonAdapter.from_file(str(filled_in / "my_qadapter_pbs.yaml")).get_script_str("/launches")
    assert "#PBS -l nodes=1:ppn=1\n" in pbs and "#PBS -q debug\n" in pbs and "$$" not in pbs
    assert load_site(filled_in / "site.yaml").kinds.dft.worker == "cpu"


def test_filled_files_without_a_line_of_fireworks_own_are_complete(filled_in):
    """FireWorks refuses a configuration with unknown keys, and jobflow one without a JobStore; both look at start."""
    program = (
        "from fireworks.fw_config import LAUNCHPAD_LOC, SORT_FWS, PING_TIME_SECS; from fireworks import LaunchPad\n"
        "from jobflow import SETTINGS; store = SETTINGS.JOB_STORE; store.connect()\n"
        "print(LAUNCHPAD_LOC, SORT_FWS, PING_TIME_SECS, LaunchPad.auto_load().authsource, store.count())\n"
        "print(sorted(store.additional_stores), store.additional_stores['data'].key)"
    )
    environment = clean_environment(
        FW_CONFIG_FILE=str(filled_in / "FW_config.yaml"), JOBFLOW_CONFIG_FILE=str(filled_in / "jobflow.yaml")
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, timeout=PATIENCE_S
    )
    assert done.stdout.splitlines() == [
        f"{filled_in}/my_launchpad.yaml FIFO 600 admin 0",
        "['data'] blob_uuid",
    ], done.stderr


def test_a_job_goes_through_slurm_with_the_filled_files(filled_in, slurm, tmp_path):
    """qlaunch, sbatch, rlaunch and the JobStore with nothing but these files."""
    environment = clean_environment(FW_CONFIG_FILE=str(filled_in / "FW_config.yaml"), **slurm.env)
    pad = LaunchPad.from_file(str(filled_in / "my_launchpad.yaml"))
    pad.reset("", require_password=False)
    job = Job(platform.node, name="where")
    job.update_config({"manager_config": {"_category": "light"}})
    pad.add_wf(flow_to_workflow(job))
    qlaunch = ["qlaunch", "-w", str(filled_in / "my_fworker_cpu.yaml"), "--launch_dir", "runs", "singleshot"]
    said = subprocess.run(qlaunch, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=PATIENCE_S)
    submitted = re.search(r"job_id is (\d+)", said.stdout + said.stderr)
    assert submitted, said.stdout + said.stderr
    assert slurm.wait_for(submitted[1]) == "COMPLETED"
    assert pad.get_fw_dict_by_id(1)["state"] == "COMPLETED", "".join(
        path.read_text() for path in (tmp_path / "runs").glob("liface-cpu-*")
    )
    program = f"from jobflow import SETTINGS as s; s.JOB_STORE.connect(); print(s.JOB_STORE.get_output({job.uuid!r}))"
    environment["JOBFLOW_CONFIG_FILE"] = str(filled_in / "jobflow.yaml")
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, timeout=PATIENCE_S
    )
    assert output.stdout.strip() == platform.node(), output.stderr


# what init writes


def test_answers_fill_every_file(tmp_path):
    done = run_cli(["hpc", "init", "cfg", *LAB, "--gpu-partition", "gpu"], env={"LIFACE_MONGO_PASSWORD": PASSWORD})
    folder = tmp_path / "cfg"
    written = sorted(path.name for path in folder.iterdir())
    assert sorted(Path(line).name for line in done.out.splitlines()) == written
    assert "my_qadapter_pbs.yaml" not in written and "jobflow_remote_project.yaml" not in written
    assert not [name for name in written if MARK.search((folder / name).read_text())]
    launchpad = read(folder / "my_launchpad.yaml")
    assert {key: launchpad[key] for key in ("host", "port", "name", "username", "password", "authsource")} == {
        "host": "db.lab.org", "port": 27018, "name": "li",
        "username": "li user", "password": PASSWORD, "authsource": "admin",
    }  # fmt: skip
    stores = read(folder / "jobflow.yaml")["JOB_STORE"]
    for store in (stores["docs_store"], stores["additional_stores"]["data"]):
        assert (store["username"], store["password"], store["auth_source"]) == ("li user", PASSWORD, "admin")
    adapter = read(folder / "my_qadapter_cpu.yaml")
    assert (adapter["queue"], adapter["account"], adapter["walltime"]) == ("batch", "a-17", "2-00:00:00")
    assert adapter["rocket_launch"].endswith("--timeout 138240")
    assert adapter["pre_rocket"].splitlines()[:2] == ["module load python/3.11", "source /opt/li/bin/activate"]
    assert read(folder / "my_qadapter_gpu.yaml")["queue"] == "gpu"
    site = load_site(folder / "site.yaml")
    assert (site.name, site.runs, site.fireworks_config) == ("lab", "$SCRATCH/liface/runs", f"{folder}/FW_config.yaml")
    assert (site.kinds.potential.worker, site.kinds.dft.cores, site.kinds.dft.walltime) == ("gpu", 64, "2-00:00:00")


def test_lines_of_shell_mean_the_same_in_a_shell(tmp_path):
    """Spaces, variables and quotes survive YAML and the shell."""
    run_cli(["hpc", "init", "c f g", *LAB, "--environment", 'export A="it\'s ${HOME}"', "--environment", "true # no"])
    adapter = read(tmp_path / "c f g" / "my_qadapter_cpu.yaml")
    script = adapter["pre_rocket"].replace("source", ": source").replace("module", ": module")
    program = (
        f'{script}\nprintf "%s\\n" "$A" "$LIFACE_RUNS" "$LIFACE_CALCULATIONS" "$FW_CONFIG_FILE" "$OMP_NUM_THREADS"'
    )
    done = subprocess.run(
        ["bash", "-c", program], capture_output=True, text=True, check=True, env={"SCRATCH": "/s", "HOME": "/h"}
    )
    assert done.stdout.splitlines() == [
        "it's /h", "/s/liface/runs", "/shared/li face/calculations", f"{tmp_path}/c f g/FW_config.yaml", "1",
    ]  # fmt: skip


def test_pbs(tmp_path):
    run_cli(["hpc", "init", "cfg", *LAB, "--scheduler", "pbs"])
    adapter = read(tmp_path / "cfg" / "my_qadapter_cpu.yaml")
    assert (adapter["_fw_q_type"], adapter["queue"], adapter["nnodes"]) == ("PBS", "batch", 1)


def test_server_without_passwords(tmp_path):
    done = run_cli(["hpc", "init", "cfg", *LAB, "--user", "", "--account", "", "--gpu-partition", ""])
    assert "the password" not in done.err and "to fill in" not in done.err
    launchpad = read(tmp_path / "cfg" / "my_launchpad.yaml")
    assert (launchpad["username"], launchpad["password"], launchpad["authsource"]) == (None, None, None)
    assert read(tmp_path / "cfg" / "jobflow.yaml")["JOB_STORE"]["docs_store"]["username"] == ""
    assert read(tmp_path / "cfg" / "my_qadapter_cpu.yaml")["account"] is None


def test_remote_project_is_one_that_jobflow_remote_takes(tmp_path):
    from jobflow_remote.config.base import Project

    runs = ["--queue", "remote", "--runs", "/shared/runs"]
    run_cli(["hpc", "init", "cfg", *LAB, *runs], env={"LIFACE_MONGO_PASSWORD": PASSWORD})
    assert sorted(path.name for path in (tmp_path / "cfg").iterdir()) == [PROJECT_FILE, "site.yaml"]
    project = Project.model_validate(read(tmp_path / "cfg" / PROJECT_FILE))
    assert project.name == load_site(tmp_path / "cfg" / "site.yaml").project == "lab"
    assert project.queue.store["password"] == PASSWORD and project.queue.store["port"] == 27018
    assert sorted(project.workers) == ["batch", "cpu"]
    worker = project.workers["cpu"]
    assert worker.pre_run.splitlines() == ["module load python/3.11", "source /opt/li/bin/activate"]
    assert (worker.resources["partition"], worker.resources["account"]) == ("batch", "a-17")
    run_cli(["hpc", "init", "gpu", *LAB, *runs, "--gpu-partition", "gpu", "--user", "", "--account", ""])
    project = Project.model_validate(read(tmp_path / "gpu" / PROJECT_FILE))
    assert project.workers["gpu"].resources["partition"] == "gpu" and "account" not in project.workers["gpu"].resources
    assert "username" not in project.queue.store and not MARK.search(str(project.model_dump()))
    assert load_site(tmp_path / "gpu" / "site.yaml").kinds.potential.worker == "gpu"


def test_passwords_are_for_their_owner_alone_and_never_shown(tmp_path):
    done = run_cli(["hpc", "init", "cfg", *LAB], env={"LIFACE_MONGO_PASSWORD": PASSWORD}, err="read by you alone")
    assert PASSWORD not in done.out + done.err and "p@ss" not in done.out + done.err
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "cfg").iterdir()}
    assert modes["my_launchpad.yaml"] == modes["jobflow.yaml"] == 0o600
    assert {mode & 0o200 for mode in modes.values()} == {0o200}


def test_nothing_is_overwritten_unless_forced(tmp_path):
    run_cli(["hpc", "init", "cfg", *LAB])
    site = tmp_path / "cfg" / "site.yaml"
    site.write_text("mine")
    (tmp_path / "cfg" / "my_fworker_cpu.yaml").unlink()
    (tmp_path / "cfg" / "my_launchpad.yaml").chmod(0o644)
    run_cli(["hpc", "init", "cfg", *LAB], code=2, err=r"holds site\.yaml, FW_config\.yaml, .* --force")
    assert site.read_text() == "mine" and not (tmp_path / "cfg" / "my_fworker_cpu.yaml").exists()
    run_cli(["hpc", "init", "cfg", *LAB, "--force"])
    assert load_site(site).name == "lab"
    assert (tmp_path / "cfg" / "my_launchpad.yaml").stat().st_mode & 0o777 == 0o600


def test_what_is_not_given_is_named_with_its_places():
    done = run_cli(["hpc", "init", "cfg", "--name", "lab", "--json"])
    left = {found["mark"] for found in done.json["to_fill_in"]}
    assert "<SITE_NAME>" not in left and "<CONFIG_FOLDER>" not in left and "<MONGO_PASSWORD>" in left
    told = run_cli(["hpc", "init", "again", "--name", "lab"]).err
    assert re.search(r"<MONGO_HOST> +my_launchpad\.yaml:2, jobflow\.yaml:5", told)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--name", "my site", "letters, digits"),
        ("--mongo-host", "mongodb://user:pw@host", "without port or scheme"),
        ("--mongo-host", "host:27017", "without port"),
        ("--mongo-port", "0", "greater than or equal to 1"),
        ("--mongo-port", "70000", "less than or equal to 65535"),
        ("--database", "a.b", "letters, digits"),
        ("--runs", "runs", "must be absolute"),
        ("--runs", "~/runs", "must be absolute"),
        ("--calculations", '/a"b', "may hold"),
        ("--calculations", "/a`b`", "may hold"),
        ("--environment", "two\nlines", "one line"),
        ("--environment", "  indented", "one line"),
        ("--partition", "a b", "name of a partition"),
        ("--walltime-dft", "5", "hours:minutes:seconds"),
        ("--walltime-light", "00:99:00", "hours:minutes:seconds"),
        ("--cores-dft", "0", "greater than or equal to 1"),
    ],
)
def test_wrong_answers_are_told_and_nothing_is_written(option, value, message, tmp_path):
    done = run_cli(["hpc", "init", "cfg", *LAB, option, value], code=2, err=re.escape(message))
    [line] = [line for line in done.err.splitlines() if option in line]
    assert message in line and not (tmp_path / "cfg").exists()


def test_all_wrong_answers_are_told_at_once():
    done = run_cli(["hpc", "init", "cfg", "--runs", "a", "--calculations", "b", "--mongo-port", "0"], code=2)
    assert [line.split(":")[0].strip() for line in done.err.splitlines()[1:]] == [
        "--calculations", "--mongo-port", "--runs",
    ]  # fmt: skip


def test_what_a_queue_or_batch_system_cannot_do_is_told():
    run_cli(["hpc", "init", "a", *LAB, "--scheduler", "pbs", "--gpu-partition", "g"], code=2, err="leave it out")
    run_cli(["hpc", "init", "a", *LAB, "--queue", "remote"], code=2, err="fills in no variables")
    remote = ["--queue", "remote", "--scheduler", "pbs"]
    run_cli(["hpc", "init", "a", *LAB, *remote], code=2, err="Slurm only")


def test_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    run_cli(["hpc", "init", "file/cfg", *LAB], code=2, err="cannot be written")
    run_cli(["hpc", "init", "a#b", *LAB], code=2, err="DIR: a path may hold")


# at a terminal


def at_terminal(folder: Path, answers: list[str], *options: str) -> tuple[str, int]:
    """Run `liface hpc init` at a terminal of its own; answer one line to each question as it comes."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        command = [sys.executable, "-m", "liface", "hpc", "init", "cfg", *options]
        os.execve(sys.executable, command, clean_environment(TERM="dumb", USER=getpass.getuser()))
    shown, waiting, end = "", list(answers), time.monotonic() + 60
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                shown += os.read(terminal, 4096).decode()
            except OSError:
                break
        elif waiting and shown.rstrip(" ").endswith(":"):
            os.write(terminal, f"{waiting.pop(0)}\n".encode())
            time.sleep(0.05)
    return shown, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_person_is_asked_for_what_is_not_given(tmp_path):
    answers = [
        "slurm", "not a host", "db.lab.org", "", "", "li", PASSWORD, "", "/s/runs", "", "source /x/activate", "batch",
        "", "",
    ]  # fmt: skip
    shown, code = at_terminal(tmp_path, answers, "--name", "lab")
    assert code == 0, shown
    assert "Name of this site" not in shown and shown.count("Host of the MongoDB") == 2
    assert "a host name or address" in shown and PASSWORD not in shown
    folder = tmp_path / "cfg"
    assert not [path.name for path in folder.iterdir() if MARK.search(path.read_text())]
    launchpad = read(folder / "my_launchpad.yaml")
    assert (launchpad["password"], launchpad["authsource"], launchpad["port"]) == (PASSWORD, "admin", 27017)
    assert load_site(folder / "site.yaml").calculations == "/s/calculations"
