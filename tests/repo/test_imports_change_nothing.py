"""Importing a module of the package does nothing else: no file, no setting, no thread, no heavy package."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import liface

SOURCE = Path(liface.__file__).parent
MODULES = sorted(
    ".".join(("liface", *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__")
    for path in SOURCE.rglob("*.py")
    if path.stem != "__main__"
)
HEAVY = ("torch", "ase", "pymatgen", "jobflow", "pandas", "matplotlib", "maggma", "fireworks", "sevenn", "chgnet")
OPTIONAL = {"fastapi", "uvicorn", "starlette", "psycopg", "pyarrow", "gpaw", "atomate2", "numba", "jobflow_remote",
            "fireworks", "torch", "sevenn", "chgnet", "pymongo", "paramiko", "fabric"}  # fmt: skip
"""Packages of extras, which need not be installed."""

LOOK = """
import json, logging, os, sys, threading, warnings

def state():
    kept = {
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "files": sorted(os.listdir()),
        "warnings": [str(each) for each in warnings.filters],
        "log handlers": [str(each) for each in logging.getLogger().handlers],
        "log level": logging.getLogger().level,
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "hook": str(sys.excepthook),
        "recursion": sys.getrecursionlimit(),
    }
    if os.path.isdir("/proc/self/fd"):
        kept["open files"] = sorted(
            os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")
            if os.path.lexists(f"/proc/self/fd/{fd}")
        )
    return kept

modules, heavy, foreign = json.loads(sys.argv[1])
for name in foreign:
    try:
        __import__(name)
    except ImportError:
        pass
found = {}
before = state()
for name in modules:
    try:
        __import__(name)
    except ImportError as error:
        found[name] = {"missing": (error.name or "").partition(".")[0]}
        continue
    after = state()
    changed = {key: [before[key], after[key]] for key in before if before[key] != after[key]}
    if changed:
        found[name] = changed
    before = after
print(json.dumps([found, [name for name in heavy if name in sys.modules]]))
"""


def look(folder, modules, foreign=()):
    """Import modules one after the other in one fresh interpreter; return what each changed, and heavy packages."""
    given = json.dumps([modules, HEAVY, list(foreign)])
    done = subprocess.run(
        [sys.executable, "-c", LOOK, given], cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "" and done.stdout.count("\n") == 1, "an import writes something"
    return json.loads(done.stdout)


def test_the_look_sees_what_an_import_does(tmp_path):
    package = tmp_path / "busy"
    package.mkdir()
    (package / "__init__.py").write_text(
        "import os, threading, warnings\nos.environ['BUSY'] = '1'\nwarnings.simplefilter('ignore')\n"
        "open('left', 'w').close()\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    )
    ((busy, _), *rest) = [look(tmp_path, ["busy"])]
    assert not rest and busy["busy"].keys() >= {"environment", "warnings", "files", "threads"}


def foreign() -> list[str]:
    """Return what modules import from other packages at once; several of those change the filters of warnings."""
    found: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        todo: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
        while todo:
            node = todo.pop()
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                continue
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                todo += node.orelse
                continue
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
            todo += ast.iter_child_nodes(node)
    return sorted(name for name in found if name.partition(".")[0] != "liface")


@pytest.fixture(scope="module")
def looked(tmp_path_factory):
    return look(tmp_path_factory.mktemp("imports"), MODULES, foreign())


def test_no_module_does_anything_when_it_is_imported(looked):
    changed = {name: what for name, what in looked[0].items() if "missing" not in what}
    assert not changed, json.dumps(changed, indent=1)


def test_every_module_can_be_imported_but_for_extras(looked):
    missing = {name: what["missing"] for name, what in looked[0].items() if "missing" in what}
    assert set(missing.values()) <= OPTIONAL, missing


@pytest.mark.parametrize("area", ["errors", "units", "documents", "database", "cli", "analysis"])
def test_what_reads_and_reckons_loads_no_engine(tmp_path, area):
    names = [name for name in MODULES if name.split(".")[1:2] == [area] and name not in NEED_MORE]
    found, heavy = look(tmp_path, names)
    assert heavy == [], f"{area} imports {heavy}"
    assert not {name: what for name, what in found.items() if set(what) - {"missing", "warnings"}}


NEED_MORE: set[str] = set()
"""Modules of these areas whose work is with such a package; they are imported when they are used."""
