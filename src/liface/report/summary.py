"""One row per headline quantity, for the terminal and for comparing engines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from liface.analysis.story import plain
from liface.dispatch.literature import literature_of
from liface.report.grouping import (
    Group,
    group,
    interface_name,
    ranked_interfaces,
    surface_key,
    surface_name,
    trusted,
    wetting_key,
)
from liface.report.numbers import facet, fixed, pairing, signed, with_error
from liface.report.published import Literature, References, as_text, references
from liface.report.records import CampaignRecords, load

if TYPE_CHECKING:
    from liface.database import Database


@dataclass(frozen=True)
class Headline:
    """One headline quantity of one system, from every engine."""

    quantity: str
    system: str
    unit: str
    values: dict[str, float]
    texts: dict[str, str]
    published: References
    flags: tuple[str, ...]
    trusted: bool


def summary_table(database: Database, campaign: str, records: CampaignRecords | None = None) -> list[dict[str, Any]]:
    """Return one row per headline quantity: quantity, system, one column per engine, unit, published, flags.

    Engine columns are named ``engine:model`` and hold ``value ± standard error`` as text. ``records`` are those of the
    campaign, where they were read already.
    """
    records = records or load(database, campaign)
    return [_as_row(headline, records) for headline in headlines(records, literature_of(database))]


def _as_row(headline: Headline, records: CampaignRecords) -> dict[str, Any]:
    row: dict[str, Any] = {"quantity": headline.quantity, "system": headline.system}
    row.update({label: headline.texts.get(f, "") for f, label in records.labels.items()})
    row["unit"] = headline.unit
    row["published"] = as_text(headline.published)
    row["flags"] = ", ".join(dict.fromkeys(flag.partition(":")[0].strip() for flag in headline.flags))
    return row


def headlines(records: CampaignRecords, literature: Literature) -> list[Headline]:
    """Collect every headline quantity, in the order of the report."""
    return [
        *_interfaces(records, literature),
        *_surfaces(records, literature),
        *_wettings(records, literature),
        *_bindings(records, literature),
        *_growths(records),
        *_barriers(records, literature),
        *_morphologies(records),
        *_verdicts(records),
    ]


def _headline(
    g: Group, quantity: str, system: str, unit: str, number: Callable[[Any], float],
    text: Callable[[Any], str], published: References,
) -> Headline:  # fmt: skip
    return Headline(
        quantity=quantity,
        system=system,
        unit=unit,
        values={f: number(r) for f, r in g.by_engine.items()},
        texts={f: text(r) for f, r in g.by_engine.items()},
        published=published,
        flags=g.flags,
        trusted=all(trusted(r) for r in g.by_engine.values()),
    )


def _interfaces(records: CampaignRecords, literature: Literature) -> Iterator[Headline]:
    for g in ranked_interfaces(records.interfaces):
        yield _headline(
            g, "Li interfacial energy", interface_name(g.any), "meV/Å²", lambda r: r.gamma_mev_per_a2,
            lambda r: with_error(r.gamma_mev_per_a2, r.gamma_stderr_mev_per_a2),
            references(g.any, "interface_gamma", literature),
        )  # fmt: skip


def _surfaces(records: CampaignRecords, literature: Literature) -> Iterator[Headline]:
    for g in group(records.surfaces, surface_key):
        yield _headline(
            g, "surface energy", surface_name(g.any), "J/m²", lambda r: r.gamma_j_per_m2,
            lambda r: fixed(r.gamma_j_per_m2, 2), references(g.any, "surface", literature),
        )  # fmt: skip


def _wettings(records: CampaignRecords, literature: Literature) -> Iterator[Headline]:
    for g in group(records.wettings, wetting_key):
        name = pairing(g.any.substrate, g.any.substrate_plane, "Li", g.any.film_plane)
        yield _headline(
            g, "contact angle of Li", name, "°", lambda r: r.contact_angle_deg,
            lambda r: fixed(r.contact_angle_deg, 0), references(g.any, "contact_angle", literature),
        )  # fmt: skip


def _bindings(records: CampaignRecords, literature: Literature) -> Iterator[Headline]:
    from liface.report.sections.binding import slot_of, slot_title

    for g in group(records.bindings, lambda r: (r.substrate, r.substrate_plane, *slot_of(r))):
        where = facet(g.any.substrate, g.any.substrate_plane)
        yield _headline(
            g, "binding energy per Li", f"{where}, {slot_title(slot_of(g.any))}", "eV/Li",
            lambda r: r.e_bind_ev_per_li, lambda r: signed(r.e_bind_ev_per_li, 3),
            references(g.any, "binding", literature),
        )  # fmt: skip


def _growths(records: CampaignRecords) -> Iterator[Headline]:
    for g in group(records.growths, lambda r: (r.substrate, r.substrate_plane)):
        yield Headline(
            quantity="growth mode",
            system=facet(g.any.substrate, g.any.substrate_plane),
            unit="",
            values={},
            texts={f: r.mode for f, r in g.by_engine.items()},
            published=(),
            flags=g.flags,
            trusted=all(trusted(r) for r in g.by_engine.values()),
        )


def _barriers(records: CampaignRecords, literature: Literature) -> Iterator[Headline]:
    for g in group(records.barriers, lambda r: (r.substrate, r.substrate_plane, r.monolayers)):
        layers = f" on {g.any.monolayers} ML" if g.any.monolayers else ""
        yield _headline(
            g, "migration barrier of Li", facet(g.any.substrate, g.any.substrate_plane) + layers, "eV",
            lambda r: r.barrier_ev, lambda r: fixed(r.barrier_ev, 3), references(g.any, "barrier", literature),
        )  # fmt: skip


def _morphologies(records: CampaignRecords) -> Iterator[Headline]:
    told = [r for r in records.morphologies if r.engine is not None]
    for g in group(told, lambda r: (r.substrate, r.substrate_plane)):
        yield _headline(
            g, "substrate under Li, growth run", facet(g.any.substrate, g.any.substrate_plane), "",
            lambda r: r.coverage, lambda r: f"{r.coverage:.3f} at ratio {plain(r.ratio)}", (),
        )  # fmt: skip


def _verdicts(records: CampaignRecords) -> Iterator[Headline]:
    told = [r for r in records.verdicts if r.engine is not None]
    for g in group(told, lambda r: (r.substrate, r.substrate_plane)):
        yield Headline(
            quantity="verdict",
            system=facet(g.any.substrate, g.any.substrate_plane),
            unit="",
            values={},
            texts={f: f"{r.n_for} for, {r.n_against} against, {r.n_open} open" for f, r in g.by_engine.items()},
            published=(),
            flags=(),
            trusted=all(trusted(r) for r in g.by_engine.values()),
        )
