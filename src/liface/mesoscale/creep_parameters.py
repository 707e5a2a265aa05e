"""What the creep of Li rests on: each parameter with its unit, its uncertainty and where it is from.

Nothing here is known to better than a few ten per cent, and most of it to a factor. A parameter says so, and every rate
is given as a band. ``basis`` tells numbers apart that a paper states in what we follow (``published``), that
are quoted from memory of a paper and were not held against it (``memory``), and that are our own estimate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from liface.documents import Document, quantity
from liface.errors import InputError
from liface.mesoscale.lithium import require_positive

PARK2022 = "10.1039/d2ta06466a"
WANG2020 = "10.1016/j.chempr.2020.09.005"
COBLE1963 = "10.1063/1.1702656"
MASIAS2019 = "10.1007/s10853-018-2971-3"
LEPAGE2019 = "10.1149/2.0221902jes"
FINCHER2020 = "10.1016/j.actamat.2019.12.036"

WALL_SPREAD = 3.0
"""Factor to which a diffusivity from one barrier and one binding energy is known, as a standard deviation."""

REFERENCE_K = 298.15
"""Temperature at which prefactors are stated, so that they do not carry the error of an activation energy."""


class Parameter(Document):
    """One number with its spread and its source."""

    value: float = quantity("field: unit", "Best value, in the unit of the field beside it.", gt=0)
    unit: str
    spread_kind: Literal["factor", "sigma"] = Field(
        description="factor: log-normal, one standard deviation is value times or divided by the spread; "
        "sigma: normal, value plus or minus the spread."
    )
    spread: float = quantity(
        "field: spread_kind", "One standard deviation; a pure factor, or in the unit of the value."
    )
    basis: Literal["published", "memory", "estimate", "computed"]
    doi: str = Field(default="", description="Empty for an estimate of our own.")
    note: str = ""

    @model_validator(mode="after")
    def _spread_is_one(self) -> Self:
        if self.spread < (1 if self.spread_kind == "factor" else 0):
            raise ValueError(
                f"spread {self.spread} of kind {self.spread_kind}; a factor is 1 or more, a sigma 0 or more"
            )
        return self

    def draw(self, normal: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values for standard normal deviates."""
        if self.spread_kind == "factor":
            return self.value * self.spread**normal
        return self.value + self.spread * normal


def _factor(value: float, unit: str, spread: float, basis: str, doi: str, note: str) -> Parameter:
    return Parameter.model_validate(
        {"value": value, "unit": unit, "spread_kind": "factor", "spread": spread, "basis": basis, "doi": doi}
        | {"note": note}
    )


def _sigma(value: float, unit: str, spread: float, basis: str, doi: str, note: str) -> Parameter:
    return Parameter.model_validate(
        {"value": value, "unit": unit, "spread_kind": "sigma", "spread": spread, "basis": basis, "doi": doi}
        | {"note": note}
    )


class CreepParameters(Document):
    """The eleven numbers behind the three mechanisms."""

    coble_k: Parameter = _factor(
        47.0, "1", 3.0, "memory", COBLE1963,
        "148/π of a polycrystal; the pore of park2022 has a K of its own that we do not know",
    )  # fmt: skip
    path_width: Parameter = _factor(
        2.0, "Å", 1.5, "published", WANG2020, "width of the incoherent interface along which Li diffuses"
    )
    surface_d0: Parameter = _factor(
        0.014, "cm²/s", 3.0, "published", PARK2022, "prefactor of D_s; the spread is our estimate, none is stated"
    )
    surface_slope: Parameter = _sigma(
        6.54, "T_m", 0.0, "published", PARK2022, "D_s = D0 exp(-6.54 T_m/T); its error is inside that of the prefactor"
    )
    path_ratio: Parameter = _factor(
        1.0, "1", 1.0, "published", PARK2022,
        "diffusivity along the Li/host interface over D_s; 1 as the formula is printed, below 1 for an interface "
        "slower than the free surface",
    )  # fmt: skip
    nabarro_herring_k: Parameter = _factor(
        40 / 3, "1", 2.0, "memory", COBLE1963, "textbook value for grains; 10 to 28 by shape and boundary condition"
    )
    volume_d: Parameter = _factor(
        5.7e-11, "cm²/s", 2.0, "memory", "", "self-diffusion in bulk Li at 298.15 K; tracer and NMR work of the 1970s"
    )
    volume_ev: Parameter = _sigma(0.55, "eV", 0.03, "memory", "", "activation energy of the same")
    dislocation_rate: Parameter = _factor(
        0.03, "1/s", 10.0, "memory", FINCHER2020,
        "rate of bulk Li at 1 MPa and 298.15 K. Yield of 0.57 to 1.26 MPa at 5e-4 to 5e-1 1/s brackets it by 0.02 and "
        "0.11; creep laws in use for bulk Li scatter from 1e-4 to 1, hence the factor",
    )  # fmt: skip
    dislocation_n: Parameter = _sigma(6.6, "1", 0.5, "memory", MASIAS2019, "stress exponent; also 10.1149/2.0221902jes")
    dislocation_kj: Parameter = _sigma(37.0, "kJ/mol", 6.0, "memory", LEPAGE2019, "activation energy of the same creep")

    def replaced(self, values: Mapping[str, float]) -> CreepParameters:
        """Return these parameters with other values, taken as exact: a what-if has no error of its own.

        Raises
        ------
        InputError
            For an unknown name or a value that is not positive.
        """
        known = type(self).model_fields
        changes: dict[str, Parameter] = {}
        for name, value in values.items():
            if name not in known:
                raise InputError(f"no creep parameter {name!r}; there are {', '.join(known)}")
            require_positive(**{name: value})
            parameter: Parameter = getattr(self, name)
            exact = 1.0 if parameter.spread_kind == "factor" else 0.0
            changes[name] = parameter.model_copy(
                update={"value": value, "spread": exact, "basis": "estimate", "doi": "", "note": "given by hand"}
            )
        return self.model_copy(update=changes)

    def with_wall(self, path_ratio: float, note: str) -> CreepParameters:
        """Return these parameters with a computed diffusivity along the interface, good to a factor of three."""
        require_positive(path_ratio=path_ratio)
        computed = self.path_ratio.model_copy(
            update={"value": path_ratio, "spread": WALL_SPREAD, "basis": "computed", "doi": "", "note": note}
        )
        return self.model_copy(update={"path_ratio": computed})

    def best(self) -> Sample:
        """Return the best values as one draw."""
        return self._sample(dict.fromkeys(type(self).model_fields, np.zeros(1)))

    def draw(self, n: int, seed: int = 0) -> Sample:
        """Return ``n`` independent draws of all parameters; the same seed gives the same draws."""
        require_positive(n=n)
        names = list(type(self).model_fields)
        normal = np.random.default_rng(seed).standard_normal((len(names), n))
        return self._sample(dict(zip(names, normal, strict=True)))

    def _sample(self, normal: Mapping[str, NDArray[np.float64]]) -> Sample:
        return Sample(**{name: getattr(self, name).draw(z) for name, z in normal.items()})


@dataclass(frozen=True)
class Sample:
    """Draws of every parameter, arrays of shape (n,) in the units of :class:`CreepParameters`."""

    coble_k: NDArray[np.float64]
    path_width: NDArray[np.float64]
    surface_d0: NDArray[np.float64]
    surface_slope: NDArray[np.float64]
    path_ratio: NDArray[np.float64]
    nabarro_herring_k: NDArray[np.float64]
    volume_d: NDArray[np.float64]
    volume_ev: NDArray[np.float64]
    dislocation_rate: NDArray[np.float64]
    dislocation_n: NDArray[np.float64]
    dislocation_kj: NDArray[np.float64]

    @property
    def n(self) -> int:
        """Number of draws."""
        return len(self.coble_k)


DEFAULT = CreepParameters()
