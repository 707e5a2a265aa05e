"""Which crystals are sheets."""

import pytest

from liface.errors import StructureError
from liface.structures.crystal import repeat_of
from liface.structures.layered import is_layered
from liface.structures.library import MaterialsLibrary

NAMES = ("Li", "Cu", "Ti", "graphite", "LiC6", "Si", "TiN", "LiF", "Li2Te", "Cu2Te", "Li3P", "Li6PS5Cl")


def test_sheets_are_told_from_what_is_bonded_in_every_direction():
    library = MaterialsLibrary()
    assert [name for name in NAMES if is_layered(library.get(name).structure())] == ["graphite"]


def test_sheets_may_part_further_than_a_crystal_may_stretch():
    for name, allowed in (("graphite", True), ("Mg", False)):
        reference = MaterialsLibrary().get(name).structure()
        stretched = reference.copy()
        lattice = reference.lattice
        stretched.lattice = type(lattice).from_parameters(lattice.a, lattice.b, 1.3 * lattice.c, *lattice.angles)
        if allowed:
            assert repeat_of(stretched, "0001", reference).height_a == pytest.approx(1.3 * lattice.c)
        else:
            with pytest.raises(StructureError, match="not the same cell"):
                repeat_of(stretched, "0001", reference)
