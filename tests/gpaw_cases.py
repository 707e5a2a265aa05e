"""Structures small enough for GPAW in a test, and how to ask for them."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
from ase import Atoms
from ase.build import bulk

from liface.documents import CalculationRequest, CalculationSettings, Geometry
from liface.engines import resolve, run
from requirements_helper import need

QUICK = "gpaw:PBE?ecut=250&kspacing=0.95"
"""Far from converged; what is tested with it holds at any settings."""


def need_gpaw():
    need("gpaw", find_spec("gpaw") is not None, "make gpaw")


def geometry(atoms, frozen=None):
    n = len(atoms)
    return Geometry(
        cell=atoms.cell.array.tolist(),
        species=tuple(atoms.symbols),
        positions=atoms.positions.tolist(),
        frozen=tuple(bool(f) for f in frozen) if frozen is not None else (False,) * n,
        roles=("bulk",) * n,
    )


def request(atoms, spec=QUICK, frozen=None, **settings):
    return CalculationRequest(
        geometry=atoms if isinstance(atoms, Geometry) else geometry(atoms, frozen),
        engine=resolve(spec).info,
        settings=CalculationSettings(**settings),
        label="case",
    )


def compute(atoms, folder, spec=QUICK, frozen=None, **settings):
    return run(request(atoms, spec, frozen, **settings), resolve(spec), folder)


def shaken_lithium():
    """Two atoms of bcc lithium, displaced."""
    atoms = bulk("Li", cubic=True, a=3.43)
    atoms.positions += np.random.default_rng(7).normal(scale=0.08, size=(2, 3))
    return atoms


def polar_slab():
    """Lithium hydride, one layer of each: a dipole along z, 10 Å of vacuum."""
    return Atoms("LiH", positions=[[0, 0, 5.0], [0.2, 0, 6.6]], cell=[3.0, 3.2, 11.6], pbc=True)
