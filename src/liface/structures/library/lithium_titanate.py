"""The ordered cell of Li4Ti5O12, as it stands in the data files, from the disordered spinel."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pymatgen.core import Structure

SPINEL_A = 8.36
"""Lattice constant, Å: Ohzuku, Ueda and Yamamoto, J. Electrochem. Soc. 142, 1431 (1995), 10.1149/1.2048592."""

OXYGEN_X = 0.3875
"""x(O, 32e) for origin choice 1; 0.2625 for origin choice 2."""


def disordered_lithium_titanate() -> Structure:
    """Return the spinel Li[Li1/3Ti5/3]O4 with Li and Ti sharing the octahedral 16d sites."""
    from pymatgen.core import Composition, Lattice, Structure

    octahedral = Composition({"Li": 1 / 6, "Ti": 5 / 6})
    coords = [[0.0] * 3, [0.625] * 3, [OXYGEN_X] * 3]
    return Structure.from_spacegroup("Fd-3m", Lattice.cubic(SPINEL_A), ["Li", octahedral, "O"], coords)


def ordered_lithium_titanate() -> tuple[Structure, str]:
    """Return the ordered conventional cell and the record of the choice.

    Raises
    ------
    MaterialFileError
        Never for this crystal; see :func:`liface.structures.library.ordering.order`.
    """
    from liface.structures.library.cif import standard_cell
    from liface.structures.library.ordering import order

    ordered, record = order(disordered_lithium_titanate())
    return standard_cell(ordered), record
