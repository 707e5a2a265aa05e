"""What the page says about nouns, columns and fields: read off the documents, in their words."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from liface.database.columns import NOUNS, Noun
from liface.documents import (
    CalculationSettings,
    ConvergedCalculation,
    EngineInfo,
    FailedCase,
    FinishedCase,
    LiteratureValue,
    Provenance,
    RunDocument,
    SubmissionDocument,
)

FACETS = (
    "substrate", "material", "material_a", "material_b", "interlayer", "host", "film_plane", "arrangement", "mode",
    "answer", "mechanism", "task", "engine", "model", "campaign", "kind", "status", "flags",
)  # fmt: skip
"""Columns that are offered for choosing, where a noun has them."""

DERIVED = {
    "campaign": "Campaign that it belongs to.",
    "material": "Name in the materials library, or in the campaign file.",
    "substrate": "Material below: name in the materials library, or in the campaign file.",
    "film": "Material on top, lithium in most.",
    "plane": "Miller indices of the surface.",
    "substrate_plane": "Miller indices of its surface.",
    "film_plane": "Miller indices of the film's surface.",
    "material_a": "The material whose name comes first.",
    "plane_a": "Miller indices of its surface.",
    "material_b": "The other material.",
    "plane_b": "Miller indices of its surface.",
    "arrangement": "Whether the Li atoms lie apart (dispersed) or together (cluster).",
    "electrolyte": "Solid electrolyte of the stack.",
    "interlayer": "Material between electrolyte and collector.",
    "collector": "Current collector.",
    "host": "Porous host.",
    "task": "Single point (static), relaxation (relax) or minimum-energy path (neb).",
    "mode": "Growth mode that follows.",
    "evidence": "What the growth mode rests on.",
    "generator": "Source of the random numbers.",
    "answer": "Where Li goes.",
    "passes": "Whether the host passes the current that was asked for.",
    "verdict": "What the numbers say together.",
    "agrees": "Whether that is what is known of the material.",
    "title": "Title of the campaign.",
    "queue": "Queue that took it.",
    "cancelled": "Whether it was cancelled.",
    "submission_id": "Identity of the submission.",
    "literature_id": "Hash of what is said and by whom; equal for equal statements.",
    "note": "Remark.",
    "entered_by": "Who entered it.",
    "kind": "What was worked on.",
    "house_value": "The value in the unit that liface reports this quantity in.",
    "house_uncertainty": "Its uncertainty in that unit.",
    "house_unit": "That unit.",
    "published": "Qualifier, value, uncertainty and unit as they are shown.",
    "engines": "Engines of the run.",
    "cpu": "Processor that the run used.",
    "a": "Lattice constant of the conventional cell.",
    "b": "Lattice constant of the conventional cell.",
    "c": "Lattice constant of the conventional cell.",
    "alpha_deg": "Angle between b and c.",
    "beta_deg": "Angle between a and c.",
    "gamma_deg": "Angle between a and b.",
    "slope_mev_per_a2_per_li": "Slope of the free fit per Li atom in the cell.",
    "r_squared": "Of the free fit.",
    "n_atoms": "Atoms in the cell.",
    "n_candidates": "Starts that were relaxed.",
    "n_minima": "Distinct minima of the adatom.",
    "n_hops": "Distinct hops.",
    "n_results": "Results that the case gave.",
    "n_calculations": "Calculations that the case needed.",
    "n_failures": "Calculations that failed on the way.",
    "engine": "Engine name in liface, e.g. sevennet.",
    "model": "Model or functional, e.g. 7net-0.",
    "engine_fingerprint": "Hash of engine, model, weights and options: equal ones give equal numbers.",
    "record_id": "Hash of everything in the record but where it comes from.",
    "calc_id": "Hash of structure, engine and settings.",
    "case_id": "Identity of the case.",
    "created_at": "When it was stored.",
    "flags": "What to know before relying on the number.",
    "reason": "Why it failed or did not converge.",
    "status": "What came of it.",
    "label": "Readable name.",
    "formula": "Atoms in the cell.",
    "liface_version": "Version that wrote it.",
}
"""Columns that are no field of their document, or whose field says nothing."""

MEANINGS = {
    "calculations": "What an engine was asked to compute, and what came of it.",
    "cases": "One structure, interface or binding of a campaign, worked on as a whole.",
}
"""Nouns whose documents are told apart by their status."""

_OF_OTHERS: dict[str, tuple[type[BaseModel], ...]] = {
    "calculations": (ConvergedCalculation, CalculationSettings),
    "cases": (FinishedCase, FailedCase),
    "submissions": (SubmissionDocument,),
    "runs": (RunDocument,),
    "literature": (LiteratureValue,),
}


def models_of(noun: Noun) -> tuple[type[BaseModel], ...]:
    """Return the documents behind a noun."""
    if noun.name in _OF_OTHERS:
        return _OF_OTHERS[noun.name]
    models = _members(getattr(noun.adapter, "_type", None))
    return tuple(m for m in models if "kind" in m.model_fields and m.model_fields["kind"].default == noun.kind)


def _members(annotation: Any) -> Iterator[type[BaseModel]]:
    """Every document inside a union, however it is annotated."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in typing.get_args(annotation):
        yield from _members(part)


def about_noun(noun: Noun, shown: Mapping[str, str]) -> dict[str, Any]:
    """Return name, meaning, columns and facets of a noun."""
    models = models_of(noun)
    return {
        "name": noun.name,
        "kind": noun.kind,
        "key": noun.key,
        "is_result": noun.is_result,
        "meaning": MEANINGS.get(noun.name) or (_first_line(models[0]) if models else ""),
        "columns": [
            {
                "name": column.name,
                "type": column.type,
                "unit": "" if column.unit == "1" else column.unit,
                "description": _meaning(column.name, models),
                "choices": list(column.choices),
            }
            for column in noun.columns.values()
        ],
        "shown": shown.get(noun.name, "").split() or list(noun.columns)[:12],
        "facets": [name for name in FACETS if name in noun.columns],
        "identified_by": [name for name in noun.slot if name in noun.columns],
    }


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().splitlines()[0]


def _meaning(name: str, models: tuple[type[BaseModel], ...]) -> str:
    known: tuple[type[BaseModel], ...] = (*models, Provenance)
    for model in known:
        field = model.model_fields.get(name)
        if field is not None and field.description:
            return field.description
    if name == "fmax_limit_ev_per_a":
        return CalculationSettings.model_fields["fmax_ev_per_a"].description or ""
    return DERIVED.get(name, "")


def all_nouns(shown: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return every noun, in the order in which they are listed everywhere."""
    return [about_noun(noun, shown) for noun in NOUNS.values()]


def fields_of(document: BaseModel) -> dict[str, dict[str, str]]:
    """Return unit and meaning of every field in a document, by its path; ``[]`` stands for any index."""
    found: dict[str, dict[str, str]] = {}
    _describe(document, "", found)
    return found


def _describe(value: Any, path: str, found: dict[str, dict[str, str]]) -> None:
    if isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            inner = f"{path}.{name}" if path else name
            extra = field.json_schema_extra
            unit = str(extra.get("unit", "")) if isinstance(extra, dict) else ""
            if inner not in found:
                found[inner] = {"unit": "" if unit == "1" else unit, "description": field.description or ""}
            _describe(getattr(value, name), inner, found)
    elif isinstance(value, list | tuple) and value and isinstance(value[0], BaseModel):
        _describe(value[0], f"{path}[]", found)


def flags_explained(flags: tuple[str, ...]) -> list[dict[str, str]]:
    """Split flags into slug and detail and add what they mean."""
    from liface.documents import FLAGS

    rows = []
    for flag in flags:
        slug, _, detail = flag.partition(":")
        rows.append({"slug": slug.strip(), "detail": detail.strip(), "meaning": FLAGS.get(slug.strip(), "")})
    return rows


def engine_fields() -> dict[str, str]:
    """Return what the parts of an engine mean."""
    return {name: field.description or "" for name, field in EngineInfo.model_fields.items()}
