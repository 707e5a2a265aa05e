"""The start of a thicker film from a thinner one that is relaxed: what its faces did is done again."""

from __future__ import annotations

import numpy as np


def moves_of_thicker(moves: np.ndarray, thin: np.ndarray, thick: np.ndarray) -> tuple[np.ndarray, float]:
    """Return moves of the atoms of a thicker film from those of a thinner film on the same substrate, and of its top.

    Substrate atoms move as they did. Distances between planes change as in the thinner film, counted from either face,
    on the mean of the atoms of a plane; those in the middle, which belong to no face, do not.

    Parameters
    ----------
    moves
        Moves of the thinner cell along the normal, relative to its substrate, Å, shape (n,): substrate, then film.
    thin, thick
        Plane of every film atom, from 0 at the bottom, of the thinner and of the thicker film.

    Returns
    -------
    tuple
        The moves, Å, and by how much less than in the thinner cell everything above the film moves, Å.
    """
    n_substrate = len(moves) - len(thin)
    of_plane = np.array([moves[n_substrate:][thin == plane].mean() for plane in range(int(thin.max()) + 1)])
    lower = (len(of_plane) + 1) // 2
    middle = float(of_plane[lower] - of_plane[lower - 1]) if lower < len(of_plane) else 0.0
    between = np.full(int(thick.max()) + 1 - len(of_plane), of_plane[lower - 1])
    spread = np.concatenate([of_plane[:lower], between, of_plane[lower:] - middle])
    return np.concatenate([moves[:n_substrate], spread[thick]]), middle
