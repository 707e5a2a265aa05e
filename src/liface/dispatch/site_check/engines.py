"""Whether an engine is the same, and complete, here and where jobs run."""

from __future__ import annotations

from collections.abc import Sequence

from liface.dispatch.site_check.finding import Finding, failed, ok
from liface.documents.calculation import EngineInfo
from liface.engines.base import EngineSpec
from liface.engines.registry import engine_info, resolve


def check_identity(engine: str) -> Finding:
    """Say what an engine is on this machine, with the hash of its weights."""
    return ok(_told(engine_info(engine)))


def check_on_worker(engine: str, expected: EngineInfo, elements: Sequence[str]) -> Finding:
    """Compare an engine with what the submitting machine has, and look whether it can compute these elements."""
    found = engine_info(engine)
    if found.fingerprint != expected.fingerprint:
        return failed(
            f"{engine} is another one: {_difference(found, expected)}",
            "install the same version and weights where the jobs run and where you submit",
        )
    problems = _missing(EngineSpec.parse(engine), elements)
    if problems:
        return failed("; ".join(problems), "put what is missing into the lines of the worker (pre_rocket, pre_run)")
    return ok(_told(found))


def _missing(spec: EngineSpec, elements: Sequence[str]) -> list[str]:
    """Say what a DFT code lacks; the weights of a potential are all it needs."""
    if spec.name == "vasp":
        from liface.engines.vasp import setup_problems

        return setup_problems(elements, spec)
    if spec.name == "gpaw":
        return _missing_for_gpaw(spec, elements)
    return []


def _missing_for_gpaw(spec: EngineSpec, elements: Sequence[str]) -> list[str]:
    from liface.engines.gpaw.command import COMMAND_VARIABLE, command_from_environment

    if command_from_environment():
        return []  # its data are those of the other Python
    resolve(spec)  # tells where GPAW is not installed
    from gpaw.setup_data import search_for_file
    from gpaw.xc import XC

    family = XC(engine_info(spec).model).get_setup_name()
    problems = []
    for element in elements:
        try:
            search_for_file(f"{element}.{family}")
        except FileNotFoundError:
            problems.append(
                f"GPAW has no dataset {element}.{family}; pip install gpaw-data, set GPAW_SETUP_PATH, or name another "
                f"GPAW with {COMMAND_VARIABLE}"
            )
    return problems


def _told(info: EngineInfo) -> str:
    version = "" if info.code_version in ("", "any", "unknown") else f" {info.code_version}"
    return f"{info.label}, {info.code}{version}, sha256 {info.weights_sha256[:12]}"


def _difference(found: EngineInfo, expected: EngineInfo) -> str:
    mine, theirs = expected.model_dump(mode="json"), found.model_dump(mode="json")
    names = [name for name in mine if mine[name] != theirs[name] and name != "trained_on"]
    return ", ".join(f"{name} {_short(theirs[name])} there, {_short(mine[name])} here" for name in names)


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 24 else text[:12]
