"""A database of made-up interfaces, enough to ask and to correlate."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from liface.database import Database
from liface.documents import (
    CalculationRequest,
    CalculationSettings,
    ConvergedCalculation,
    EngineInfo,
    FailedCalculation,
    FilmPoint,
    FinishedCase,
    Geometry,
    InterfaceResult,
    LineFit,
    Provenance,
)
from liface.units import j_per_m2

CREATED = datetime(2026, 3, 1, 12, tzinfo=UTC)
GAMMAS = {"W": 97.25, "Cr": 95.0, "Mo": 61.5, "Ti": 22.0, "Zr": 11.0, "Mg": -3.5}
"""Descriptor of the substrates of one CCD protocol, meV/Å²."""


def engine(name: str = "morse", model: str = "liface") -> EngineInfo:
    return EngineInfo(
        name=name, model=model, code=name, code_version="1", weights_sha256="0" * 64, trained_on="nothing"
    )


def geometry(shift: float = 0.0) -> Geometry:
    return Geometry(
        cell=((4.0, 0.0, 0.0), (0.0, 4.0, 0.0), (0.0, 0.0, 12.0)),
        species=("W", "Li"),
        positions=((0.0, 0.0, 0.0), (2.0, 2.0, 2.0 + shift)),
        frozen=(False, False),
        roles=("substrate", "film"),
    )


def calculation(shift: float, reason: str = "") -> ConvergedCalculation | FailedCalculation:
    request = CalculationRequest(geometry=geometry(shift), engine=engine(), settings=CalculationSettings.static())
    common = {
        "calc_id": request.calc_id, "label": f"interface/W-110/shift {shift}", "engine": request.engine,
        "settings": request.settings, "initial": request.geometry, "n_force_calls": 4, "wall_s": 0.8,
        "created_at": CREATED,
    }  # fmt: skip
    if reason:
        return FailedCalculation(**common, reason=reason)
    return ConvergedCalculation(
        **common, final=request.geometry, energy_ev=-4.0, fmax_ev_per_a=0.01,
        forces_ev_per_a=((0.0, 0.0, 0.01), (0.0, 0.0, -0.01)), energies_ev=(-4.0,), optimizer="none",
    )  # fmt: skip


def interface(
    substrate: str, gamma: float, by: EngineInfo | None = None, flags: tuple[str, ...] = (), **changes: str
) -> InterfaceResult:
    fit = LineFit(
        intercept_mev_per_a2=gamma, stderr_mev_per_a2=0.5, slope_mev_per_a2_per_li=0.01, r_squared=0.9,
        residuals_mev_per_a2=(0.1, -0.2, 0.1),
    )  # fmt: skip
    point = FilmPoint(
        n_planes=3, n_li=3, n_atoms=9, energy_ev=-30.0, gamma_mev_per_a2=gamma, converged=True, calc_id="0" * 32
    )
    values = {
        "definition": "made up", "engine": by or engine(), "converged": True, "flags": flags,
        "provenance": Provenance(
            campaign="made-up", case=f"interface/{substrate}", calc_ids=(), liface_version="0", doi=(),
            created_at=CREATED,
        ),
        "substrate": substrate, "substrate_plane": "110", "substrate_termination": 0, "film_plane": "100",
        "method": "sandwich", "n_interfaces": 2, "equivalent_interfaces": True, "gamma_mev_per_a2": gamma,
        "gamma_j_per_m2": j_per_m2(gamma), "gamma_stderr_mev_per_a2": 0.5, "gamma_free_mev_per_a2": gamma,
        "gamma_plateau_mev_per_a2": gamma, "max_residual_mev_per_a2": 0.2, "free_fit": fit, "fixed_fit": fit,
        "strain_energy_mev_per_li": 1.1, "strain_percent": 2.0, "von_mises_percent": 1.5,
        "strain_tensor": ((-0.02, 0.0), (0.0, 0.01)), "area_a2": 40.0, "substrate_supercell": ((1, 0), (0, 1)),
        "film_supercell": ((1, 0), (0, 1)), "n_points": 3, "points": (point,), "scan": (), "shift": (0.0, 0.5),
        "gap_a": 2.2, "substrate_planes": 6, "structure": geometry(),
    }  # fmt: skip
    return InterfaceResult(**{**values, **changes})


def fill(path: Path) -> Path:
    """Store every substrate, one second engine, a flag and a failed calculation."""
    results = [interface(name, gamma) for name, gamma in GAMMAS.items()]
    results.append(interface("Li2S", 4.0, flags=("reactive: γ < 0", "nonlinear")))
    calculations = [calculation(0.0), calculation(0.5), calculation(1.0, "exploded: 31.5 eV/Å")]
    case = FinishedCase(
        case_id="made-up-1", campaign="made-up", case="interfaces", kind="interface", engine=engine(),
        record_ids=tuple(result.record_id for result in results),
        calc_ids=tuple(c.calc_id for c in calculations), created_at=CREATED,
    )  # fmt: skip
    with Database(path) as database:
        for document in calculations:
            database.add_calculation(document)
        database.commit_case(case, results)
    return path
