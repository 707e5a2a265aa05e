"""How fast Li moves along the wall of a pore, from the barrier and the binding of Li on that surface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from liface.database import Database
from liface.database.filters import quoted
from liface.dispatch.surfaces import named_surface, newest, of_engine, one_engine, the_plane
from liface.documents import EngineInfo, Input
from liface.errors import InputError
from liface.mesoscale.creep import surface_diffusivity
from liface.mesoscale.creep_parameters import CreepParameters
from liface.mesoscale.hops import USUAL_ATTEMPT_HZ, adatom_diffusivity, mass_diffusivity
from liface.mesoscale.records import Origin
from liface.structures.library import MaterialsLibrary
from liface.workflows.case_specs import canonical_surface

NEIGHBOURS = 4
"""Hops from a minimum; the diffusivity is good to a factor of order one."""


@dataclass(frozen=True)
class Wall:
    """The diffusivity of Li along a wall at one temperature, with the records behind it."""

    surface: str
    diffusivity_cm2_per_s: float
    temperature_k: float
    inputs: tuple[Input, ...]
    engine: EngineInfo
    converged: bool
    flags: tuple[str, ...]
    calc_ids: tuple[str, ...]

    def applied_to(self, parameters: CreepParameters) -> CreepParameters:
        """Return creep parameters with this diffusivity along the Li/host interface instead of that of a Li surface."""
        on_li = float(surface_diffusivity(self.temperature_k, parameters.best())[0])
        speed = f"{self.diffusivity_cm2_per_s:.3g} cm²/s at {self.temperature_k:.2f} K"
        note = f"diffusivity of Li on {self.surface}, {speed}, over D_s"
        return parameters.with_wall(self.diffusivity_cm2_per_s / on_li, note)


def stored_wall(
    database: Database,
    surface: str,
    temperature_k: float,
    engine: str | None = None,
    campaign: str | None = None,
    library: MaterialsLibrary | None = None,
) -> Wall:
    """Return the diffusivity along a wall from its stored barrier and the binding of one Li.

    Raises
    ------
    InputError
        One of the two is not stored, or several engines or planes are.
    """
    substrate, plane = canonical_surface(library or MaterialsLibrary(), *named_surface(surface))
    where = f"substrate={quoted(substrate)} AND monolayers=0 AND substrate_termination=0" + (
        f" AND campaign={quoted(campaign)}" if campaign else ""
    )
    barriers = [
        b for b in of_engine(database.results("barrier", where=where), engine) if plane in (None, b.substrate_plane)
    ]
    if not barriers:
        raise InputError(_missing("diffusion barrier", "barriers", surface, substrate, plane, ""))
    info = one_engine(barriers, f"barriers on {surface}")
    plane = the_plane(barriers, substrate, plane)
    barrier: Any = newest(barriers)
    single = f"{where} AND n_li=1 AND substrate_plane={quoted(plane)}"
    binding = newest(of_engine(database.results("binding", where=single), info.fingerprint))
    if binding is None:
        raise InputError(_missing("binding energy", "bindings", surface, substrate, plane, ", n_li: [1]"))
    attempt = barrier.attempt_hz or USUAL_ATTEMPT_HZ
    adatom = adatom_diffusivity(barrier.barrier_ev, temperature_k, barrier.hop_length_a, NEIGHBOURS, attempt)
    told = f"of Li on {substrate}({plane}), {info.label}"
    return Wall(
        surface=f"{substrate}({plane})",
        diffusivity_cm2_per_s=mass_diffusivity(adatom, binding.e_bind_ev_per_li, temperature_k),
        temperature_k=temperature_k,
        inputs=(
            Input(name="diffusion barrier, wall", value=barrier.barrier_ev, unit="eV", source=f"barrier {told}",
                  record_id=barrier.record_id),
            Input(name="E_b of one Li, wall", value=binding.e_bind_ev_per_li, unit="eV", source=f"binding {told}",
                  record_id=binding.record_id),
        ),
        engine=info,
        converged=barrier.converged and binding.converged,
        flags=tuple(dict.fromkeys((*barrier.flags, *binding.flags))),
        calc_ids=tuple(dict.fromkeys((*barrier.provenance.calc_ids, *binding.provenance.calc_ids))),
    )  # fmt: skip


def origin_of(wall: Wall | None, campaign: str, case: str) -> Origin:
    """Return what a stored creep result says of where it comes from."""
    if wall is None:
        return Origin(case=case, campaign=campaign)
    return Origin(
        case=case,
        campaign=campaign,
        engine=wall.engine,
        inputs=wall.inputs,
        flags=wall.flags,
        converged=wall.converged,
        calc_ids=wall.calc_ids,
    )


def _missing(what: str, key: str, surface: str, substrate: str, plane: str | None, more: str) -> str:
    entry = f'{{substrate: {substrate}, plane: "{plane or "HKL"}"{more}}}'
    return f"no {what} of Li on {surface} is stored; '{key}: [{entry}]' in a campaign computes it"
