"""Published values as a report shows them beside computed ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from liface.analysis.comparison import beside
from liface.analysis.computed import computed_values
from liface.analysis.literature import Literature
from liface.documents import LiteratureValue
from liface.report.html import Html, doi_link, esc, join
from liface.report.numbers import fixed, signed

if TYPE_CHECKING:
    from liface.documents import ResultDocument

WANG2023_DOI = "10.1002/adma.202206762"

_DECIMALS = {"eV": 3, "J/m²": 2, "deg": 0, "Å": 3, "THz": 2}
_SIGNS = {"=": "", "≈": "≈ ", ">=": "≥ ", "<=": "≤ ", ">": "> ", "<": "< "}

MOST_LISTED = 3
"""Values that are listed; of more, the range is given."""


class Reference:
    """One published value as it is shown, in the unit that is reported: a bound stays a bound."""

    def __init__(self, row: LiteratureValue):
        self.value = row.house_value
        self.unit = row.house_unit
        self.qualifier = row.qualifier
        self.doi = row.doi
        self.source = row.doi or row.citation
        self.note = "; ".join(part for part in (row.method, row.where, row.note) if part)
        self.text = _SIGNS[row.qualifier] + _number(self.value, self.unit)

    @property
    def is_bound(self) -> bool:
        """Tell whether only a limit is published."""
        return self.qualifier not in ("=", "≈")


References = Sequence[Reference]


def _number(value: float, unit: str) -> str:
    return (signed if unit == "eV" else fixed)(value, _DECIMALS.get(unit, 1))


def references(result: ResultDocument, quantity: str, literature: Literature) -> tuple[Reference, ...]:
    """Return what is published of one quantity of a result: of each source what comes closest, the closest first."""
    return tuple(
        Reference(value)
        for computed in computed_values(result)
        if computed.quantity == quantity
        for value in beside(computed, literature, closest=True)
    )


def bindings(substrate: str, plane: str, literature: Literature) -> dict[tuple[int, int, str], tuple[Reference, ...]]:
    """Return all published binding energies on one surface, by monolayers, number of Li and arrangement."""
    found: dict[tuple[int, int, str], list[Reference]] = {}
    for row in literature.of("binding", substrate, plane=plane):
        slot = (row.monolayers or 0, row.n_li or 1, row.arrangement or "dispersed")
        found.setdefault(slot, []).append(Reference(row))
    return {slot: tuple(rows) for slot, rows in found.items()}


def as_text(known: References) -> str:
    """Write published values in one cell: one by one, or as a range where they are many; empty without any."""
    exact = [reference for reference in known if not reference.is_bound]
    if len(known) <= MOST_LISTED or len(exact) < 2:
        return "; ".join(dict.fromkeys(reference.text for reference in known))
    low, high = min(r.value for r in exact), max(r.value for r in exact)
    unit = exact[0].unit
    bounds = "".join(f"; {reference.text}" for reference in known if reference.is_bound)
    return f"{_number(low, unit)} to {_number(high, unit)} ({len(exact)} values){bounds}"


def as_cell(known: References) -> Html | None:
    """Write published values with links to their sources."""
    if not known:
        return None
    links = (doi_link(r.doi, "source") if r.doi else esc(r.source) for r in _first_of_each_source(known))
    return join([as_text(known), " ", join(links, ", ")])


def _first_of_each_source(known: Iterable[Reference]) -> Iterable[Reference]:
    return {reference.source: reference for reference in known}.values()


__all__ = ["Literature", "Reference", "References", "as_cell", "as_text", "bindings", "references"]
