"""The floors of the house: who may import whom, what stays light, and how long a file may get."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import liface

SOURCE = Path(liface.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
FLOORS = (
    {"testing", "__main__"},
    {"cli"},
    {"serve"},
    {"report"},
    {"dispatch"},
    {"workflows"},
    {"engines"},
    {"structures", "analysis", "mesoscale", "database"},
    {"documents"},
    {"units", "errors", "garbage"},
)
"""From the top down; an area imports itself and floors below it, never a neighbour of its own floor."""
BASE = {"documents", "units", "errors", "garbage"}
NARROWER = {
    "engines": BASE,
    "structures": BASE,
    "analysis": BASE,
    "mesoscale": BASE,
    "database": BASE,
    "documents": {"units", "errors"},
    "units": set(),
    "errors": set(),
    "garbage": set(),
}
"""What these areas are held to beyond their floor."""
PURE = ("structures", "analysis", "mesoscale", "documents")
FOREIGN_TO_PURE = {"jobflow", "torch", "sqlalchemy", "maggma", "atomate2", "fireworks"}
HEAVY = ("torch", "pymatgen", "jobflow", "matplotlib", "numba")
LONGEST_FILE, LONGEST_FUNCTION = 600, 70


def imports(tree: ast.AST) -> Iterator[str]:
    """Yield every module a tree imports when it runs, inside functions too; type checking does not count."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            todo += node.orelse
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")
            if node.module == "liface":
                yield from (f"liface.{alias.name}" for alias in node.names)
        todo += ast.iter_child_nodes(node)


def area_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_areas(path: Path) -> set[str]:
    names = (name.split(".") for name in imports(_tree(path)))
    areas = {parts[1] for parts in names if parts[0] == "liface" and len(parts) > 1}
    return areas - {"__version__", area_of(path)}


def allowed(area: str) -> set[str]:
    floor = next(i for i, names in enumerate(FLOORS) if area in names)
    below = set().union(*FLOORS[floor + 1 :])
    return below & NARROWER.get(area, below)


def _tree(path: Path) -> ast.AST:
    return ast.parse(path.read_text(encoding="utf-8"))


def label(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def test_the_search_for_imports_sees_what_runs_and_no_more():
    code = """
import a.b
from c import d
from liface import documents
if TYPE_CHECKING:
    import hidden
else:
    import e
def f():
    from g.h import i
    if typing.TYPE_CHECKING:
        import hidden_too
"""
    assert set(imports(ast.parse(code))) == {"a.b", "c", "liface", "liface.documents", "e", "g.h"}


def test_every_area_has_its_floor():
    areas = {area_of(path) for path in FILES} - {"__init__"}
    assert areas == set().union(*FLOORS)
    assert "engines" not in allowed("structures") and "structures" not in allowed("engines")
    assert "database" not in allowed("analysis") and "cli" not in allowed("report")


@pytest.mark.parametrize("path", [p for p in FILES if p.parent != SOURCE or p.stem != "__init__"], ids=label)
def test_imports_run_one_way(path):
    wrong = imported_areas(path) - allowed(area_of(path))
    assert not wrong, f"{label(path)} imports {sorted(wrong)}"


def test_imports_are_absolute():
    relative = [label(path) for path in FILES if any(name.startswith(".") for name in imports(_tree(path)))]
    assert not relative


@pytest.mark.parametrize("area", PURE)
def test_pure_floors_know_no_store_no_engine_and_no_scheduler(area):
    for path in (p for p in FILES if area_of(p) == area):
        foreign = {name.split(".")[0] for name in imports(_tree(path))} & FOREIGN_TO_PURE
        assert not foreign, f"{label(path)} imports {sorted(foreign)}"


@pytest.mark.parametrize("module", ["liface", "liface.documents", "liface.database", "liface.cli.app"])
def test_reading_starts_light(module):
    script = f"import sys, {module}; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == []


def test_nothing_prints():
    found = [
        f"{label(path)}:{node.lineno}"
        for path in FILES
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("print", "pprint")
    ]
    assert not found


def test_files_and_functions_stay_short():
    long = []
    for path in FILES:
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST_FILE:
            long.append(f"{label(path)}: {lines} lines")
        long += [
            f"{label(path)}: {node.name} has {_length(node)} lines"
            for node in ast.walk(_tree(path))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _length(node) > LONGEST_FUNCTION
        ]
    assert not long, "\n".join(long)


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring, which documents parameters and may take what it needs."""
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    if ast.get_docstring(node) is not None:
        text = node.body[0]
        lines -= (text.end_lineno or text.lineno) - text.lineno + 1
    return lines
