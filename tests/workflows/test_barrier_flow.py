"""Barriers from the slab to the record: a hop is its own nearest image, and what is computed can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from liface.database import Database
from liface.dispatch.run import run_campaign
from liface.dispatch.verification import verify_database
from liface.structures.hops import Hop, HopLattice
from liface.structures.library import MaterialsLibrary
from liface.workflows.campaign import Campaign, interface_spec, vibration_spec
from liface.workflows.steps.barrier import _without_folded
from recomputed_numbers import numbers_not_missed

FILE = """
name: hopping
engines: [morse]
protocol: {binding_edge_a: 7, binding_thickness_a: 4, max_force_calls: 60, fmax_ev_per_a: 0.05}
barriers:
  - {substrate: Cu, plane: "111", images: 3}
"""


def hop(x, y):
    return Hop(start=0, end=0, vector=np.array([x, y], dtype=float), steps=((0, 0, 1, 0),))


@pytest.mark.parametrize(
    ("cell", "stays", "goes"),
    [
        ([[9.0, 0.0], [0.0, 9.0]], [(4.4, 0.0), (3.0, 3.0), (4.5, 0.0)], [(5.0, 1.0), (0.0, -6.0)]),
        ([[9.0, 0.0], [-4.5, 7.794]], [(4.4, 0.0), (2.0, 3.4)], [(-4.0, 5.0), (5.2, 0.0)]),
    ],
    ids=["square", "hexagonal"],
)
def test_a_hop_that_would_run_to_a_nearer_image_is_left_out(cell, stays, goes):
    hops = tuple(hop(*vector) for vector in (*stays, *goes))
    lattice = HopLattice(primitive=np.eye(2), nodes=(0,), positions=np.zeros((1, 2)), hops=hops)
    kept, folded = _without_folded(lattice, np.array(cell))
    assert [tuple(h.vector) for h in kept.hops] == stays and [tuple(h.vector) for h in folded] == goes


def test_a_campaign_of_barriers_from_the_slab_to_the_record(tmp_path):
    path = tmp_path / "hopping.yaml"
    path.write_text(FILE)
    campaign = Campaign.load(path)
    with Database(tmp_path / "hopping.db") as database:
        state = run_campaign(campaign.cases(), database, workers=0)
        assert state.failed == 0 and [case.status for case in state.done] == ["finished"] * len(state.done)
        (barrier,) = database.results("barrier")
        assert verify_database(database).problems == []
        assert numbers_not_missed(database, "barrier") == set()
        again = run_campaign(campaign.cases(), database, workers=0)
        assert again.computed == 0
    limiting = barrier.hops[barrier.limiting_hop]
    assert barrier.barrier_ev == pytest.approx(limiting.saddle_ev) and barrier.barrier_ev >= 0
    energies = {minimum.name: minimum.energy_ev for minimum in barrier.minima}
    for each in barrier.hops:
        difference = energies[each.end] - energies[each.start]
        assert each.forward_ev - each.reverse_ev == pytest.approx(difference, abs=0.01)
        assert each.length_a == pytest.approx(np.hypot(*each.direction))


def test_vibrations_of_a_film_with_vacuum_are_refused():
    film = interface_spec(MaterialsLibrary(), "Cu", "111", "110", method="vacuum")
    with pytest.raises(ValidationError, match="free surface"):
        vibration_spec(MaterialsLibrary(), film)
