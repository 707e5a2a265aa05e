"""A file of converged parameters: written by ``liface campaign converge``, included by the campaigns that use it.

Nothing is taken from a database behind a person's back: the file names every value with the record that it came from,
a campaign names the file, and what a case was computed with is stored with the case, as ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from liface.documents import ConvergenceResult
from liface.engines.base import EngineSpec, Scalar
from liface.errors import CampaignError
from liface.workflows.convergence_specs import MODEL, OPTION, PARAMETERS
from liface.workflows.specs import Protocol

INCLUDE = "include"
"""Key of a protocol that names the file it rests on."""


class ConvergedParameter(BaseModel):
    """Where one value of the file comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    field: str
    value: float
    unit: str
    subject: str
    quantity: str
    tolerance: str
    engine: str
    record_id: str


class ProtocolFile(BaseModel):
    """What such a file holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    protocol: dict[str, Any] = Field(default_factory=dict, description="Fields of the protocol.")
    engine_options: dict[str, dict[str, Scalar]] = Field(
        default_factory=dict, description="Options by engine, as 'gpaw:PBE'; those that a campaign gives come first."
    )
    converged: tuple[ConvergedParameter, ...] = Field(default=(), description="The records behind both.")


def protocol_file(results: Sequence[ConvergenceResult]) -> ProtocolFile:
    """Return the file of the series that settle; of several for one field the finest value stands for all."""
    settled = [result for result in results if _is_usable(result)]
    finest: dict[tuple[str, str], ConvergenceResult] = {}
    for result in settled:
        key = (_engine(result) if result.field.startswith(OPTION) else "", result.field)
        if key not in finest or _finer(result, finest[key]):
            finest[key] = result
    protocol: dict[str, Any] = {}
    options: dict[str, dict[str, Scalar]] = {}
    for (engine, field), result in sorted(finest.items()):
        value = _number(result)
        if field.startswith(OPTION):
            options.setdefault(engine, {})[field.removeprefix(OPTION)] = value
        else:
            protocol[field] = value
    return ProtocolFile(
        protocol=protocol, engine_options=options, converged=tuple(_origin(result) for result in settled)
    )


def unsettled(results: Iterable[ConvergenceResult]) -> list[ConvergenceResult]:
    """Return the series that give no value though one was asked of them."""
    return [result for result in results if result.parameter != MODEL and not _is_usable(result)]


def text_of(file: ProtocolFile, left_out: Sequence[ConvergenceResult] = ()) -> str:
    """Return the file as YAML, with what did not settle as comments."""
    import yaml

    lines = ["# Written by liface campaign converge. In a campaign: 'protocol: THIS FILE', or with other values"]
    lines.append("# beside it 'protocol: {include: THIS FILE, max_force_calls: 200}'.")
    for result in left_out:
        reason = next((flag for flag in result.flags if flag.startswith(("not_settled", "unconverged"))), "unconverged")
        lines.append(f"# Left out: {result.field} of {result.subject} [{result.engine.label}], {reason}")
    body = yaml.safe_dump(file.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=120)
    return "\n".join(lines) + f"\n{body}"


def included(data: dict[str, Any], base: Path, source: str) -> dict[str, Any]:
    """Return what a campaign says with the protocol file that it names put in; its own values come first.

    Raises
    ------
    CampaignError
        The file is missing, or is no such file.
    """
    told = data.get("protocol")
    own = {INCLUDE: told} if isinstance(told, str) else told
    if not isinstance(own, dict) or INCLUDE not in own:
        return data
    path = base / str(own[INCLUDE])
    file = _read(path, source)
    protocol = {**file.protocol, **{key: value for key, value in own.items() if key != INCLUDE}}
    changed = {**data, "protocol": protocol}
    if file.engine_options and isinstance(engines := data.get("engines"), list):
        changed["engines"] = [_with_options(str(engine), file.engine_options) for engine in engines]
    return changed


def _read(path: Path, source: str) -> ProtocolFile:
    import yaml

    try:
        return ProtocolFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise CampaignError(
            f"{source}: protocol: {path} cannot be read: {error.strerror}; 'liface campaign converge FILE --write "
            f"{path.name}' makes one"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CampaignError(f"{source}: protocol: {path} is not YAML: {' '.join(str(error).split())[:200]}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise CampaignError(
            f"{source}: protocol: {path}: {where}: {first['msg']}; it holds protocol, engine_options and converged"
        ) from error


def _with_options(engine: str, options: dict[str, dict[str, Scalar]]) -> str:
    spec = EngineSpec.parse(engine)
    found = next((given for name, given in options.items() if _is_of(name, spec)), {})
    merged = {**found, **spec.keywords}
    if "kpts" in spec.keywords:  # a mesh by hand takes the place of a spacing
        merged.pop("kspacing", None)
    return str(spec.model_copy(update={"options": tuple(sorted(merged.items()))}))


def _is_of(name: str, spec: EngineSpec) -> bool:
    """Tell whether options under ``gpaw:PBE`` belong to an engine; without a model both have their default one."""
    from liface.engines.registry import engine_info

    return name == spec.name or name == engine_info(spec).label


def _is_usable(result: ConvergenceResult) -> bool:
    return result.converged and result.converged_value is not None and bool(result.field)


def _engine(result: ConvergenceResult) -> str:
    return result.engine.label


def _finer(result: ConvergenceResult, other: ConvergenceResult) -> bool:
    values = [point.value for point in result.points if point.value is not None]
    rising = PARAMETERS[result.parameter].rising if result.parameter in PARAMETERS else values[-1] > values[0]
    assert result.converged_value is not None and other.converged_value is not None
    return (result.converged_value > other.converged_value) == rising


def _number(result: ConvergenceResult) -> Scalar:
    """Return the value as its field takes it: whole numbers without a point."""
    value = result.converged_value
    assert value is not None
    declared = Protocol.model_fields.get(result.field)
    whole = declared.annotation is int if declared is not None else float(value).is_integer()
    return int(value) if whole else value


def _origin(result: ConvergenceResult) -> ConvergedParameter:
    assert result.converged_value is not None
    return ConvergedParameter(
        field=result.field,
        value=result.converged_value,
        unit=result.parameter_unit,
        subject=result.subject,
        quantity=result.measure,
        tolerance=f"{result.tolerance:g} {result.unit}",
        engine=f"{result.engine.label} {result.engine.fingerprint}",
        record_id=result.record_id,
    )
