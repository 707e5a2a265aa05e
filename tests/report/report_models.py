"""What the models say of the made-up campaign: small, but really computed from made-up energies."""

from __future__ import annotations

from functools import lru_cache

from report_fakes import CAMPAIGN, SEVENNET, START, provenance, stack

from liface.analysis.stability import PhaseEntry
from liface.analysis.story import Story, points, verdict
from liface.dispatch.stability import judged, stability_results
from liface.documents import (
    BarrierHop,
    BarrierMinimum,
    BarrierResult,
    ConvergencePoint,
    ConvergenceResult,
    Input,
    PhononResult,
    VerdictResult,
    VibrationResult,
)
from liface.documents.vibrations import ThermalPoint, VibrationPoint
from liface.mesoscale import GrowthSpec, SweepRun, SweepSpec
from liface.mesoscale.deposition import deposition
from liface.mesoscale.hosts import host_current
from liface.mesoscale.records import Origin, creep_result, deposition_result, morphology_result
from liface.mesoscale.stack import LI, Adhesions, Stack

STACK = Stack("Li6PS5Cl", "graphite", "Cu", pressure_mpa=5.0)
ADHESIONS = {(LI, "Li6PS5Cl"): 30.0, (LI, "graphite"): 8.0, (LI, "Cu"): 60.0, ("Li6PS5Cl", "graphite"): 12.0,
             ("graphite", "Cu"): 20.0}  # fmt: skip


def origin(case: str, **changes) -> Origin:
    given = Input(name="E_b of 4 Li, bare, dispersed", value=-0.57, unit="eV", source="by hand")
    return Origin(**{"case": case, "campaign": CAMPAIGN, "engine": SEVENNET, "inputs": (given,), **changes})


@lru_cache(maxsize=1)
def models() -> tuple:
    sweep = SweepRun(SweepSpec(growth=GrowthSpec(size=12), ratios=(0.1, 1.0, 10.0), seeds=(0, 1), atoms=80))
    done = sweep.run()
    adhesions = Adhesions()
    for (a, b), value in ADHESIONS.items():
        adhesions = adhesions.given(a, b, value)
    entries = [PhaseEntry(name="Li", composition={"Li": 1}, energy_ev_per_atom=-1.9, level="x", source="a"),
               PhaseEntry(name="Cu", composition={"Cu": 1}, energy_ev_per_atom=-3.7, level="x", source="b"),
               PhaseEntry(name="W", composition={"W": 1}, energy_ev_per_atom=-12.9, level="x", source="c")]  # fmt: skip
    found = [
        morphology_result(done, sweep.pictures, "Cu", "111", 1.0, "clusters", origin("growth/Cu-111")),
        morphology_result(done, sweep.pictures, "Li2Te", "110", 10.0, "clusters",
                          origin("growth/Li2Te-110", flags=("ratio_cut: exp(8.0) on 0 ML",))),
        deposition_result(deposition(STACK, adhesions), STACK, origin("deposition/stack")),
        creep_result("carbon", host_current(31.0, 333.15, 7.4, 0.5, 5.0), origin("creep/carbon", engine=None), 0.1),
        *stability_results(judged(entries), entries, (), CAMPAIGN),
    ]  # fmt: skip
    story = Story(morphology=found[0], deposition=found[2], creep=found[3], stability=found[4],
                  asks_for_deposition=True, asks_for_creep=True)  # fmt: skip
    answers = points(story)
    counts = {answer: sum(p.answer == answer for p in answers) for answer in ("for", "against", "open")}
    told = origin("verdict/Cu-111")
    found.append(
        VerdictResult(
            definition="points", engine=SEVENNET, inputs=(), provenance=told.provenance(()), substrate="Cu",
            substrate_plane="111", n_for=counts["for"], n_against=counts["against"], n_open=counts["open"],
            verdict=verdict(answers), points=answers,
        )
    )  # fmt: skip
    return tuple(r.model_copy(update={"provenance": r.provenance.model_copy(update={"created_at": START})})
                 for r in found)  # fmt: skip


def motion() -> tuple:
    """A barrier, phonons and vibrations, with numbers that fit together but were not computed."""
    about = {
        "definition": "made up",
        "engine": SEVENNET,
        "converged": True,
        "structure": stack("Cu", "Li", 2.6, 3, 1, "adsorbate"),
    }
    minima = [
        BarrierMinimum(
            name=name, energy_ev=energy, height_a=2.1, curvatures=(0.3, 0.3, 2.0), converged=True, calc_id="c0"
        )
        for name, energy in (("hollow-1", 0.0), ("hollow-2", 0.004))
    ]
    hop = BarrierHop(
        start="hollow-1", end="hollow-2", direction=(1.5, 0.0), length_a=1.5, multiplicity=6, forward_ev=0.031,
        reverse_ev=0.027, saddle_ev=0.031, profile_ev=(0.0, 0.02, 0.031, 0.02, 0.004), converged=True, calc_id="c0",
    )  # fmt: skip
    barrier = BarrierResult(
        **about, provenance=provenance("barrier/Cu-111"), substrate="Cu", substrate_plane="111", monolayers=0,
        barrier_ev=0.031, direction=(2.6, 0.0), limiting_hop=0, hop_length_a=1.5, attempt_hz=2.4e12,
        minima=tuple(minima), hops=(hop,), left_out=("bridge-1: no minimum",), area_a2=50.0, n_atoms=37,
        flags=("model_softness",),
    )  # fmt: skip
    points = tuple(
        ThermalPoint(temperature_k=t, f_vib_ev_per_atom=f, u_vib_ev_per_atom=f + t * s, entropy_ev_per_k_per_atom=s,
                     heat_capacity_ev_per_k_per_atom=2e-4)
        for t, f, s in ((0.0, 0.034, 0.0), (298.15, -0.011, 3e-4), (333.15, -0.022, 3.2e-4))
    )  # fmt: skip
    phonon = PhononResult(
        **about, provenance=provenance("phonon/Li"), material="Li", zpe_ev_per_atom=0.034, f_vib_298_ev_per_atom=-0.011,
        f_vib_333_ev_per_atom=-0.022, points=points, highest_thz=8.8, lowest_thz=-0.7, lowest_q=(0.1, 0.0, 0.0),
        lowest_commensurate_thz=1.7, n_imaginary=4, n_imaginary_near_gamma=0, n_modes=3000, supercell=(4, 4, 4),
        n_atoms=128, n_displacements=1, displacement_a=0.02, smaller_supercell=(3, 3, 3),
        supercell_change_mev_per_atom=0.12, mesh=(30, 30, 30), mesh_change_mev_per_atom=0.02, acoustic_gamma_thz=0.01,
        energy_ev_per_atom=-1.9, dos=((-0.7, 0.0), (0.0, 0.01), (4.0, 0.6), (8.8, 0.0)),
        flags=("imaginary_interpolated: 4 modes",),
    )  # fmt: skip
    none = {f"{name}{t}_{unit}": None for name, unit in (("delta_e", "ev_per_li"), ("gamma", "mev_per_a2"))
            for t in ("", "_0", "_298", "_333")}  # fmt: skip
    vibration = VibrationResult(
        **about, **none, provenance=provenance("vibration/Cu-111"), substrate="Cu", substrate_plane="111",
        substrate_termination=0, film_plane="110", monolayers=0, arrangement="dispersed", n_li=1, zpe_ev_per_li=0.03,
        correction_0_ev_per_li=-0.004, correction_298_ev_per_li=-0.019, correction_333_ev_per_li=-0.022,
        e_bind_ev_per_li=-0.57, e_bind_0_ev_per_li=-0.574, e_bind_298_ev_per_li=-0.589, e_bind_333_ev_per_li=-0.592,
        lowest_thz=2.0, n_imaginary=0, n_soft=0, soft_298_ev_per_li=0.0, frequencies_thz=(2.0, 2.0, 8.0),
        points=(VibrationPoint(temperature_k=298.15, f_vib_ev_per_li=-0.03, f_vib_bulk_ev_per_li=-0.011,
                               correction_ev_per_li=-0.019),),
        displacement_a=0.02, n_displacements=6, multiples=(1, 1), residual_ev_per_a=0.01, area_a2=50.0, n_interfaces=0,
    )  # fmt: skip
    return barrier, phonon, vibration


def series() -> tuple:
    """A series that settles, with a point that repeats the one before, and one that does not."""

    def made(parameter: str, field: str, unit: str, numbers: dict, repeats=(), **changes) -> ConvergenceResult:
        labels, values = [f"{value:g}" for value in numbers], list(numbers.values())
        points = tuple(
            ConvergencePoint(
                label=label, value=float(label), result=value, difference=value - values[-1], n_atoms=4 + i,
                n_calculations=3, repeats=label in repeats, converged=True, engine_fingerprint=SEVENNET.fingerprint,
                calc_ids=(),
            )
            for i, (label, value) in enumerate(zip(labels, values, strict=True))
        )  # fmt: skip
        return ConvergenceResult(
            definition="made up", engine=SEVENNET, provenance=provenance(f"convergence/surface-Cu-111/{parameter}"),
            of="surface", subject="surface/Cu-111", parameter=parameter, field=field, parameter_unit=unit,
            measure="gamma_mev_per_a2", unit="meV/Å²", tolerance=0.5, reference_label=labels[-1],
            reference_result=values[-1], spread=max(values) - min(values), n_points=len(points), points=points,
            **changes,
        )  # fmt: skip

    settled = made(
        "slab_thickness", "surface_thickness_a", "Å", {4: 84.0, 6: 80.2, 6.1: 80.2, 8: 80.1, 10: 80.0}, ("6.1",),
        converged=True, settles=True, converged_value=6.0, converged_label="6",
        flags=("same_cells: 6.1 Å give the cells of the value before",),
    )  # fmt: skip
    drifting = made(
        "kspacing", "engine.kspacing", "1/Å", {0.4: 90.0, 0.3: 86.0, 0.2: 83.0}, converged=False, settles=False,
        converged_value=None, converged_label=None, flags=("not_settled: the last 3 points differ by 7 meV/Å²",),
    )  # fmt: skip
    return settled, drifting
