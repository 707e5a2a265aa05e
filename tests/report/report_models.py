"""What the models say of the made-up campaign: small, but really computed from made-up energies."""

from __future__ import annotations

from functools import lru_cache

from report_fakes import CAMPAIGN, SEVENNET, START

from liface.analysis.stability import PhaseEntry
from liface.analysis.story import Story, points, verdict
from liface.dispatch.stability import judged, stability_results
from liface.documents import Input, VerdictResult
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
