"""Made-up crystals for the tests of the documents."""

import numpy as np

from liface.documents import Geometry

CELLS = {
    "cubic": [[3.5166, 0, 0], [0, 3.5166, 0], [0, 0, 3.5166]],
    "orthorhombic": [[4.0312, 0, 0], [0, 5.0174, 0], [0, 0, 22.4736]],
    "hexagonal": [[2.56, 0, 0], [-1.28, 2.217025, 0], [0, 0, 21.0]],
    "triclinic": [[5.1, 0.2, 0.0], [1.3, 6.4, -0.1], [0.6, 1.1, 18.2]],
}


def crystal(cell="triclinic", seed=0, n=7) -> Geometry:
    """Atoms at random points of the grid of the identity, so that small noise is far from a rounding edge."""
    rng = np.random.default_rng(seed)
    rows = np.array(CELLS[cell], dtype=float)
    steps = np.rint(np.linalg.norm(rows, axis=1) * 1e4)
    positions = (rng.integers(0, steps, (n, 3)) / steps) @ rows
    return Geometry(
        cell=vectors(rows),
        species=tuple(rng.choice(["Li", "Cu", "F"], n).tolist()),
        positions=vectors(positions),
        frozen=tuple(bool(f) for f in rng.integers(0, 2, n)),
        roles=tuple(rng.choice(["substrate", "film"], n).tolist()),
    )


def vectors(array) -> tuple:
    return tuple(tuple(float(x) for x in row) for row in np.asarray(array))


def permuted(geometry: Geometry, order) -> Geometry:
    listed = {name: tuple(getattr(geometry, name)[i] for i in order) for name in ("species", "frozen", "roles")}
    return geometry.model_copy(update={**listed, "positions": vectors(geometry.position_array[order])})
