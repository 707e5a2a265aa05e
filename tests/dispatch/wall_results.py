"""One barrier and one binding energy of Li on Cu(111), made up."""

from __future__ import annotations

from datetime import UTC, datetime

from liface.documents import (
    BarrierHop,
    BarrierMinimum,
    BarrierResult,
    BindingCandidate,
    BindingResult,
    Geometry,
    Provenance,
)
from liface.engines.registry import engine_info

GEOMETRY = Geometry(
    cell=((4.0, 0.0, 0.0), (0.0, 4.0, 0.0), (0.0, 0.0, 12.0)), species=("Cu", "Li"),
    positions=((0.0, 0.0, 0.0), (2.0, 2.0, 2.0)), frozen=(True, False), roles=("substrate", "adsorbate"),
)  # fmt: skip


def fill(database):
    provenance = Provenance(campaign="made-up", case="Cu-111", calc_ids=(), liface_version="0", doi=(),
                            created_at=datetime(2026, 3, 1, tzinfo=UTC))  # fmt: skip
    common = {"definition": "made up", "engine": engine_info("emt"), "converged": True, "provenance": provenance,
              "substrate": "Cu", "substrate_plane": "111", "monolayers": 0, "area_a2": 50.0, "n_atoms": 37,
              "structure": GEOMETRY}  # fmt: skip
    minimum = BarrierMinimum(
        name="hollow-1", energy_ev=0.0, height_a=2.1, curvatures=(0.3, 0.3, 2.0), converged=True, calc_id="0" * 32
    )
    hop = BarrierHop(
        start="hollow-1", end="hollow-1", direction=(2.5, 0.0), length_a=2.5, multiplicity=6, forward_ev=0.05,
        reverse_ev=0.05, saddle_ev=0.05, profile_ev=(0.0, 0.05, 0.0), converged=True, calc_id="0" * 32,
    )  # fmt: skip
    database.add_result(
        BarrierResult(
            **common,
            barrier_ev=0.05,
            direction=(2.5, 0.0),
            limiting_hop=0,
            hop_length_a=2.5,
            attempt_hz=2e12,
            minima=(minimum,),
            hops=(hop,),
        )
    )
    candidate = BindingCandidate(
        start="hollow-1", e_bind_ev_per_li=0.1, shape="adatoms", height_a=2.1, converged=True, calc_id="0" * 32
    )
    database.add_result(
        BindingResult(
            **common,
            n_li=1,
            arrangement="dispersed",
            e_bind_ev_per_li=0.1,
            candidates=(candidate,),
            reference_gain_ev=0.0,
        )
    )
