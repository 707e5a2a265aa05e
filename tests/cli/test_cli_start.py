"""The command line starts with little: what is imported, and that nothing is said differently for it."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer

from liface.cli import direct
from liface.cli.app import app, invoke
from liface.cli.asking import ask
from liface.cli.later import Later
from liface.testing.cli import run_cli

HEAVY = {"torch", "ase", "pymatgen", "jobflow", "pandas", "matplotlib", "numpy", "scipy", "sqlalchemy", "pydantic",
         "lark", "optimade", "rich", "maggma", "fireworks"}  # fmt: skip
WIDTHS = (20, 45, 60, 70, 110, 400)

SCRIPT = """
import sys
from liface.cli.app import invoke
code = invoke({arguments!r})
print(code, len(sys.modules), *{{name.partition(".")[0] for name in sys.modules}}, file=sys.stderr)
"""


def modules_after(*arguments) -> tuple[int, set[str]]:
    """Return how many modules a command has imported, and their packages."""
    script = SCRIPT.format(arguments=[str(each) for each in arguments])
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    code, number, *names = done.stderr.splitlines()[-1].split()
    assert code == "0", done.stderr
    return int(number), set(names)


def groups(command=None, path=()):
    command = command or typer.main.get_command(app)
    if hasattr(command, "commands"):
        yield path, command
        for name in command.commands:
            yield from groups(command.commands[name], (*path, name))


@pytest.mark.parametrize("path, group", list(groups()), ids=lambda each: " ".join(each) if type(each) is tuple else "")
def test_a_list_of_commands_says_of_each_what_its_help_says(path, group):
    fresh = typer.main.get_command(app)
    for name in path:
        fresh = fresh.commands[name]
    listed = fresh._late.listed()
    assert list(listed) == list(group.commands)
    for name, command in group.commands.items():
        assert [listed[name].get_short_help_str(w) for w in WIDTHS] == [command.get_short_help_str(w) for w in WIDTHS]
        assert command.name == name


def test_help_imports_no_command():
    group = typer.main.get_command(app)
    with typer.Context(group) as context:
        assert "query" in group.get_help(context)
    assert all(isinstance(known, Later) for known in group._late._known.values())


def test_help_needs_little():
    number, names = modules_after("--help")
    assert not names & (HEAVY | {"typer"})
    assert number < 120


def test_the_written_help_is_that_of_typer(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(direct, "HELP", direct.HELP.with_name("none"))
    assert invoke(["--help"]) == 0
    made = capsys.readouterr().out
    monkeypatch.undo()
    assert direct.HELP.read_text(encoding="utf-8") == made, "remove cli/help.txt and write 'liface --help' into it"
    for columns, arguments in (("80", ["--help"]), ("200", ["-h"])):
        monkeypatch.setenv("COLUMNS", columns)
        assert invoke(arguments) == 0 and capsys.readouterr().out == made
    monkeypatch.setenv("COLUMNS", "60")
    assert not direct.asks_for_help(["--help"])
    assert invoke(["--help"]) == 0 and capsys.readouterr().out != made


@pytest.mark.parametrize("group", ["campaign", "database", "query"])
def test_help_of_a_group_needs_no_science(group):
    assert not modules_after(group, "--help")[1] & (HEAVY - {"pydantic"})


@pytest.mark.parametrize(
    "options", [["--json"], ["--csv"], ["-w", 'substrate="W" AND gamma_mev_per_a2 > 1', "-n", "5"], ["--describe"]]
)
def test_a_question_needs_little(filled, options):
    number, names = modules_after("query", "interfaces", "--db", filled, *options)
    assert not names & (HEAVY | {"typer"})
    assert number < 160


def test_a_question_with_more_grammar_needs_no_science(filled):
    where = 'substrate="W" OR substrate CONTAINS "C"'
    names = modules_after("query", "interfaces", "--db", filled, "-w", where)[1]
    assert not names & {"torch", "ase", "pymatgen", "jobflow", "pandas", "matplotlib"}


# --- query without Typer -------------------------------------------------------------------------------------------


def test_the_options_are_those_of_the_command():
    command = typer.main.get_command(app).commands["query"]
    values = {written: p.name for p in command.params if not getattr(p, "is_flag", False) for written in p.opts
              if p.param_type_name == "option"}  # fmt: skip
    flags = {written: p.name for p in command.params if getattr(p, "is_flag", False) for written in p.opts}
    assert values == direct.VALUES
    assert flags == direct.FLAGS
    (noun,) = (p for p in command.params if p.param_type_name == "argument")
    assert noun.name == "noun" and noun.required
    names = {"noun", *values.values(), *flags.values()}
    assert names == set(ask.__annotations__) - {"return"}
    defaults = dict(zip(reversed(list(ask.__annotations__)[:-1]), reversed(ask.__defaults__), strict=False))
    assert {p.name: p.default for p in command.params if p.param_type_name == "option"} == defaults
    (db,) = (p for p in command.params if p.name == "db")
    assert db.envvar == direct.DATABASE_VARIABLE


PLAIN = [
    ["query", "interfaces"],
    ["query", "interfaces", "-n", "2", "--json", "--columns", "substrate"],
    ["query", "-n", "2", "interfaces", "--sort=-gamma_mev_per_a2", "--csv"],
    ["query", "interfaces", "-s", "-gamma_mev_per_a2", "--where", 'substrate="W"', "--campaign", "quickstart"],
    ["query", "interfaces", "--where=", "--limit=0"],
    ["query", "interfaces", "--json", "--csv"],
    ["query", "nonsense"],
    ["query", "interfaces", "--columns", "nonsense"],
    ["query", "interfaces", "-w", "subtrate=5"],
    ["query", "interfaces", "-s", "nonsense"],
    ["query", "surfaces", "-w", 'material="nothing"'],
]


@pytest.mark.parametrize("arguments", PLAIN, ids=" ".join)
def test_it_says_what_typer_says(filled, monkeypatch, arguments):
    monkeypatch.setenv("LIFACE_DB", str(filled))
    assert direct.question(arguments) is not None
    here = run_any(arguments)
    monkeypatch.setattr(direct, "question", lambda _: None)
    assert here == run_any(arguments)


def run_any(arguments):
    for code in range(4):
        try:
            return run_cli(arguments, code=code)
        except AssertionError as error:
            last = error
    raise last


@pytest.mark.parametrize("arguments", [
    [], ["--help"], ["campaign", "list"], ["query"], ["query", "--help"], ["query", "interfaces", "-h"],
    ["query", "interfaces", "surfaces"], ["query", "interfaces", "-n"], ["query", "interfaces", "-n", "-1"],
    ["query", "interfaces", "-n", "two"], ["query", "interfaces", "-n2"], ["query", "interfaces", "--limit", "9" * 10],
    ["query", "interfaces", "--json=1"], ["query", "interfaces", "--json", "--json"], ["query", "--", "interfaces"],
    ["query", "interfaces", "-w", "a", "--where", "b"], ["query", "interfaces", "--bogus"],
    ["query", "inter\x1bfaces"], ["query", "interfaces", "-n", "²"],
], ids=repr)  # fmt: skip
def test_the_rest_is_left_to_typer(arguments):
    assert direct.question(arguments) is None


def test_an_empty_variable_and_completion_are_left_to_typer(monkeypatch):
    monkeypatch.setenv("LIFACE_DB", "")
    assert direct.question(["query", "interfaces"]) is None
    assert direct.question(["query", "interfaces", "--db", "x"]) == {"noun": "interfaces", "db": "x"}
    monkeypatch.setenv("_LIFACE_COMPLETE", "complete_bash")
    assert direct.question(["query", "interfaces", "--db", "x"]) is None


def test_output_that_nobody_reads_is_no_error(filled):
    script = f"from liface.cli.app import main; main(['query', 'interfaces', '--json', '--db', {str(filled)!r}])"
    running = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    running.stdout.close()
    assert (running.wait(60), running.stderr.read()) == (1, b"")
    running.stderr.close()


def test_a_stop_leaves_without_a_word(filled, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("liface.cli.asking.quick_rows", stop)
    result = run_cli(["query", "interfaces", "--db", filled], code=130)
    assert (result.out, result.err) == ("", "")
