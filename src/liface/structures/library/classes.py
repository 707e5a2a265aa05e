"""What a crystal is, judged from its composition and symmetry: family, closed shells, facets to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from liface.structures.library.anions import molecular_anions
from liface.structures.library.ewald import oxidation_states

if TYPE_CHECKING:
    from pymatgen.core import Composition, Structure

    from liface.structures.library.material import Category

ANIONS: dict[str, Category] = {
    "F": "halide",
    "Cl": "halide",
    "Br": "halide",
    "I": "halide",
    "O": "oxide",
    "S": "chalcogenide",
    "Se": "chalcogenide",
    "Te": "chalcogenide",
    "N": "nitride",
    "P": "pnictide",
    "As": "pnictide",
    "Sb": "pnictide",
    "C": "carbon",
    "H": "halide",  # hydrides, by the charge of their anion
}
"""Elements that make the anion, the most electronegative family first where several are present."""

_SEMICONDUCTORS = {"Si", "Ge", "B"}


def category_of(structure: Structure) -> Category:
    """Return the family of an ordered crystal."""
    elements = {element.symbol for element in structure.composition}
    if "Li" in elements and molecular_anions(structure):
        return "electrolyte"
    for anion, category in ANIONS.items():
        if anion in elements:
            return category
    if elements <= _SEMICONDUCTORS:
        return "semiconductor"
    return "metal" if len(elements) == 1 else "alloy"


def is_closed_shell_salt(composition: Composition) -> bool:
    """Tell whether the likely oxidation states leave every ion with a closed shell.

    Judged from the composition only: a compound that charge counting calls a salt but that conducts (Cu2Te) is
    called a salt here.
    """
    charges = oxidation_states(composition)
    anions = [element for element, charge in charges.items() if charge < 0]
    if not anions or any(element not in ANIONS or element == "C" for element in anions):
        return False
    return all(_is_closed_shell(element, charge) for element, charge in charges.items())


def _is_closed_shell(symbol: str, charge: float) -> bool:
    from pymatgen.core import Element

    if abs(charge - round(charge)) > 1e-3:  # mixed valence
        return False
    element, state = Element(symbol), round(charge)
    if symbol == "H":
        return state in (-1, 1)
    if element.is_lanthanoid:
        return state == 3  # the open f shell is a core shell
    if element.is_transition_metal:
        return state in (element.group, element.group - 10)  # d0 or d10
    valence = element.group if element.group <= 2 else element.group - 10
    if state < 0:
        return state == valence - 8
    return state in (valence, valence - 2)  # empty shell, or the lone pair of Sn2+ and its like


def default_planes_of(structure: Structure, space_group: int) -> tuple[str, ...]:
    """Return low-index facets of a conventional cell: those of the common structure types, else its faces."""
    if space_group >= 195:
        symbols = {site.specie.symbol for site in structure}
        if len(symbols) == 1 and space_group == 229:
            return "110", "100", "111", "211"
        if len(symbols) == 1:
            return "111", "100", "110"
        return "100", "110"
    if space_group >= 143:
        return "0001", "10-10"
    if space_group >= 75:
        return "001", "100"
    return "100", "010", "001"
