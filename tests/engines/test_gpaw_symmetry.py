"""Symmetry that keeps the grids of tilted cells small."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from requirements_helper import need


@pytest.fixture(autouse=True)
def gpaw():
    need("gpaw", find_spec("gpaw") is not None, "make gpaw")


@pytest.fixture
def tilted():
    """A tall cell whose third vector is tilted so that inversion maps one side on the other."""
    from ase import Atoms

    cell = np.array([[3.0, 0.0, 0.0], [0.0, 3.0, 0.0], [1.5, 1.5, 12.0]])
    return Atoms("Li3", positions=[[0, 0, 0], [1.5, 1.5, 2.0], [-1.5, -1.5, -2.0]], cell=cell, pbc=True)


def parameters(**more):
    return {"mode": {"name": "pw", "ecut": 200.0}, "xc": "PBE", "kpts": {"size": (3, 3, 1), "gamma": True},
            "occupations": {"name": "fermi-dirac", "width": 0.1}, **more}  # fmt: skip


def test_tall_tilted_cells_get_small_grids_and_the_same_energy(tilted):
    from gpaw import GPAW

    from liface.engines.gpaw.session import Session

    start = {"numbers": tilted.numbers, "positions": tilted.positions, "cell": tilted.cell.array, "pbc": True,
             "moments": None, "parameters": parameters(), "txt": None}  # fmt: skip
    session = Session(start)
    point = session.point(tilted.positions, tilted.cell.array, stress=False)
    grid = session.gpaw.dft.density.nt_sR.desc.size_c
    assert max(grid[:2]) < grid[2] / 2

    plain = tilted.copy()
    plain.calc = GPAW(**parameters(symmetry="off"), txt=None)
    assert point["energy"] == pytest.approx(plain.get_potential_energy(), abs=1e-4)
    assert np.array(point["forces"]) == pytest.approx(plain.get_forces(), abs=2e-3)


def test_atoms_of_other_moments_are_other_atoms(tilted):
    from liface.engines.gpaw.session import _symmetry_for_even_grids

    kept = _symmetry_for_even_grids(tilted)
    tilted.set_initial_magnetic_moments([0.0, 2.0, -2.0])
    assert len(_symmetry_for_even_grids(tilted)["rotations"]) < len(kept["rotations"])


def test_a_cell_of_equal_edges_keeps_all_its_symmetry():
    from ase.build import bulk

    from liface.engines.gpaw.session import _symmetry_for_even_grids

    assert _symmetry_for_even_grids(bulk("Li", "bcc", 3.44)) == {}
