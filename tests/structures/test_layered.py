"""Which crystals are sheets."""

import pytest

from liface.errors import StructureError
from liface.structures.crystal import repeat_of
from liface.structures.layered import is_layered
from liface.structures.library import MaterialsLibrary


def test_of_the_library_only_graphite_is_layered():
    library = MaterialsLibrary()
    assert [name for name in library.names() if is_layered(library.get(name).structure())] == ["graphite"]


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
