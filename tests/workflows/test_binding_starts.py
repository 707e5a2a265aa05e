"""Where dispersed atoms go when no site has enough equivalent positions."""

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from liface.errors import StructureError
from liface.structures.sites import adsorption_sites, equivalent_positions
from liface.structures.slabs import build_slab
from liface.workflows.steps.binding import _apart, _dispersed, _dispersed_over


def uneven_slab():
    """A slab of three different metals and no symmetry: every site is there once."""
    lattice = Lattice([[9.0, 0.0, 0.0], [0.7, 9.5, 0.0], [0.0, 0.0, 24.0]])
    rng = np.random.default_rng(3)
    positions = [(3 * i + 0.2 * j, 3.1 * j, 2.6 * k) for k in range(2) for i in range(3) for j in range(3)]
    positions = np.array(positions) + rng.normal(0, 0.3, (18, 3))
    species = list(rng.permutation(["Cu"] * 6 + ["Ag"] * 6 + ["Au"] * 6))
    return Structure(
        lattice,
        species,
        positions,
        coords_are_cartesian=True,
        site_properties={"role": ["substrate"] * 18, "selective_dynamics": [[True] * 3] * 18},
    )


def test_atoms_spread_over_the_lowest_sites():
    slab = uneven_slab()
    sites = adsorption_sites(slab)
    assert list(_dispersed(slab, sites, 4)) == []
    start = _dispersed_over(slab, sites, 4)
    assert start.geometry.count(role="adsorbate") == 4
    placed = start.geometry.position_array[[role == "adsorbate" for role in start.geometry.roles]]
    lattice = slab.lattice
    fractions = lattice.get_fractional_coords(placed)
    distances = lattice.get_all_distances(fractions, fractions)[np.triu_indices(4, 1)]
    assert distances.min() > 3.0
    assert _dispersed_over(slab, sites, 4) == start
    assert _apart(slab, sites, 4, 2) == [start]


def test_where_the_lowest_sites_lack_room_they_are_taken_together_and_then_the_next():
    copper = Structure.from_spacegroup("Fm-3m", Lattice.cubic(3.6), ["Cu"], [[0, 0, 0]])
    slab = build_slab(copper, "111", n_planes=3, supercell=((3, 0), (0, 3))).structure
    slab.replace(int(np.argmax(slab.cart_coords[:, 2])), "Ag", properties=slab[0].properties)
    room = {site: len(equivalent_positions(slab, site)) for site in adsorption_sites(slab)}
    ranked = sorted(room, key=room.__getitem__)
    assert [room[site] for site in ranked[:2]] == [1, 1], "the two lowest have no room for three atoms"
    fitting = [site for site in ranked if list(_dispersed(slab, [site], 3))]

    def names(sites, n_starts):
        return [start.name for start in _apart(slab, sites, 3, n_starts)]

    assert names(fitting, 2) == [site.name for site in fitting[:2]]
    assert names(ranked, 2) == ["lowest-sites", fitting[0].name]
    mixed = [fitting[0], *ranked[:2], fitting[1]]
    together = _dispersed_over(slab, mixed, 3)
    assert together.geometry.identity == next(_dispersed(slab, mixed[:1], 3)).geometry.identity
    assert names(mixed, 2) == [fitting[0].name, fitting[1].name], "the same atoms are not relaxed twice"
    with pytest.raises(StructureError, match="do not fit"):
        _apart(slab, ranked[:1], 3, 2)
