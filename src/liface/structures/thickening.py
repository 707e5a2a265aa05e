"""The start of a thicker film from a thinner one that is relaxed: what its faces did is done again."""

from __future__ import annotations

import numpy as np


def moves_of_thicker(moves: np.ndarray, thin: np.ndarray, thick: np.ndarray) -> np.ndarray:
    """Return moves of the atoms of a thicker film, from those of a thinner film on the same substrate.

    Substrate atoms move as they did. Planes of the film move as those of the thinner one, counted from the same face,
    on the mean of their atoms; in the middle, where there are more of them, the move changes linearly.

    Parameters
    ----------
    moves
        Moves of the thinner cell along the normal, relative to its substrate, Å, shape (n,): substrate, then film.
    thin, thick
        Plane of every film atom, from 0 at the bottom, of the thinner and of the thicker film.
    """
    n_substrate = len(moves) - len(thin)
    of_plane = np.array([moves[n_substrate:][thin == plane].mean() for plane in range(int(thin.max()) + 1)])
    lower = (len(of_plane) + 1) // 2
    more = int(thick.max()) + 1 - len(of_plane)
    above = of_plane[lower] if lower < len(of_plane) else of_plane[-1]
    middle = np.linspace(of_plane[lower - 1], above, more + 2)[1:-1]
    spread = np.concatenate([of_plane[:lower], middle, of_plane[lower:]])
    return np.concatenate([moves[:n_substrate], spread[thick]])
