"""What a convergence series asks for: one spec at several values of a parameter, coarse to fine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from liface.documents import Document, content_hash, quantity
from liface.engines.base import EngineSpec, Scalar
from liface.errors import InputError
from liface.workflows.specs import BindingSpec, BulkSpec, CaseSpec, InterfaceSpec, Protocol, SurfaceSpec

Subject = BulkSpec | SurfaceSpec | InterfaceSpec | BindingSpec
Kind = Literal["bulk", "surface", "interface", "binding"]

MODEL = "model"
OPTION = "engine."
"""A parameter of this beginning is an option of the engine."""


@dataclass(frozen=True)
class Measure:
    """Which number of a result is followed, and how far it may move."""

    column: str
    unit: str
    tolerance: float


MEASURES: dict[Kind, Measure] = {
    "bulk": Measure("energy_ev_per_atom", "eV", 1e-3),
    "surface": Measure("gamma_mev_per_a2", "meV/Å²", 1.0),
    "interface": Measure("gamma_mev_per_a2", "meV/Å²", 1.0),
    "binding": Measure("e_bind_ev_per_li", "eV", 0.01),
}
FACTORS: dict[str, dict[str, float]] = {
    "eV": {"eV": 1.0, "meV": 1e-3, "eV/atom": 1.0, "meV/atom": 1e-3, "eV/Li": 1.0, "meV/Li": 1e-3}
    | {"eV per Li": 1.0, "meV per Li": 1e-3, "eV per atom": 1.0, "meV per atom": 1e-3},
    "meV/Å²": {"meV/Å²": 1.0, "meV/A2": 1.0, "meV/A^2": 1.0},
}
"""Units that a tolerance may be given in, by that of the quantity."""


@dataclass(frozen=True)
class Parameter:
    """One thing that can be varied: the field that holds it, its unit, which way is finer, and the usual series."""

    fields: dict[str, str]
    """Field of the protocol by kind of the quantity; of the engine where there is one key, ``engine``."""
    unit: str
    rising: bool
    series: tuple[float, ...]


PARAMETERS: dict[str, Parameter] = {
    "slab_thickness": Parameter(
        {"surface": "surface_thickness_a", "interface": "substrate_thickness_a", "binding": "binding_thickness_a"},
        "Å", True, (6.0, 9.0, 12.0, 16.0, 20.0, 24.0),
    ),
    "vacuum": Parameter(
        dict.fromkeys(("surface", "interface", "binding"), "vacuum_a"), "Å", True, (8.0, 10.0, 12.0, 15.0, 20.0)
    ),
    "area": Parameter({"binding": "binding_edge_a"}, "Å", True, (6.0, 8.0, 10.0, 12.0, 14.0)),
    "force_limit": Parameter(
        {"bulk": "bulk_fmax_ev_per_a", **dict.fromkeys(("surface", "interface", "binding"), "fmax_ev_per_a")},
        "eV/Å", False, (0.1, 0.05, 0.03, 0.02, 0.01),
    ),
    "kspacing": Parameter({"engine": "kspacing"}, "1/Å", False, (0.4, 0.3, 0.25, 0.2, 0.15)),
    "ecut": Parameter({"engine": "ecut"}, "eV", True, (300.0, 400.0, 500.0, 600.0, 700.0)),
}  # fmt: skip
"""Parameters by the name that a person writes; fields of the protocol can be named as they are, too."""


class SeriesPoint(Document):
    """One value: the spec, and what of the protocol or the engine is changed for it."""

    label: str
    value: float | None = quantity("unit of the parameter", "None where models are compared.")
    of: Subject = Field(discriminator="kind")
    protocol: dict[str, Any] = Field(default_factory=dict, description="Fields of the protocol that are changed.")
    options: dict[str, Scalar] = Field(default_factory=dict, description="Options of the engine that are changed.")
    engine: str | None = Field(default=None, description="Instead of the engine of the campaign.")

    def protocol_on(self, protocol: Protocol) -> Protocol:
        """Return a protocol with the changes of this point."""
        return Protocol.model_validate(protocol.model_dump() | self.protocol)

    def engine_on(self, engine: EngineSpec) -> EngineSpec:
        """Return an engine with the changes of this point."""
        chosen = EngineSpec.parse(self.engine) if self.engine else engine
        options = {**chosen.keywords, **self.options}
        return chosen.model_copy(update={"options": tuple(sorted(options.items()))})


class ConvergenceSpec(Document):
    """A quantity at several values of one parameter, coarse to fine; the last is what all are held against."""

    kind: Literal["convergence"] = "convergence"
    of: Kind
    parameter: str
    field: str = ""
    parameter_unit: str
    tolerance: float = quantity("unit of the quantity", "Largest difference that counts as none.", gt=0)
    points: tuple[SeriesPoint, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _different(self) -> Self:
        labels = [point.label for point in self.points]
        if len(set(labels)) < len(labels):
            raise ValueError(f"a series needs different values, got {', '.join(labels)}")
        return self

    @property
    def spec_id(self) -> str:
        """Content hash of what is asked."""
        return content_hash(self.model_dump(mode="json"))

    @property
    def subject(self) -> str:
        """What is computed."""
        return self.points[-1].of.name

    @property
    def name(self) -> str:
        """Readable name."""
        return f"convergence/{self.subject.replace('/', '-')}/{self.parameter.removeprefix(OPTION)}"

    @property
    def measure(self) -> Measure:
        """The number that is followed."""
        return MEASURES[self.of]


AnySpec = CaseSpec | ConvergenceSpec
"""What a case can ask for."""


def tolerance_of(text: float | str | None, kind: Kind) -> float:
    """Read a tolerance, with or without its unit, in the unit of the quantity.

    Raises
    ------
    InputError
        It is no positive number, or in the unit of something else.
    """
    measure = MEASURES[kind]
    if text is None:
        return measure.tolerance
    number, _, unit = str(text).strip().partition(" ")
    factors = FACTORS[measure.unit]
    unit = unit.strip() or measure.unit
    if unit not in factors:
        raise InputError(
            f"tolerance {text!r}: {kind} is followed in {measure.unit}; write a number with one of {', '.join(factors)}"
        )
    try:
        value = float(number) * factors[unit]
    except ValueError as error:
        raise InputError(f"tolerance {text!r} is no number with a unit, such as '1 {measure.unit}'") from error
    if not value > 0:
        raise InputError(f"tolerance {text!r} must be positive")
    return value


def convergence_spec(
    kind: Kind,
    parameter: str,
    values: Sequence[float | str] | None,
    tolerance: float,
    build: Callable[[Protocol], Subject],
    protocol: Protocol,
) -> ConvergenceSpec:
    """Return the spec of a series.

    Parameters
    ----------
    values
        Coarse to fine; None for the usual ones of the parameter. Engines where models are compared.
    build
        Makes the spec of the quantity for a protocol, which may decide about its cell.

    Raises
    ------
    InputError
        The parameter does not belong to the quantity, or its values are none, too few or not in order.
    """
    if parameter == MODEL:
        return _of_models(kind, values, tolerance, build(protocol))
    field, unit, is_option = _place(kind, parameter)
    chosen = _checked(parameter, field, values, PARAMETERS.get(parameter))
    points = []
    for value in chosen:
        whole = _whole(field, value) if not is_option else value
        changes = {} if is_option else {field: whole}
        own = _changed(protocol, changes)
        points.append(
            SeriesPoint(
                label=f"{value:g}",
                value=value,
                of=build(own),
                protocol=changes,
                options={field: _plain(value)} if is_option else {},
            )
        )
    return ConvergenceSpec(
        of=kind,
        parameter=parameter,
        field=f"{OPTION}{field}" if is_option else field,
        parameter_unit=unit,
        tolerance=tolerance,
        points=tuple(points),
    )


def _changed(protocol: Protocol, changes: dict[str, Any]) -> Protocol:
    try:
        return Protocol.model_validate(protocol.model_dump() | changes)
    except ValidationError as error:
        (name, value), *_ = changes.items()
        raise InputError(f"{name} of {value:g}: {error.errors()[0]['msg']}; leave this value out") from error


def _of_models(kind: Kind, values: Sequence[float | str] | None, tolerance: float, of: Subject) -> ConvergenceSpec:
    if kind == "bulk":
        raise InputError(
            "energies per atom of different models have different zeros; compare models by a surface, an interface or "
            "a binding"
        )
    engines = [str(EngineSpec.parse(str(value))) for value in values or ()]
    if len(engines) < 2:
        raise InputError("of: model needs values: engines from cheap to dear, the last is what all are held against")
    points = tuple(SeriesPoint(label=engine, value=None, of=of, engine=engine) for engine in engines)
    return ConvergenceSpec(of=kind, parameter=MODEL, parameter_unit="1", tolerance=tolerance, points=points)


def _place(kind: Kind, parameter: str) -> tuple[str, str, bool]:
    """Return the field that a parameter is kept in, its unit, and whether it is an option of the engine."""
    if parameter.startswith(OPTION):
        name = parameter.removeprefix(OPTION)
        return name, PARAMETERS[name].unit if name in PARAMETERS else "1", True
    known = PARAMETERS.get(parameter)
    if known is not None:
        if "engine" in known.fields:
            return known.fields["engine"], known.unit, True
        if kind not in known.fields:
            raise InputError(f"of: {parameter} says nothing of a {kind}; it belongs to {', '.join(known.fields)}")
        return known.fields[kind], known.unit, False
    declared = Protocol.model_fields.get(parameter)
    if declared is None or declared.annotation not in (int, float):
        numbers = [name for name, field in Protocol.model_fields.items() if field.annotation in (int, float)]
        raise InputError(
            f"of: {parameter!r} can not be varied; known: {', '.join(PARAMETERS)}, {MODEL}, {OPTION}OPTION, and the "
            f"numbers of the protocol: {', '.join(numbers)}"
        )
    return parameter, Protocol.units()[parameter], False


def _checked(
    parameter: str, field: str, values: Sequence[float | str] | None, known: Parameter | None
) -> tuple[float, ...]:
    if values is None:
        if known is None:
            raise InputError(f"of: {parameter} has no usual series; give values, coarse to fine")
        return known.series
    try:
        numbers = tuple(float(value) for value in values)
    except ValueError as error:
        raise InputError(f"values of {parameter} must be numbers, got {list(values)}") from error
    if len(numbers) < 3 or len(set(numbers)) < len(numbers):
        raise InputError(f"values of {parameter} are {list(values)}; give three different ones or more, coarse to fine")
    if known is not None and list(numbers) != sorted(numbers, reverse=not known.rising):
        way = "rising" if known.rising else "falling"
        raise InputError(f"values of {parameter} go from coarse to fine, which is {way}; got {list(values)}")
    return numbers


def _whole(field: str, value: float) -> float | int:
    if Protocol.model_fields[field].annotation is not int:
        return value
    if not value.is_integer():
        raise InputError(f"{field} counts something; {value:g} is no whole number")
    return int(value)


def _plain(value: float) -> Scalar:
    return int(value) if float(value).is_integer() else value
