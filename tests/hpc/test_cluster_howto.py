"""docs/cluster.md is done line by line, as a person on a login node would do it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
REPEATED = "<!-- repeated until every job is done -->\n"


def blocks() -> list[tuple[bool, list[str]]]:
    """Give the lines of each console block, and whether the block is to be repeated."""
    found = re.findall(rf"({re.escape(REPEATED)})?```console\n(.*?)```", PAGE, flags=re.S)
    return [(bool(repeated), [line.removeprefix("$ ") for line in text.splitlines()]) for repeated, text in found]


class Session:
    """A shell whose environment and folder go on from command to command."""

    def __init__(self, home: Path, environment: dict[str, str]):
        self.environment, self.folder = environment | {"HOME": str(home), "USER": "tester"}, home

    def run(self, line: str) -> str:
        """Run a line; give what it said on stdout."""
        script = f"{line}\nexport -p > $HOME/.exported; pwd > $HOME/.folder"
        done = subprocess.run(
            ["bash", "-c", f"set -e\n{script}"], cwd=self.folder, env=self.environment, capture_output=True, text=True,
            timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, (
            f"{line}\nended with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        )
        home = Path(self.environment["HOME"])
        self.folder = Path((home / ".folder").read_text().strip())
        for text in (home / ".exported").read_text().splitlines():
            if found := re.match(r"declare -x (\w+)=(.*)", text):
                self.environment[found[1]] = shlex.split(found[2])[0] if found[2] != '""' else ""
        return done.stdout


@pytest.fixture
def site(mongo_with_password, slurm, tmp_path):
    """The values of a site, by the names that the page gives them."""
    mongo = mongo_with_password
    names = {name: mongo.new_database_name() for name in ("liface", "liface_remote")}
    values = {
        "MONGO_HOST": mongo.host,
        "MONGO_PORT": str(mongo.port),
        "MONGO_USER": mongo.username,
        "MONGO_AUTH": mongo.auth_source,
        "LIFACE_MONGO_PASSWORD": mongo.password,
        "SHARED": str(tmp_path / "shared"),
        "VENV": sys.prefix,
        "PARTITION": "debug",
        "ACCOUNT": "nobody",
        "CORES": "2",
        "WALLTIME": "00:30:00",
    }
    return values, names


@pytest.fixture
def session(slurm):
    """A shell of a new user; the runner that the page starts is ended whatever happens."""
    with tempfile.TemporaryDirectory(prefix="home-", dir="/tmp") as home:  # the runner's socket needs a short path
        yield Session(Path(home), slurm.environment(OMP_NUM_THREADS="1"))
        end_processes_of(home)


def end_processes_of(home: str, patience_s: float = 60) -> None:
    """Wait until nothing that was started from this home runs any more; kill what is left."""
    end = time.monotonic() + patience_s
    while left := processes_of(home):
        if time.monotonic() > end:
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(0.2)


def processes_of(home: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                if f"HOME={home}\0".encode() in (entry / "environ").read_bytes() and state != "Z":
                    found.append(int(entry.name))
    return found


@pytest.mark.slow
def test_every_line_does_what_the_page_says(site, session, slurm, tmp_path):
    values, databases = site
    first, *rest = blocks()
    assert not first[0]
    named = re.findall(r"(\w+)=(?:'[^']*'|\S+)", " ".join(first[1]))
    assert set(named) == set(values), "the page names other values than this test"
    session.environment |= values
    said: list[str] = []
    for repeated, lines in rest:
        for _ in range(20 if repeated else 1):
            said += [session.run(_own(line, databases)) for line in lines]
            wait_for_empty_queue(slurm)
            if not repeated or all_done(session):
                break
        else:
            pytest.fail(f"jobs are left after 20 turns:\n{said[-1]}")
    everything = "\n".join(said)
    assert "there are no" not in everything and "Cu" in everything and "Ag" in everything
    assert (tmp_path / "shared" / "first.html").stat().st_size > 20_000
    assert values["LIFACE_MONGO_PASSWORD"] not in everything


def test_every_section_and_file_that_is_named_exists():
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
    headings = {re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-") for line in PAGE.splitlines()}
    for anchor in re.findall(r"\]\(#([^)]+)\)", PAGE):
        assert anchor in headings, anchor


def test_messages_in_the_table_are_those_of_the_program():
    """What a person sees is searched for in the table; each text must still be said somewhere."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src" / "liface").rglob("*.py"))
    source = re.sub(r'"\s*\n\s*f?"', "", source)
    table = PAGE.split("## When something is wrong")[1]
    for text in re.findall(r"^\| `([^`]+)`", table, flags=re.M):
        assert text.removesuffix(" ...").removesuffix(": weights_sha256") in source, text


def _own(line: str, databases: dict[str, str]) -> str:
    """Give a line with databases of this test; everything else is as on the page."""
    return re.sub(r"--database (\w+)", lambda found: f"--database {databases[found[1]]}", line)


def wait_for_empty_queue(slurm) -> None:
    wait_until(lambda: not slurm.job_ids(), "an empty queue")


def all_done(session: Session) -> bool:
    status = json.loads(session.run("liface campaign status first.yaml --json"))
    return set(status["jobs"]) == {"done"}
