"""What can be asked of the database: one table per noun, its columns read off the documents.

A column is declared once, by the field of its document; type, unit, description and the closed choices of a
``Literal`` follow from it. Tables, filters, exports and verification all use this declaration.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from operator import attrgetter
from typing import Any, Literal

from pydantic import TypeAdapter
from pydantic.fields import FieldInfo

from liface.database.names import ENTRY, no_noun
from liface.documents import (
    CALCULATION_ADAPTER,
    CASE_ADAPTER,
    RESULT_ADAPTER,
    AdhesionResult,
    BarrierResult,
    BindingResult,
    BulkResult,
    CalculationSettings,
    ConvergedCalculation,
    ConvergenceResult,
    CreepResult,
    DepositionResult,
    Document,
    FailedCalculation,
    FailedCase,
    FinishedCase,
    GrowthResult,
    InterfaceResult,
    LiteratureValue,
    MorphologyResult,
    PhononResult,
    RunDocument,
    StabilityResult,
    SubmissionDocument,
    SurfaceResult,
    UnconvergedCalculation,
    VerdictResult,
    VibrationResult,
    WettingResult,
)
from liface.errors import FilterError

Type = Literal["string", "integer", "float", "boolean", "timestamp", "list", "dictionary", "unknown"]
"""``unknown`` is what another database has and this one does not; no column of a noun is of that type."""

_TYPES: dict[Any, Type] = {str: "string", int: "integer", float: "float", bool: "boolean"}


@dataclass(frozen=True)
class Column:
    """One column of a noun, and how it is read from a document."""

    name: str
    type: Type
    unit: str
    read: Callable[[Any], Any]
    choices: tuple[str, ...] = ()
    indexed: bool = False
    description: str = ""
    required: bool = False
    """Whether every row has a value, so that an order by it needs no place for unknown ones."""

    @property
    def stored(self) -> bool:
        """Whether the column is part of the table itself; lists live in a side table."""
        return self.type != "list"


@dataclass(frozen=True, eq=False)
class Noun:
    """A table: what one row stands for.

    Parameters
    ----------
    name
        Plural, as in ``liface query interfaces``.
    kind
        Singular, as in the documents.
    key
        Column with the content identity of the document.
    slot
        Columns that name the same quantity; of several documents in a slot only the newest is shown.
    natural_order
        Columns to sort by where no order is asked; those of the slot if empty.
    indices
        Columns that are asked for together: fixed ones first, then the one in whose order rows are read, then ties.
        Each becomes one index over the rows that queries show.
    headline
        The number people compare; empty where there is none.
    """

    name: str
    kind: str
    key: str
    slot: tuple[str, ...]
    columns: dict[str, Column]
    adapter: Any
    natural_order: tuple[str, ...] = ()
    model: type[Document] | None = None
    """Class of the documents, where they are all of one."""
    indices: tuple[tuple[str, ...], ...] = ()
    headline: str = ""

    @property
    def is_result(self) -> bool:
        """Whether rows are derived quantities, which newer ones may supersede."""
        return self.key == "record_id"

    @cached_property
    def stored_columns(self) -> tuple[Column, ...]:
        """Columns of the table itself."""
        return tuple(column for column in self.columns.values() if column.stored)

    def values(self, document: Any) -> dict[str, Any]:
        """Read the stored columns off a document."""
        return {column.name: column.read(document) for column in self.stored_columns}


def _scalar(annotation: Any) -> tuple[Type, tuple[str, ...]] | None:
    """Type and choices of a field that fits in one cell; None for anything composed."""
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        inner = [a for a in typing.get_args(annotation) if a is not type(None)]
        return _scalar(inner[0]) if len(inner) == 1 else None
    if typing.get_origin(annotation) is Literal:
        return "string", tuple(str(a) for a in typing.get_args(annotation))
    return (_TYPES[annotation], ()) if annotation in _TYPES else None


def _fields(
    model: type[Document],
    skip: Iterable[str] = (),
    source: str = "",
    rename: dict[str, str] | None = None,
    siblings: Iterable[type[Document]] = (),
) -> list[Column]:
    """One column per scalar field; a field missing in a sibling document reads as unknown."""
    units, columns = model.units(), []
    always = set.intersection(*({n for n, f in m.model_fields.items() if _always(f)} for m in (model, *siblings)))
    for name, field in model.model_fields.items():
        scalar = _scalar(field.annotation)
        if scalar is None or name in skip:
            continue
        read = _optional(name) if not source else attrgetter(f"{source}.{name}")
        counted = "1" if scalar[0] == "integer" else ""
        unit = units.get(name, counted)
        described = field.description or ""
        shown = (rename or {}).get(name, name)
        columns.append(Column(shown, scalar[0], unit, read, scalar[1], description=described, required=name in always))
    return columns


def _always(field: FieldInfo) -> bool:
    """Tell whether every document has a value; a step that adds such a column to stored rows also fills it."""
    return type(None) not in typing.get_args(field.annotation)


def _optional(name: str) -> Callable[[Any], Any]:
    return lambda document: getattr(document, name, None)


def _ordered(columns: list[Column], first: tuple[str, ...], indexed: Iterable[str]) -> dict[str, Column]:
    table = {column.name: column for column in columns}
    names = [*first, *(name for name in table if name not in first)]
    marked = set(indexed)
    return {name: replace(table[name], indexed=name in marked) for name in names}


def _of_engine(name: str) -> Callable[[Any], Any]:
    """Read from the engine of a document; nothing where every number was given by hand."""
    return lambda document: getattr(document.engine, name, None)


_ENGINE = [
    Column("engine", "string", "", _of_engine("name")),
    Column("model", "string", "", _of_engine("model")),
]
_FINGERPRINT = Column("engine_fingerprint", "string", "", _of_engine("fingerprint"))
_OWN_ENGINE = [replace(column, required=True) for column in (*_ENGINE, _FINGERPRINT)]
"""The same of documents that always have an engine."""
_RESULT_TAIL = [
    Column("converged", "boolean", "", attrgetter("converged"), required=True),
    Column("flags", "list", "", lambda result: list(result.flags)),
    Column("campaign", "string", "", attrgetter("provenance.campaign"), required=True),
    Column("case", "string", "", attrgetter("provenance.case"), required=True),
    Column("record_id", "string", "", attrgetter("record_id"), required=True),
    Column("created_at", "timestamp", "UTC", attrgetter("provenance.created_at"), required=True),
    _FINGERPRINT,
    Column("liface_version", "string", "", attrgetter("provenance.liface_version")),
    Column("screened_by", "string", "", attrgetter("provenance.screened_by")),
]


def _result(
    name: str, model: type[Document], keys: tuple[str, ...], headline: tuple[str, ...], *derived: Column
) -> Noun:
    kind = model.model_fields["kind"].default
    columns = _fields(model, skip=("kind", "definition", "converged"))
    table = _ordered([*columns, *_ENGINE, *derived, *_RESULT_TAIL], (*keys, "engine", "model"), ("record_id",))
    if _always(model.model_fields["engine"]):
        table |= {n: replace(table[n], required=True) for n in ("engine", "model", "engine_fingerprint")}
    return Noun(
        name=name,
        kind=kind,
        key="record_id",
        slot=(*keys, "engine_fingerprint", "campaign", "case"),
        columns=table,
        adapter=RESULT_ADAPTER,
        model=model,
        indices=_asked_of_results(keys, headline),
        headline=next((each for each in headline if table[each].type in ("float", "integer")), ""),
    )


def _asked_of_results(keys: tuple[str, ...], headline: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Return what results are asked by: the natural order and the headline, of all or of one system, model, campaign.

    The indices of the natural order hold all of it, so that nothing is left to sort, and what most filters ask, so
    that rows that do not match are never read.
    """
    first, natural = headline[0], (*keys, "engine_fingerprint")
    return (
        (*natural, "campaign", "case", ENTRY, "engine", "model", "converged"),
        ("model", *natural, "campaign", "case", ENTRY, "converged"),
        ("campaign", *natural, "case", ENTRY),
        *((name, ENTRY) for name in headline),
        *((name, first, ENTRY) for name in dict.fromkeys((keys[0], "model", "campaign"))),
        ("created_at", ENTRY),
    )


def _lattice(index: int) -> Callable[[BulkResult], float]:
    return lambda bulk: bulk.lattice[index]


_CALCULATION_COLUMNS = [
    *_fields(ConvergedCalculation, skip=("status",), siblings=(UnconvergedCalculation, FailedCalculation)),
    Column("status", "string", "", attrgetter("status"), ("converged", "unconverged", "failed"), required=True),
    Column("reason", "string", "", _optional("reason")),
    *_OWN_ENGINE,
    *_fields(CalculationSettings, source="settings", rename={"fmax_ev_per_a": "fmax_limit_ev_per_a"}),
    Column("n_atoms", "integer", "1", attrgetter("initial.n_atoms"), required=True),
    Column("formula", "string", "", attrgetter("initial.formula"), required=True),
    Column("created_at", "timestamp", "UTC", attrgetter("created_at"), required=True),
]
_CASE_COLUMNS = [
    *_fields(FinishedCase, skip=("status",), siblings=(FailedCase,)),
    Column("status", "string", "", attrgetter("status"), ("finished", "failed"), required=True),
    Column("reason", "string", "", _optional("reason")),
    *_OWN_ENGINE,
    Column("n_results", "integer", "1", lambda case: len(getattr(case, "record_ids", ()))),
    Column("n_calculations", "integer", "1", lambda case: len(case.calc_ids)),
    Column("n_failures", "integer", "1", lambda case: len(getattr(case, "failures", ()))),
    Column("created_at", "timestamp", "UTC", attrgetter("created_at"), required=True),
]

_LITERATURE_COLUMNS = [
    *_fields(LiteratureValue),
    Column("house_value", "float", "field: house_unit", attrgetter("house_value")),
    Column("house_unit", "string", "", attrgetter("house_unit")),
    Column("house_uncertainty", "float", "field: house_unit", attrgetter("house_uncertainty")),
    Column("published", "string", "", attrgetter("text")),
    Column("literature_id", "string", "", attrgetter("literature_id")),
    Column("created_at", "timestamp", "UTC", attrgetter("created_at")),
]

_SUBSTRATE = ("substrate", "substrate_plane")

NOUNS: dict[str, Noun] = {
    noun.name: noun
    for noun in (
        _result("bulks", BulkResult, ("material",), ("energy_ev_per_atom",),
                *(Column(name, "float", "Å", _lattice(i)) for i, name in enumerate("abc")),
                *(Column(f"{name}_deg", "float", "deg", _lattice(i))
                  for i, name in enumerate(("alpha", "beta", "gamma"), start=3))),
        _result("surfaces", SurfaceResult, ("material", "plane", "termination"),
                ("gamma_mev_per_a2", "gamma_j_per_m2")),
        _result("interfaces", InterfaceResult,
                (*_SUBSTRATE, "substrate_termination", "film", "film_plane", "method"),
                ("gamma_mev_per_a2", "gamma_free_mev_per_a2", "strain_percent"),
                Column("slope_mev_per_a2_per_li", "float", "meV/Å²", attrgetter("free_fit.slope_mev_per_a2_per_li")),
                Column("r_squared", "float", "1", attrgetter("free_fit.r_squared")),
                Column("n_atoms", "integer", "1", attrgetter("structure.n_atoms"))),
        _result("bindings", BindingResult, (*_SUBSTRATE, "monolayers", "n_li", "arrangement"),
                ("e_bind_ev_per_li",),
                Column("n_candidates", "integer", "1", lambda binding: len(binding.candidates))),
        _result("barriers", BarrierResult, (*_SUBSTRATE, "monolayers"), ("barrier_ev",),
                Column("n_minima", "integer", "1", lambda barrier: len(barrier.minima)),
                Column("n_hops", "integer", "1", lambda barrier: len(barrier.hops))),
        _result("growth", GrowthResult, _SUBSTRATE, ("mode",),
                Column("delta_e_ev_per_li", "dictionary", "eV", attrgetter("delta_e_ev_per_li"))),
        _result("wetting", WettingResult, (*_SUBSTRATE, "film_plane"), ("contact_angle_deg",)),
        _result("adhesions", AdhesionResult,
                ("material_a", "plane_a", "termination_a", "material_b", "plane_b", "termination_b", "strained"),
                ("work_of_adhesion_mev_per_a2", "strain_percent")),
        _result("morphologies", MorphologyResult, _SUBSTRATE, ("coverage", "ratio")),
        _result("depositions", DepositionResult, ("electrolyte", "interlayer", "collector"), ("answer",)),
        _result("creep", CreepResult, ("host", "pore_nm", "temperature_k"), ("current_ma_per_cm2",)),
        _result("stability", StabilityResult, ("material",), ("verdict",)),
        _result("phonons", PhononResult, ("material",), ("f_vib_298_ev_per_atom", "n_imaginary")),
        _result("vibrations", VibrationResult, (*_SUBSTRATE, "film_plane", "monolayers", "n_li", "arrangement"),
                ("e_bind_298_ev_per_li", "gamma_298_mev_per_a2")),
        _result("verdicts", VerdictResult, _SUBSTRATE, ("n_for",)),
        _result("convergence", ConvergenceResult, ("of", "subject", "parameter"), ("converged_value",)),
        Noun("calculations", "calculation", "calc_id", ("calc_id",),
             _ordered(_CALCULATION_COLUMNS, ("calc_id", "label", "engine", "model", "task", "status", "reason"), ()),
             CALCULATION_ADAPTER, ("label", "created_at"),
             indices=(("label", "created_at", "calc_id"), ("status", "label", "created_at", "calc_id"),
              ("status", "created_at", "calc_id"), ("created_at", "calc_id"), ("model", "label", "created_at"),
              ("engine_fingerprint", "created_at"), ("formula", "label", "created_at"))),
        Noun("cases", "case", "case_id", ("campaign", "case", "kind", "engine_fingerprint"),
             _ordered(_CASE_COLUMNS, ("case_id", "campaign", "case", "kind", "engine", "model", "status", "reason"),
                      ()),
             CASE_ADAPTER, indices=(("campaign", "case", "kind", "engine_fingerprint"), ("campaign", "status", "case"),
              ("status", "campaign", "case"), ("created_at", "case_id"))),
        Noun("submissions", "submission", "submission_id", ("submission_id",),
             _ordered([*_fields(SubmissionDocument),
                       Column("created_at", "timestamp", "UTC", attrgetter("created_at"), required=True)],
                      ("submission_id", "campaign", "queue", "place", "n_cases", "n_jobs", "cancelled"), ()),
             TypeAdapter(SubmissionDocument), ("campaign", "created_at"), indices=(("campaign", "created_at"),)),
        Noun("runs", "run", "run_id", ("run_id",),
             _ordered([*_fields(RunDocument),
                       Column("engines", "string", "", attrgetter("engine_names")),
                       Column("cpu", "string", "", lambda run: run.machine.cpu if run.machine else None),
                       Column("created_at", "timestamp", "UTC", attrgetter("created_at"), required=True)],
                      ("run_id", "campaign", "engines", "dispatcher", "created_at"), ()),
             TypeAdapter(RunDocument), ("campaign", "created_at"),
             indices=(("campaign", "created_at"), ("lock_id",), ("created_at", "run_id"))),
        Noun("literature", "literature_value", "literature_id", ("literature_id",),
             _ordered(_LITERATURE_COLUMNS, ("quantity", "material", "plane", "film", "film_plane", "qualifier",
                                            "value", "unit"), ()),
             TypeAdapter(LiteratureValue), ("quantity", "material", "plane", "film_plane", "n_li", "value"),
             indices=(("quantity", "material", "plane", "film_plane", "n_li", "value"),
                      ("material", "quantity"), ("doi",))),
    )
}  # fmt: skip
"""Every noun by its plural name."""

RESULT_NOUNS: dict[str, Noun] = {noun.kind: noun for noun in NOUNS.values() if noun.is_result}
"""The derived quantities by kind."""


def noun_named(name: str) -> Noun:
    """Look a noun up by its plural or singular name.

    Raises
    ------
    FilterError
        If there is none of that name.
    """
    if name in NOUNS:
        return NOUNS[name]
    for noun in NOUNS.values():
        if noun.kind == name:
            return noun
    raise no_noun(name, NOUNS)


def result_noun(kind: type[Any] | str) -> Noun:
    """Look up the noun of a kind of result, by its document or by its name.

    Raises
    ------
    FilterError
        If it is no kind of result.
    """
    if isinstance(kind, type):
        field = getattr(kind, "model_fields", {}).get("kind")
        noun = RESULT_NOUNS.get(field.default if field else "")
    else:
        noun = noun_named(kind)
    if noun is None or not noun.is_result:
        name = kind.__name__ if isinstance(kind, type) else kind
        raise FilterError(f"{name!r} is no kind of result; kinds: {', '.join(RESULT_NOUNS)}")
    return noun
