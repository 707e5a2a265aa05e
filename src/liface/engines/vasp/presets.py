"""Levels of theory for VASP: presets, options over them, and what of both decides a number.

A level is written ``vasp:PRESET?key=value``. Every value is resolved into :class:`Level`, and the identity of the
engine is made of the resolved values alone: a preset and the same values written out are one level. What only
decides how fast a number is had (parallelisation, mixing, the electronic algorithm, who relaxes) is kept apart and
is no part of it. Nor is the version of VASP: it is stored with every calculation, and a level can be described
on a machine without VASP or its pseudopotentials.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from liface.documents.base import content_hash
from liface.documents.calculation import EngineInfo
from liface.engines.base import EngineSpec, Scalar
from liface.engines.kpoints import parse_mesh
from liface.engines.vasp.symbols import FUNCTIONALS, SETS, symbols_of
from liface.errors import InputError, UnknownEngineError

AUTO = "auto"

XC_TAGS: dict[str, dict[str, str]] = {
    "PBE": {"GGA": "PE"},
    "PBEsol": {"GGA": "PS"},
    "RPBE": {"GGA": "RP"},
    "r2SCAN": {"METAGGA": "R2SCAN"},
}
"""INCAR tags of the functionals that are offered."""

RUN_TAGS = frozenset(
    (
        # how the electrons are brought to self-consistency, and the atoms to rest
        *("ALGO", "NELM", "NELMIN", "NELMDL", "TIME", "POTIM", "WC", "ISEARCH", "NBANDS", "ISYM", "SYMPREC"),
        *("IMIX", "AMIX", "BMIX", "AMIX_MAG", "BMIX_MAG", "AMIN", "MAXMIX", "LMAXMIX"),
        # how work is shared among cores
        *("NCORE", "NPAR", "KPAR", "NSIM", "LPLANE", "LSCALU", "LSCALAPACK", "NBLK"),
        # what is written
        *("LWAVE", "LCHARG", "LELF", "LORBIT", "LAECHG", "LVTOT", "LVHAR", "NWRITE"),
    )
)
"""Tags that decide how a self-consistent number is reached, printed or shared among cores, not which one it is."""

ALGORITHMS = ("Normal", "Fast", "VeryFast", "All", "Conjugate", "Damped", "Exact")
"""Values of ``ALGO`` that end self-consistent; others evaluate wave functions that are there, or go beyond DFT."""

OWN_TAGS: dict[str, str] = {
    "IALGO": "write incar_ALGO=",
    "ENCUT": "write encut=",
    "EDIFF": "write ediff=",
    "ISMEAR": "write ismear=",
    "SIGMA": "write sigma=",
    "GGA": "write xc=",
    "METAGGA": "write xc=",
    "ISPIN": "write spin=",
    "KSPACING": "write kspacing=",
    "KGAMMA": "meshes are always centred on Γ",
    "LDIPOL": "write dipole=",
    "IDIPOL": "write dipole=",
    **dict.fromkeys(("ISTART", "ICHARG"), "every calculation starts from atoms and ends self-consistent"),
    **dict.fromkeys(
        ("NSW", "ISIF", "IBRION", "EDIFFG", "LATTICE_CONSTRAINTS"), "the settings of each calculation decide it"
    ),
    **dict.fromkeys(
        ("MAGMOM", "DIPOL", "NELECT", "NUPDOWN", "LDAUU", "LDAUJ", "LDAUL", "FERWE", "FERDO", "RWIGS", "ROPT"),
        "it differs from structure to structure, and one level of theory serves all",
    ),
}
"""Tags that no ``incar_TAG=value`` may set, and why."""


@dataclass(frozen=True)
class Level:
    """A resolved level of theory.

    Attributes
    ----------
    xc
        Functional, a key of ``XC_TAGS``.
    encut_ev, ediff_ev
        Plane-wave cutoff and electronic convergence, eV.
    kspacing_per_a
        Density of k-points, Å⁻¹ with 2π included as in ``KSPACING``; None where ``kpts`` is given.
    kpts
        Mesh such as ``4x4x4``, one point along vacuum all the same; empty where the spacing is given.
    ismear
        ``auto``: Methfessel–Paxton of first order where every element of the structure is a metal, else Gaussian.
    sigma
        ``auto``: 0.2 eV with Methfessel–Paxton, 0.05 eV otherwise.
    spin
        ``auto``: spin-polarised where the structure holds Cr, Mn, Fe, Co or Ni.
    dipole
        ``auto``: dipole correction along the normal where a slab has vacuum and its two faces are not equal.
    potcar_functional, potcars, potcar_symbols
        Release of the pseudopotentials, a set of :mod:`liface.engines.vasp.symbols`, and exceptions by element.
    tags
        Further INCAR tags that decide a number.
    run_tags
        INCAR tags of ``RUN_TAGS``; no part of the identity.
    relaxer
        Who moves the atoms: ``vasp``, ``liface`` or ``auto``; no part of the identity.
    """

    xc: str = "PBE"
    encut_ev: float = 520.0
    ediff_ev: float = 1e-6
    kspacing_per_a: float | None = 0.2
    kpts: str = ""
    ismear: int | str = AUTO
    sigma: float | str = AUTO
    spin: bool | str = AUTO
    dipole: bool | str = AUTO
    potcar_functional: str = "PBE_54"
    potcars: str = "mp"
    potcar_symbols: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, Scalar] = field(
        default_factory=lambda: {"PREC": "Accurate", "LASPH": True, "LREAL": False},
    )
    run_tags: Mapping[str, Scalar] = field(default_factory=dict)
    relaxer: str = AUTO

    def symbol(self, element: str) -> str:
        """Return the name of the pseudopotential of an element, e.g. ``Li_sv``."""
        return self.potcar_symbols.get(element) or symbols_of(self.potcars).get(element, element)

    def identity(self) -> dict[str, Scalar]:
        """Return what decides a number, as the options that ask for it."""
        mesh: dict[str, Scalar] = {"kpts": self.kpts} if self.kpts else {"kspacing": self.kspacing_per_a or 0.0}
        table = symbols_of(self.potcars)
        exceptions = {e: s for e, s in sorted(self.potcar_symbols.items()) if table.get(e, e) != s}
        return {
            "xc": self.xc,
            "encut": self.encut_ev,
            "ediff": self.ediff_ev,
            **mesh,
            "ismear": self.ismear,
            "sigma": self.sigma,
            "spin": self.spin,
            "dipole": self.dipole,
            "potcar_functional": self.potcar_functional,
            "potcars": self.potcars,
            **{f"potcar_{element}": symbol for element, symbol in exceptions.items()},
            **{f"incar_{tag}": value for tag, value in sorted(self.tags.items())},
        }


SLAB = Level()
"""The default: 520 eV is 1.3 times the cutoff of most potentials (400 eV) and above the highest of them, 499 eV of
``Li_sv``; projectors in reciprocal space (``LREAL = .FALSE.``) because errors of real-space projectors differ
between a bulk cell and a slab of eighty atoms, and those two are subtracted."""

WANG2023 = replace(SLAB, encut_ev=400.0, kspacing_per_a=None, kpts="4x4x4", potcars="standard")
"""Wang et al. (2023), DOI 10.1002/adma.202206762: PBE, PAW, 400 eV, 1e-6 eV, Γ-centred 4×4×4 for bulk and 4×4×1 for
slabs, forces to 0.01 eV/Å (``fmax: 0.01`` in the campaign). The paper names neither pseudopotentials nor smearing:
the standard potentials without semicore states are taken, since Li_sv would need 499 eV, and the smearing of
``slab``. The mesh is that of the paper whatever the cell, one point along vacuum: coarse in small cells (with GPAW,
μ_Li from the cell of two atoms is -1.8696 eV at 4×4×4 and -1.8987 eV at 10×10×10), and denser in large ones than in
the bulk they are compared with. Where that matters, take ``slab``, or write ``kspacing=``."""

PRESETS: dict[str, Level] = {"slab": SLAB, "wang2023": WANG2023}
DEFAULT = "slab"

OPTIONS = (
    *("xc", "metagga", "encut", "ediff", "kspacing", "kpts", "ismear", "sigma", "spin", "dipole"),
    *("potcars", "potcar_functional", "potcar_ELEMENT", "incar_TAG", "relaxer"),
)


def level_of(spec: EngineSpec) -> Level:
    """Resolve a spec: the preset, with the options over it.

    Raises
    ------
    UnknownEngineError
        If there is no such preset or option, or a value cannot be meant.
    """
    name = (spec.model or DEFAULT).lower()
    if spec.checkpoint or name not in PRESETS:
        raise UnknownEngineError(
            f"unknown preset {spec.model or spec.checkpoint!r} of VASP; known: {', '.join(PRESETS)}; "
            "anything else is an option, e.g. vasp:slab?encut=600"
        )
    level = PRESETS[name]
    options = dict(spec.options)
    if {"kspacing", "kpts"} <= options.keys():
        raise UnknownEngineError(f"engine {spec}: kspacing and kpts exclude each other; write one of them")
    for key, value in options.items():
        level = _with_option(level, key, value)
    if level.xc == "r2SCAN" and level.potcar_functional == "PBE":
        raise UnknownEngineError(
            f"engine {spec}: r2SCAN needs the kinetic energy density of the core, which the pseudopotentials of "
            "release PBE lack; take potcar_functional=PBE_54"
        )
    return level


def describe_level(spec: EngineSpec) -> EngineInfo:
    """Say which level of theory a spec means; equal levels have equal fingerprints however they are written."""
    level = level_of(spec)
    options = level.identity()
    table = {**symbols_of(level.potcars), **level.potcar_symbols}
    return EngineInfo(
        name="vasp",
        model=level.xc,  # not the preset: its name decides nothing
        code="vasp",
        code_version="",  # differs between machines; the version that ran is stored with each calculation
        weights_sha256=content_hash({"functional": level.potcar_functional, "symbols": table}, 64),
        trained_on=f"preset {spec.model or DEFAULT}: {level.xc}, PAW ({level.potcar_functional})",
        options=options,
    )


def _with_option(level: Level, key: str, value: Scalar) -> Level:
    """Return the level with one option set."""
    if key.startswith("incar_"):
        return _with_tag(level, key.removeprefix("incar_").upper(), value)
    if key.startswith("potcar_") and key != "potcar_functional":
        element = key.removeprefix("potcar_")
        if str(value).partition("_")[0] != element:
            raise UnknownEngineError(f"{key}={value}: {value} is no pseudopotential of {element}; e.g. potcar_Li=Li_sv")
        return replace(level, potcar_symbols={**level.potcar_symbols, element: str(value)})
    try:
        change = _READERS[key](key, value)
    except KeyError:
        near = get_close_matches(key, OPTIONS, n=2, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise UnknownEngineError(f"unknown option {key!r} of VASP; {hint}known: {', '.join(OPTIONS)}") from None
    return replace(level, **change)


def _with_tag(level: Level, tag: str, value: Scalar) -> Level:
    if tag in OWN_TAGS:
        raise UnknownEngineError(f"incar_{tag} cannot be set: {OWN_TAGS[tag]}")
    if isinstance(value, str) and value.strip(".").upper() in ("T", "F", "TRUE", "FALSE"):
        value = value.strip(".").upper().startswith("T")
    if tag == "ALGO" and (problem := algo_problem(value)):
        raise UnknownEngineError(f"incar_ALGO={value}: {problem}")
    if (known := known_tags()) and tag not in known:
        near = get_close_matches(tag, known, n=2, cutoff=0.6)
        raise UnknownEngineError(f"{tag} is no INCAR tag" + (f"; did you mean {' or '.join(near)}?" if near else ""))
    if tag in RUN_TAGS:
        return replace(level, run_tags={**level.run_tags, tag: value})
    return replace(level, tags={**level.tags, tag: value})


def algo_problem(value: object) -> str:
    """Say what is wrong with a value of ``ALGO``, which is no part of the identity; empty where nothing is."""
    if str(value).lower() in (name.lower() for name in ALGORITHMS):
        return ""
    return f"{value} does not end self-consistent, or is not known to; write one of {', '.join(ALGORITHMS)}"


@lru_cache(maxsize=1)
def known_tags() -> frozenset[str]:
    """Return every INCAR tag that pymatgen knows, read without importing it; empty where pymatgen is missing."""
    found = find_spec("pymatgen")
    folders = found.submodule_search_locations if found else None
    files = (Path(folder) / "io" / "vasp" / "incar_parameters.json" for folder in folders or ())
    file = next((file for file in files if file.is_file()), None)
    return frozenset(json.loads(file.read_text(encoding="utf-8"))) if file else frozenset()


def _choice(known: Mapping[str, Any] | tuple[str, ...], name: str) -> Any:
    """Return a reader of one of several names, upper or lower case."""
    by_lower = {entry.lower(): entry for entry in known}

    def read(key: str, value: Scalar) -> dict[str, Any]:
        if str(value).lower() not in by_lower:
            raise UnknownEngineError(f"{key}={value} is not known; known: {', '.join(by_lower.values())}")
        return {name: by_lower[str(value).lower()]}

    return read


def _positive(name: str, unit: str) -> Any:
    def read(key: str, value: Scalar) -> dict[str, Any]:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
            raise UnknownEngineError(f"{key}={value} must be a positive number in {unit}")
        return {name: float(value)}

    return read


def _switch(name: str) -> Any:
    """Return a reader of true, false or ``auto``."""

    def read(key: str, value: Scalar) -> dict[str, Any]:
        if not isinstance(value, bool) and value != AUTO:
            raise UnknownEngineError(f"{key}={value} must be true, false or auto")
        return {name: value}

    return read


def _ismear(key: str, value: Scalar) -> dict[str, Any]:
    if value != AUTO and (isinstance(value, bool) or not isinstance(value, int) or not -1 <= value <= 2):
        raise UnknownEngineError(
            f"{key}={value} must be auto, -1, 0, 1 or 2: the tetrahedron method has no correct forces in metals"
        )
    return {"ismear": value}


def _sigma(key: str, value: Scalar) -> dict[str, Any]:
    return {"sigma": AUTO} if value == AUTO else _positive("sigma", "eV")(key, value)


def _kpts(key: str, value: Scalar) -> dict[str, Any]:
    try:
        mesh = parse_mesh(str(value))
    except InputError as error:
        raise UnknownEngineError(str(error)) from error
    return {"kpts": "x".join(str(n) for n in mesh), "kspacing_per_a": None}


def _kspacing(key: str, value: Scalar) -> dict[str, Any]:
    return {**_positive("kspacing_per_a", "Å⁻¹")(key, value), "kpts": ""}


_READERS: dict[str, Any] = {
    "xc": _choice(XC_TAGS, "xc"),
    "metagga": _choice(("r2SCAN",), "xc"),
    "encut": _positive("encut_ev", "eV"),
    "ediff": _positive("ediff_ev", "eV"),
    "kspacing": _kspacing,
    "kpts": _kpts,
    "ismear": _ismear,
    "sigma": _sigma,
    "spin": _switch("spin"),
    "dipole": _switch("dipole"),
    "potcars": _choice(SETS, "potcars"),
    "potcar_functional": _choice(FUNCTIONALS, "potcar_functional"),
    "relaxer": _choice((AUTO, "vasp", "liface"), "relaxer"),
}
