"""Phonons of the bundled potentials against neutron scattering and calorimetry, tolerances stated.

Highest frequencies: bcc Li 8.8 to 9 THz (Smith, Dolling, Nicklow, Vijayaraghavan and Wilkinson, Neutron Inelastic
Scattering I, IAEA, Vienna 1968, 149), Cu 7.3 to 7.5 THz (10.1103/PhysRev.155.619). Potentials trained on relaxations
near equilibrium are soft by 10 to 20 % in forces (10.1038/s41524-024-01500-6), and phonons with them, while 3 % are
allowed above. Entropy at 298.15 K: CODATA 29.12 and 33.15 J/(mol K), that is 3.50 and 3.99 k_B per atom, of which
electrons and thermal expansion at constant pressure give 0.1 k_B or less; frequencies that are 20 % too low give 0.6.
"""

import math

import pytest

from liface.units import BOLTZMANN_EV_PER_K

pytest.importorskip("sevenn")
pytestmark = pytest.mark.mlip

ENGINE = "sevennet:7net-0"
SOFT, STIFF = 0.80, 1.03


@pytest.fixture
def phonons(campaign_of):
    rows = campaign_of("name: s\nphonons: [Li, Cu]\n", ENGINE)
    return {result.material: result for result in rows.results("phonon")}


@pytest.mark.slow
def test_phonons_of_lithium_and_copper(phonons):
    measured = {"Li": ((8.8, 9.0), 3.50), "Cu": ((7.3, 7.5), 3.99)}
    for material, ((low, high), entropy) in measured.items():
        found = phonons[material]
        assert SOFT * low < found.highest_thz < STIFF * high, material
        room = next(point for point in found.points if point.temperature_k == 298.15)
        own = room.entropy_ev_per_k_per_atom / BOLTZMANN_EV_PER_K
        assert -0.15 < own - entropy < 3 * math.log(1 / SOFT), material
        assert found.lowest_commensurate_thz > 0.5, material  # no instability; 4x4x4 of Li dips in between
        assert abs(found.supercell_change_mev_per_atom) < 2, material
