"""From published occupancies to whole atoms in a supercell."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor
from typing import TYPE_CHECKING

from liface.errors import MaterialFileError

if TYPE_CHECKING:
    from pymatgen.core import Composition, PeriodicSite, Structure

ATOM_TOLERANCE = 0.05
"""How far an amount may be from a whole number of atoms: rounding in published occupancies."""

FULL = 1e-3
"""Deviation of an occupancy from one that is still a full site."""

Key = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class WholeAtoms:
    """How many atoms of each element go on each kind of shared site of a supercell.

    Attributes
    ----------
    n_cells
        Size of the supercell in primitive cells.
    counts
        Atoms by element, by kind of site; the rest of the sites is vacant.
    rounded
        Text on what was rounded; empty if all kinds of sites hold whole atoms as they are.
    """

    n_cells: int
    counts: dict[Key, dict[str, int]]
    rounded: str = ""


def kind_of(site: PeriodicSite) -> Key:
    """Return what shares a site: (element, occupancy), sorted."""
    return tuple(sorted((element.symbol, round(float(amount), 4)) for element, amount in site.species.items()))


def is_shared(kind: Key) -> bool:
    """Tell whether a kind of site is partly occupied or shared."""
    return len(kind) > 1 or abs(kind[0][1] - 1) > FULL


def label(structure: Structure) -> str:
    """Return a short name of a disordered crystal for messages."""
    return "".join(f"{element}{amount:.4g}" for element, amount in structure.composition.items())


def whole_atoms(primitive: Structure, max_cells: int) -> WholeAtoms:
    """Return the smallest supercell with whole atoms on each kind of site.

    Where there is none, the smallest one with whole atoms of each element: its amounts are rounded by largest
    remainder, so that the composition is kept and atoms move between kinds of sites only.

    Raises
    ------
    MaterialFileError
        If up to ``max_cells`` primitive cells hold no whole atoms of each element.
    """
    amounts = _amounts(primitive)
    sizes = {kind: sum(kind_of(site) == kind for site in primitive) for kind in amounts}
    for n in range(1, max_cells + 1):
        if all(_is_whole(n * amount) for by_element in amounts.values() for amount in by_element.values()):
            return WholeAtoms(n, {kind: {s: round(n * a) for s, a in by.items()} for kind, by in amounts.items()})
    for n in range(1, max_cells + 1):
        counts = _apportion(amounts, n)
        if counts is not None and all(sum(counts[kind].values()) <= n * sizes[kind] for kind in counts):
            return WholeAtoms(n, counts, _rounding(amounts, counts, n))
    shown = "; ".join(
        f"{' '.join(f'{s} {amount:.3g}' for s, amount in by.items())} atoms on {sizes[kind]} sites"
        for kind, by in amounts.items()
    )
    raise MaterialFileError(
        f"{label(primitive)}: the occupancies give no whole atoms in up to {max_cells} primitive cells "
        f"({shown}); round the occupancies in the CIF to simple fractions such as 1/2 or 1/4, or give an ordered cell"
    )


def composition_of(primitive: Structure, whole: WholeAtoms) -> Composition:
    """Return the composition of the ordered supercell."""
    from pymatgen.core import Composition

    total: dict[str, float] = {}
    for site in primitive:
        if not is_shared(kind_of(site)):
            symbol = site.specie.symbol
            total[symbol] = total.get(symbol, 0) + whole.n_cells
    for by_element in whole.counts.values():
        for symbol, n in by_element.items():
            total[symbol] = total.get(symbol, 0) + n
    return Composition(total)


def _is_whole(amount: float) -> bool:
    return abs(amount - round(amount)) <= ATOM_TOLERANCE


def _amounts(primitive: Structure) -> dict[Key, dict[str, float]]:
    """Return, by kind of shared site, the atoms of each element on all sites of that kind."""
    amounts: dict[Key, dict[str, float]] = {}
    for site in primitive:
        kind = kind_of(site)
        if is_shared(kind):
            group = amounts.setdefault(kind, {symbol: 0.0 for symbol, _ in kind})
            for symbol, amount in kind:
                group[symbol] += amount
    return dict(sorted(amounts.items()))


def _apportion(amounts: dict[Key, dict[str, float]], n: int) -> dict[Key, dict[str, int]] | None:
    """Round the amounts of each element by largest remainder; None where its total is no whole number."""
    counts: dict[Key, dict[str, int]] = {kind: {} for kind in amounts}
    for symbol in sorted({symbol for by in amounts.values() for symbol in by}):
        exact = {kind: n * by[symbol] for kind, by in amounts.items() if symbol in by}
        if not _is_whole(sum(exact.values())):
            return None
        left = round(sum(exact.values())) - sum(floor(amount) for amount in exact.values())
        by_remainder = sorted(exact, key=lambda kind: (floor(exact[kind]) - exact[kind], kind))
        for rank, kind in enumerate(by_remainder):
            counts[kind][symbol] = floor(exact[kind]) + (rank < left)
    return counts


def _rounding(amounts: dict[Key, dict[str, float]], counts: dict[Key, dict[str, int]], n: int) -> str:
    moved = [
        f"{symbol} {n * amount:.3g} to {counts[kind][symbol]}"
        for kind, by in amounts.items()
        for symbol, amount in by.items()
        if not _is_whole(n * amount)
    ]
    return f"amounts per kind of site rounded within each element ({', '.join(moved)})"
