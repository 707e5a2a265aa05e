"""What a correlation says, and what it cannot say."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from liface.analysis.responses import Qualifier
from liface.documents import Document, quantity

ModelName = Literal["constant", "linear", "threshold"]


class CorrelatedPoint(Document):
    """A measured value beside the descriptor of its material."""

    material: str
    label: str
    descriptor: float = quantity("descriptor unit", "Computed value.")
    descriptor_stderr: float | None = quantity("descriptor unit", "None where no error is known.", default=None)
    value: float = quantity("response unit", "Measured, or expected, response.")
    qualifier: Qualifier
    doi: str


class RankCorrelation(Document):
    """A rank correlation of n points, censored ones compared only where the order is certain."""

    value: float = quantity("1", "-1 to 1.")
    lower: float | None = quantity("1", "Lower end of the bootstrap interval; None if too many resamples are flat.")
    upper: float | None = quantity("1", "Upper end of the bootstrap interval.")
    level: float = quantity("1", "Coverage of the percentile interval.")
    p_value: float = quantity("1", "Two-sided permutation p.")
    p_exact: bool = Field(description="All permutations were counted; otherwise a random sample of them.")
    n: int = quantity("1", "Points, censored ones included.")
    n_resamples: int = quantity("1", "Bootstrap resamples in which the correlation is defined.")


class ModelFit(Document):
    """A censored regression of the response on the descriptor by maximum likelihood.

    Constant: y = intercept; linear: y = intercept + slope x;
    threshold: y = intercept + slope max(0, x - threshold).
    """

    model: ModelName
    intercept: float = quantity("response unit", "At descriptor zero; for the threshold model the flat level.")
    slope: float = quantity("response unit / descriptor unit", "Per unit of the descriptor.", default=0.0)
    threshold: float | None = quantity(
        "descriptor unit", "Descriptor at the hinge; threshold model only.", default=None
    )
    sigma: float = quantity("response unit", "Scatter about the line, maximum likelihood.")
    sigma_at_floor: bool = Field(
        description="The line meets every point: the scatter is not determined and was set to its floor."
    )
    identified: bool = Field(description="Enough uncensored points to fix every parameter; otherwise bounds do it.")
    log_likelihood: float = quantity("1", "Of the censored normal model.")
    n_parameters: int = quantity("1", "Scatter included.")
    aic: float = quantity("1", "2k - 2 ln L.")
    aicc: float | None = quantity("1", "AIC corrected for small n; None for n <= k + 1, where it is undefined.")

    def mean(self, x: float) -> float:
        """Return the expected response at descriptor ``x``."""
        if self.threshold is None:
            return self.intercept + self.slope * x
        return self.intercept + self.slope * max(0.0, x - self.threshold)


class LeaveOneOut(Document):
    """How far the result rests on single points; None where it is undefined without one of them."""

    spearman_min: float | None = quantity("1", "Smallest Spearman without one point.")
    spearman_max: float | None = quantity("1", "Largest Spearman without one point.")
    slope_min: float | None = quantity(
        "response unit / descriptor unit", "Smallest slope of the linear model without one point."
    )
    slope_max: float | None = quantity(
        "response unit / descriptor unit", "Largest slope of the linear model without one point."
    )
    most_influential: str = Field(description="Material whose removal moves Spearman most.")


class Prediction(Document):
    """Response expected for a material that has only a descriptor."""

    material: str
    descriptor: float = quantity("descriptor unit", "Computed value.")
    descriptor_stderr: float | None = quantity("descriptor unit", "None where no error is known.", default=None)
    model: ModelName
    value: float = quantity("response unit", "Measured, or expected, response.")
    lower: float = quantity("response unit", "Lower end of the interval for one new measurement.")
    upper: float = quantity("response unit", "Upper end of the interval for one new measurement.")
    level: float = quantity("1", "Coverage the interval aims at.")
    n: int = quantity("1", "Points behind the prediction.")
    calibrated: bool = Field(
        description="Three uncensored points or more, with which simulated intervals cover about what they aim at."
    )
    extrapolated: bool = Field(description="The descriptor lies outside those of the measured materials.")


class CorrelationReport(Document):
    """A descriptor held against a measured response of one protocol."""

    response: str
    unit: str = Field(description="Unit of the response.")
    descriptor_name: str
    descriptor_unit: str
    protocol: str
    protocol_text: str
    doi: tuple[str, ...]
    n: int = quantity("1", "Points, censored ones included.")
    n_censored: int = quantity("1", "Points that are bounds.")
    n_pairs: int = quantity("1", "Pairs of points.")
    n_comparable_pairs: int = quantity("1", "Pairs whose order in the response is certain.")
    materials: tuple[str, ...]
    points: tuple[CorrelatedPoint, ...]
    spearman: RankCorrelation | None = Field(description="None where the response or the descriptor does not vary.")
    kendall: RankCorrelation | None = Field(description="None where no pair differs in both.")
    pearson: float | None = quantity("1", "Only where nothing is censored; read it beside n.")
    models: tuple[ModelFit, ...] = Field(description="Empty where every point is a bound.")
    preferred_model: ModelName | None = Field(description="Lowest AICc by at least 2; None where n cannot tell.")
    delta_aicc: dict[str, float] = quantity("1", "AICc above the lowest, of the models for which it is defined.")
    leave_one_out: LeaveOneOut
    predictions: tuple[Prediction, ...]
    left_out: tuple[str, ...] = Field(description="Points not used, with the reason.")
    claims: tuple[str, ...] = Field(description="What these numbers support, in plain words.")
    cannot_conclude: tuple[str, ...] = Field(description="What they do not support, and why.")
    notes: tuple[str, ...]
    seed: int = quantity("1", "Seed of every resampling.")

    def model(self, name: ModelName) -> ModelFit | None:
        """Return the fit of one model, if it was possible."""
        return next((fit for fit in self.models if fit.model == name), None)
