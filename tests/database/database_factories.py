"""Small, valid documents of every kind."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from liface.documents import (
    AdhesionResult,
    BarrierHop,
    BarrierMinimum,
    BarrierResult,
    BindingCandidate,
    BindingResult,
    BulkResult,
    CalculationRequest,
    CalculationSettings,
    ConvergedCalculation,
    ConvergencePoint,
    ConvergenceResult,
    CreepResult,
    DepositionResult,
    EngineInfo,
    FailedCalculation,
    FailedCase,
    FilmPoint,
    FinishedCase,
    Geometry,
    GrowthResult,
    Input,
    InterfaceResult,
    LineFit,
    LiteratureValue,
    MorphologyResult,
    PhononResult,
    Provenance,
    RunCalculation,
    RunCase,
    RunDocument,
    RunEngine,
    RunRecord,
    StabilityResult,
    SurfaceResult,
    ThermalPoint,
    UnconvergedCalculation,
    VerdictPoint,
    VerdictResult,
    VibrationPoint,
    VibrationResult,
    WettingResult,
)
from liface.documents.mesoscale import Band, PlaceEnergy, RatioPoint
from liface.units import j_per_m2

EMT = EngineInfo(
    name="emt", model="emt", code="ase", code_version="3.29.0", weights_sha256="0" * 64, trained_on="effective medium"
)
OTHER = EMT.model_copy(update={"name": "chgnet", "model": "0.3.0"})
CREATED = datetime(2026, 3, 1, 12, tzinfo=UTC)


def geometry(shift: float = 0.0) -> Geometry:
    return Geometry(
        cell=((4.0, 0.0, 0.0), (0.0, 4.0, 0.0), (0.0, 0.0, 12.0)),
        species=("Cu", "Li"),
        positions=((0.0, 0.0, 0.0), (2.0, 2.0, 2.0 + shift)),
        frozen=(True, False),
        roles=("substrate", "film"),
    )


def calculation(number: int = 0, status: str = "converged", engine: EngineInfo = EMT, **changes: Any) -> Any:
    request = CalculationRequest(
        geometry=geometry(0.001 * number), engine=engine, settings=CalculationSettings(), label=f"test/n{number}"
    )
    common = {
        "calc_id": request.calc_id, "label": request.label, "engine": engine, "settings": request.settings,
        "initial": request.geometry, "n_force_calls": 7, "wall_s": 1.5, "versions": {"ase": "3.29.0"},
        "created_at": CREATED,
    }  # fmt: skip
    if status == "failed":
        return FailedCalculation(**{**common, "reason": "energy is not finite", **changes})
    energies = {
        "final": geometry(0.1), "energy_ev": -3.25 - number, "fmax_ev_per_a": 0.021,
        "forces_ev_per_a": ((0.0, 0.0, 0.0), (0.0, 0.0, 0.021)), "energies_ev": (-3.0, -3.25), "optimizer": "lbfgs",
    }  # fmt: skip
    if status == "unconverged":
        return UnconvergedCalculation(**{**common, **energies, "reason": "200 force calls", **changes})
    return ConvergedCalculation(**{**common, **energies, **changes})


def provenance(campaign: str = "quickstart", case: str = "case", calc_ids: tuple[str, ...] = ()) -> Provenance:
    return Provenance(
        campaign=campaign, case=case, calc_ids=calc_ids, liface_version="0.1.0", doi=("10.1039/d4ee03130j",),
        created_at=CREATED,
    )  # fmt: skip


def _common(campaign: str, case: str, engine: EngineInfo, flags: tuple[str, ...]) -> dict[str, Any]:
    return {
        "definition": "as the test says", "engine": engine, "converged": True, "flags": flags,
        "provenance": provenance(campaign, case),
    }  # fmt: skip


def surface(
    material: str = "Cu", plane: str = "111", gamma: float = 80.0, campaign: str = "quickstart", case: str = "case",
    engine: EngineInfo = EMT, flags: tuple[str, ...] = (), **changes: Any,
) -> SurfaceResult:  # fmt: skip
    values = {
        "material": material, "plane": plane, "termination": 0, "gamma_mev_per_a2": gamma,
        "gamma_j_per_m2": j_per_m2(gamma), "gamma_unrelaxed_mev_per_a2": gamma + 1.0, "thickness_a": 14.0,
        "n_planes": 7, "n_atoms": 7, "area_a2": 5.7, "vacuum_a": 15.0, "thickness_drift_mev_per_a2": 0.1,
        "structure": geometry(),
    }  # fmt: skip
    return SurfaceResult(**{**_common(campaign, case, engine, flags), **values, **changes})


def interface(
    substrate: str = "W", film_plane: str = "100", gamma: float = 100.0, campaign: str = "quickstart",
    case: str = "case", engine: EngineInfo = EMT, flags: tuple[str, ...] = (), **changes: Any,
) -> InterfaceResult:  # fmt: skip
    fit = LineFit(
        intercept_mev_per_a2=gamma - 2.0, stderr_mev_per_a2=0.5, slope_mev_per_a2_per_li=0.01, r_squared=0.9,
        residuals_mev_per_a2=(0.1, -0.2, 0.1),
    )  # fmt: skip
    point = FilmPoint(
        n_planes=3, n_li=3, n_atoms=9, energy_ev=-30.0, gamma_mev_per_a2=gamma, converged=True, calc_id="0" * 32
    )
    values = {
        "substrate": substrate, "substrate_plane": "110", "substrate_termination": 0, "film_plane": film_plane,
        "method": "sandwich", "n_interfaces": 2, "equivalent_interfaces": True, "gamma_mev_per_a2": gamma,
        "gamma_j_per_m2": j_per_m2(gamma), "gamma_stderr_mev_per_a2": 0.4, "gamma_free_mev_per_a2": gamma - 2.0,
        "gamma_plateau_mev_per_a2": gamma + 1.0, "max_residual_mev_per_a2": 0.2, "free_fit": fit, "fixed_fit": fit,
        "strain_energy_mev_per_li": 1.1, "strain_percent": -2.0, "von_mises_percent": 1.5,
        "strain_tensor": ((-0.02, 0.0), (0.0, 0.01)), "area_a2": 40.0, "substrate_supercell": ((1, 0), (0, 1)),
        "film_supercell": ((1, 0), (0, 1)), "n_points": 3, "points": (point,), "scan": (), "shift": (0.0, 0.5),
        "gap_a": 2.2, "substrate_planes": 6, "structure": geometry(),
    }  # fmt: skip
    return InterfaceResult(**{**_common(campaign, case, engine, flags), **values, **changes})


def binding(
    substrate: str = "Cu", energy: float = -0.57, campaign: str = "quickstart", case: str = "case",
    engine: EngineInfo = EMT, flags: tuple[str, ...] = (), **changes: Any,
) -> BindingResult:  # fmt: skip
    candidate = BindingCandidate(
        start="hollow-1", e_bind_ev_per_li=energy, shape="adatoms", height_a=2.1, converged=True, calc_id="0" * 32
    )
    values = {
        "substrate": substrate, "substrate_plane": "111", "monolayers": 0, "n_li": 1, "arrangement": "dispersed",
        "e_bind_ev_per_li": energy, "candidates": (candidate,), "reference_gain_ev": 0.0, "area_a2": 50.0,
        "n_atoms": 37, "structure": geometry(),
    }  # fmt: skip
    return BindingResult(**{**_common(campaign, case, engine, flags), **values, **changes})


def barrier(
    substrate: str = "Cu", barrier_ev: float = 0.05, campaign: str = "quickstart", case: str = "case",
    engine: EngineInfo = EMT, flags: tuple[str, ...] = (), **changes: Any,
) -> BarrierResult:  # fmt: skip
    minimum = BarrierMinimum(
        name="hollow-1", energy_ev=0.0, height_a=2.1, curvatures=(0.3, 0.3, 2.0), converged=True, calc_id="0" * 32
    )
    hop = BarrierHop(
        start="hollow-1", end="hollow-1", direction=(2.5, 0.0), length_a=2.5, multiplicity=6, forward_ev=barrier_ev,
        reverse_ev=barrier_ev, saddle_ev=barrier_ev, profile_ev=(0.0, barrier_ev, 0.0), curvatures=(0.4, 2.1),
        converged=True, calc_id="0" * 32,
    )  # fmt: skip
    values = {
        "substrate": substrate, "substrate_plane": "111", "monolayers": 0, "barrier_ev": barrier_ev,
        "direction": (2.5, 0.0), "barrier_across_ev": barrier_ev, "direction_across": (1.25, 2.2), "limiting_hop": 0,
        "hop_length_a": 2.5, "attempt_hz": 2e12, "minima": (minimum,), "hops": (hop,), "area_a2": 50.0, "n_atoms": 37,
        "structure": geometry(),
    }  # fmt: skip
    return BarrierResult(**{**_common(campaign, case, engine, flags), **values, **changes})


def growth(campaign: str = "quickstart", case: str = "case", engine: EngineInfo = EMT) -> GrowthResult:
    return GrowthResult(
        **_common(campaign, case, engine, ()), substrate="Cu", substrate_plane="111", mode="Stranski-Krastanov",
        delta_e_ev_per_li={"0/4": 0.01, "1/4": -0.2}, evidence="atoms win on the bare substrate only",
    )  # fmt: skip


def wetting(campaign: str = "quickstart", case: str = "case", engine: EngineInfo = EMT, **changes: Any) -> Any:
    values = {
        "substrate": "Cu", "substrate_plane": "111", "film_plane": "110", "gamma_substrate_mev_per_a2": 80.0,
        "gamma_li_mev_per_a2": 30.0, "gamma_interface_mev_per_a2": 65.0, "work_of_adhesion_mev_per_a2": 45.0,
        "work_of_adhesion_j_per_m2": j_per_m2(45.0), "cos_theta": 0.5, "contact_angle_deg": 60.0,
    }  # fmt: skip
    return WettingResult(**{**_common(campaign, case, engine, ()), **values, **changes})


def adhesion(
    a: str = "Cu", b: str = "Li2Te", work: float = 30.0, campaign: str = "quickstart", case: str = "case",
    engine: EngineInfo = EMT, flags: tuple[str, ...] = (), **changes: Any,
) -> AdhesionResult:  # fmt: skip
    values = {
        "material_a": a, "plane_a": "111", "termination_a": 0, "material_b": b, "plane_b": "110", "termination_b": 0,
        "strained": "b", "work_of_adhesion_mev_per_a2": work, "work_of_adhesion_j_per_m2": j_per_m2(work),
        "energy_a_ev": -10.0, "energy_b_ev": -20.0, "energy_ab_ev": -30.0 - 0.05 * work, "area_a2": 50.0,
        "strain_percent": 2.0, "von_mises_percent": 1.5, "strain_tensor": ((0.02, 0.0), (0.0, 0.01)),
        "supercell_a": ((1, 0), (0, 1)), "supercell_b": ((1, 0), (0, 1)), "face_a": "Cu", "face_b": "Li2Te",
        "n_planes_a": 4, "n_planes_b": 4, "thickness_a_a": 6.2, "thickness_b_a": 6.9, "n_atoms": 2, "gap_a": 2.3,
        "start_gap_a": 2.3, "shift": (0.0, 0.5), "scan": (), "structure": geometry(),
    }  # fmt: skip
    return AdhesionResult(**{**_common(campaign, case, engine, flags), **values, **changes})


def bulk(
    material: str = "Li", campaign: str = "quickstart", case: str = "case", engine: EngineInfo = EMT
) -> BulkResult:
    return BulkResult(
        **_common(campaign, case, engine, ()), material=material, energy_ev_per_atom=-1.9, volume_a3_per_atom=20.2,
        lattice=(3.43, 3.44, 3.45, 90.0, 91.0, 92.0), structure=geometry(),
    )  # fmt: skip


def _model(campaign: str, case: str, engine: EngineInfo | None) -> dict[str, Any]:
    given = Input(name="E_b of one Li", value=-0.57, unit="eV", source="by hand")
    return {**_common(campaign, case, EMT, ()), "engine": engine, "inputs": (given,)}


def morphology(
    campaign: str = "quickstart", case: str = "case", engine: EngineInfo | None = EMT, **changes: Any
) -> Any:
    band = Band(mean=0.4, lower=0.3, upper=0.5, level=0.95, n=2)
    point = RatioPoint(
        ratio=2.0, tip_height=band, coverage=band, roughness=band, n_nuclei=band, mean_island_size=band,
        layer_occupation=(0.4, 0.1),
    )  # fmt: skip
    values = {
        "substrate": "Cu", "substrate_plane": "111", "ratio": 2.0, "ratio_rule": "clusters", "coverage": 0.4,
        "tip_height": 0.4, "roughness": 0.4, "n_nuclei": 0.4, "temperature_k": 298.15, "atoms": 2, "size": 2,
        "n_seeds": 2, "coverage_rises": True, "tip_height_falls": True, "points": (point,), "heights": ((1, 0), (0, 1)),
        "sweep_id": "a" * 32, "generator": "xoshiro256++",
    }  # fmt: skip
    return MorphologyResult(**{**_model(campaign, case, engine), **values, **changes})


def deposition(
    campaign: str = "quickstart", case: str = "case", engine: EngineInfo | None = EMT, **changes: Any
) -> Any:
    place = PlaceEnergy(
        place="collector", open=True, driving_force_ev=0.09, reaction_ev=0.05, potential_ev=-0.01,
        adhesion_mev_per_a2=5.0, adhesion_j_per_m2=j_per_m2(5.0), adhesion_ev=0.04, pressure_ev=0.01,
    )  # fmt: skip
    values = {
        "electrolyte": "Li6PS5Cl", "interlayer": "graphite", "collector": "Cu", "answer": "collector",
        "margin_ev": None, "pressure_mpa": 5.0, "contact": 1.0, "area_per_li_a2": 8.0, "places": (place,),
        "boundaries": (),
    }  # fmt: skip
    return DepositionResult(**{**_model(campaign, case, engine), **values, **changes})


def creep(campaign: str = "quickstart", case: str = "case", engine: EngineInfo | None = None, **changes: Any) -> Any:
    values = {
        "host": "carbon", "pore_nm": 31.0, "porosity": 0.5, "thickness_um": 5.0, "temperature_k": 333.15,
        "stress_mpa": 7.4, "overpotential_mv": 1.0, "capacity_mah_per_cm2": 0.5155, "mechanism": "Coble",
        "strain_rate": 2.0, "current_ma_per_cm2": 1.0, "current_lower_ma_per_cm2": 0.2, "current_upper_ma_per_cm2": 5.0,
        "asked_ma_per_cm2": 0.1, "passes": "yes", "rates": (), "limits": (),
    }  # fmt: skip
    return CreepResult(**{**_model(campaign, case, engine), **values, **changes})


def stability(campaign: str = "quickstart", case: str = "case", engine: EngineInfo | None = EMT, **changes: Any) -> Any:
    values = {
        "material": "W", "verdict": "immiscible", "lithium_class": "conductor at rest", "reaction": "none",
        "energy_above_hull_ev_per_atom": 0.0, "reaction_energy_ev": 0.0, "li_taken_up": 0.0, "window_low_v": 0.0,
        "window_high_v": None, "band_gap_ev": None, "products": (), "compounds_with_li": (), "untested": (),
        "phases": ("Li", "W"),
    }  # fmt: skip
    return StabilityResult(**{**_model(campaign, case, engine), **values, **changes})


def verdict(campaign: str = "quickstart", case: str = "case", engine: EngineInfo | None = EMT, **changes: Any) -> Any:
    point = VerdictPoint(question="Li wets it", answer="for", finding="contact angle 60°")
    values = {
        "substrate": "Cu", "substrate_plane": "111", "n_for": 1, "n_against": 0, "n_open": 0,
        "verdict": "favourable: 1 of 1 points for it", "points": (point,),
    }  # fmt: skip
    return VerdictResult(**{**_model(campaign, case, engine), **values, **changes})


def phonon(campaign: str = "quickstart", case: str = "case", engine: EngineInfo = EMT, **changes: Any) -> PhononResult:
    points = tuple(
        ThermalPoint(
            temperature_k=t, f_vib_ev_per_atom=f, u_vib_ev_per_atom=f + t * s, entropy_ev_per_k_per_atom=s,
            heat_capacity_ev_per_k_per_atom=2e-4,
        )
        for t, f, s in ((0.0, 0.034, 0.0), (298.15, -0.011, 3e-4), (333.15, -0.022, 3.2e-4))
    )  # fmt: skip
    values = {
        "material": "Li", "zpe_ev_per_atom": 0.034, "f_vib_298_ev_per_atom": -0.011, "f_vib_333_ev_per_atom": -0.022,
        "points": points, "highest_thz": 8.8, "lowest_thz": 0.2,
        "lowest_q": (0.0, 0.0, 0.1), "lowest_commensurate_thz": 1.0, "n_imaginary": 0, "n_imaginary_near_gamma": 0,
        "n_modes": 3000, "supercell": (4, 4, 4), "n_atoms": 128, "n_displacements": 1, "displacement_a": 0.02,
        "smaller_supercell": (3, 3, 3), "supercell_change_mev_per_atom": 0.1, "mesh": (30, 30, 30),
        "mesh_change_mev_per_atom": 0.02, "acoustic_gamma_thz": 0.01, "energy_ev_per_atom": -1.9,
        "dos": ((0.0, 0.0), (4.0, 0.6), (8.8, 0.0)), "structure": geometry(),
    }  # fmt: skip
    return PhononResult(**{**_common(campaign, case, engine, ()), **values, **changes})


def vibration(campaign: str = "quickstart", case: str = "case", engine: EngineInfo = EMT, **changes: Any) -> Any:
    nothing = {
        f"{name}{t}_{unit}": None
        for name, unit in (("delta_e", "ev_per_li"), ("gamma", "mev_per_a2"))
        for t in ("", "_0", "_298", "_333")
    }
    point = VibrationPoint(
        temperature_k=298.15, f_vib_ev_per_li=-0.03, f_vib_bulk_ev_per_li=-0.011, correction_ev_per_li=-0.019
    )
    values = nothing | {
        "substrate": "Cu", "substrate_plane": "111", "substrate_termination": 0, "film_plane": "110", "monolayers": 0,
        "arrangement": "dispersed", "n_li": 1, "zpe_ev_per_li": 0.03, "correction_0_ev_per_li": -0.004,
        "correction_298_ev_per_li": -0.019, "correction_333_ev_per_li": -0.022, "e_bind_ev_per_li": -0.57,
        "e_bind_0_ev_per_li": -0.574, "e_bind_298_ev_per_li": -0.589, "e_bind_333_ev_per_li": -0.592,
        "lowest_thz": 2.0, "n_imaginary": 0, "n_soft": 0, "soft_298_ev_per_li": 0.0,
        "frequencies_thz": (2.0, 2.0, 8.0), "points": (point,), "displacement_a": 0.02, "n_displacements": 6,
        "multiples": (1, 1), "residual_ev_per_a": 0.01, "area_a2": 50.0, "n_interfaces": 0, "structure": geometry(),
    }  # fmt: skip
    return VibrationResult(**{**_common(campaign, case, engine, ()), **values, **changes})


def literature_value(**changes: Any) -> LiteratureValue:
    values = {
        "quantity": "interface_gamma", "material": "Mo", "film_plane": "100", "value": 81.742, "unit": "meV/Å²",
        "method": "PBE", "doi": "10.1039/d4ee03130j", "where": "Figs 4e, 4f, 7d", "created_at": CREATED,
    }  # fmt: skip
    return LiteratureValue.model_validate({**values, **changes})


def convergence(campaign: str = "quickstart", case: str = "case", engine: EngineInfo = EMT, **changes: Any) -> Any:
    numbers = {6.0: 84.0, 9.0: 80.2, 12.0: 80.1, 16.0: 80.0}
    points = tuple(
        ConvergencePoint(
            label=f"{value:g}", value=value, result=number, difference=number - 80.0, n_atoms=4, n_calculations=3,
            repeats=False, converged=True, engine_fingerprint=engine.fingerprint, calc_ids=(),
        )
        for value, number in numbers.items()
    )  # fmt: skip
    values = {
        "of": "surface", "subject": "surface/Cu-111", "parameter": "slab_thickness", "field": "surface_thickness_a",
        "parameter_unit": "Å", "measure": "gamma_mev_per_a2", "unit": "meV/Å²", "tolerance": 0.5, "settles": True,
        "converged_value": 9.0, "converged_label": "9", "reference_label": "16", "reference_result": 80.0,
        "spread": 4.0, "n_points": 4, "points": points,
    }  # fmt: skip
    return ConvergenceResult(**{**_common(campaign, case, engine, ()), **values, **changes})


EVERY_KIND = (
    surface, interface, binding, barrier, growth, wetting, adhesion, bulk, morphology, deposition, creep, stability,
    verdict, phonon, vibration, convergence,
)  # fmt: skip


def all_results(campaign: str = "quickstart", case: str = "case") -> list[Any]:
    return [make(campaign=campaign, case=case) for make in EVERY_KIND]


def finished_case(results: Any = (), case_id: str = "c1", **changes: Any) -> FinishedCase:
    values = {
        "case_id": case_id, "campaign": "quickstart", "case": "case", "kind": "interface", "engine": EMT,
        "record_ids": tuple(result.record_id for result in results), "calc_ids": (), "created_at": CREATED,
    }  # fmt: skip
    return FinishedCase(**{**values, **changes})


def failed_case(case_id: str = "c1", **changes: Any) -> FailedCase:
    values = {
        "case_id": case_id, "campaign": "quickstart", "case": "case", "kind": "interface", "engine": EMT,
        "reason": "no coherent cell", "created_at": CREATED,
    }  # fmt: skip
    return FailedCase(**{**values, **changes})


def run(campaign: str = "quickstart", gamma: float = 80.0, **changes: Any) -> RunDocument:
    calculated = RunCalculation(
        calc_id="0" * 32, label="surface/Cu-111/slab", engine=EMT.fingerprint, settings="relax", geometry="1" * 32,
        formula="Cu7", cell=(2.5, 2.5, 30.0, 90.0, 90.0, 120.0), status="converged", energy_ev=-3.0, n_force_calls=7,
    )  # fmt: skip
    record = RunRecord(
        noun="surfaces", record_id="2" * 32, case="surface/Cu-111", engine=EMT.fingerprint,
        slot={"material": "Cu", "plane": "111", "termination": 0}, numbers={"gamma_mev_per_a2": gamma}, converged=True,
        calc_ids=(calculated.calc_id,),
    )  # fmt: skip
    case = RunCase(
        case_id="3" * 32, case="surface/Cu-111", kind="surface", engine=EMT.fingerprint, status="finished",
        record_ids=(record.record_id,), calc_ids=(calculated.calc_id,),
    )  # fmt: skip
    values = {
        "campaign": campaign, "liface_version": "0.1.0", "dispatcher": "local", "packages": {"ase": "3.29.0"},
        "computed_with": {"ase": ("3.29.0",)}, "content": {"name": campaign, "engines": ["emt"]},
        "engines": (RunEngine(asked="emt", info=EMT),), "settings": {"relax": CalculationSettings()}, "cases": (case,),
        "calculations": (calculated,), "records": (record,), "column_units": {"surfaces.gamma_mev_per_a2": "meV/Å²"},
        "created_at": CREATED,
    }  # fmt: skip
    return RunDocument.sealed(**{**values, **changes})
