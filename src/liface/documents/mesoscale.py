"""What is stored of growth, deposition, creep and stability: results of models that rest on other results.

Their numbers come from records of the database, from the literature, or by hand; ``inputs`` says which is which.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from liface.documents.base import Document, content_hash, quantity
from liface.documents.calculation import EngineInfo
from liface.documents.results import Flag, Provenance

Place = Literal["electrolyte", "collector", "pores"]
Variable = Literal["adhesion at full contact", "contact", "external pressure"]
"""What a boundary is solved in: meV/Å² of electrolyte and interlayer, share of their face, and MPa while plating."""

Mechanism = Literal["Coble", "Nabarro-Herring", "dislocation"]
RatioRule = Literal["clusters", "atoms", "by hand"]


class Input(Document):
    """One number that a result rests on, and where it comes from."""

    name: str
    value: float = quantity("field: unit", "As it entered.")
    unit: str
    source: str = Field(description="'by hand', the record it was read from, or what it was assumed from.")
    record_id: str | None = Field(default=None, description="The record, where it is one of the database.")


class ModelResult(Document):
    """What every stored result of a model has; its engine is that of the records it rests on, if any."""

    definition: str = Field(description="The model and its formula.")
    engine: EngineInfo | None = Field(default=None, description="None where every number was given by hand.")
    converged: bool = Field(default=True, description="Every record that enters is converged.")
    flags: tuple[Flag, ...] = ()
    inputs: tuple[Input, ...] = Field(description="The numbers it rests on.")
    provenance: Provenance

    @property
    def record_id(self) -> str:
        """Content identity: everything but provenance."""
        return content_hash(self.model_dump(mode="json", exclude={"provenance"}))


# --- growth --------------------------------------------------------------------------------------------------------


class Band(Document):
    """Mean over seeds with its confidence interval, in the unit of the observable."""

    mean: float = quantity("unit of the observable", "Mean over seeds.")
    lower: float = quantity("unit of the observable", "Lower end of the interval of the mean (Student's t).")
    upper: float = quantity("unit of the observable", "Upper end of the interval of the mean.")
    level: float = quantity("1", "Coverage the interval aims at.")
    n: int = quantity("1", "Seeds.")


class RatioPoint(Document):
    """The ensemble at one ratio."""

    ratio: float = quantity("1", "k_Li-substrate / k_Li-Li.")
    tip_height: Band = Field(description="layers")
    coverage: Band = Field(description="fraction of the substrate")
    roughness: Band = Field(description="layers")
    n_nuclei: Band = Field(description="number")
    mean_island_size: Band = Field(description="columns")
    layer_occupation: tuple[float, ...] = quantity("1", "Mean filled fraction of every layer.")


class MorphologyResult(ModelResult):
    """How Li grows on a substrate: kinetic Monte Carlo at its own ratio of arrival rates, beside other ratios."""

    kind: Literal["morphology"] = "morphology"
    substrate: str
    substrate_plane: str
    ratio: float = quantity("1", "k_Li-substrate / k_Li-Li of this substrate.")
    ratio_rule: RatioRule = Field(description="clusters: from clusters against atoms; atoms: from single atoms.")
    coverage: float = quantity("1", "Share of the substrate under Li at this ratio, mean over seeds.")
    tip_height: float = quantity("layers", "Atoms in the tallest column, mean over seeds.")
    roughness: float = quantity("layers", "Root mean square deviation of the height, mean over seeds.")
    n_nuclei: float = quantity("1", "Covered areas of two atoms or more, mean over seeds.")
    temperature_k: float = quantity("K", "Temperature.")
    atoms: int = quantity("1", "Atoms of a deposit.")
    size: int = quantity("1", "Columns along each edge of the lattice.")
    n_seeds: int = quantity("1", "Runs at each ratio.")
    coverage_rises: bool = Field(description="Coverage ends higher than it begins and never falls beyond its bands.")
    tip_height_falls: bool = Field(description="Tips end lower than they begin and never rise beyond their bands.")
    points: tuple[RatioPoint, ...] = Field(description="All ratios, rising.")
    heights: tuple[tuple[int, ...], ...] = quantity(
        "layers", "Deposit of the first seed at the ratio of the substrate."
    )
    sweep_id: str = Field(description="Content hash of everything that was asked, seeds included.")
    generator: str


# --- deposition ----------------------------------------------------------------------------------------------------


class PlaceEnergy(Document):
    """Driving force for Li at one place, term by term; the lowest open place takes it."""

    place: Place
    open: bool = Field(description="Whether Li can get there.")
    reason: str = Field(default="", description="Why it cannot.")
    driving_force_ev: float = quantity("eV", "ΔG of one Li.")
    reaction_ev: float = quantity("eV", "ΔG_r.")
    potential_ev: float = quantity("eV", "-e Φ.")
    adhesion_mev_per_a2: float = quantity(
        "meV/Å²", "W: adhesion lost less adhesion won, and 2 γ_Li where given; positive costs."
    )
    adhesion_j_per_m2: float = quantity("J/m²", "The same.")
    adhesion_ev: float = quantity("eV", "W times the area per Li.")
    pressure_ev: float = quantity("eV", "(P - σ_m) Ω.")


class Boundary(Document):
    """Where two places are equally good: the answer changes there if both are the best open ones."""

    first: Place
    second: Place
    variable: Variable
    value: float = quantity("field: unit", "Solved, not sampled.")
    unit: str
    wins_above: Place
    changes_the_answer: bool


class DepositionResult(ModelResult):
    """Where Li goes in a stack of electrolyte, interlayer and collector."""

    kind: Literal["deposition"] = "deposition"
    electrolyte: str
    interlayer: str
    collector: str
    answer: Place
    margin_ev: float | None = quantity(
        "eV", "Driving force of the next open place less that of the answer; None: no other."
    )
    pressure_mpa: float = quantity("MPa", "External pressure on the faces.")
    contact: float = quantity("1", "Share of the electrolyte face in contact with the interlayer.")
    area_per_li_a2: float = quantity("Å²", "Interface opened by one Li.")
    places: tuple[PlaceEnergy, ...] = Field(description="Open ones first, then by driving force.")
    boundaries: tuple[Boundary, ...] = Field(description="Where the order of two places changes.")


# --- creep ---------------------------------------------------------------------------------------------------------


class CreepRate(Document):
    """Strain rate of one mechanism, or of all together, in a pore of one size."""

    mechanism: Literal["Coble", "Nabarro-Herring", "dislocation", "sum"]
    pore_nm: float = quantity("nm", "Pore diameter.")
    temperature_k: float = quantity("K", "Temperature.")
    stress_mpa: float = quantity("MPa", "Driving stress.")
    strain_rate: float = quantity("1/s", "With the best value of every parameter.")
    lower: float = quantity("1/s", "Lower end of the band.")
    upper: float = quantity("1/s", "Upper end of the band.")
    level: float = quantity("1", "Share of draws inside the band.")
    share_fastest: float = quantity("1", "Share of draws in which this mechanism is the fastest; 1 for the sum.")
    doi: tuple[str, ...] = Field(description="Papers behind the formula and its parameters.")


class CurrentLimit(Document):
    """One bound on the current that creep passes through a host."""

    limit: Literal["creep in the pore", "transport along the pores"]
    current_ma_per_cm2: float = quantity("mA/cm²", "With the best value of every parameter.")
    lower: float = quantity("mA/cm²", "Lower end of the band.")
    upper: float = quantity("mA/cm²", "Upper end of the band.")
    level: float = quantity("1", "Share of draws inside the band.")
    geometry: str = Field(description="How a rate became a current.")


class CreepResult(ModelResult):
    """What a porous host holds, how Li creeps in its pores, and the current that it passes."""

    kind: Literal["creep"] = "creep"
    host: str
    pore_nm: float = quantity("nm", "Pore diameter.")
    porosity: float = quantity("1", "Share of the volume that is pore.")
    thickness_um: float = quantity("µm", "Thickness of the layer.")
    temperature_k: float = quantity("K", "Temperature.")
    stress_mpa: float = quantity("MPa", "Driving pressure.")
    overpotential_mv: float = quantity("mV", "Overpotential that sets it up.")
    capacity_mah_per_cm2: float = quantity("mAh/cm²", "Charge of the Li that fills every pore.")
    mechanism: Mechanism = Field(description="The fastest, with the best value of every parameter.")
    strain_rate: float = quantity("1/s", "Sum of all mechanisms.")
    current_ma_per_cm2: float = quantity("mA/cm²", "Largest current: the lower of the limits.")
    current_lower_ma_per_cm2: float = quantity("mA/cm²", "Lower end of its band.")
    current_upper_ma_per_cm2: float = quantity("mA/cm²", "Upper end of its band.")
    asked_ma_per_cm2: float | None = quantity("mA/cm²", "Current that was asked of it.", default=None)
    passes: Literal["yes", "no", "within the band", "not asked"]
    rates: tuple[CreepRate, ...]
    limits: tuple[CurrentLimit, ...]


# --- stability -----------------------------------------------------------------------------------------------------


class Product(Document):
    """One phase that a decomposition ends in."""

    name: str
    amount: float = quantity("1", "Formula units per formula unit of the material.")


class StabilityResult(ModelResult):
    """A material against Li metal, among the phases that are known."""

    kind: Literal["stability"] = "stability"
    material: str
    verdict: str
    lithium_class: str = Field(description="MIEC, ELI, conductor at rest, at rest, or reactive.")
    reaction: str = Field(description="As chemists write it; 'none' where it is at rest.")
    energy_above_hull_ev_per_atom: float = quantity("eV", "Above the best mixture of known phases of its composition.")
    reaction_energy_ev: float = quantity("eV", "Per formula unit with Li metal in excess; negative: it reacts.")
    li_taken_up: float = quantity("1", "Li atoms that the reaction consumes per formula unit.")
    window_low_v: float | None = quantity("V", "Below this voltage it is reduced; None if not stable.")
    window_high_v: float | None = quantity("V", "Above this voltage it is oxidised; None where nothing does it.")
    band_gap_ev: float | None = quantity("eV", "From the literature.")
    known: str = Field(default="", description="What is known from experiment or the literature.")
    agrees: Literal["yes", "no", "untested", "nothing known"] = "nothing known"
    products: tuple[Product, ...]
    compounds_with_li: tuple[str, ...]
    untested: tuple[str, ...] = Field(description="Elements of which no other phase is known.")
    phases: tuple[str, ...] = Field(description="Everything that competed.")


# --- verdict -------------------------------------------------------------------------------------------------------


class VerdictPoint(Document):
    """One question of a verdict with its answer."""

    question: str
    answer: Literal["for", "against", "open"]
    finding: str = Field(description="The number behind it, in words.")
    record_id: str | None = Field(default=None, description="The record it rests on; None where it is missing.")


class VerdictResult(ModelResult):
    """A substrate's whole story: energies, growth, deposition, creep, stability, and what they say together."""

    kind: Literal["verdict"] = "verdict"
    substrate: str
    substrate_plane: str
    n_for: int = quantity("1", "Points for it.")
    n_against: int = quantity("1", "Points against it.")
    n_open: int = quantity("1", "Points that could not be decided.")
    verdict: str
    points: tuple[VerdictPoint, ...]
