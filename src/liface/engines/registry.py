"""From the name of an engine to what it is and to the thing that computes.

:func:`engine_info` reads and hashes the weights file without importing torch, so that planning a campaign and
resuming a finished one are quick. :func:`resolve` gives the engine itself; the weights are loaded with the
first calculator and stay in the process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from difflib import get_close_matches
from functools import lru_cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from importlib.util import find_spec
from pathlib import Path

from liface.documents.base import content_hash
from liface.documents.calculation import EngineInfo
from liface.engines.base import Engine, EngineSpec, ProgramEngine, Scalar
from liface.engines.catalogue import FAMILIES, Family, Model
from liface.errors import MissingExtraError, UnknownEngineError

PROGRAMS = {"gpaw": "liface.engines.gpaw", "vasp": "liface.engines.vasp"}
"""Modules of the DFT codes; each has ``describe(spec)``, ``build(spec, info)`` and ``availability()``."""

NAMES = ("sevennet", "chgnet", *PROGRAMS, "emt", "morse", "ase", "atomate2")

NO_IDENTITY = frozenset(("device",))
"""Options that change where a number is computed, not which one; a family may have more."""

CHECKPOINT_ARGUMENT = "checkpoint_argument"
"""Option of ``ase`` and ``atomate2`` engines: the keyword that takes the path of the checkpoint."""

_ENGINES: dict[tuple[EngineSpec, str], Engine | ProgramEngine] = {}


def engine_info(spec: EngineSpec | str) -> EngineInfo:
    """Say exactly which engine a spec means, without importing torch.

    Raises
    ------
    UnknownEngineError
        No engine or model of that name, or a checkpoint that cannot be read.
    MissingExtraError
        The package of the engine is not installed.
    """
    spec = EngineSpec.parse(spec)
    if spec.name in FAMILIES:
        return _family_info(spec, FAMILIES[spec.name])
    if spec.name in PROGRAMS:
        return import_module(PROGRAMS[spec.name]).describe(spec)
    if spec.name in ("emt", "morse"):
        return _test_engine_info(spec)
    if spec.name in ("ase", "atomate2"):
        return _dotted_info(spec)
    raise _unknown("engine", spec.name, NAMES)


def resolve(spec: EngineSpec | str) -> Engine | ProgramEngine:
    """Return the engine of a spec; the same object within a process, so that weights are loaded once.

    Raises
    ------
    UnknownEngineError, MissingExtraError
        As :func:`engine_info`; also if the class or force field of an ``ase`` or ``atomate2`` engine is
        missing.
    """
    from liface.engines import calculators

    spec = EngineSpec.parse(spec)
    info = engine_info(spec)
    key = (spec, info.fingerprint)
    if key not in _ENGINES:
        program = PROGRAMS.get(spec.name)
        build = import_module(program).build if program else calculators.build_engine
        _ENGINES[key] = build(spec, info)
    return _ENGINES[key]


def available() -> list[dict]:
    """List every engine: name, models on this machine, whether installed, default model and a note."""
    rows = [
        {
            "name": name,
            "models": [m for m, model in family.models.items() if weights_path(family, model) is not None],
            "installed": find_spec(family.package) is not None,
            "default": family.default,
            "note": f"pip install 'liface[{family.extra}]'; or a checkpoint: {name}:PATH",
        }
        for name, family in FAMILIES.items()
    ]
    fixed = {
        "emt": (["ase"], "ase", "effective medium theory for Al Cu Ag Au Ni Pd Pt; tests only"),
        "morse": (
            ["liface"],
            "liface",
            "Morse pair potential for any element; tests only, no physics claimed",
        ),
        "ase": ([], "", "any ASE calculator: ase:package.module.Class[:CHECKPOINT][?key=value]"),
        "atomate2": ([], "", "any atomate2 force field: atomate2:NAME[:CHECKPOINT][?key=value]"),
    }
    rows += [import_module(module).availability() for module in PROGRAMS.values()]
    rows += [
        {"name": name, "models": models, "installed": True, "default": default, "note": note}
        for name, (models, default, note) in fixed.items()
    ]
    return rows


def weights_path(family: Family, model: Model) -> Path | None:
    """Return the weights file of a shipped model, or None where it is not on this machine."""
    found = find_spec(family.package)
    if found is None or not found.submodule_search_locations:
        return None
    candidates = [Path(found.submodule_search_locations[0]) / model.file]
    if model.cache:
        candidates.append(Path(model.cache).expanduser())
    return next((path for path in candidates if path.is_file()), None)


def model_file(spec: EngineSpec) -> tuple[str, Path, Model | None]:
    """Return model name, weights file and catalogue entry (None for a user's checkpoint) of a spec."""
    family = FAMILIES[spec.name]
    if find_spec(family.package) is None:
        raise MissingExtraError(family.package, family.extra)
    if spec.checkpoint:
        path = _readable(spec)
        return path.name, path, None
    name = spec.model.lower() or family.default
    name = family.aliases.get(name, name)
    if name not in family.models:
        raise _unknown(f"{spec.name} model", spec.model, family.models)
    model = family.models[name]
    path_or_none = weights_path(family, model)
    if path_or_none is None:
        raise UnknownEngineError(
            f"the weights of {spec.name}:{name} are not on this machine (looked for {model.file} "
            f"in {family.package}); put the file somewhere and write {spec.name}:PATH"
        )
    return name, path_or_none, model


def options_with_defaults(spec: EngineSpec, model: Model | None) -> dict[str, Scalar]:
    """Return the options of a spec over those that the model needs."""
    return {**(model.options if model else {}), **spec.keywords}


def _family_info(spec: EngineSpec, family: Family) -> EngineInfo:
    name, path, model = model_file(spec)
    options = options_with_defaults(spec, model)
    _ = spec.batch  # a wrong one is told before anything is computed
    return EngineInfo(
        name=spec.name,
        model=name,
        code=family.package,
        code_version=distribution_version(family.package),
        weights_sha256=_sha256(path),
        trained_on=model.trained_on if model else "unknown (a checkpoint of the user)",
        options=_identity_options(options, family.same_numbers),
    )


def _test_engine_info(spec: EngineSpec) -> EngineInfo:
    owner, file = {"emt": ("ase", "calculators/emt.py"), "morse": ("liface", "engines/morse.py")}[spec.name]
    if spec.checkpoint or spec.model not in ("", owner):
        raise _unknown(f"{spec.name} model", spec.model or spec.checkpoint, [owner])
    return EngineInfo(
        name=spec.name,
        model=owner,
        code=owner,
        code_version=distribution_version(owner),
        weights_sha256=_source_sha256(owner, file),
        trained_on="nothing: for tests",
        options=_identity_options(spec.keywords),
    )


def _dotted_info(spec: EngineSpec) -> EngineInfo:
    """Describe an engine that is only known by name; its own downloads stay its own business."""
    if not spec.model:
        form = {"ase": "ase:package.module.Class", "atomate2": "atomate2:NAME, e.g. atomate2:MACE_MP_0"}[spec.name]
        raise UnknownEngineError(f"engine {spec} names no calculator; write {form}")
    package = spec.model.partition(".")[0] if spec.name == "ase" else "atomate2"
    if spec.name == "ase" and ("." not in spec.model or find_spec(package) is None):
        raise UnknownEngineError(
            f"ASE calculator {spec.model!r} not found: no package {package!r} on this machine; "
            "write ase:package.module.Class and install the package"
        )
    options = {key: value for key, value in spec.keywords.items() if key != CHECKPOINT_ARGUMENT}
    code_version = distribution_version(package)
    by_name = content_hash({"model": spec.model, "version": code_version, "options": options}, 64)
    return EngineInfo(
        name=spec.name,
        model=f"{spec.model}:{Path(spec.checkpoint).name}" if spec.checkpoint else spec.model,
        code=package,
        code_version=code_version,
        weights_sha256=_sha256(_readable(spec)) if spec.checkpoint else by_name,
        trained_on="unknown (named by the user)",
        options=_identity_options(options),
    )


def distribution_version(package: str) -> str:
    """Return the version of the distribution that holds a package, ``unknown`` where it has none."""
    try:
        return version(package)
    except PackageNotFoundError:
        owners = _owners().get(package, [])
        return version(owners[0]) if owners else "unknown"


@lru_cache(maxsize=1)
def _owners() -> Mapping[str, list[str]]:
    """Return the distributions of every package; to look through all of them takes most of a second."""
    return packages_distributions()


def _identity_options(options: dict[str, Scalar], left_out: frozenset[str] = NO_IDENTITY) -> dict[str, Scalar]:
    return {key: value for key, value in options.items() if key not in left_out}


def _readable(spec: EngineSpec) -> Path:
    path = Path(spec.checkpoint).expanduser()
    if not path.is_file():
        raise UnknownEngineError(f"checkpoint {spec.checkpoint} of engine {spec.name} does not exist or is no file")
    try:
        with path.open("rb") as handle:
            empty = not handle.read(1)
    except OSError as error:
        raise UnknownEngineError(f"checkpoint {spec.checkpoint} cannot be read: {error.strerror}") from error
    if empty:
        raise UnknownEngineError(f"checkpoint {spec.checkpoint} of engine {spec.name} is empty")
    return path.resolve()


def _sha256(path: Path) -> str:
    state = path.stat()
    return _sha256_of(str(path), state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=32)
def _sha256_of(path: str, size: int, mtime_ns: int) -> str:
    """Hash a file; size and time are in the key so that a replaced file is hashed again."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _source_sha256(package: str, file: str) -> str:
    """Hash the module that holds the parameters, without importing it."""
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise MissingExtraError(package, "dev")
    return _sha256(Path(found.submodule_search_locations[0]) / file)


def _unknown(what: str, name: str, known: object) -> UnknownEngineError:
    names = [str(n) for n in known]  # type: ignore[attr-defined]
    near = get_close_matches(name.lower(), names, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return UnknownEngineError(f"unknown {what} {name!r}; {hint}known: {', '.join(names)}")
