"""A stored outcome answers any request of the same identity, in the asker's order of atoms."""

import numpy as np

from liface.documents import CalculationRequest, CalculationSettings, Geometry
from liface.engines.base import EngineSpec
from liface.engines.registry import engine_info
from liface.workflows.executor import InProcessExecutor, adopt

ENGINE = EngineSpec.parse("morse")


def request(geometry, label="a"):
    settings = CalculationSettings(task="relax", fmax_ev_per_a=0.02, max_force_calls=80)
    return CalculationRequest(geometry=geometry, engine=engine_info(ENGINE), settings=settings, label=label)


def rattled():
    rng = np.random.default_rng(1)
    cell = 4.05 * np.eye(3)
    positions = np.array([[0, 0, 0], [0, 2.02, 2.02], [2.02, 0, 2.02], [2.02, 2.02, 0]]) + rng.normal(0, 0.08, (4, 3))
    return Geometry(
        cell=tuple(map(tuple, cell)),
        species=("Cu", "Cu", "Cu", "Li"),
        positions=tuple(map(tuple, positions)),
        frozen=(True, False, False, False),
        roles=("substrate",) * 3 + ("adsorbate",),
    )


def permuted(geometry):
    order = [3, 1, 0, 2]
    shift = np.array([[1, 0, 0], [0, 0, 0], [0, -2, 0], [0, 0, 1]]) @ geometry.cell_array
    return (
        Geometry(
            cell=geometry.cell,
            species=tuple(geometry.species[i] for i in order),
            positions=tuple(map(tuple, geometry.position_array[order] + shift)),
            frozen=tuple(geometry.frozen[i] for i in order),
            roles=("film",) * 4,
        ),
        order,
        shift,
    )


def test_equal_structures_are_computed_once_and_answered_in_their_own_order():
    first = rattled()
    second, order, shift = permuted(first)
    asked = [request(first), request(second, "b")]
    assert asked[0].calc_id == asked[1].calc_id
    one, other = InProcessExecutor().run(asked, ENGINE)
    assert one.energy_ev == other.energy_ev
    assert other.initial == second and other.label == "b" and other.final.roles == second.roles
    np.testing.assert_allclose(other.final.position_array, one.final.position_array[order] + shift, atol=1e-9)
    np.testing.assert_array_equal(np.array(other.forces_ev_per_a), np.array(one.forces_ev_per_a)[order])


def test_the_adopted_final_structure_has_the_stored_energy():
    first = rattled()
    second, _, _ = permuted(first)
    outcome = adopt(InProcessExecutor().run([request(first)], ENGINE)[0], request(second))
    static = CalculationRequest(
        geometry=outcome.final, engine=engine_info(ENGINE), settings=CalculationSettings.static()
    )
    assert abs(InProcessExecutor().run([static], ENGINE)[0].energy_ev - outcome.energy_ev) < 1e-9
