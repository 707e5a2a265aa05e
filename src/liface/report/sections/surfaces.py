"""Surface energies with published values, wetting with a picture of the drop, and adhesion of any two materials."""

from __future__ import annotations

from liface.documents import AdhesionResult, SurfaceResult, WettingResult
from liface.report.context import Context
from liface.report.drops import drop_strip, drop_svg
from liface.report.grouping import Group, group, surface_key, surface_name
from liface.report.html import EMPTY, Html, doi_link, missing, paragraph, section
from liface.report.numbers import facet, fixed, pairing
from liface.report.published import as_cell, references
from liface.report.tables import Column, html_table


def build_surfaces(context: Context) -> Html:
    """Tabulate surface energies, highest first."""
    groups = group(context.records.surfaces, surface_key)
    if not groups:
        return section("surfaces", "Surface energies", missing("No surface energies yet."))
    labels = context.records.labels
    columns = [Column("name", "Surface")]
    for label in labels.values():
        columns.append(Column(label, f"{label} γ", "J/m²", numeric=True))
        columns.append(Column(f"{label} meV", "γ", "meV/Å²", numeric=True))
    columns += [Column("published", "Published", "J/m²", numeric=True), Column("flags", "Flags")]
    groups.sort(key=lambda g: -max(g.values(lambda r: r.gamma_mev_per_a2)))
    rows = [_surface_row(context, g) for g in groups]
    return section(
        "surfaces",
        "Surface energies",
        html_table(rows, columns, "Energies of relaxed free surfaces, highest first", sortable=True),
    )


def _surface_row(context: Context, g: Group[SurfaceResult]) -> dict[str, object]:
    row: dict[str, object] = {"name": surface_name(g.any), "flags": context.flags(g.flags)}
    for fingerprint, result in g.by_engine.items():
        label = context.records.labels[fingerprint]
        row[label] = fixed(result.gamma_j_per_m2, 3)
        row[f"{label} meV"] = fixed(result.gamma_mev_per_a2)
    row["published"] = as_cell(references(g.any, "surface", context.literature))
    return row


_WETTING_COLUMNS = (
    Column("name", "Interface"),
    Column("engine", "Engine", keep=True),
    Column("drop", "Li drop"),
    Column("angle", "Contact angle", "°", numeric=True),
    Column("cosine", "cos θ", "", numeric=True),
    Column("adhesion", "W_ad", "meV/Å²", numeric=True),
    Column("adhesion_j", "W_ad", "J/m²", numeric=True),
    Column("published_j", "Published W_ad", "J/m²", numeric=True),
    Column("substrate", "γ substrate", "meV/Å²", numeric=True),
    Column("li", "γ Li", "meV/Å²", numeric=True),
    Column("interface", "γ interface", "meV/Å²", numeric=True),
    Column("published", "Published θ", "°", numeric=True),
    Column("flags", "Flags"),
)


def build_wetting(context: Context) -> Html:
    """Tabulate adhesion and contact angles, best wetting first."""
    results = sorted(context.records.wettings, key=lambda r: (r.contact_angle_deg, r.substrate))
    if not results:
        text = "No contact angles yet: they need the substrate surface, the Li surface and the interface."
        return section("wetting", "Adhesion and wetting", missing(text))
    drops = [(_name(r), r.contact_angle_deg, context.records.label(r.engine)) for r in results]
    context.add(drop_strip(drops, context.slug("wetting")))
    return section(
        "wetting",
        "Adhesion and wetting",
        paragraph(
            "W_ad is the work of pulling Li off the substrate. The angle follows from cos θ = (γ substrate − "
            "γ interface) / γ Li; 0° where that is 1 or more (Li spreads), 180° where it is −1 or less. These are "
            "energies of solids at 0 K; measured angles are of molten Li."
        ),
        html_table([_wetting_row(context, r) for r in results], _WETTING_COLUMNS, "Wetting by Li, best first",
                   sortable=True),
    )  # fmt: skip


def _name(result: WettingResult) -> str:
    return pairing(result.substrate, result.substrate_plane, "Li", result.film_plane)


def _wetting_row(context: Context, result: WettingResult) -> dict[str, object]:
    where = facet(result.substrate, result.substrate_plane)
    return {
        "name": _name(result),
        "engine": context.records.label(result.engine),
        "drop": drop_svg(result.contact_angle_deg, f"Li drop on {where}"),
        "angle": fixed(result.contact_angle_deg, 0),
        "cosine": fixed(result.cos_theta, 2),
        "adhesion": fixed(result.work_of_adhesion_mev_per_a2),
        "adhesion_j": fixed(result.work_of_adhesion_j_per_m2, 3),
        "published_j": as_cell(references(result, "work_of_adhesion", context.literature)),
        "substrate": fixed(result.gamma_substrate_mev_per_a2),
        "li": fixed(result.gamma_li_mev_per_a2),
        "interface": fixed(result.gamma_interface_mev_per_a2),
        "published": as_cell(references(result, "contact_angle", context.literature)),
        "flags": context.flags(result.flags),
    }


def build_adhesion(context: Context) -> Html:
    """Tabulate works of adhesion, strongest first; left out where none was asked for."""
    results = sorted(context.records.adhesions, key=lambda r: (-r.work_of_adhesion_mev_per_a2, r.provenance.case))
    if not results:
        return EMPTY
    return section(
        "adhesion",
        "Adhesion of two materials",
        paragraph(
            "W_ad = (E_A + E_B − E_AB) / area of relaxed slabs in one coherent cell, so that the strain cancels; "
            "positive where they stick. Works of adhesion decide where Li deposits in a stack, ",
            doi_link("10.1039/d2ta06466a"), ".",
        ),
        html_table([_adhesion_row(context, r) for r in results], _ADHESION_COLUMNS, "Works of adhesion",
                   sortable=True),
    )  # fmt: skip


def _adhesion_row(context: Context, result: AdhesionResult) -> dict[str, object]:
    return {
        "name": pairing(result.material_a, result.plane_a, result.material_b, result.plane_b),
        "engine": context.records.label(result.engine),
        "faces": f"{result.face_a}|{result.face_b}",
        "adhesion": fixed(result.work_of_adhesion_mev_per_a2),
        "adhesion_j": fixed(result.work_of_adhesion_j_per_m2, 3),
        "published": as_cell(references(result, "work_of_adhesion", context.literature)),
        "gap": fixed(result.gap_a, 2),
        "strained": result.material_a if result.strained == "a" else result.material_b,
        "strain": fixed(result.strain_percent),
        "area": fixed(result.area_a2),
        "flags": context.flags(result.flags),
    }


_ADHESION_COLUMNS = (
    Column("name", "Pair"),
    Column("engine", "Engine"),
    Column("faces", "Planes that meet"),
    Column("adhesion", "W_ad", "meV/Å²", numeric=True),
    Column("adhesion_j", "W_ad", "J/m²", numeric=True),
    Column("published", "Published", "J/m²", numeric=True),
    Column("gap", "Gap", "Å", numeric=True),
    Column("strained", "Strained"),
    Column("strain", "Strain", "%", numeric=True),
    Column("area", "Area", "Å²", numeric=True),
    Column("flags", "Flags"),
)
