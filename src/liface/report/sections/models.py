"""What follows from the energies: growth runs, deposition, creep, stability, and the verdict on every substrate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from liface.analysis.story import plain
from liface.dispatch.literature import told
from liface.documents import CreepResult, DepositionResult, MorphologyResult, StabilityResult, VerdictResult
from liface.documents.mesoscale import Input, ModelResult
from liface.report.context import Context
from liface.report.growth_figure import substrates_plot
from liface.report.html import EMPTY, Html, details, doi_link, join, missing, paragraph, section, tag
from liface.report.mesoscale_figures import creep_plot, deposition_plot
from liface.report.numbers import facet, fixed, formula, plural, signed
from liface.report.records import BY_HAND
from liface.report.tables import Column, html_table
from liface.units import ZERO_CELSIUS_K

MAP_POINTS = 40

_ENGINE = Column("engine", "Engine", keep=True)
_FLAGS = Column("flags", "Flags")


def build_verdicts(context: Context) -> Html:
    """Answer every point of the papers for every substrate, with the number behind it."""
    results = context.records.verdicts
    if not results:
        return EMPTY
    known = {r.record_id: told(r, context.literature) for r in context.records.results}
    blocks = [_verdict(context, result, known) for result in results]
    note = (
        "Each point is a question that one of the papers asks of a substrate. They are counted, not weighed, and they "
        "disagree: a high interfacial energy keeps Li apart, a low one lets it wet."
    )
    return section("verdicts", "Verdicts", paragraph(note), *blocks)


def _verdict(context: Context, result: VerdictResult, known: Mapping[str, str]) -> Html:
    columns = (Column("question", "Point"), Column("answer", "Answer", keep=True), Column("finding", "Finding"),
               Column("published", "Published"))  # fmt: skip
    rows = [
        {"question": p.question, "answer": p.answer, "finding": p.finding,
         "published": known.get(p.record_id or "", "")}
        for p in result.points
    ]  # fmt: skip
    name = f"{facet(result.substrate, result.substrate_plane)}, {_engine(context, result)}"
    return join([
        tag("h3", name), paragraph(tag("strong", result.verdict), " ", context.flags(result.flags)),
        html_table(rows, columns, f"Points for and against {name}"),
    ])  # fmt: skip


def build_growth_runs(context: Context) -> Html:
    """Show what deposits look like, and each substrate at its own ratio of arrival rates."""
    results = context.records.morphologies
    if not results:
        return EMPTY
    columns = (
        Column("system", "Substrate"), _ENGINE, Column("ratio", "k_substrate/k_Li", "", numeric=True),
        Column("coverage", "Covered", "", numeric=True), Column("tip", "Tip", "layers", numeric=True),
        Column("rough", "Roughness", "layers", numeric=True), Column("nuclei", "Nuclei", "", numeric=True),
        Column("trend", "Covers more, and tips fall, as the ratio rises"), _FLAGS,
    )  # fmt: skip
    rows = [_growth_row(context, result) for result in results]
    plots = []
    for label in dict.fromkeys(_engine(context, result) for result in results):
        mine = [result for result in results if _engine(context, result) == label]
        plots.append(context.add(substrates_plot(mine, context.slug("growth-runs", label), label)).figure())
    return section(
        "growth-runs", "Growth of Li, atom by atom",
        paragraph(
            "Kinetic Monte Carlo with the ratio of arrival rates that clusters against dispersed atoms imply, ",
            doi_link("10.1002/adma.202206762"), ". Stars: each substrate at its own ratio.",
        ),
        *plots, html_table(rows, columns, "Deposits at the ratio of each substrate"),
        *(_inputs(context, result, facet(result.substrate, result.substrate_plane)) for result in results),
    )  # fmt: skip


def _growth_row(context: Context, result: MorphologyResult) -> dict[str, object]:
    own = min(result.points, key=lambda point: abs(point.ratio - result.ratio))
    both = result.coverage_rises and result.tip_height_falls
    return {
        "system": facet(result.substrate, result.substrate_plane), "engine": _engine(context, result),
        "ratio": plain(result.ratio), "coverage": _banded(own.coverage, 3), "tip": _banded(own.tip_height, 1),
        "rough": _banded(own.roughness, 2), "nuclei": _banded(own.n_nuclei, 0),
        "trend": "yes" if both else "not everywhere", "flags": context.flags(result.flags),
    }  # fmt: skip


def build_depositions(context: Context) -> Html:
    """Rank the places where Li can go in every stack."""
    results = context.records.depositions
    if not results:
        return EMPTY
    blocks: list[Html] = []
    for result in results:
        name = _stack_name(result)
        plot = context.add(deposition_plot(result, context.slug("deposition", name, _engine(context, result))))
        blocks += [
            tag("h3", f"{name}, {_engine(context, result)}"),
            paragraph("Li goes to: ", tag("strong", result.answer), ". ", context.flags(result.flags)),
            plot.figure(), _places(result, name), _boundaries(result, name), _inputs(context, result, name),
        ]  # fmt: skip
    note = paragraph(
        "ΔG = ΔG_r − eΦ + W a + (P − σ) Ω per Li at every place, ", doi_link("10.1039/d2ta06466a"), "; the lowest open "
        "place takes the Li."
    )  # fmt: skip
    return section("deposition", "Where Li deposits", note, *blocks)


def _places(result: DepositionResult, name: str) -> Html:
    columns = (
        Column("place", "Place"), Column("open", "Open"), Column("total", "ΔG", "eV", numeric=True),
        Column("reaction", "ΔG_r", "eV", numeric=True), Column("potential", "−eΦ", "eV", numeric=True),
        Column("adhesion", "W a", "eV", numeric=True), Column("pressure", "(P − σ) Ω", "eV", numeric=True),
        Column("reason", "Why closed"),
    )  # fmt: skip
    rows = [
        {"place": p.place, "open": p.open, "total": signed(p.driving_force_ev, 3), "reaction": signed(p.reaction_ev, 3),
         "potential": signed(p.potential_ev, 3), "adhesion": signed(p.adhesion_ev, 3),
         "pressure": signed(p.pressure_ev, 4), "reason": p.reason}
        for p in result.places
    ]  # fmt: skip
    return html_table(rows, columns, f"Places for Li in {name}")


def _boundaries(result: DepositionResult, name: str) -> Html:
    columns = (
        Column("pair", "Equally good"), Column("variable", "At"), Column("value", "Value", "", numeric=True),
        Column("above", "Above it wins"), Column("changes", "Changes the answer"),
    )  # fmt: skip
    rows = [
        {"pair": f"{b.first} and {b.second}", "variable": b.variable, "value": f"{b.value:.4g} {b.unit}",
         "above": b.wins_above, "changes": b.changes_the_answer}
        for b in result.boundaries
    ]  # fmt: skip
    return html_table(rows, columns, f"Where the order of places changes in {name}")


def build_creep(context: Context) -> Html:
    """Tabulate what hosts hold and pass, over the map of mechanisms."""
    results = context.records.creeps
    if not results:
        return EMPTY
    columns = (
        Column("host", "Host"), _ENGINE, Column("pore", "Pores", "nm", numeric=True),
        Column("porosity", "Porosity", "", numeric=True),
        Column("thickness", "Thickness", "µm", numeric=True), Column("celsius", "Temperature", "°C", numeric=True),
        Column("stress", "Stress", "MPa", numeric=True), Column("capacity", "Capacity", "mAh/cm²", numeric=True),
        Column("mechanism", "Fastest"), Column("current", "Largest current", "mA/cm²", numeric=True),
        Column("asked", "Asked", "mA/cm²", numeric=True), Column("passes", "Passes"), _FLAGS,
    )  # fmt: skip
    rows = [_creep_row(context, result) for result in results]
    maps = [_creep_map(context, kelvin, results) for kelvin in sorted({r.temperature_k for r in results})]
    note = (
        "Bands hold 90 % of the draws of all creep parameters, which are known to a factor at best. The maps are those "
        "of a Li surface, without the walls of hosts."
    )
    return section(
        "creep", "Creep of Li in porous hosts", paragraph(note), *maps,
        html_table(rows, columns, "What porous hosts hold and pass"),
        *(_inputs(context, result, result.host) for result in results),
    )  # fmt: skip


def _creep_row(context: Context, r: CreepResult) -> dict[str, object]:
    return {
        "engine": _engine(context, r), "flags": context.flags(r.flags), "host": r.host,
        "pore": f"{r.pore_nm:g}", "porosity": fixed(r.porosity, 2), "thickness": f"{r.thickness_um:g}",
        "celsius": fixed(r.temperature_k - ZERO_CELSIUS_K, 0), "stress": f"{r.stress_mpa:.3g}",
        "capacity": fixed(r.capacity_mah_per_cm2, 3), "mechanism": r.mechanism,
        "current": f"{r.current_ma_per_cm2:.3g} ({r.current_lower_ma_per_cm2:.2g} to {r.current_upper_ma_per_cm2:.2g})",
        "asked": "" if r.asked_ma_per_cm2 is None else f"{r.asked_ma_per_cm2:g}", "passes": r.passes,
    }  # fmt: skip


def _creep_map(context: Context, kelvin: float, results: Iterable[CreepResult]) -> Html:
    from liface.mesoscale.creep_map import creep_map

    title = f"Creep of Li at {kelvin - ZERO_CELSIUS_K:g} °C"
    sizes, stresses = list(np.geomspace(10, 10_000, MAP_POINTS)), list(np.geomspace(0.05, 20, MAP_POINTS))
    marks = [(r.pore_nm, r.stress_mpa, r.host) for r in results if r.temperature_k == kelvin]
    plot = creep_plot(creep_map(sizes, [kelvin], stresses), title, context.slug("creep", f"{kelvin:g}"), marks)
    return context.add(plot).figure()


def build_stability(context: Context) -> Html:
    """Tabulate what becomes of every material against Li metal, beside what is known."""
    results = context.records.stabilities
    if not results:
        return EMPTY
    columns = (
        Column("material", "Material"), _ENGINE, Column("verdict", "Verdict"), Column("class", "Class"),
        Column("above", "Above hull", "meV/atom", numeric=True), Column("reaction", "Reaction with Li"),
        Column("energy", "Reaction energy", "eV", numeric=True), Column("window", "Window", "V", numeric=True),
        Column("gap", "Gap", "eV", numeric=True), Column("known", "Known"), Column("agrees", "Agrees"),
        Column("untested", "Nothing competes for"), _FLAGS,
    )  # fmt: skip
    rows = [_stability_row(context, result) for result in results]
    note = paragraph(
        "Against Li metal among the phases computed with the same engine, ", doi_link("10.1016/j.chempr.2020.09.005"),
        "; what is not among them does not compete. Gaps are from the literature.",
    )  # fmt: skip
    return section(
        "stability", "Stability against Li metal", note,
        html_table(rows, columns, "Materials against Li metal", sortable=True),
    )  # fmt: skip


def _stability_row(context: Context, r: StabilityResult) -> dict[str, object]:
    low, high = (None if v is None else fixed(v, 2) for v in (r.window_low_v, r.window_high_v))
    return {
        "material": formula(r.material), "engine": _engine(context, r), "verdict": r.verdict, "class": r.lithium_class,
        "above": fixed(1e3 * r.energy_above_hull_ev_per_atom), "reaction": "" if r.reaction == "none" else r.reaction,
        "energy": "" if r.reaction == "none" else signed(r.reaction_energy_ev, 2),
        "window": "" if low is None else f"{low} to {high or 'open'}", "gap": fixed(r.band_gap_ev, 1),
        "known": r.known, "agrees": r.agrees if r.known else "", "untested": ", ".join(r.untested),
        "flags": context.flags(r.flags),
    }  # fmt: skip


def _stack_name(result: DepositionResult) -> str:
    return f"{result.electrolyte} | {result.interlayer} | {result.collector}"


def _banded(band, decimals: int) -> str:  # type: ignore[no-untyped-def]
    return f"{fixed(band.mean, decimals)} ± {fixed(band.upper - band.mean, decimals)}"


def _engine(context: Context, result: ModelResult) -> str:
    return context.records.label(result.engine)


def _inputs(context: Context, result: ModelResult, name: str) -> Html:
    columns = (
        Column("name", "Number"), Column("value", "Value", "", numeric=True), Column("unit", "Unit"),
        Column("source", "From"), Column("record", "Record"),
    )  # fmt: skip
    rows = [_input_row(one) for one in result.inputs]
    if not rows:
        return missing("No numbers entered.")
    by_hand = sum(one.source == BY_HAND for one in result.inputs)
    summary = f"{name}, {_engine(context, result)}: {plural(len(rows), 'number')} it rests on, {by_hand} by hand"
    return details(summary, html_table(rows, columns, f"What {name} rests on, {_engine(context, result)}"))


def _input_row(one: Input) -> dict[str, object]:
    return {
        "name": one.name, "value": f"{one.value:.4g}", "unit": "" if one.unit == "1" else one.unit,
        "source": one.source, "record": tag("code", one.record_id[:8]) if one.record_id else "",
    }  # fmt: skip
