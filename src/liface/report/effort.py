"""What a campaign cost: calculations, force calls and time of every engine, and why some did not finish."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from liface.documents import EngineInfo

if TYPE_CHECKING:
    from liface.database import Database

_CHUNK = 200
"""Calculations read at a time: they carry forces, and a campaign has thousands."""


@dataclass
class EngineEffort:
    """What one engine spent on a campaign."""

    engine: EngineInfo
    calculations: int = 0
    failed: int = 0
    unconverged: int = 0
    force_calls: int = 0
    wall_s: float = 0.0
    versions: dict[str, set[str]] = field(default_factory=dict)
    protocols: set[str] = field(default_factory=set)

    def add(self, calculation: Any) -> None:
        """Count one calculation."""
        self.calculations += 1
        self.failed += calculation.status == "failed"
        self.unconverged += calculation.status == "unconverged"
        self.force_calls += calculation.n_force_calls
        self.wall_s += calculation.wall_s
        self.protocols.add(_protocol(calculation.settings))
        for package, version in calculation.versions.items():
            self.versions.setdefault(package, set()).add(version)


def survey(database: Database, calc_ids: Iterable[str]) -> tuple[tuple[EngineEffort, ...], dict[str, str]]:
    """Read calculations piece by piece; return the effort per engine and the reasons of unfinished ones."""
    efforts: dict[str, EngineEffort] = {}
    reasons: dict[str, str] = {}
    ordered = sorted(calc_ids)
    for start in range(0, len(ordered), _CHUNK):
        for calculation in database.calculations(ordered[start : start + _CHUNK]).values():
            engine = calculation.engine
            efforts.setdefault(engine.fingerprint, EngineEffort(engine)).add(calculation)
            if calculation.status != "converged":
                reasons[calculation.calc_id] = calculation.reason
    return tuple(sorted(efforts.values(), key=lambda e: (e.engine.label, e.engine.fingerprint))), reasons


def _protocol(settings: Any) -> str:
    if settings.task == "static":
        return "single points"
    if settings.path is not None:
        return (
            f"paths of {settings.path.images} images with climbing image to {settings.fmax_ev_per_a:g} eV/Å, at most "
            f"{settings.max_force_calls} force calls"
        )
    cell = {"fixed": "cell fixed", "c_axis": "cell height relaxed", "full": "cell relaxed"}[settings.cell]
    if settings.move == "normal":
        cell += ", atoms along the normal only"
    return f"relaxations to {settings.fmax_ev_per_a:g} eV/Å, {cell}, at most {settings.max_force_calls} force calls"
