"""Electrostatic energies of many fillings of the same sites."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from liface.structures.checks import guessed_charges

if TYPE_CHECKING:
    from pymatgen.core import Composition, Structure


def charges_of(composition: Composition) -> tuple[dict[str, float], str]:
    """Return a charge for each element (elementary charges), and a text that says which.

    Oxidation states where the composition has neutral ones. Otherwise (alloys) charges follow the
    electronegativities, so that the ranking spreads unlike atoms evenly.
    """
    charges = oxidation_states(composition)
    if charges:
        return charges, "oxidation states " + _listed(charges)
    negativity = {element.symbol: float(element.X or 0.0) for element in composition.element_composition}
    total = sum(composition.element_composition.values())
    mean = sum(negativity[e.symbol] * n for e, n in composition.element_composition.items()) / total
    charges = {symbol: mean - value for symbol, value in negativity.items()}
    if all(abs(charge) < 1e-6 for charge in charges.values()):
        charges = dict.fromkeys(charges, 1.0)
    return charges, "no oxidation states; charges from electronegativity " + _listed(charges)


def oxidation_states(composition: Composition) -> dict[str, float]:
    """Return the most likely oxidation states that make a composition neutral; empty where there are none.

    Fractional compositions are brought to whole atoms first (of at most 60ths).
    """
    from pymatgen.core import Composition

    amounts = {e.symbol: float(n) for e, n in composition.element_composition.items()}
    smallest = min(amounts.values())
    for factor in range(1, 61):
        scaled = {symbol: n / smallest * factor for symbol, n in amounts.items()}
        if all(abs(n - round(n)) < 0.01 for n in scaled.values()):
            whole = Composition({symbol: round(n) for symbol, n in scaled.items()})
            guesses = guessed_charges(whole, max_sites=-1) if len(whole) > 1 else ()
            return {element: float(charge) for element, charge in guesses[0].items()} if guesses else {}
    return {}


def _listed(charges: dict[str, float]) -> str:
    return ", ".join(f"{element} {charge:+.3g}" for element, charge in sorted(charges.items()))


def unit_ewald_matrix(structure: Structure) -> np.ndarray:
    """Return A with E = Σ q_i A_ij q_j in eV for charges q on all sites of a structure, shape (n, n).

    Only differences between fillings of the same total charge have a meaning.
    """
    from pymatgen.analysis.ewald import EwaldSummation
    from pymatgen.core import Species, Structure

    ions = Structure(structure.lattice, [Species("H", 1)] * len(structure), structure.frac_coords)
    matrix = np.array(EwaldSummation(ions, compute_forces=False).total_energy_matrix, dtype=float)
    return (matrix + matrix.T) / 2
