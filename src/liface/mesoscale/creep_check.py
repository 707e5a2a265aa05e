"""The creep model held against what was seen in pores, and against published sizes and capacities.

Whether Li passes a pore is a question of rate against need, and the need (a current, a stress, a length) is not known
for the published pores. One constant is therefore fitted: the Coble rate per MPa above which Li passes. What is fitted
and what then follows are told apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from liface.documents import Document, quantity
from liface.errors import AnalysisError, TooFewPointsError
from liface.mesoscale.creep import coble_rate
from liface.mesoscale.creep_map import critical_sizes, path_ratio_for_size, stress_for_size
from liface.mesoscale.creep_parameters import DEFAULT, MASIAS2019, PARK2022, WANG2020, CreepParameters
from liface.mesoscale.hosts import (
    current_of_strain_rate,
    porosity_for,
    pressure_mpa,
    transport_paths,
    wall_diffusivity_that_wins,
)

KIM2024 = "10.1038/s41467-024-48021-w"
CHEN2020 = "10.1038/s41586-020-1972-y"

Outcome = Literal["passes", "blocked", "undecided"]
Verdict = Literal["agrees", "inside the band only", "disagrees", "fitted"]


class PoreObservation(Document):
    """Where Li was found after plating onto a layer of pores."""

    pore_nm: float = quantity("nm", "Pore diameter.")
    temperature_k: float = quantity("K", "Temperature.")
    seen: str
    passed: bool = Field(description="Li reached the collector through the whole layer.")
    doi: str = PARK2022


OBSERVATIONS = (
    PoreObservation(pore_nm=433, temperature_k=333.15, seen="Li at the electrolyte", passed=False),
    PoreObservation(pore_nm=105, temperature_k=333.15, seen="torn layer", passed=False),
    PoreObservation(pore_nm=31, temperature_k=333.15, seen="Li through to the collector", passed=True),
    PoreObservation(pore_nm=31, temperature_k=318.15, seen="Li passes", passed=True),
    PoreObservation(pore_nm=31, temperature_k=303.15, seen="Li does not pass", passed=False),
)
"""A torn layer counts as not passed; a class of its own would need a second threshold for one observation."""

FITTED = (3, 4)
"""The two observations that fix the threshold by default: one pore, two temperatures, with the step between them."""


class Tested(Document):
    """One observation beside what the threshold says about it."""

    pore_nm: float = quantity("nm", "Pore diameter.")
    temperature_k: float = quantity("K", "Temperature.")
    seen: str
    passed: bool
    rate_per_mpa: float = quantity("1/(s·MPa)", "Coble rate per driving stress.")
    role: Literal["fitted", "predicted"]
    model: Outcome
    left_out: Outcome = Field(description="What the threshold of the four others says.")


class ThresholdFit(Document):
    """One threshold against a few observations, with what it can and cannot say."""

    threshold_per_mpa: float = quantity("1/(s·MPa)", "Middle of the allowed range, on a logarithmic scale.")
    lower_per_mpa: float = quantity("1/(s·MPa)", "Highest rate of the fitted that did not pass.")
    upper_per_mpa: float = quantity("1/(s·MPa)", "Lowest rate of the fitted that passed.")
    n_parameters: int = quantity("1", "Constants that were fitted.", default=1)
    n_fitted: int = quantity("1", "Observations that fixed them.")
    n_observations: int = quantity("1", "Observations in all.")
    tested: tuple[Tested, ...]
    least_size_exponent: float = quantity("1", "Rates falling with D^-m agree with all observations for any m above.")
    notes: tuple[str, ...]


class PassingSize(Document):
    """Largest pore that Li passes at one temperature."""

    temperature_k: float = quantity("K", "Temperature.")
    pore_nm: float = quantity("nm", "At the middle of the threshold.")
    lower_nm: float = quantity("nm", "At the upper end of the threshold.")
    upper_nm: float = quantity("nm", "At the lower end of the threshold.")


class Anchor(Document):
    """A published figure beside what comes out here."""

    name: str
    published: float = quantity("field: unit", "As printed, or as it follows from what is printed.")
    computed: float = quantity("field: unit", "With the best value of every parameter.")
    lower: float = quantity("field: unit", "Lower end of the band; equal to the value where it has no error.")
    upper: float = quantity("field: unit", "Upper end of the band.")
    unit: str
    verdict: Verdict
    remark: str
    doi: str


def fit_threshold(
    observations: Sequence[PoreObservation] = OBSERVATIONS,
    fitted: Sequence[int] = FITTED,
    parameters: CreepParameters = DEFAULT,
) -> ThresholdFit:
    """Fit the rate per stress above which Li passes, to ``fitted``, and hold it against every observation.

    Only the quotient of need and stress is determined: both scale the rate alike.

    Raises
    ------
    TooFewPointsError
        Where ``fitted`` holds no pore that passed, or none that did not: there is no step to place.
    AnalysisError
        Where a blocked pore creeps faster than one that passed: no threshold does it.
    """
    rates = [coble_rate_per_mpa(o, parameters) for o in observations]
    lower, upper = _bracket([(rates[i], observations[i].passed) for i in fitted])
    exponent = least_size_exponent(observations, parameters)
    tested = []
    for i, (seen, rate) in enumerate(zip(observations, rates, strict=True)):
        others = [(rates[j], o.passed) for j, o in enumerate(observations) if j != i]
        tested.append(
            Tested(
                pore_nm=seen.pore_nm,
                temperature_k=seen.temperature_k,
                seen=seen.seen,
                passed=seen.passed,
                rate_per_mpa=rate,
                role="fitted" if i in fitted else "predicted",
                model=_outcome(rate, lower, upper),
                left_out=_left_out(rate, others),
            )
        )
    return ThresholdFit(
        threshold_per_mpa=math.sqrt(lower * upper),
        lower_per_mpa=lower,
        upper_per_mpa=upper,
        n_fitted=len(fitted),
        n_observations=len(observations),
        tested=tuple(tested),
        least_size_exponent=exponent,
        notes=_notes(tested, lower, upper, exponent),
    )


def passing_size(temperature_k: float, fit: ThresholdFit, parameters: CreepParameters = DEFAULT) -> PassingSize:
    """Return the largest pore that Li passes at a temperature, from the fitted threshold and D^-3.

    The range is that of the threshold alone; which power of the size holds was not tested by the observations.
    """
    at_one_nm = float(coble_rate(1.0, temperature_k, 1.0, parameters.best())[0])
    low, middle, high = (
        (at_one_nm / rate) ** (1 / 3) for rate in (fit.upper_per_mpa, fit.threshold_per_mpa, fit.lower_per_mpa)
    )
    return PassingSize(temperature_k=temperature_k, pore_nm=middle, lower_nm=low, upper_nm=high)


def coble_rate_per_mpa(observation: PoreObservation, parameters: CreepParameters = DEFAULT) -> float:
    """Return the Coble rate in an observed pore for 1 MPa of driving stress, 1/s."""
    return float(coble_rate(observation.pore_nm, observation.temperature_k, 1.0, parameters.best())[0])


def least_size_exponent(
    observations: Sequence[PoreObservation] = OBSERVATIONS, parameters: CreepParameters = DEFAULT
) -> float:
    """Return the exponent m above which rates ∝ f(T) D^-m put every blocked pore below every one that passed.

    The temperature part f(T) is that of the Coble rate. Coble creep has m = 3; a bound far below says that the
    observations do not tell exponents apart.

    Raises
    ------
    AnalysisError
        Where two pores of one size, or a smaller blocked one, leave no exponent.
    """
    bounds = [0.0]
    for blocked in (o for o in observations if not o.passed):
        for passed in (o for o in observations if o.passed):
            warmth = math.log(_at_one_size(blocked, parameters) / _at_one_size(passed, parameters))
            size = math.log(blocked.pore_nm / passed.pore_nm)
            if size < 0 or (size == 0 and warmth >= 0):
                raise AnalysisError(
                    f"{passed.pore_nm:g} nm at {passed.temperature_k:g} K passes and {blocked.pore_nm:g} nm at "
                    f"{blocked.temperature_k:g} K does not; no rate that falls with size orders them, check the points"
                )
            if size > 0:
                bounds.append(warmth / size)
    return max(bounds)


def published_anchors(parameters: CreepParameters = DEFAULT) -> tuple[Anchor, ...]:
    """Return every published figure of creep and hosts beside its computed value."""
    warm = 333.15
    coble, _, _ = critical_sizes(warm, 1.0, parameters)
    ratio = path_ratio_for_size(200, warm, parameters)
    stress = stress_for_size(500, "Nabarro-Herring", warm, parameters)
    return (
        _exact("porosity of 15 µm TiN nanotubes with 2.473 mAh/cm²", 0.80, porosity_for(2.473, 15), "1", KIM2024),
        _exact("pressure of 1 mV", 7.4, pressure_mpa(1), "MPa", PARK2022),
        _exact("pressure of 135 mV", 1000, pressure_mpa(135), "MPa", CHEN2020),
        Anchor(
            name="Coble to Nabarro-Herring, 60 °C",
            published=200,
            computed=coble.size_nm,
            lower=coble.lower_nm,
            upper=coble.upper_nm,
            unit="nm",
            verdict=_verdict(200, coble.size_nm, coble.lower_nm, coble.upper_nm, 0.25),
            remark=f"D_s as printed; a path with {ratio:.2g} of it would put the step at 200 nm",
            doi=PARK2022,
        ),
        Anchor(
            name="stress that starts dislocation creep at 500 nm, 60 °C",
            published=0.7,
            computed=stress,
            lower=stress,
            upper=stress,
            unit="MPa",
            verdict="fitted",
            remark="10.1039/d2ta06466a gives the size and no stress; beside it: yield of bulk Li, from memory",
            doi=MASIAS2019,
        ),
        *_path_anchors(parameters),
    )


WALLS = {"LiC6": (0.0168, 1e-8), "Li22Si5": (0.0537, 1e-9), "Li9Al4": (0.0404, 1e-9)}
"""Mobile Li per Å³ from the crystal; diffusivity at 25 °C in cm²/s, an order of magnitude of our own."""


def _path_anchors(parameters: CreepParameters) -> list[Anchor]:
    found = []
    for wall, (density, diffusivity) in WALLS.items():
        paths = transport_paths(wall, density, diffusivity, 298.15, parameters=parameters)
        share = paths[1].share
        found.append(
            Anchor(
                name=f"share of the interface beside 10 nm {wall} and 100 nm Li",
                published=0.5,
                computed=share,
                lower=share,
                upper=share,
                unit="1",
                verdict="agrees" if share > 0.5 else "disagrees",
                remark=f"published: the largest of three. The wall has {diffusivity:.0e} cm²/s, our estimate; it wins "
                f"above {wall_diffusivity_that_wins(paths):.1e}",
                doi=WANG2020,
            )
        )
    return found


def _exact(name: str, published: float, computed: float, unit: str, doi: str) -> Anchor:
    return Anchor(
        name=name,
        published=published,
        computed=computed,
        lower=computed,
        upper=computed,
        unit=unit,
        verdict=_verdict(published, computed, computed, computed, 0.01),
        remark="",
        doi=doi,
    )


def _verdict(published: float, computed: float, lower: float, upper: float, tolerance: float) -> Verdict:
    if abs(computed / published - 1) <= tolerance:
        return "agrees"
    return "inside the band only" if lower <= published <= upper else "disagrees"


def _bracket(points: Sequence[tuple[float, bool]]) -> tuple[float, float]:
    blocked = [rate for rate, passed in points if not passed]
    passing = [rate for rate, passed in points if passed]
    if not blocked or not passing:
        raise TooFewPointsError(
            f"{len(passing)} pores that passed and {len(blocked)} that did not; a threshold needs one of each"
        )
    lower, upper = max(blocked), min(passing)
    if lower >= upper:
        raise AnalysisError(
            f"a blocked pore creeps with {lower:.3g} 1/(s·MPa), one that passed with {upper:.3g}; no threshold orders "
            "them, another mechanism decides"
        )
    return lower, upper


def _outcome(rate: float, lower: float, upper: float) -> Outcome:
    if lower < rate < upper:
        return "undecided"
    return "passes" if rate >= upper else "blocked"


def _left_out(rate: float, others: Sequence[tuple[float, bool]]) -> Outcome:
    try:
        return _outcome(rate, *_bracket(others))
    except AnalysisError:
        return "undecided"


def _at_one_size(observation: PoreObservation, parameters: CreepParameters) -> float:
    return float(coble_rate(1.0, observation.temperature_k, 1.0, parameters.best())[0])


def _notes(tested: Sequence[Tested], lower: float, upper: float, exponent: float) -> tuple[str, ...]:
    right = {True: "passes", False: "blocked"}
    predicted = [t for t in tested if t.role == "predicted"]
    hits = sum(t.model == right[t.passed] for t in predicted)
    out = [t for t in tested if t.left_out != "undecided"]
    wrong = sum(t.left_out != right[t.passed] for t in out)
    pore = min(t.pore_nm for t in tested)
    need = 1 / float(current_of_strain_rate(1.0, porosity=0.5, deforming_nm=pore))
    return (
        f"1 constant from {len(tested) - len(predicted)} observations, known within a factor {upper / lower:.2f}; "
        f"{hits} of the {len(predicted)} others come out as seen",
        f"leaving one out: {len(out) - wrong} as seen, {wrong} wrong, {len(tested) - len(out)} undecided (those beside "
        "the step, which only they fix)",
        f"any rate that rises with temperature like D_s and falls with size faster than D^-{exponent:.2f} does the "
        "same: the order is supported, Coble's D^-3 is not tested",
        f"the size of the threshold is no support either: to pass 1 mA/cm² a plug in {pore:g} nm pores (porosity 0.5) "
        f"deforms with {need:.2g} 1/s, which it does at {need / math.sqrt(lower * upper):.1g} MPa, far below any "
        "drive in a cell; something other than the creep of the plug sets the need",
        "a torn layer is counted as not passed; the model puts it between the two others and does not tell it apart",
    )
