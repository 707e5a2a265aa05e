"""What ``liface query`` does; imports no more than the question needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from liface.cli.opening import DEFAULT_DATABASE, open_to_read
from liface.cli.output import talk, write_json, write_table, write_text
from liface.database.catalog import CatalogColumn, CatalogNoun, catalog_noun
from liface.database.names import Named, NamedColumn, column_named, within_campaign
from liface.database.quick import quick_rows
from liface.errors import InputError

ALL = "all"
PUBLISHED = "published"
"""Column that --published adds."""

SHOWN = {
    "bulks": "material engine model a b c energy_ev_per_atom volume_a3_per_atom lattice_error_percent flags",
    "surfaces": "material plane termination engine model gamma_j_per_m2 gamma_mev_per_a2 n_planes converged flags",
    "interfaces": "substrate substrate_plane film_plane engine model gamma_mev_per_a2 gamma_stderr_mev_per_a2 "
    "gamma_free_mev_per_a2 max_residual_mev_per_a2 strain_percent area_a2 n_points converged flags",
    "bindings": "substrate substrate_plane monolayers n_li arrangement engine model e_bind_ev_per_li converged flags",
    "barriers": "substrate substrate_plane monolayers engine model barrier_ev barrier_across_ev attempt_hz "
    "hop_length_a n_hops converged flags",
    "phonons": "material engine model zpe_ev_per_atom f_vib_298_ev_per_atom f_vib_333_ev_per_atom highest_thz "
    "lowest_thz n_imaginary supercell_change_mev_per_atom converged flags",
    "vibrations": "substrate substrate_plane film_plane monolayers n_li arrangement engine model e_bind_ev_per_li "
    "e_bind_0_ev_per_li e_bind_298_ev_per_li e_bind_333_ev_per_li delta_e_298_ev_per_li gamma_mev_per_a2 "
    "gamma_298_mev_per_a2 lowest_thz n_imaginary n_soft converged flags",
    "growth": "substrate substrate_plane engine model mode evidence flags",
    "wetting": "substrate substrate_plane film_plane engine model contact_angle_deg work_of_adhesion_j_per_m2 "
    "gamma_interface_mev_per_a2 converged flags",
    "adhesions": "material_a plane_a material_b plane_b strained engine model work_of_adhesion_mev_per_a2 "
    "work_of_adhesion_j_per_m2 strain_percent area_a2 gap_a converged flags",
    "morphologies": "substrate substrate_plane engine model ratio ratio_rule coverage tip_height roughness "
    "n_nuclei flags",
    "depositions": "electrolyte interlayer collector engine model answer margin_ev pressure_mpa contact flags",
    "creep": "host pore_nm porosity thickness_um temperature_k capacity_mah_per_cm2 mechanism "
    "current_ma_per_cm2 passes",
    "stability": "material engine model verdict lithium_class reaction reaction_energy_ev known agrees",
    "verdicts": "substrate substrate_plane engine model n_for n_against n_open verdict",
    "convergence": "subject parameter parameter_unit engine model measure tolerance unit converged_label "
    "reference_label reference_result spread settles converged flags",
    "calculations": "label engine model task status n_atoms n_force_calls wall_s energy_ev calc_id reason",
    "submissions": "submission_id campaign queue place n_cases n_jobs cancelled created_at",
    "runs": "run_id campaign engines dispatcher n_cases n_failed_cases n_calculations n_computed n_records lock_id "
    "liface_version cpu wall_s created_at",
    "cases": "campaign case engine model status n_results n_calculations n_failures created_at reason",
    "literature": "quantity material plane film_plane n_li arrangement monolayers published method doi where",
}
"""What a table shows; JSON and CSV hold every column."""


def ask(
    noun: str,
    where: str | None = None,
    sort: str | None = None,
    limit: int | None = None,
    columns: str | None = None,
    campaign: str | None = None,
    published: bool = False,
    json: bool = False,
    csv: bool = False,
    describe: bool = False,
    db: str = DEFAULT_DATABASE,
) -> None:
    """Write the rows of one kind; the arguments are those of ``liface query``."""
    table = catalog_noun(noun)
    if json and csv:
        raise InputError("--json and --csv at once; give one of them")
    if describe:
        _describe(table, json)
        return
    if published:
        from liface.dispatch.literature import check_comparable

        check_comparable(table.name)
    names = columns_asked(table, columns, everything=json or csv)
    asked = within_campaign(where, campaign)
    rows = None if published else quick_rows(db, table, asked, sort, limit, names)
    if rows is None:
        rows = _rows(table, names, db, asked, sort, limit, published)
    names += [PUBLISHED] if published else []
    _write(table, [{name: row[name] for name in names} for row in rows], names, json, csv)


def _rows(
    table: CatalogNoun,
    names: Sequence[str],
    db: str,
    where: str | None,
    sort: str | None,
    limit: int | None,
    published: bool,
) -> list[dict[str, Any]]:
    with open_to_read(db) as database:
        rows = database.query(table.name, where, sort, limit, columns=[*names, *(["record_id"] if published else [])])
        if published:
            from liface.dispatch.literature import published_beside

            known = published_beside(database, table.name, where)
            rows = [row | {PUBLISHED: known[row["record_id"]]} for row in rows]
    return rows


def _write(table: CatalogNoun, rows: Sequence[Mapping[str, Any]], names: Sequence[str], json: bool, csv: bool) -> None:
    if json:
        write_json(rows)
    elif csv:
        from liface.database.exports.csv_text import csv_text

        columns = {name: table.columns.get(name) or CatalogColumn(name, "string", "") for name in names}
        write_text(csv_text(rows, replace(table, columns=columns)))
    elif rows:
        write_table([_short_flags(row) for row in rows], {n: c.unit for n, c in table.columns.items()}, names)
    else:
        talk(f"no {table.name} match")


def _short_flags(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave the details of flags to JSON and CSV."""
    return {**row, "flags": [flag.partition(":")[0] for flag in row["flags"]]} if "flags" in row else row


def _describe(table: CatalogNoun, json: bool) -> None:
    rows = [
        {"column": c.name, "type": c.type, "unit": c.unit, "values": ", ".join(c.choices)}
        for c in table.columns.values()
    ]
    if json:
        write_json(rows)
    else:
        write_table(rows)


def columns_asked(table: Named[NamedColumn], columns: str | None, everything: bool) -> list[str]:
    """Return the columns a person names, in order; those of a table where none are named."""
    if columns is None and not everything:
        return SHOWN[table.name].split()
    if columns is None or columns.strip() == ALL:
        return list(table.columns)
    asked = [part.strip() for part in columns.split(",") if part.strip()]
    if not asked:
        raise InputError(f"--columns names no column; columns: {', '.join(table.columns)}")
    return list(dict.fromkeys(column_named(table, name, "columns").name for name in asked))
