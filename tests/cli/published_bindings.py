"""A database with the published binding energies of Li on Cu, Li and Li2Te (10.1002/adma.202206762, Table 1)."""

from __future__ import annotations

from pathlib import Path

from stored_results import CREATED, engine, geometry

from liface.database import Database
from liface.documents import BindingCandidate, BindingResult, EngineInfo, Provenance

PBE = engine("vasp", "PBE")
TABLE = {("Cu", "111"): (-0.570, -0.560), ("Li", "110"): (0.168, 0.121), ("Li2Te", "110"): (0.535, 0.630)}
"""Four dispersed atoms and Li4, eV per Li."""


def binding(
    substrate: str, plane: str, energy: float, arrangement: str, by: EngineInfo = PBE, campaign: str = "published"
) -> BindingResult:
    candidate = BindingCandidate(
        start="hollow-1", e_bind_ev_per_li=energy, shape="3d", height_a=2.0, converged=True, calc_id="0" * 32
    )
    provenance = Provenance(
        campaign=campaign, case=f"binding/{substrate}-{plane}", calc_ids=(), liface_version="0", doi=(),
        created_at=CREATED,
    )  # fmt: skip
    return BindingResult(
        definition="published", engine=by, converged=True, provenance=provenance, substrate=substrate,
        substrate_plane=plane, monolayers=0, n_li=4, arrangement=arrangement, e_bind_ev_per_li=energy,
        e_bind_lowest_3d_ev_per_li=energy if arrangement == "cluster" else None, candidates=(candidate,),
        reference_gain_ev=0.0, area_a2=50.0, n_atoms=40, structure=geometry(),
    )  # fmt: skip


def database_of_published_bindings(folder: Path, *by: EngineInfo) -> Path:
    path = folder / "published.db"
    with Database(path) as database:
        for each in by or (PBE,):
            for (substrate, plane), (dispersed, cluster) in TABLE.items():
                database.add_result(binding(substrate, plane, dispersed, "dispersed", each))
                database.add_result(binding(substrate, plane, cluster, "cluster", each))
    return path
