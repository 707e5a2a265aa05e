"""Calculations that a cheaper engine began, with what both spent."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from liface.database import Database


@dataclass(frozen=True)
class Begun:
    """One relaxation that began where a cheaper engine had ended."""

    label: str
    n_atoms: int
    cheap_id: str
    cheap: str
    costly: str
    cheap_calls: int
    costly_calls: int
    cheap_s: float
    costly_s: float


def begun_by_another(database: Database, calc_ids: Collection[str]) -> tuple[Begun, ...]:
    """Return those of these calculations that name another one as their start, by engines and label."""
    rows = [row for row in database.query("calculations", "started_from IS KNOWN") if row["calc_id"] in calc_ids]
    starts = database.calculations(row["started_from"] for row in rows)
    found = [_begun(row, starts[row["started_from"]]) for row in rows if row["started_from"] in starts]
    return tuple(sorted(found, key=lambda begun: (begun.costly, begun.cheap, begun.label)))


def by_engines(begun: Sequence[Begun]) -> dict[tuple[str, str], list[Begun]]:
    """Put calculations together by cheap and costly engine."""
    groups: dict[tuple[str, str], list[Begun]] = {}
    for one in begun:
        groups.setdefault((one.cheap, one.costly), []).append(one)
    return groups


def _begun(row: dict[str, Any], start: Any) -> Begun:
    return Begun(
        label=row["label"],
        n_atoms=row["n_atoms"],
        cheap_id=start.calc_id,
        cheap=start.engine.label,
        costly=f"{row['engine']}:{row['model']}",
        cheap_calls=start.n_force_calls,
        costly_calls=row["n_force_calls"],
        cheap_s=start.wall_s,
        costly_s=row["wall_s"],
    )
