"""γ against film thickness, one small figure per interface, and the numbers behind the fits."""

from __future__ import annotations

from liface.documents import InterfaceResult
from liface.report.context import Context
from liface.report.figures import gamma_series
from liface.report.grouping import interface_name
from liface.report.html import Html, details, join, missing, paragraph, section, tag
from liface.report.numbers import fixed, with_error
from liface.report.tables import Column, html_table

_COLUMNS = (
    Column("name", "Interface"),
    Column("engine", "Engine", keep=True),
    Column("fixed", "Fixed slope γ₀", "meV/Å²", numeric=True),
    Column("free", "Free fit γ₀", "meV/Å²", numeric=True),
    Column("plateau", "Plateau", "meV/Å²", numeric=True),
    Column("residual", "Largest residual", "meV/Å²", numeric=True),
    Column("r2", "R² free fit", "", numeric=True),
    Column("strain_energy", "Li strain energy", "meV/Li", numeric=True),
    Column("slope", "Slope free / fixed", "meV/Å² per Li", numeric=True),
    Column("strain", "Strain", "%", numeric=True),
    Column("von_mises", "von Mises", "%", numeric=True),
    Column("area", "Area", "Å²", numeric=True),
    Column("points", "Points in fit", "", numeric=True),
    Column("registry", "Registry", "a, b", numeric=True),
    Column("gap", "Gap", "Å", numeric=True),
)


def build(context: Context) -> Html:
    """Show every thickness series."""
    results = context.interfaces()
    if not results:
        return section("series", "Film-thickness series", missing("No interfaces yet."))
    rows = [_row(context, result) for result in results]
    return section(
        "series",
        "Film-thickness series",
        paragraph(
            "Filled points enter the fits, hollow ones are shown only; a cross marks a relaxation that did not "
            "converge. The diamond is the headline value. Below each: starts of the gap and registry scans "
            "(unrelaxed, meV/Å²); dark is low, the chosen one is ringed."
        ),
        tag("div", *(_card(context, result) for result in results), class_="grid"),
        html_table(rows, _COLUMNS, "Numbers behind the fits", sortable=True),
        details("Every film thickness", html_table(_points(context), _POINT_COLUMNS, "Points of every series")),
    )


def _card(context: Context, result: InterfaceResult) -> Html:
    name = interface_name(result)
    label = context.records.label(result.engine)
    slug = context.slug("series", result.substrate, result.substrate_plane, "li", result.film_plane, label)
    plot = context.add(gamma_series(result, slug, context.colour(result.engine.fingerprint)))
    headline = (
        f"γ₀ = {with_error(result.gamma_mev_per_a2, result.gamma_stderr_mev_per_a2)} meV/Å² "
        f"({fixed(result.gamma_j_per_m2, 3)} J/m²); strain {fixed(result.strain_percent)} %, "
        f"area {fixed(result.area_a2)} Å²"
    )
    caption = join([tag("strong", name), f" {label}", tag("br"), headline, " ", context.flags(result.flags)])
    return plot.figure(caption, class_="tile")


def _row(context: Context, result: InterfaceResult) -> dict[str, object]:
    return {
        "name": interface_name(result),
        "engine": context.records.label(result.engine),
        "fixed": with_error(result.gamma_mev_per_a2, result.gamma_stderr_mev_per_a2),
        "free": with_error(result.gamma_free_mev_per_a2, result.free_fit.stderr_mev_per_a2),
        "plateau": fixed(result.gamma_plateau_mev_per_a2),
        "residual": fixed(result.max_residual_mev_per_a2, 2),
        "r2": fixed(result.free_fit.r_squared, 3),
        "strain_energy": fixed(result.strain_energy_mev_per_li, 2),
        "slope": f"{fixed(result.free_fit.slope_mev_per_a2_per_li, 3)} / "
        f"{fixed(result.fixed_fit.slope_mev_per_a2_per_li, 3)}",
        "strain": fixed(result.strain_percent, 2),
        "von_mises": fixed(result.von_mises_percent, 2),
        "area": fixed(result.area_a2),
        "points": f"{result.n_points} of {len(result.points)}",
        "registry": ", ".join(fixed(s, 2) for s in result.shift),
        "gap": fixed(result.gap_a, 2),
    }


_POINT_COLUMNS = (
    Column("name", "Interface"),
    Column("engine", "Engine", keep=True),
    Column("planes", "Li planes", "", numeric=True),
    Column("li", "Li atoms", "", numeric=True),
    Column("atoms", "Atoms", "", numeric=True),
    Column("energy", "Energy", "eV", numeric=True),
    Column("gamma", "γ(n)", "meV/Å²", numeric=True),
    Column("converged", "Converged"),
)


def _points(context: Context) -> list[dict[str, object]]:
    return [
        {
            "name": interface_name(result),
            "engine": context.records.label(result.engine),
            "planes": point.n_planes,
            "li": point.n_li,
            "atoms": point.n_atoms,
            "energy": fixed(point.energy_ev, 4),
            "gamma": fixed(point.gamma_mev_per_a2, 2),
            "converged": point.converged,
        }
        for result in context.interfaces()
        for point in result.points
    ]
