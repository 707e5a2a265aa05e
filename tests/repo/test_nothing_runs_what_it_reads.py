"""Data stay data: nothing is unpickled or evaluated, and names in files and documents lead to no import."""

import ast
from pathlib import Path

import pytest

import liface

SOURCE = Path(liface.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))

MODULES = {
    "pickle",
    "cPickle",
    "_pickle",
    "dill",
    "cloudpickle",
    "joblib",
    "marshal",
    "shelve",
    "jsonpickle",
    "copyreg",
}
BUILTINS = {"eval", "exec", "compile", "__import__"}
METHODS = {
    "yaml.load", "yaml.load_all", "yaml.full_load", "yaml.unsafe_load", "yaml.full_load_all", "yaml.unsafe_load_all",
    "torch.load", "pd.read_pickle", "pandas.read_pickle", "np.loads", "ase.io.read_pickle",
}  # fmt: skip
LOADERS = {"UnsafeLoader", "FullLoader", "Loader", "CLoader", "CFullLoader", "CUnsafeLoader"}
DECODING = {"MontyDecoder", "loadfn", "process_decoded"}

IMPORTING = {
    "cli/later.py": "the commands of the tables in cli, below liface.cli only",
    "engines/calculators.py": "ase:package.module.Class, as a person names it in a campaign or on the command line",
    "engines/registry.py": "the programs of its own table",
    "structures/__init__.py": "its own submodules",
}
"""Where a module is imported by a name that is computed."""

TRUSTED = {
    "dispatch/queues/remote_resources.py": "after check_classes()",
    "engines/vasp/run.py": "loadfn(cls=None), which gives plain dictionaries",
}
"""Where Monty decodes, and why that loads no class that a document names."""


def name_of(node: ast.AST) -> str:
    return ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""


def offences(tree: ast.AST, path: str) -> list[str]:
    found = []
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [f"import {alias.name}" for alias in node.names if alias.name.partition(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom):
            taken = {alias.name for alias in node.names}
            names = [f"from {node.module} import"] if (node.module or "").partition(".")[0] in MODULES else []
            names += [name for name in taken & DECODING if path not in TRUSTED]
            names += [name for name in taken & LOADERS if (node.module or "").startswith("yaml")]
            names += ["import_module"] if "import_module" in taken and path not in IMPORTING else []
        elif isinstance(node, ast.Attribute):
            text = name_of(node)
            names = [text] if text in METHODS or (text.startswith("yaml.") and node.attr in LOADERS) else []
            names += [text] if text == "importlib.import_module" and path not in IMPORTING else []
        elif isinstance(node, ast.Call):
            called = name_of(node.func)
            names = [called] if called in BUILTINS else []
            pickles = {ast.unparse(word.value) for word in node.keywords if word.arg == "allow_pickle"}
            if called in ("np.load", "numpy.load") and pickles != {"False"}:
                names.append(called)
            if any(word.arg == "weights_only" for word in node.keywords):
                names.append("weights_only")
        found += [f"{path}:{getattr(node, 'lineno', '?')}: {name}" for name in names]
    return found


def test_nothing_that_is_read_is_run():
    found = [
        offence
        for path in FILES
        for offence in offences(ast.parse(path.read_text(encoding="utf-8")), path.relative_to(SOURCE).as_posix())
    ]
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle", "from pickle import loads", "import a, dill.settings", "eval('1')", "exec(text)",
        "__import__(name)",
        "yaml.load(text, Loader=yaml.SafeLoader)", "yaml.load(text, yaml.FullLoader)", "from yaml import UnsafeLoader",
        "torch.load(path)", "np.load(path)", "np.load(path, allow_pickle=True)", "from importlib import import_module",
        "importlib.import_module(name)", "from monty.json import MontyDecoder",
        "from monty.serialization import loadfn",
        "pd.read_pickle(path)", "load(path, weights_only=False)",
    ],
)  # fmt: skip
def test_offences_are_seen(code):
    assert offences(ast.parse(code), "somewhere.py")


@pytest.mark.parametrize(
    "code", ["model.eval()", "yaml.safe_load(text)", "np.load(path, allow_pickle=False)", "json.loads(x)"]
)
def test_harmless_code_is_let_through(code):
    assert offences(ast.parse(code), "somewhere.py") == []


def test_exceptions_are_still_needed():
    for table in (IMPORTING, TRUSTED):
        for path in table:
            assert offences(ast.parse((SOURCE / path).read_text(encoding="utf-8")), "somewhere.py"), path
