"""The lowest-energy way to put given atoms on given sites: enumeration, or exchange descent from seeded starts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, product
from math import factorial, prod

import numpy as np

VACANCY = "Vac"
N_STARTS = 24
SEED = 20240917
_EQUAL_EV = 1e-6
_BATCH = 2048

Group = tuple[list[int], dict[str, int]]


@dataclass(frozen=True)
class Filling:
    """Occupants of all sites with their Ewald energy in eV, and how they were found."""

    occupants: tuple[str, ...]
    energy: float
    n_fillings: int
    enumerated: bool
    n_starts: int = 0


def best_filling(
    fixed: list[str], groups: list[Group], charges: dict[str, float], matrix: np.ndarray, max_candidates: int
) -> Filling:
    """Return the filling of lowest energy.

    Parameters
    ----------
    fixed
        Occupants of all sites; those of the groups are replaced.
    groups
        Sites with what is to be put on them, vacancies included: (sites, counts by symbol).
    charges
        Elementary charges by symbol; a vacancy has none.
    matrix
        Ewald matrix of unit charges, eV, shape (n, n).
    max_candidates
        Most fillings that are enumerated.
    """
    n_fillings = prod(_multinomial(counts) for _, counts in groups)
    charge = {**charges, VACANCY: 0.0}
    if n_fillings <= max_candidates:
        occupants, energy = _enumerate(fixed, groups, charge, matrix)
        return Filling(occupants, energy, n_fillings, enumerated=True)
    occupants, energy = _descend(fixed, groups, charge, matrix)
    return Filling(occupants, energy, n_fillings, enumerated=False, n_starts=N_STARTS)


def _multinomial(counts: dict[str, int]) -> int:
    return factorial(sum(counts.values())) // prod(factorial(n) for n in counts.values())


def _arrangements(sites: list[int], counts: dict[str, int]) -> Iterator[dict[int, str]]:
    """Yield every way to put the counted symbols on the sites, in lexicographic order of the sites."""
    symbol, *others = counts
    if not others:
        yield dict.fromkeys(sites, symbol)
        return
    for chosen in combinations(sites, counts[symbol]):
        taken = set(chosen)
        left = [site for site in sites if site not in taken]
        for rest in _arrangements(left, {other: counts[other] for other in others}):
            yield {**dict.fromkeys(chosen, symbol), **rest}


def _enumerate(
    fixed: list[str], groups: list[Group], charge: dict[str, float], matrix: np.ndarray
) -> tuple[tuple[str, ...], float]:
    best: tuple[str, ...] = tuple(fixed)
    lowest = np.inf
    batch: list[tuple[str, ...]] = []

    def rank() -> None:
        nonlocal best, lowest
        if not batch:
            return
        q = np.array([[charge[symbol] for symbol in row] for row in batch])
        energies = np.einsum("ki,ij,kj->k", q, matrix, q, optimize=True)
        k = int(np.flatnonzero(energies < energies.min() + _EQUAL_EV)[0])
        if energies[k] < lowest - _EQUAL_EV:
            best, lowest = batch[k], float(energies[k])
        batch.clear()

    for choice in product(*(list(_arrangements(sites, counts)) for sites, counts in groups)):
        row = list(fixed)
        for arrangement in choice:
            for site, symbol in arrangement.items():
                row[site] = symbol
        batch.append(tuple(row))
        if len(batch) == _BATCH:
            rank()
    rank()
    return best, lowest


def _descend(
    fixed: list[str], groups: list[Group], charge: dict[str, float], matrix: np.ndarray
) -> tuple[tuple[str, ...], float]:
    """Exchange pairs within groups while that lowers the energy, from seeded random starts."""
    random = np.random.default_rng(SEED)
    found: list[tuple[float, tuple[str, ...]]] = []
    for _ in range(N_STARTS):
        row = list(fixed)
        for sites, counts in groups:
            symbols = [symbol for symbol, n in counts.items() for _ in range(n)]
            for site, k in zip(sites, random.permutation(len(sites)), strict=True):
                row[site] = symbols[k]
        found.append(_descend_from(row, [sites for sites, _ in groups], charge, matrix))
    lowest = min(energy for energy, _ in found)
    return min(row for energy, row in found if energy < lowest + _EQUAL_EV), lowest


def _descend_from(
    row: list[str], groups: list[list[int]], charge: dict[str, float], matrix: np.ndarray
) -> tuple[float, tuple[str, ...]]:
    q = np.array([charge[symbol] for symbol in row])
    while True:
        field = matrix @ q
        best_gain, best_pair = -_EQUAL_EV, None
        for sites in groups:
            index = np.array(sites)
            dq = q[index][None, :] - q[index][:, None]  # what site i gains when it takes the charge of j
            diagonal = np.diag(matrix)[index]
            gain = 2 * dq * (field[index][:, None] - field[index][None, :]) + dq**2 * (
                diagonal[:, None] + diagonal[None, :] - 2 * matrix[np.ix_(index, index)]
            )
            k = int(np.argmin(gain))
            if gain.flat[k] < best_gain:
                best_gain = float(gain.flat[k])
                best_pair = index[k // len(index)], index[k % len(index)]
        if best_pair is None:
            return float(q @ matrix @ q), tuple(row)
        i, j = best_pair
        row[i], row[j] = row[j], row[i]
        q[i], q[j] = q[j], q[i]
