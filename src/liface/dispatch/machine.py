"""The machine at hand and its packages, as far as they decide the last digits of a number."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from liface.documents import EngineInfo, Machine
from liface.engines.catalogue import FAMILIES

PACKAGES = (
    "ase", "numpy", "scipy", "pymatgen", "pymatgen-core", "spglib", "phonopy", "jobflow", "maggma", "atomate2", "numba",
    "pydantic", "SQLAlchemy",
)  # fmt: skip
"""Distributions that build structures, relax, analyse and store, whatever the engine."""

VECTORS = ("amx_tile", "avx512f", "avx2", "avx", "sse4_2", "sve", "asimd")
"""Flags of instruction sets, the widest first; sums come out in another order with another width."""


def packages(engines: Iterable[EngineInfo]) -> dict[str, str]:
    """Return the versions of the installed distributions that enter the numbers of these engines."""
    names = dict.fromkeys(PACKAGES)
    for engine in engines:
        family = FAMILIES.get(engine.name)
        names |= dict.fromkeys(family.packages if family else (engine.code,))
    found = {name: version_of(name) for name in names if name != "liface"}
    return {name: number for name, number in sorted(found.items()) if number is not None}


def version_of(distribution: str) -> str | None:
    """Return the version of a distribution; None where it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def machine(workers: int, engines: Iterable[EngineInfo]) -> Machine:
    """Describe the machine that this process runs on; its name and address are left out."""
    flags = _cpu_lines()
    needs_torch = any("torch" in FAMILIES[engine.name].packages for engine in engines if engine.name in FAMILIES)
    return Machine(
        cpu=flags.get("model name") or platform.processor() or platform.machine(),
        instructions=_instructions(flags.get("flags") or flags.get("Features", "")),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        threads=1,  # liface.engines.batch.pin_threads
        workers=workers,
        system=" ".join((platform.system(), platform.release(), platform.machine(), *platform.libc_ver())).strip(),
        python=platform.python_version(),
        blas=_blas(),
        torch=_torch() if needs_torch else "",
    )


def _cpu_lines() -> dict[str, str]:
    """Return what Linux says of the first core; nothing elsewhere."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _instructions(flags: str) -> str:
    there = set(flags.split())
    return next((name for name in VECTORS if name in there), "")


def _blas() -> str:
    import numpy as np

    found: Any = np.show_config(mode="dicts")
    blas = found.get("Build Dependencies", {}).get("blas", {})
    return " ".join(filter(None, (blas.get("name", "unknown"), blas.get("version", ""))))


def _torch() -> str:
    """Return the version, and, where it is loaded, the instructions that it has chosen and its backends."""
    number = version_of("torch") or "unknown"
    torch = sys.modules.get("torch")
    if torch is None:  # the workers have loaded it, this process has not
        return number
    mkldnn = "oneDNN" if torch.backends.mkldnn.is_available() else "no oneDNN"
    return f"{number}, {torch.backends.cpu.get_cpu_capability()}, {mkldnn}"
