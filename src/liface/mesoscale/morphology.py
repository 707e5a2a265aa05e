"""What a deposit looks like, in numbers."""

from __future__ import annotations

import numpy as np

from liface.documents import Document, quantity
from liface.errors import AnalysisError


class Morphology(Document):
    """Shape of a deposit on a periodic square lattice of columns."""

    atoms: int = quantity("1", "Atoms of the deposit.")
    coverage: float = quantity("1", "Fraction of the substrate under at least one atom.")
    tip_height: int = quantity("layers", "Atoms in the tallest column.")
    mean_height: float = quantity("layers", "Atoms per column.")
    roughness: float = quantity("layers", "Root mean square deviation of the height from its mean.")
    n_nuclei: int = quantity("1", "Connected covered areas that hold two atoms or more.")
    n_lone_atoms: int = quantity("1", "Connected covered areas of one atom.")
    island_sizes: tuple[int, ...] = quantity("columns", "Footprints of the nuclei, largest first.")
    layer_occupation: tuple[float, ...] = quantity("1", "Filled fraction of every layer, the first one first.")

    @property
    def mean_island_size(self) -> float:
        """Mean footprint of the nuclei, columns; 0 without any."""
        return float(np.mean(self.island_sizes)) if self.island_sizes else 0.0


def morphology(heights: np.ndarray) -> Morphology:
    """Measure column heights of shape (rows, columns), periodic in both directions.

    Raises
    ------
    AnalysisError
        The heights are no two-dimensional array of whole numbers, 0 or more.
    """
    h = np.asarray(heights)
    if h.ndim != 2 or not h.size or not np.issubdtype(h.dtype, np.integer) or h.min() < 0:
        raise AnalysisError(
            f"heights of shape {h.shape} and type {h.dtype}; give a two-dimensional array of whole numbers, 0 or more"
        )
    labels, n = label_islands(h > 0)
    atoms = np.bincount(labels.ravel(), weights=h.ravel(), minlength=n + 1)[1:]
    areas = np.bincount(labels.ravel(), minlength=n + 1)[1:]
    tip = int(h.max())
    at_least = np.cumsum(np.bincount(h.ravel(), minlength=tip + 1)[::-1])[::-1]
    return Morphology(
        atoms=int(h.sum()),
        coverage=float(np.mean(h > 0)),
        tip_height=tip,
        mean_height=float(h.mean()),
        roughness=float(h.std()),
        n_nuclei=int(np.count_nonzero(atoms >= 2)),
        n_lone_atoms=int(np.count_nonzero(atoms == 1)),
        island_sizes=tuple(sorted((int(a) for a in areas[atoms >= 2]), reverse=True)),
        layer_occupation=tuple((at_least[1:] / h.size).tolist()),
    )


def label_islands(covered: np.ndarray) -> tuple[np.ndarray, int]:
    """Give a number to every connected area of a periodic lattice with four neighbours per column.

    Returns
    -------
    labels, n
        1 to n for covered columns and 0 for bare ones, and the number of areas.
    """
    from scipy.ndimage import label
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    covered = np.asarray(covered, bool)
    labels, n = label(covered)
    if not n:
        return labels, 0
    firsts = np.concatenate([labels[0], labels[:, 0]])
    lasts = np.concatenate([labels[-1], labels[:, -1]])
    joined = (firsts > 0) & (lasts > 0)
    pairs = (firsts[joined] - 1, lasts[joined] - 1)
    areas, names = connected_components(coo_array((np.ones(joined.sum()), pairs), shape=(n, n)), directed=False)
    labels[covered] = names[labels[covered] - 1] + 1
    return labels, int(areas)
