"""Change every number of a result, one at a time, and see which change recomputation does not find."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from liface.analysis.recompute import recompute
from liface.database import Database
from liface.documents import RESULT_ADAPTER

TAKEN_AS_STORED = {
    "bulk": {"lattice_error_percent"},
    "surface": {"termination", "thickness_a", "n_planes", "vacuum_a"},
    "interface": {
        "substrate_termination", "substrate_supercell",
        "film_supercell", "shift", "gap_a", "anion_bonds_lost", "substrate_planes", "points.n_planes", "scan.gap_a",
        "scan.shift",
    },
    "binding": {"monolayers", "substrate_termination", "strain_percent", "candidates.height_a"},
    "adhesion": {
        "termination_a", "termination_b", "supercell_a",
        "supercell_b", "n_planes_a", "n_planes_b", "thickness_a_a", "thickness_b_a", "start_gap_a", "shift",
        "anion_bonds_lost", "scan.gap_a", "scan.shift",
    },
    "barrier": {
        "substrate_termination", "monolayers", "direction", "barrier_across_ev", "direction_across", "minima.height_a",
        "hops.multiplicity", "strain_percent", "n_atoms",
    },
    "phonon": {
        "lowest_q", "lowest_commensurate_thz", "n_imaginary", "n_imaginary_near_gamma", "smaller_supercell",
        "supercell_change_mev_per_atom", "mesh_change_mev_per_atom", "acoustic_gamma_thz", "dos",
    },
    "vibration": {
        "substrate_termination", "monolayers", "delta_e_ev_per_li", "delta_e_0_ev_per_li", "n_imaginary", "n_soft",
        "soft_298_ev_per_li", "points.f_vib_bulk_ev_per_li", "n_displacements", "residual_ev_per_a", "area_a2",
        "n_interfaces", "lowest_thz", "e_bind_0_ev_per_li", "e_bind_298_ev_per_li", "e_bind_333_ev_per_li",
    },
}  # fmt: skip
"""What no formula on stored numbers gives, by kind: choices, counts of planes, registries, and relations that
``Database.verify`` checks by themselves. Every other number must be missed when it is wrong."""


def numbers_not_missed(database: Database, kind: str, only: tuple[str, ...] = ()) -> set[str]:
    """Return the numbers of the shown results of a kind that may be changed without anybody finding it."""
    unseen: set[str] = set()
    for result in database.results(kind):
        stored = database.calculations(result.provenance.calc_ids)
        assert recompute(result, stored).problems == ()
        plain = result.model_dump()
        for path in leaves(plain):
            name = ".".join(str(key) for key in path if not isinstance(key, int))
            if name in TAKEN_AS_STORED[kind] or path[-1] == "temperature_k":  # 0.01 K change nothing at 0 K
                continue
            if only and name not in only:
                continue
            try:
                forged = changed(plain, path)
            except ValidationError:  # no longer a document
                continue
            if not recompute(forged, stored).problems:
                unseen.add(name)
    return unseen


def leaves(value: Any, path: tuple = ()) -> Iterator[tuple]:
    """Yield the path of every number inside a plain document, but for structures and provenance."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key not in ("structure", "provenance", "engine"):
                yield from leaves(each, (*path, key))
    elif isinstance(value, list | tuple):
        for i, each in enumerate(value):
            yield from leaves(each, (*path, i))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path


def changed(plain: dict, path: tuple, by: float = 0.01) -> Any:
    """Return the document with one number changed: whole numbers by one, others by a little."""
    copy = RESULT_ADAPTER.validate_python(plain).model_dump()
    place = copy
    for key in path[:-1]:
        if isinstance(place[key], tuple):
            place[key] = list(place[key])
        place = place[key]
    old = place[path[-1]]
    place[path[-1]] = old + 1 if isinstance(old, int) else old + by * max(1.0, abs(old))
    return RESULT_ADAPTER.validate_python(copy)
