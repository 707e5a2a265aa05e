"""What every step needs: who asks, how outcomes are read, and what is put beside a number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from liface import __version__
from liface.documents import (
    CalculationDocument,
    CalculationRequest,
    CalculationSettings,
    Document,
    EnergyCalculation,
    EngineInfo,
    Geometry,
    Provenance,
    ResultDocument,
    quantity,
)
from liface.engines.base import DFT_ENGINES
from liface.engines.moments import magnetic_order
from liface.errors import CalculationError
from liface.workflows.specs import Protocol

if TYPE_CHECKING:
    from pymatgen.core import Structure


class Case(Document):
    """Who asks: the campaign, the case in it, the engine and the numerical protocol."""

    campaign: str = "unnamed"
    name: str
    engine: EngineInfo
    protocol: Protocol = Field(default_factory=Protocol)
    screened_by: str | None = Field(default=None, description="Record of a cheaper engine by which it was chosen.")

    def request(
        self,
        structure: Structure | Geometry,
        settings: CalculationSettings,
        step: str,
        *,
        as_built: bool = False,
        end: Geometry | None = None,
    ) -> CalculationRequest:
        """Ask for one structure under a readable label; ``as_built`` where a cheaper engine may relax it first.

        A path has an ``end`` besides.
        """
        geometry = structure if isinstance(structure, Geometry) else Geometry.from_structure(structure)
        return CalculationRequest(
            geometry=geometry,
            engine=self.engine,
            settings=settings,
            label=f"{self.name}/{step}",
            as_built=as_built,
            end=end,
        )

    def provenance(self, calculations: Iterable[str], doi: Sequence[str]) -> Provenance:
        """Name what a number rests on."""
        return Provenance(
            campaign=self.campaign,
            case=self.name,
            calc_ids=tuple(dict.fromkeys(calculations)),
            liface_version=__version__,
            doi=tuple(doi),
            screened_by=self.screened_by,
        )


class CaseOutput(Document):
    """What a flow ends with."""

    results: tuple[ResultDocument, ...]


class BulkReference(Document):
    """A relaxed bulk that others are measured against."""

    material: str
    geometry: Geometry
    energy_ev_per_atom: float = quantity("eV", "Energy per atom.")
    engine: EngineInfo
    converged: bool
    broken_symmetry: bool
    calc_ids: tuple[str, ...]


def energy_of(outcome: CalculationDocument) -> EnergyCalculation:
    """Return the outcome if it has an energy.

    Raises
    ------
    CalculationError
        The structure failed.
    """
    if outcome.status == "failed":
        raise CalculationError(f"{outcome.label} failed: {outcome.reason}; run again with --retry to repeat it")
    return outcome


def with_energy(outcomes: Iterable[CalculationDocument], what: str) -> list[EnergyCalculation]:
    """Return the outcomes that have an energy.

    Raises
    ------
    CalculationError
        None has.
    """
    outcomes = list(outcomes)
    usable = [outcome for outcome in outcomes if outcome.status != "failed"]
    if not usable:
        reasons = "; ".join(sorted({o.reason for o in outcomes if o.status == "failed"})) or "no candidates"
        raise CalculationError(f"{what}: all {len(outcomes)} candidates failed: {reasons}")
    return usable


def lowest(outcomes: Iterable[EnergyCalculation]) -> EnergyCalculation:
    """Return the outcome of lowest energy; the first of equals, to 1e-6 eV."""
    return min(enumerate(outcomes), key=lambda pair: (round(pair[1].energy_ev, 6), pair[0]))[1]


def all_converged(outcomes: Iterable[CalculationDocument]) -> bool:
    """Tell whether every outcome converged."""
    return all(outcome.status == "converged" for outcome in outcomes)


def magnetic_flags(engine: EngineInfo, cells: Iterable[Geometry]) -> tuple[str, ...]:
    """Return the flag of energies that are subtracted although their cells start from different magnetic orders.

    A (110) cell of chromium with one atom per plane cannot hold the antiferromagnetic order of the bulk, which lies
    about 15 meV per atom lower in PBE. Potentials, and DFT without spin, know no order.
    """
    if engine.name not in DFT_ENGINES or engine.options.get("spin") in ("off", False):
        return ()
    orders = sorted({magnetic_order(cell) for cell in cells} - {"none"})
    return (f"magnetic_order: {' and '.join(orders)} cells",) if len(orders) > 1 else ()


def unconverged_flags(outcomes: Iterable[CalculationDocument]) -> tuple[str, ...]:
    """Return the flag that names the unconverged relaxations, if there are any."""
    labels = [o.label.rsplit("/", 1)[-1] for o in outcomes if o.status == "unconverged"]
    return (f"unconverged: {', '.join(labels)}",) if labels else ()
