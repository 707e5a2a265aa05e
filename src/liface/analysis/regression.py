"""How far to trust a model: what it gives for published quantities, as shipped and as computed anew.

The shipped file is made by running the campaign ``regression`` (``make trust``); nothing in it is chosen by hand.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from pydantic import Field

from liface.analysis.comparison import Comparison, ErrorSummary, summaries
from liface.documents import Document, EngineInfo, Moment, now
from liface.documents import quantity as in_unit

CAMPAIGN = "regression"
FILE = "regression.json"

ORDER = ("W", "Cr", "Mo", "Ti", "Zr")
"""Published order of the interfacial energies with Li(100), highest first (10.1039/d4ee03130j)."""
ORDER_FILM_PLANE = "100"

WITHIN = 0.10
"""Median ratio that is called close to the published values."""
ORDERED, PARTLY = 0.8, 0.4
"""Kendall's tau from which an order is called reproduced, and reproduced in part."""
FEWEST_PAIRS = 3
FEWEST_VALUES = 3
"""With fewer, the words say how few."""


class Regression(Document):
    """What models gave for published quantities, with everything that says which models they were."""

    campaign: str
    made_at: Moment = Field(default_factory=now)
    liface_version: str
    engines: tuple[EngineInfo, ...]
    failed: tuple[str, ...] = Field(default=(), description="Cases that gave no number, with their engine and reason.")
    rows: tuple[Comparison, ...]

    @property
    def errors(self) -> tuple[ErrorSummary, ...]:
        """Errors of each engine for each quantity."""
        return summaries(self.rows)

    def of(self, label: str) -> Regression:
        """Return the part of one engine, named ``engine:model``."""
        return self.model_copy(
            update={
                "engines": tuple(e for e in self.engines if e.label == label),
                "rows": tuple(row for row in self.rows if f"{row.engine}:{row.model}" == label),
                "failed": tuple(text for text in self.failed if text.startswith(f"{label}: ")),
            }
        )


class OrderOfMetals(Document):
    """The order of the metals of one engine beside the published one."""

    engine: str
    model: str
    published: tuple[str, ...]
    computed: tuple[str, ...] = Field(description="Highest interfacial energy first.")
    values_mev_per_a2: tuple[float, ...] = in_unit("meV/Å²", "Of the metals as computed is ordered.")
    right: int = in_unit("1", "Pairs in the published order.")
    pairs: int = in_unit("1", "Pairs.")


@cache
def shipped_regression() -> Regression:
    """Return the regression that comes with the package."""
    return Regression.from_json((files("liface.analysis") / "data" / FILE).read_text("utf-8"))


def orders_of_metals(rows: Sequence[Comparison]) -> tuple[OrderOfMetals, ...]:
    """Return for each engine in which order the metals of the published trend come out, those that are there."""
    values: dict[tuple[str, str], dict[str, float]] = {}
    for row in rows:
        film, _, rest = row.system.partition(" on ")
        if row.quantity == "interface_gamma" and film == f"Li({ORDER_FILM_PLANE})" and "vacuum" not in rest:
            metal = rest.partition("(")[0]
            if metal in ORDER:  # the highest plane is what the published trend takes
                known = values.setdefault((row.engine, row.model), {})
                known[metal] = max(row.computed, known.get(metal, row.computed))
    return tuple(_order(engine, model, known) for (engine, model), known in values.items() if len(known) > 1)


def _order(engine: str, model: str, known: dict[str, float]) -> OrderOfMetals:
    published = tuple(metal for metal in ORDER if metal in known)
    computed = tuple(sorted(known, key=lambda metal: -known[metal]))
    pairs = list(itertools.combinations(published, 2))
    return OrderOfMetals(
        engine=engine, model=model, published=published, computed=computed,
        values_mev_per_a2=tuple(known[metal] for metal in computed),
        right=sum(known[first] > known[second] for first, second in pairs), pairs=len(pairs),
    )  # fmt: skip


def reading(error: ErrorSummary) -> str:
    """Say in words what the errors of one quantity allow; the limits are those of this module."""
    few = 0 < error.n < FEWEST_VALUES
    parts = [f"only {error.n} value{'s' if error.n > 1 else ''}"] if few else []
    if error.median_ratio is not None:
        off = error.median_ratio - 1
        near = f"values within {WITHIN:.0%} on the median"
        parts.append(near if abs(off) <= WITHIN else f"values {abs(off):.0%} too {'high' if off > 0 else 'low'}")
    elif error.mean_absolute_error is not None:
        parts.append(f"values off by {error.mean_absolute_error:.2g} {error.unit} on the mean")
    if error.kendall is not None and error.n_pairs >= FEWEST_PAIRS:
        order = "reproduced" if error.kendall >= ORDERED else "partly reproduced"
        parts.append(f"order {order if error.kendall >= PARTLY else 'not reproduced'}")
    if error.bounds:
        parts.append(f"{error.bounds_met} of {error.bounds} bounds met")
    return "; ".join(parts)
