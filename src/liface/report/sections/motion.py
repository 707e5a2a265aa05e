"""How Li moves: migration barriers, phonons, and what vibrations do to the energies at a temperature."""

from __future__ import annotations

from liface.documents import BarrierResult, PhononResult, VibrationResult
from liface.report.context import Context
from liface.report.html import EMPTY, Html, bullet_list, details, join, paragraph, section, tag
from liface.report.mesoscale_figures import barrier_plot
from liface.report.numbers import facet, fixed, formula, plural, signed
from liface.report.phonon_figure import phonon_plot
from liface.report.published import as_cell, references
from liface.report.tables import Column, html_table

_ENGINE = Column("engine", "Engine", keep=True)
_FLAGS = Column("flags", "Flags")


def build_barriers(context: Context) -> Html:
    """Tabulate migration barriers, over the paths of the hops that limit them."""
    results = context.records.barriers
    if not results:
        return EMPTY
    columns = (
        Column("system", "Surface"), _ENGINE, Column("layers", "Li layers", "", numeric=True),
        Column("barrier", "Barrier", "eV", numeric=True), Column("published", "Published", "eV", numeric=True),
        Column("across", "In the whole plane", "eV", numeric=True),
        Column("length", "Limiting hop", "Å", numeric=True),
        Column("attempt", "Attempt frequency", "THz", numeric=True),
        Column("minima", "Minima", "", numeric=True), _FLAGS,
    )  # fmt: skip
    rows = [_barrier_row(context, result) for result in results]
    plots = []
    for label in dict.fromkeys(context.records.label(result.engine) for result in results):
        mine = [result for result in results if context.records.label(result.engine) == label]
        plots.append(context.add(barrier_plot(mine, context.slug("barriers", label), label)).figure())
    note = (
        "Climbing-image paths between the minima of one Li. The barrier is the highest saddle point above the lowest "
        "minimum on the easiest way that leads without end; in the whole plane where it goes both ways."
    )
    hops = [_hops(context, result) for result in results]
    return section(
        "barriers", "Migration barriers", paragraph(note), *plots,
        html_table(rows, columns, "Migration barriers of one Li"), *hops,
    )  # fmt: skip


def _barrier_row(context: Context, r: BarrierResult) -> dict[str, object]:
    return {
        "system": facet(r.substrate, r.substrate_plane), "engine": context.records.label(r.engine),
        "layers": str(r.monolayers), "barrier": fixed(r.barrier_ev, 3),
        "published": as_cell(references(r, "barrier", context.literature)),
        "across": "not reached" if r.barrier_across_ev is None else fixed(r.barrier_across_ev, 3),
        "length": fixed(r.hop_length_a, 2), "attempt": "" if r.attempt_hz is None else fixed(r.attempt_hz / 1e12, 2),
        "minima": str(len(r.minima)), "flags": context.flags(r.flags),
    }  # fmt: skip


def _hops(context: Context, r: BarrierResult) -> Html:
    columns = (
        Column("hop", "Hop"), Column("length", "Length", "Å", numeric=True),
        Column("forward", "There", "eV", numeric=True), Column("reverse", "Back", "eV", numeric=True),
        Column("saddle", "Saddle point above the lowest minimum", "eV", numeric=True), Column("converged", "Converged"),
    )  # fmt: skip
    rows = [
        {"hop": f"{h.start} to {h.end}", "length": fixed(h.length_a, 2), "forward": fixed(h.forward_ev, 3),
         "reverse": fixed(h.reverse_ev, 3), "saddle": fixed(h.saddle_ev, 3), "converged": h.converged}
        for h in r.hops
    ]  # fmt: skip
    name = f"{facet(r.substrate, r.substrate_plane)}, {context.records.label(r.engine)}"
    table = html_table(rows, columns, f"Hops on {name}, {r.monolayers} Li layers")
    return details(f"{name}: {plural(len(rows), 'hop')}", table, bullet_list(r.left_out))


def build_phonons(context: Context) -> Html:
    """Tabulate free energies of bulks with the convergence behind them."""
    results = context.records.phonons
    if not results:
        return EMPTY
    columns = (
        Column("material", "Material"), _ENGINE, Column("zpe", "Zero point", "meV/atom", numeric=True),
        Column("f298", "F at 298 K", "meV/atom", numeric=True), Column("f333", "F at 333 K", "meV/atom", numeric=True),
        Column("highest", "Highest", "THz", numeric=True), Column("published", "Published", "THz", numeric=True),
        Column("lowest", "Lowest", "THz", numeric=True),
        Column("imaginary", "Imaginary modes", "", numeric=True), Column("supercell", "Supercell"),
        Column("change", "From the smaller one", "meV/atom", numeric=True),
        Column("mesh", "From a coarser mesh", "meV/atom", numeric=True), _FLAGS,
    )  # fmt: skip
    rows = [_phonon_row(context, result) for result in results]
    plots = [
        context.add(phonon_plot(r, context.slug("phonons", r.material, context.records.label(r.engine)))).figure()
        for r in results
    ]
    note = (
        "Harmonic, at the lattice of 0 K, without the splitting of optical modes by electric fields. A negative "
        "frequency is imaginary: such modes are counted, flagged with what they mean, and left out of F."
    )
    table = html_table(rows, columns, "Phonons of bulks")
    return section("phonons", "Phonons", paragraph(note), table, tag("div", *plots, class_="grid"))


def _phonon_row(context: Context, r: PhononResult) -> dict[str, object]:
    change = r.supercell_change_mev_per_atom
    return {
        "material": formula(r.material), "engine": context.records.label(r.engine),
        "zpe": fixed(1e3 * r.zpe_ev_per_atom), "f298": signed(1e3 * r.f_vib_298_ev_per_atom),
        "f333": signed(1e3 * r.f_vib_333_ev_per_atom),
        "highest": fixed(r.highest_thz, 2),
        "published": as_cell(references(r, "highest_phonon", context.literature)), "lowest": signed(r.lowest_thz, 2),
        "imaginary": f"{r.n_imaginary} of {r.n_modes}", "supercell": "×".join(map(str, r.supercell)),
        "change": "not checked" if change is None else signed(change, 2),
        "mesh": signed(r.mesh_change_mev_per_atom, 2), "flags": context.flags(r.flags),
    }  # fmt: skip


def build_vibrations(context: Context) -> Html:
    """Tabulate binding and interfacial energies at temperatures."""
    results = context.records.vibrations
    if not results:
        return EMPTY
    note = (
        "Partial Hessian: the Li moves, the substrate stands still; against phonons of bulk Li. Modes below 1.5 THz "
        "are counted: the harmonic approximation overestimates their entropy."
    )
    binding = [r for r in results if r.e_bind_ev_per_li is not None]
    films = [r for r in results if r.gamma_mev_per_a2 is not None]
    return section(
        "vibrations", "At a temperature", paragraph(note), _thermal(context, binding, "e_bind", "Binding energies", 3),
        _thermal(context, [r for r in binding if r.delta_e_ev_per_li is not None], "delta_e", "Cluster minus atoms", 3),
        _thermal(context, films, "gamma", "Interfacial energies", 1),
    )  # fmt: skip


_UNITS = {"e_bind": "ev_per_li", "delta_e": "ev_per_li", "gamma": "mev_per_a2"}
_SHOWN = {"ev_per_li": "eV/Li", "mev_per_a2": "meV/Å²"}


def _thermal(context: Context, results: list[VibrationResult], name: str, caption: str, decimals: int) -> Html:
    if not results:
        return EMPTY
    unit = _UNITS[name]
    temperatures = {"": "no vibrations", "_0": "0 K", "_298": "298 K", "_333": "333 K"}
    columns = [Column("system", "System"), _ENGINE]
    columns += [Column(key or "static", title, _SHOWN[unit], numeric=True) for key, title in temperatures.items()]
    columns += [Column("lowest", "Lowest mode", "THz", numeric=True), Column("modes", "Imaginary, soft"), _FLAGS]
    rows = []
    for r in results:
        values = {key or "static": signed(getattr(r, f"{name}{key}_{unit}"), decimals) for key in temperatures}
        modes = f"{r.n_imaginary}, {r.n_soft} of {len(r.frequencies_thz)}"
        rows.append(
            {"system": _system(r), "engine": context.records.label(r.engine), **values,
             "lowest": signed(r.lowest_thz, 2), "modes": modes, "flags": context.flags(r.flags)}
        )  # fmt: skip
    return join([html_table(rows, columns, f"{caption} with vibrations")])


def _system(r: VibrationResult) -> str:
    where = facet(r.substrate, r.substrate_plane)
    if r.arrangement == "film":
        return f"{where} | Li({r.film_plane})"
    layers = f" on {r.monolayers} ML" if r.monolayers else ""
    return f"{where}, " + (f"Li{r.n_li}" if r.arrangement == "cluster" else f"{r.n_li} Li") + layers
