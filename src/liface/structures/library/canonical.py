"""The canonical cell of a material: the lattice that integer interface cells are derived from."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from liface.structures.library.material import Material


def canonical_structure(material: Material) -> Structure:
    """Return the ordered cell on its PBE lattice where that is known, else on its own.

    All engines here are PBE or potentials trained on PBE; matching lattices measured at room temperature would
    favour coherent cells that none of them sees as well matched.
    """
    structure = material.structure()
    lengths = _pbe_lengths().get(material.name)
    if lengths is None:
        return structure
    from pymatgen.core import Lattice

    a, c = lengths[0], lengths[-1]
    lattice = Lattice.from_parameters(a, a, c, *structure.lattice.angles)
    return type(structure)(lattice, structure.species, structure.frac_coords)


@cache
def _pbe_lengths() -> dict[str, list[float]]:
    import yaml

    text = (resources.files(__package__) / "data" / "pbe.yaml").read_text(encoding="utf-8")
    return {str(name): [float(x) for x in lengths] for name, lengths in yaml.safe_load(text).items()}
