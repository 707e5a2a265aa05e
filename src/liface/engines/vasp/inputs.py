"""From a request and a level of theory to what VASP is to be told.

A :class:`Plan` holds INCAR tags, mesh, selective dynamics and the atoms in the order of POSCAR: canonical order, which
lists each species once. It is made without atomate2, POTCARs or VASP.

How the settings of a calculation are told to VASP:

- cell ``fixed``: ``ISIF = 2``; ``full``: ``ISIF = 3``. Cells relax in two runs, the second with the basis set of the
  cell that the first ended with.
- cell ``c_axis``: liface's optimizer; with ``relaxer=vasp``, ``ISIF = 3`` and ``LATTICE_CONSTRAINTS = F F T``, which
  keeps of the stress its normal component alone. VASP before 6.5 takes that tag in molecular dynamics only, and relaxes
  the whole cell without a word; which version a cluster has is not known when a calculation is planned.
- ``fmax``: ``EDIFFG = -fmax``. Where the cell relaxes it is tightened to ``-fmax V / (N 100 Å²)``: VASP compares the
  stress times the volume per atom with it, liface the stress times 100 Å² (:mod:`liface.engines.coordinates`).
- frozen atoms, and ``move = normal``: selective dynamics, ``F F F`` and ``F F T``. The latter act along the lattice
  vectors, so they need the third one along the normal.

What VASP cannot do by itself, liface's own optimizer does with VASP as the calculator of single points: see
``relaxer``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from liface.documents.calculation import CalculationRequest, CalculationSettings
from liface.documents.geometry import Geometry
from liface.engines.coordinates import STRESS_AREA_A2
from liface.engines.kpoints import Mesh, explicit_mesh, gamma_mesh, vacuum_directions
from liface.engines.moments import initial_moments, is_magnetic
from liface.engines.potential import check_distances
from liface.engines.vasp.presets import AUTO, XC_TAGS, Level
from liface.errors import CalculationError, InputError

NO_METALS = frozenset(
    (
        *("H", "He", "B", "C", "N", "O", "F", "Ne", "Si", "P", "S", "Cl", "Ar"),
        *("Ge", "As", "Se", "Br", "Kr", "Sb", "Te", "I", "Xe", "At", "Rn"),
    )
)
"""Non-metals and metalloids: a structure with one of them is smeared as if it might have a gap."""

METAL_SIGMA_EV, OTHER_SIGMA_EV = 0.2, 0.05

SPIN_ELSEWHERE = 0.6
"""μB on atoms without a start moment of their own where ``spin=true`` asks for spin: zero would stay zero."""

ALIGNED_A = 1e-6
"""In-plane part of a lattice vector up to which it is normal, and height up to which it is in the plane, Å."""

LONG_CELL_A = 50.0
SYMPREC_A = 0.01

Relaxer = Literal["none", "vasp", "liface"]


@dataclass(frozen=True)
class Plan:
    """What VASP is told about one request.

    Attributes
    ----------
    geometry
        The atoms in the order of POSCAR, wrapped into the cell.
    order
        Position of each atom of ``geometry`` in the request.
    incar
        Tags in the types of Python.
    identity_tags
        Those of them that decide the number.
    mesh
        Γ-centred divisions.
    selective
        Which way each atom may move along the lattice vectors; None where all are free.
    relaxer
        Who moves the atoms; ``none`` for a single point.
    twice
        The relaxation is repeated from its end, with the basis set of that cell.
    """

    geometry: Geometry
    order: np.ndarray
    incar: dict[str, Any]
    identity_tags: frozenset[str]
    mesh: Mesh
    selective: tuple[tuple[bool, bool, bool], ...] | None
    relaxer: Relaxer
    twice: bool


def plan(request: CalculationRequest, level: Level) -> Plan:
    """Plan a request.

    Raises
    ------
    CalculationError
        If the structure is none that can be computed (no atoms, no volume, atoms on top of each other), or cannot be
        computed as the level asks (a spacing of k-points that would need too many, a dipole in a tilted cell).
    """
    _check_structure(request.geometry)
    geometry = request.geometry.canonical()
    relaxer = _relaxer(request.settings, geometry, level)
    deciding = _deciding_tags(geometry, level)
    ways = _ways(request.settings, geometry) if relaxer == "vasp" else {"NSW": 0, "IBRION": -1, "ISIF": 2}
    return Plan(
        geometry=geometry,
        order=request.geometry.canonical_order(),
        incar={**_running_tags(geometry, level, relaxer), **deciding, **ways, **level.run_tags},
        identity_tags=frozenset(deciding) - {"MAGMOM"},
        mesh=_mesh(geometry, level),
        selective=_selective(request.settings, geometry) if relaxer == "vasp" else None,
        relaxer=relaxer,
        twice=relaxer == "vasp" and request.settings.cell != "fixed",
    )


def smearing(geometry: Geometry, level: Level) -> tuple[int, float]:
    """Return ISMEAR and SIGMA (eV) of a structure."""
    metal = not NO_METALS.intersection(geometry.species)
    ismear = (1 if metal else 0) if level.ismear == AUTO else int(level.ismear)
    sigma = (METAL_SIGMA_EV if ismear > 0 else OTHER_SIGMA_EV) if level.sigma == AUTO else float(level.sigma)
    return ismear, sigma


def needs_dipole(geometry: Geometry) -> bool:
    """Tell whether a slab with vacuum along the third vector has two faces that no symmetry operation exchanges."""
    return vacuum_directions(geometry) == (False, False, True) and not has_equal_faces(geometry)


def has_equal_faces(geometry: Geometry) -> bool:
    """Tell whether a symmetry operation turns the third direction around, and keeps frozen what is frozen.

    A slab whose lower half is frozen has equal faces as it is built and no more once it is relaxed: both ends of the
    relaxation are computed with the correction.
    """
    import spglib

    frac = np.linalg.solve(geometry.cell_array.T, geometry.position_array.T).T
    atoms = list(zip(geometry.species, geometry.frozen, strict=True))
    kinds = [sorted(set(atoms)).index(atom) for atom in atoms]
    symmetry = spglib.get_symmetry((geometry.cell_array.tolist(), frac.tolist(), kinds), symprec=SYMPREC_A)
    if symmetry is None:  # no group found: nothing can be said, and a correction that is not needed does no harm
        return False
    return any(tuple(rotation[2]) == (0, 0, -1) for rotation in symmetry["rotations"].tolist())


def is_normal(geometry: Geometry) -> bool:
    """Tell whether the third lattice vector is normal to the first two."""
    a, b, c = geometry.cell_array
    normal = np.cross(a, b) / np.linalg.norm(np.cross(a, b))
    return bool(np.linalg.norm(c - (c @ normal) * normal) < ALIGNED_A)


def is_flat(geometry: Geometry) -> bool:
    """Tell whether the first two lattice vectors lie in the xy plane."""
    return bool(np.abs(geometry.cell_array[:2, 2]).max() < ALIGNED_A)


def _check_structure(geometry: Geometry) -> None:
    if geometry.n_atoms == 0:
        raise CalculationError("the structure has no atoms")
    if not np.isfinite(geometry.position_array).all() or not abs(np.linalg.det(geometry.cell_array)) > 1e-6:
        raise CalculationError("positions are not finite, or the cell has no volume")
    if np.linalg.det(geometry.cell_array) < 0:
        raise CalculationError("the lattice vectors are left-handed: VASP needs a positive triple product")
    check_distances(geometry.species, geometry.position_array, geometry.cell_array)


def _relaxer(settings: CalculationSettings, geometry: Geometry, level: Level) -> Relaxer:
    """Choose who moves the atoms."""
    if settings.task == "static" or (all(geometry.frozen) and settings.cell == "fixed"):
        return "none"
    lacking = []
    if settings.move == "normal" and not is_normal(geometry):
        lacking.append("move atoms along the normal of a cell with a tilted third vector")
    if settings.cell == "c_axis" and not is_flat(geometry):
        lacking.append("relax the height of a cell whose first two vectors are not in the xy plane")
    if level.relaxer == "liface" or (level.relaxer == AUTO and (lacking or settings.cell == "c_axis")):
        return "liface"
    if lacking:
        raise CalculationError(f"VASP cannot {' or '.join(lacking)}; leave out relaxer=vasp")
    return "vasp"


def _mesh(geometry: Geometry, level: Level) -> Mesh:
    """Return the mesh of a structure; a level that gives none to this structure may well suit others."""
    try:
        return explicit_mesh(level.kpts, geometry) if level.kpts else gamma_mesh(geometry, level.kspacing_per_a or 0.0)
    except InputError as error:
        raise CalculationError(str(error)) from error


def _deciding_tags(geometry: Geometry, level: Level) -> dict[str, Any]:
    """Return the tags that decide the number."""
    ismear, sigma = smearing(geometry, level)
    spin = is_magnetic(geometry) if level.spin == AUTO else bool(level.spin)
    tags: dict[str, Any] = {
        **XC_TAGS[level.xc],
        "ENCUT": level.encut_ev,
        "EDIFF": level.ediff_ev,
        "ISMEAR": ismear,
        "SIGMA": sigma,
        "ISPIN": 2 if spin else 1,
        **level.tags,
    }
    if spin:
        floor = 0.0 if level.spin == AUTO else SPIN_ELSEWHERE
        tags["MAGMOM"] = [moment or floor for moment in initial_moments(geometry)]
    return tags | _dipole_tags(geometry, level)


def _dipole_tags(geometry: Geometry, level: Level) -> dict[str, Any]:
    """Return the tags of the dipole correction; its step in the potential lies in the middle of the vacuum."""
    slab = vacuum_directions(geometry) == (False, False, True)
    if level.dipole is False or not slab or (level.dipole == AUTO and has_equal_faces(geometry)):
        return {}
    if not is_normal(geometry):
        raise CalculationError(
            "the dipole correction needs a third lattice vector normal to the slab; tilt it back, or write dipole=false"
        )
    return {"LDIPOL": True, "IDIPOL": 3, "DIPOL": [0.5, 0.5, round(_middle(geometry), 6)]}


def _middle(geometry: Geometry) -> float:
    """Return the middle of a slab as a fraction of the third vector: half a cell from the middle of its vacuum."""
    heights = np.sort(np.linalg.solve(geometry.cell_array.T, geometry.position_array.T)[2] % 1.0)
    gaps = np.diff(np.append(heights, heights[0] + 1.0))
    widest = int(np.argmax(gaps))
    return float((heights[widest] + gaps[widest] / 2 + 0.5) % 1.0)


def _running_tags(geometry: Geometry, level: Level, relaxer: Relaxer) -> dict[str, Any]:
    """Return the tags that decide how the number is reached."""
    tags: dict[str, Any] = {
        "ALGO": "All" if level.xc == "r2SCAN" else "Normal",
        "NELM": 200,
        "NELMIN": 4 if relaxer == "none" else 6,  # forces are worth less than energies after as many steps
        "LWAVE": relaxer == "liface",
        "LCHARG": False,
    }
    if is_magnetic(geometry):
        tags["LORBIT"] = 11  # moments of the atoms, to see which order survived
    if np.linalg.norm(geometry.cell_array, axis=1).max() > LONG_CELL_A:
        tags["AMIN"] = 0.01  # VASP's own advice against charge sloshing in long cells
    return tags


def _ways(settings: CalculationSettings, geometry: Geometry) -> dict[str, Any]:
    """Return the tags of a relaxation by VASP."""
    limit = settings.fmax_ev_per_a
    if settings.cell != "fixed":
        volume = abs(float(np.linalg.det(geometry.cell_array)))
        limit *= min(1.0, volume / geometry.n_atoms / STRESS_AREA_A2)
    tags: dict[str, Any] = {
        "NSW": settings.max_force_calls,
        "IBRION": 2,
        "ISIF": 2 if settings.cell == "fixed" else 3,
        "EDIFFG": -round(limit, 8),
    }
    if settings.cell == "c_axis":
        tags["LATTICE_CONSTRAINTS"] = [False, False, True]
    return tags


def _selective(settings: CalculationSettings, geometry: Geometry) -> tuple[tuple[bool, bool, bool], ...] | None:
    free = (False, False, True) if settings.move == "normal" else (True, True, True)
    flags = tuple((False, False, False) if frozen else free for frozen in geometry.frozen)
    return None if all(all(flag) for flag in flags) else flags
