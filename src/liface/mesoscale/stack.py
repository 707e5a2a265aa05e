"""A stack of electrolyte, interlayer and collector: adhesions, pores, and the state they are in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from liface.documents.mesoscale import Place
from liface.errors import InputError, MissingAdhesionError
from liface.mesoscale.hosts import HostCurrent
from liface.mesoscale.lithium import (
    ATOMIC_VOLUME_A3,
    require_finite,
    require_fraction,
    require_not_negative,
    require_positive,
)

PLACES: tuple[Place, ...] = ("electrolyte", "collector", "pores")

AREA_PER_LI_A2 = (2 * ATOMIC_VOLUME_A3) ** (2 / 3) / 2**0.5
"""Area of one atom in a (110) plane of bcc Li, from its molar volume: 8.69 Å²."""

LI = "Li"


@dataclass(frozen=True)
class Adhesions:
    """Works of adhesion between pairs of materials, meV/Å², positive where they stick; the order does not matter.

    ``record_ids`` names the stored result of each pair that has one, and ``notes`` the doubts about it.
    """

    values: Mapping[frozenset[str], float] = field(default_factory=dict)
    sources: Mapping[frozenset[str], str] = field(default_factory=dict)
    record_ids: Mapping[frozenset[str], str] = field(default_factory=dict)
    notes: Mapping[frozenset[str], tuple[str, ...]] = field(default_factory=dict)

    def given(
        self,
        a: str,
        b: str,
        mev_per_a2: float,
        source: str = "given by hand",
        *,
        record_id: str | None = None,
        notes: tuple[str, ...] = (),
    ) -> Adhesions:
        """Return these with one more value; it replaces an older one, with all that was said of that."""
        require_finite(**{f"adhesion {a}|{b}": mev_per_a2})
        if a == b:
            raise InputError(f"adhesion of {a} to itself; name two materials")
        pair = frozenset((a, b))
        records = {known: value for known, value in self.record_ids.items() if known != pair}
        return Adhesions(
            {**self.values, pair: mev_per_a2},
            {**self.sources, pair: source},
            records | ({pair: record_id} if record_id else {}),
            {**self.notes, pair: notes},
        )

    def between(self, a: str, b: str) -> float:
        """Return the work of adhesion of a pair.

        Raises
        ------
        MissingAdhesionError
            Nobody gave it; the message says what computes it.
        """
        pair = frozenset((a, b))
        if pair not in self.values:
            raise MissingAdhesionError(a, b)
        return self.values[pair]


@dataclass(frozen=True)
class Pores:
    """The pores of the interlayer, and the current that they must take."""

    current_ma_per_cm2: float
    host: HostCurrent
    filled: float = 0.0

    def __post_init__(self) -> None:
        require_positive(current_ma_per_cm2=self.current_ma_per_cm2)
        require_not_negative(filled=self.filled)
        if self.filled > 1:
            raise InputError(f"filled is {self.filled}; the share of the pores that is full is at most 1")

    @property
    def closed_because(self) -> str:
        """Why no Li can go into the pores; empty where it can."""
        if self.filled == 1:
            return "no free volume is left"
        most = self.host.bottleneck
        if self.current_ma_per_cm2 > most.current_ma_per_cm2:
            return (
                f"{most.limit} passes {most.current_ma_per_cm2:.3g} mA/cm² "
                f"({most.lower:.2g} to {most.upper:.2g}), less than {self.current_ma_per_cm2:g}"
            )
        return ""


@dataclass(frozen=True)
class Stack:
    """Electrolyte, interlayer and collector, and the state they are in.

    ``reaction_ev`` is ΔG_r at each place, eV per Li and zero where not named; ``potential_v`` likewise the potential Φ.
    ``contact`` is the share of the electrolyte face that touches the interlayer, between 0 (excluded) and 1.
    """

    electrolyte: str
    interlayer: str
    collector: str
    pressure_mpa: float = 0.0
    li_stress_mpa: float = 0.0
    pore_pressure_mpa: float = 0.0
    contact: float = 1.0
    li_surface_mev_per_a2: float = 0.0
    area_per_li_a2: float = AREA_PER_LI_A2
    reaction_ev: Mapping[Place, float] = field(default_factory=dict)
    potential_v: Mapping[Place, float] = field(default_factory=dict)
    pores: Pores | None = None

    def __post_init__(self) -> None:
        require_not_negative(pressure_mpa=self.pressure_mpa, pore_pressure_mpa=self.pore_pressure_mpa)
        require_not_negative(li_surface_mev_per_a2=self.li_surface_mev_per_a2)
        require_finite(li_stress_mpa=self.li_stress_mpa)
        require_positive(area_per_li_a2=self.area_per_li_a2)
        require_fraction(contact=self.contact)
        for name, values in (("reaction_ev", self.reaction_ev), ("potential_v", self.potential_v)):
            for place, value in values.items():
                if place not in PLACES:
                    raise InputError(f"{name} names the place {place!r}; places are {', '.join(PLACES)}")
                require_finite(**{f"{name} of {place}": value})

    @property
    def places(self) -> tuple[Place, ...]:
        """Where Li can be; a dense interlayer has no pores."""
        return PLACES if self.pores else PLACES[:2]


def contact_share(formation_pressure_mpa: float, hardness_mpa: float) -> float:
    """Return the share of a face in real contact after pressing, P/H and at most 1.

    Plastic contact of rough faces (Bowden and Tabor); H is the hardness of the softer side. What was in contact
    once is taken to stay so when the pressure is gone.
    """
    require_positive(formation_pressure_mpa=formation_pressure_mpa, hardness_mpa=hardness_mpa)
    return min(1.0, formation_pressure_mpa / hardness_mpa)
