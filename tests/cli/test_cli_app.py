from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import typer

from liface import __version__
from liface.cli import app as app_module
from liface.testing.cli import run_cli

HEAVY = ("torch", "pymatgen", "jobflow", "matplotlib", "pandas", "maggma", "ase", "scipy", "rich", "sevenn", "chgnet",
         "numba")  # fmt: skip


def commands(group=None, path=()):
    group = group or typer.main.get_command(app_module.app)
    for name, command in group.commands.items():
        yield (*path, name)
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))


def liface(*arguments, code=0, **options):
    done = subprocess.run(
        [sys.executable, "-c", "from liface.cli.app import main; main()", *map(str, arguments)],
        capture_output=True, text=True, timeout=60, **options,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return done


def test_version():
    run_cli(["--version"], out=rf"^liface {__version__}$")


def test_nouns_and_verbs_are_all_there():
    assert {" ".join(path) for path in commands()} == {
        "materials", "materials list", "materials show",
        "structure", "structure interfaces", "structure slab", "structure terminations",
        "campaign", "campaign list", "campaign plan", "campaign run", "campaign status", "campaign report",
        "campaign missing", "compare", "compare best", "compare spread",
        "campaign cancel", "campaign collect", "campaign follow", "campaign retry", "campaign submit",
        "campaign converge",
        "campaign lock", "campaign replay", "campaign diff", "campaign bundle", "campaign open", "campaign verify",
        "literature", "literature import", "literature list", "literature template", "literature forget",
        "literature compare", "literature bibtex", "engines trust", "database reindex",
        "query", "correlate", "stability", "grow", "database", "database info", "database verify", "database export",
        "database copy", "database gather",
        "creep", "creep rates", "creep host", "creep check", "creep parameters", "deposit", "phonon",
        "serve",
        "engines", "engines list", "hpc", "hpc check", "hpc init", "hpc launch",
    }  # fmt: skip


@pytest.mark.parametrize("path", list(commands()), ids=" ".join)
def test_every_command_has_help_and_every_option_says_what_it_does(path):
    assert "Usage: liface" in run_cli([*path, "--help"]).out
    command = typer.main.get_command(app_module.app)
    for name in path:
        command = command.commands[name]
    assert command.help and all(getattr(option, "help", None) for option in command.params)


READING = [path for path in commands() if path[-1] in ("list", "show", "interfaces", "slab", "terminations", "plan",
           "status", "report", "query", "correlate", "info", "verify", "phonon")]  # fmt: skip


@pytest.mark.parametrize("path", READING, ids=" ".join)
def test_every_reading_command_writes_json(path):
    assert "--json" in run_cli([*path, "--help"]).out


def test_no_command_is_help():
    result = run_cli([], code=2)
    assert "Commands:" in result.out + result.err


WRONG_USAGE = (
    "quary", "query", "query interfaces --bogus", "query interfaces -n x", "campaign run", "campaign plan x -j -1",
    "structure slab --plane 110",
)  # fmt: skip


@pytest.mark.parametrize("line", WRONG_USAGE)
def test_wrong_usage_is_explained_with_code_2(line):
    run_cli(line.split(), code=2, err="^Error: ")


@pytest.mark.parametrize("arguments", [["--help"], ["query", "--help"], ["campaign", "run", "--help"], ["query"]])
def test_help_and_query_start_without_heavy_packages(arguments, filled):
    wanted = arguments if arguments != ["query"] else [
        "query", "interfaces", "--db", str(filled), "--where", 'substrate="W"', "--json",
    ]  # fmt: skip
    code = (
        "import sys; from liface.cli.app import invoke; "
        f"assert invoke({wanted!r}) == 0; "
        f"sys.exit(','.join(m for m in {HEAVY!r} if m in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"loaded: {done.stderr}"


def test_a_defect_is_one_line_and_code_70(monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("secret\nsecond line")

    monkeypatch.setattr("liface.engines.registry.available", broken)
    result = run_cli(["engines", "list"], code=70, err=r"internal error \(ZeroDivisionError: secret\).*LIFACE_DEBUG=1")
    assert len(result.err.splitlines()) == 1


def test_debug_shows_the_traceback_of_a_mistake_too():
    plain = liface("query", "interfaces", code=3, env={**os.environ, "LIFACE_DB": "none.db"})
    debug = liface("query", "interfaces", code=3, env={**os.environ, "LIFACE_DB": "none.db", "LIFACE_DEBUG": "1"})
    assert "Traceback" not in plain.stderr and "Traceback" in debug.stderr
    assert plain.stderr in debug.stderr


def test_talk_goes_to_stderr_and_data_to_stdout(filled):
    done = liface("query", "interfaces", "--db", filled, "--json")
    assert len(json.loads(done.stdout)) == 7 and done.stderr == ""


def test_a_reader_that_leaves_early_is_no_error(filled):
    """As in ``liface query calculations | head -1``."""
    code = "from liface.cli.app import main; main()"
    with subprocess.Popen([sys.executable, "-c", code, "query", "interfaces", "--json", "--db", str(filled)],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # fmt: skip
        process.stdout.close()
        assert process.stderr.read() == ""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_greek_still_gets_valid_json_and_a_table(filled, encoding):
    env = {**os.environ, "PYTHONIOENCODING": encoding}
    done = liface("query", "interfaces", "--db", filled, "--json", env=env)
    assert any("γ" in flag for row in json.loads(done.stdout) for flag in row["flags"])
    assert "reactive" in liface("query", "interfaces", "--db", filled, env=env).stdout
