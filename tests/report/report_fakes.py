"""A small made-up campaign: numbers are plausible, not computed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from liface.analysis.correlation import correlate
from liface.analysis.responses import measured
from liface.database import Database
from liface.documents import (
    AdhesionResult,
    BindingCandidate,
    BindingResult,
    BulkResult,
    CalculationSettings,
    ConvergedCalculation,
    EngineInfo,
    FailedCalculation,
    FailedCase,
    FilmPoint,
    FinishedCase,
    Geometry,
    GrowthResult,
    InterfaceResult,
    LineFit,
    Provenance,
    ScanPoint,
    SurfaceResult,
    WettingResult,
)
from liface.units import j_per_m2

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
CAMPAIGN = "demo"
SEVENNET = EngineInfo(
    name="sevennet", model="7net-0", code="sevenn", code_version="0.13.0", weights_sha256="ab" * 32,
    trained_on="MPtrj (PBE, PBE+U)",
)  # fmt: skip
CHGNET = EngineInfo(
    name="chgnet", model="0.3.0", code="chgnet", code_version="0.4.2", weights_sha256="cd" * 32,
    trained_on="MPtrj (PBE, PBE+U)",
)  # fmt: skip


def provenance(case: str, minutes: int = 0, campaign: str = CAMPAIGN) -> Provenance:
    return Provenance(
        campaign=campaign, case=case, calc_ids=("c0", "c1"), liface_version="0.1.0", doi=("10.1039/d4ee03130j",),
        created_at=START + timedelta(minutes=minutes),
    )  # fmt: skip


def stack(lower: str, upper: str, a: float, n_lower: int, n_upper: int, role: str, vacuum: float = 0.0) -> Geometry:
    """A square cell with planes of one atom, substrate below and film or adsorbate above."""
    n, spacing = n_lower + n_upper, 2.1
    cell = np.diag([a, a, n * spacing + vacuum])
    shift = [(i % 2) * 0.5 * a for i in range(n)]
    return Geometry(
        cell=tuple(map(tuple, cell.tolist())),
        species=(lower,) * n_lower + (upper,) * n_upper,
        positions=tuple((shift[i], shift[i], spacing * i + 0.3) for i in range(n)),
        frozen=(True,) + (False,) * (n - 1),
        roles=("substrate",) * n_lower + (role,) * n_upper,
    )


def interface(
    substrate: str, plane: str, gamma: float, engine: EngineInfo = SEVENNET, *, film_plane: str = "100",
    flags: tuple[str, ...] = (), converged: bool = True, species: str | None = None, scan: bool = True,
) -> InterfaceResult:  # fmt: skip
    n_li = np.array([4, 8, 12, 16, 20])
    gammas = gamma + 0.21 * n_li + np.array([3.0, 0.2, -0.3, 0.1, 0.0])
    used = slice(1, None)
    slope, intercept = np.polyfit(n_li[used], gammas[used], 1)
    free = gammas[used] - intercept - slope * n_li[used]
    fixed = gammas[used] - gamma - 0.21 * n_li[used]
    points = tuple(
        FilmPoint(n_planes=int(n // 2), n_li=int(n), n_atoms=int(n + 14), energy_ev=-120.0 - 1.9 * float(n),
                  gamma_mev_per_a2=float(g), converged=True, calc_id=f"c{n}")
        for n, g in zip(n_li, gammas, strict=True)
    )  # fmt: skip
    gaps = [ScanPoint(kind="gap", gap_a=1.8 + 0.3 * i, shift=(0.0, 0.0),
                      gamma_mev_per_a2=gamma + 30 + 40 * (i - 1.5) ** 2,
                      calc_id=f"g{i}") for i in range(4)]  # fmt: skip
    grid = [ScanPoint(kind="registry", gap_a=2.2, shift=(i / 3, j / 3), gamma_mev_per_a2=gamma + 35 + 6 * i + 4 * j,
                      calc_id=f"r{i}{j}") for i in range(3) for j in range(3)]  # fmt: skip
    return InterfaceResult(
        definition="[E(substrate + n Li) - E(substrate) - n mu_Li] / 2A at n = 0; the film is strained",
        engine=engine, converged=converged, flags=flags,
        provenance=provenance(f"interface/{substrate}-{plane}_Li-{film_plane}"),
        substrate=substrate, substrate_plane=plane, substrate_termination=0, film_plane=film_plane,
        method="sandwich", n_interfaces=2, equivalent_interfaces=True,
        gamma_mev_per_a2=gamma, gamma_j_per_m2=j_per_m2(gamma), gamma_stderr_mev_per_a2=0.42,
        gamma_free_mev_per_a2=float(intercept), gamma_plateau_mev_per_a2=gamma + 0.4,
        max_residual_mev_per_a2=float(np.abs(fixed).max()),
        free_fit=LineFit(intercept_mev_per_a2=float(intercept), stderr_mev_per_a2=0.6,
                         slope_mev_per_a2_per_li=float(slope), r_squared=0.998,
                         residuals_mev_per_a2=tuple(float(r) for r in free)),
        fixed_fit=LineFit(intercept_mev_per_a2=gamma, stderr_mev_per_a2=0.42, slope_mev_per_a2_per_li=0.21,
                          residuals_mev_per_a2=tuple(float(r) for r in fixed)),
        strain_energy_mev_per_li=3.1, strain_percent=-2.4, von_mises_percent=2.1,
        strain_tensor=((-0.024, 0.0), (0.0, 0.011)), area_a2=42.3, substrate_supercell=((1, 0), (0, 2)),
        film_supercell=((1, 1), (-1, 1)), n_points=4, points=points,
        scan=tuple(gaps + grid) if scan else (), shift=(0.0, 0.0), gap_a=2.1, substrate_planes=7,
        structure=stack(species or "W", "Li", 4.4, 6, 8, "film"),
    )  # fmt: skip


def surface(material: str, plane: str, gamma: float, engine: EngineInfo = SEVENNET) -> SurfaceResult:
    return SurfaceResult(
        definition="[E_slab - N E_bulk] / 2A", engine=engine, converged=True, flags=("model_softness",),
        provenance=provenance(f"surface/{material}-{plane}", 3), material=material, plane=plane, termination=0,
        gamma_mev_per_a2=gamma, gamma_j_per_m2=j_per_m2(gamma), gamma_unrelaxed_mev_per_a2=gamma + 4,
        thickness_a=14.2, n_planes=7, n_atoms=7, area_a2=7.0, vacuum_a=15.0, thickness_drift_mev_per_a2=0.3,
        structure=stack(material if material.isalpha() else "Li", "Li", 3.2, 7, 0, "film", 15.0),
    )  # fmt: skip


def binding(
    substrate: str, plane: str, n_li: int, arrangement: str, energy: float, engine: EngineInfo = SEVENNET,
    *, monolayers: int = 0, flags: tuple[str, ...] = (),
) -> BindingResult:  # fmt: skip
    candidates = tuple(
        BindingCandidate(start=f"hollow-{i}", e_bind_ev_per_li=energy + 0.02 * i, shape="adatoms", height_a=2.1,
                         converged=i < 2, calc_id=f"b{i}")
        for i in range(3)
    )  # fmt: skip
    return BindingResult(
        definition="[E(slab + n Li) - E(slab) - n mu_Li] / n", engine=engine, converged=True, flags=flags,
        provenance=provenance(f"binding/{substrate}-{plane}", 5), substrate=substrate, substrate_plane=plane,
        monolayers=monolayers, n_li=n_li, arrangement=arrangement, e_bind_ev_per_li=energy, candidates=candidates,
        reference_gain_ev=0.0, area_a2=91.0, n_atoms=48 + n_li,
        structure=stack("Cu", "Li", 5.1, 4, 1, "adsorbate", 14.0),
    )  # fmt: skip


def growth(substrate: str, plane: str, mode: str, delta: float, engine: EngineInfo = SEVENNET) -> GrowthResult:
    return GrowthResult(
        definition="sign of E_b(cluster) - E_b(dispersed)", engine=engine, converged=True,
        provenance=provenance(f"growth/{substrate}-{plane}", 7), substrate=substrate, substrate_plane=plane,
        mode=mode, delta_e_ev_per_li={"0/4": delta, "1/4": -0.05},
        evidence="atoms win on the bare slab, clusters on one monolayer",
    )  # fmt: skip


def wetting(substrate: str, plane: str, angle: float, engine: EngineInfo = SEVENNET) -> WettingResult:
    return WettingResult(
        definition="Young-Dupre", engine=engine, converged=True,
        provenance=provenance(f"wetting/{substrate}-{plane}", 8), substrate=substrate, substrate_plane=plane,
        film_plane="100", gamma_substrate_mev_per_a2=200.0, gamma_li_mev_per_a2=20.0,
        gamma_interface_mev_per_a2=130.0, work_of_adhesion_mev_per_a2=90.0, work_of_adhesion_j_per_m2=j_per_m2(90.0),
        cos_theta=float(np.cos(np.radians(angle))), contact_angle_deg=angle,
    )  # fmt: skip


def adhesion(a: str, plane_a: str, b: str, plane_b: str, work: float, flags: tuple[str, ...] = ()) -> AdhesionResult:
    return AdhesionResult(
        definition="(E_A + E_B - E_AB) / area", engine=SEVENNET, converged=True, flags=flags,
        provenance=provenance(f"adhesion/{a}-{plane_a}_{b}-{plane_b}-strained"), material_a=a, plane_a=plane_a,
        termination_a=0, material_b=b, plane_b=plane_b, termination_b=0, strained="b",
        work_of_adhesion_mev_per_a2=work, work_of_adhesion_j_per_m2=j_per_m2(work), energy_a_ev=-10.0,
        energy_b_ev=-20.0, energy_ab_ev=-30.0 - 0.05 * work, area_a2=50.0, strain_percent=2.0, von_mises_percent=1.5,
        strain_tensor=((0.02, 0.0), (0.0, 0.01)), supercell_a=((1, 0), (0, 1)), supercell_b=((1, 0), (0, 1)),
        face_a=a, face_b=b, n_planes_a=4, n_planes_b=4, thickness_a_a=6.2, thickness_b_a=6.9, n_atoms=8, gap_a=2.3,
        start_gap_a=2.3, shift=(0.0, 0.5), scan=(), structure=stack("W", "Li", 3.1, 2, 2, "film"),
    )  # fmt: skip


def bulk(material: str, error: float | None, engine: EngineInfo = SEVENNET) -> BulkResult:
    return BulkResult(
        definition="E/atom", engine=engine, converged=True, provenance=provenance(f"bulk/{material}"),
        material=material, energy_ev_per_atom=-1.9, volume_a3_per_atom=20.1, lattice=(3.43, 3.43, 3.43, 90, 90, 90),
        lattice_error_percent=error, structure=stack("Li", "Li", 3.43, 2, 0, "film"),
    )  # fmt: skip


def calculation(calc_id: str, engine: EngineInfo = SEVENNET, *, failed: bool = False, started_from: str | None = None):
    geometry = stack("W", "Li", 3.1, 2, 2, "film")
    common = {
        "calc_id": calc_id, "label": calc_id, "engine": engine, "settings": CalculationSettings(),
        "initial": geometry, "n_force_calls": 40, "wall_s": 12.5, "versions": {"torch": "2.13.0"},
        "created_at": START, "started_from": started_from,
    }  # fmt: skip
    if failed:
        return FailedCalculation(**common, reason="energy below -1e6 eV")
    return ConvergedCalculation(
        **common, final=geometry, energy_ev=-9.0, fmax_ev_per_a=0.02, forces_ev_per_a=((0.0, 0.0, 0.0),) * 4,
        energies_ev=(-8.0, -9.0), optimizer="tr-lbfgs",
    )  # fmt: skip


def filled(results=(), cases=(), calculations=()) -> Database:
    """A database in memory with these documents."""
    database = Database(":memory:")
    for document in calculations:
        database.add_calculation(document)
    for document in results:
        database.add_result(document)
    for document in cases:
        database.add_case(document)
    return database


def failed_case(case: str = "interface/Li2S-110_Li-100", reason: str = "energy below -1e6 eV") -> FailedCase:
    return FailedCase(
        case_id="f1", campaign=CAMPAIGN, case=case, kind="interface", engine=SEVENNET, reason=reason,
        calc_ids=("c9",), created_at=START + timedelta(minutes=20),
    )  # fmt: skip


def finished_case(results, case: str = "interface/W-110_Li-100", failures: tuple[str, ...] = ()) -> FinishedCase:
    return FinishedCase(
        case_id="d1", campaign=CAMPAIGN, case=case, kind="interface", engine=SEVENNET,
        record_ids=tuple(r.record_id for r in results), calc_ids=("c0", "c1"), failures=failures, created_at=START,
    )  # fmt: skip


def whole_campaign() -> Database:
    results = [
        interface("W", "110", 131.4), interface("W", "110", 118.2, CHGNET),
        interface("W", "100", 142.0),
        interface("Mo", "110", 94.1, species="Mo"), interface("Mo", "110", 88.0, CHGNET, species="Mo"),
        interface("Li2S", "110", 31.2, species="S"),
        interface("LiF", "100", 46.8, species="F"),
        interface("Li6PS5Cl", "100", -28.7, species="S", flags=("reactive: 12 % of P-S bonds lost", "nonlinear")),
        interface("W", "110", 120.9, film_plane="110"),
        surface("W", "110", 203.0), surface("W", "110", 180.0, CHGNET), surface("Li", "100", 18.0),
        surface("Cu", "111", 84.0),
        binding("Cu", "111", 1, "dispersed", -0.54), binding("Cu", "111", 4, "dispersed", -0.55),
        binding("Cu", "111", 4, "cluster", -0.50), binding("Cu", "111", 5, "dispersed", -0.52),
        binding("Cu", "111", 5, "cluster", -0.33), binding("Cu", "111", 4, "cluster", -0.41, CHGNET),
        binding("Cu", "111", 1, "dispersed", 0.09, monolayers=1), binding("Li", "110", 1, "dispersed", 0.15),
        binding("Li", "110", 4, "cluster", 0.11),
        binding("Li2Te", "110", 1, "dispersed", -0.2, flags=("outside_domain",)),
        growth("Cu", "111", "Stranski-Krastanov", 0.05), growth("Li2Te", "110", "undecided", 0.01),
        wetting("W", "110", 125.0), wetting("Cu", "111", 63.0), wetting("Mg", "0001", 0.0),
        adhesion("Mg", "0001", "W", "110", 190.0),
        adhesion("Cu", "111", "graphite", "0001", 1.2, ("no_dispersion: graphite", "debonded: 3.9 Å")),
        bulk("Li", -0.4), bulk("W", 0.3), bulk("Li", -2.9, CHGNET), bulk("mine", None),
    ]  # fmt: skip
    screened = results[0].provenance.model_copy(update={"screened_by": results[1].record_id})
    results[0] = results[0].model_copy(update={"provenance": screened, "scan": ()})
    cases = [finished_case(results[:1], failures=("n10: did not converge in 200 force calls",)), failed_case()]
    calculations = [
        calculation("c0", started_from="c1"), calculation("c1", CHGNET), calculation("c9", failed=True),
    ]  # fmt: skip
    from report_models import models, motion, series  # which use constants of this module

    return filled((*results, *models(), *motion(), *series()), cases, calculations)


def correlations():
    """The published current densities against made-up energies, with a small bootstrap."""
    gamma = {"W": (131.4, 0.4), "Cr": (112.9, 0.4), "Mo": (94.1, 0.4), "Ti": (71.3, 0.4), "Mg": (30.0, 0.4),
             "LiF": (46.8, 0.4)}  # fmt: skip
    report = correlate(
        gamma, measured("ccd"), n_bootstrap=40, seed=7, predict=("LiF",), descriptor_name="γ₀ on Li(100)",
        descriptor_unit="meV/Å²",
    )  # fmt: skip
    return (report,)
