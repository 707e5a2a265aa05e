"""The vocabulary: units as data, frozen documents, outcomes that are types, identities."""

import importlib
import json
import re
import types
import typing
from pathlib import Path

import pytest
from document_examples import crystal, permuted
from pydantic import BaseModel, ValidationError

import liface
from liface.documents import (
    CALCULATION_ADAPTER,
    CASE_ADAPTER,
    RESULT_ADAPTER,
    BulkResult,
    CalculationRequest,
    CalculationSettings,
    ConvergedCalculation,
    Document,
    EngineInfo,
    FailedCalculation,
    FailedCase,
    FinishedCase,
    Geometry,
    GrowthResult,
    InterfaceResult,
    Provenance,
    SurfaceResult,
    UnconvergedCalculation,
    WettingResult,
    content_hash,
)

# --- units as data -------------------------------------------------------------------------------------------

CLASS = re.compile(r"^[ \t]*class (\w+)(?:\[[^\]]*\])?\(([^)]*)\)", re.M)
WORD = re.compile(r"\w+")
AREAS = ("documents", "analysis", "mesoscale", "engines", "workflows")


def modules() -> dict[str, str]:
    """Names and text of the modules that may hold documents; nothing below these packages is imported."""
    found = {}
    for area in AREAS:
        package = importlib.import_module(f"liface.{area}")
        for folder in map(Path, package.__path__):
            for file in sorted(folder.rglob("*.py")):
                inner = file.relative_to(folder).with_suffix("").parts
                name = ".".join((package.__name__, *(part for part in inner if part != "__init__")))
                found[name] = file.read_text(encoding="utf-8")
    return found


def with_documents(texts: dict[str, str]) -> list[str]:
    """Names of the modules with a class that has Document among its ancestors, as their text has it.

    The others would be imported in vain while tests are collected; the models and VASP take seconds.
    """
    declared = {name: CLASS.findall(text) for name, text in texts.items()}
    known, before = {"Document"}, 0
    while len(known) > before:
        before = len(known)
        known |= {c for classes in declared.values() for c, bases in classes if known & set(WORD.findall(bases))}
    return [name for name, classes in declared.items() if known & {c for c, _ in classes}]


def document_classes(names: typing.Iterable[str]) -> list[type[Document]]:
    """Every document class of these modules, those without a public name too."""
    for name in names:
        importlib.import_module(name)
    found: set[type[Document]] = set()
    todo = [Document]
    while todo:
        children = todo.pop().__subclasses__()
        found.update(children)
        todo += children
    ours = [c for c in found if c.__module__.startswith("liface.")]
    return sorted(ours, key=lambda c: (c.__module__, c.__qualname__))


CLASSES = document_classes(with_documents(modules()))


def holds_numbers(annotation) -> bool:
    """Tell whether a value of this annotation is, or holds, a number of the document itself.

    Unions with text beside the numbers are free values (keyword arguments, remarks), which have no one unit;
    nested documents answer for their own fields.
    """
    if annotation in (int, float, complex):
        return True
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return False
    inner = typing.get_args(annotation)
    if typing.get_origin(annotation) is typing.Literal:
        return False
    if typing.get_origin(annotation) in (typing.Union, types.UnionType) and str in inner:
        return False
    return any(holds_numbers(part) for part in inner)


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (float, True),
        (int | None, True),
        (tuple[float, ...], True),
        (tuple[tuple[tuple[int, int], tuple[int, int]], ...], True),
        (dict[str, float], True),
        (list[typing.Annotated[int, "at least one"]], True),
        (tuple[tuple[str, str, float], ...], True),
        (bool, False),
        (str, False),
        (typing.Literal[1, 2], False),
        (tuple[Geometry, ...], False),
        (dict[str, str | int | float | bool], False),
    ],
)
def test_the_walk_finds_numbers_wherever_they_hide(annotation, expected):
    assert holds_numbers(annotation) is expected


def test_the_walk_reaches_every_floor():
    every = document_classes(modules())
    assert every == CLASSES, "a document in a module that was not seen to hold one"
    names = {c.__name__ for c in every}
    assert {"Geometry", "_Energies", "LineFit", "ScanPoint", "BindingSetup", "Protocol", "EngineSpec"} <= names
    assert {"CorrelationReport", "MeasuredPoint"} <= names
    assert all(issubclass(c, Document) for c in vars(liface.documents).values() if _is_model(c))


def _is_model(value) -> bool:
    return isinstance(value, type) and issubclass(value, BaseModel)


@pytest.mark.parametrize("model", CLASSES, ids=lambda c: c.__name__)
def test_every_number_has_its_unit_as_data(model):
    numbers = {name for name, field in model.model_fields.items() if holds_numbers(field.annotation)}
    units = model.units()
    assert numbers <= set(units), f"no unit: {sorted(numbers - set(units))}"
    assert all(isinstance(unit, str) and unit for unit in units.values())
    schema = model.model_json_schema()["properties"]
    assert {name: schema[name]["unit"] for name in units} == units


SUFFIXES = {
    "_mev_per_a2": "meV/Å²",
    "_j_per_m2": "J/m²",
    "_ev_per_a": "eV/Å",
    "_mev": "meV",
    "_ev": "eV",
    "_a3": "Å³",
    "_a2": "Å²",
    "c_over_a": "1",
    "termination_a": "1",
    "supercell_a": "1",
    "n_planes_a": "1",
    "_a": "Å",
    "_percent": "%",
    "_deg": "deg",
    "_s": "s",
}
"""The longer ending first: the ending of a field name and the unit it stands for."""


def test_names_and_units_agree():
    checked = 0
    for model in CLASSES:
        for name, unit in model.units().items():
            stem = re.sub(r"_per_(li|atom)$", "", name)
            ending = next((s for s in SUFFIXES if stem.endswith(s)), None)
            if ending is not None:
                assert unit == SUFFIXES[ending], f"{model.__name__}.{name} is in {unit}"
                checked += 1
    assert checked > 50


# --- frozen, and closed to unknown fields --------------------------------------------------------------------


@pytest.mark.parametrize("model", CLASSES, ids=lambda c: c.__name__)
def test_documents_are_frozen_and_refuse_unknown_fields(model):
    assert model.model_config["frozen"] is True
    assert model.model_config["extra"] == "forbid"


def test_a_document_cannot_be_changed_or_extended():
    geometry = crystal()
    with pytest.raises(ValidationError, match="frozen"):
        geometry.species = ("Na",) * geometry.n_atoms
    with pytest.raises(ValidationError, match="Extra inputs"):
        Geometry.model_validate({**geometry.model_dump(), "colour": "blue"})
    with pytest.raises(ValidationError, match="differ in length"):
        Geometry.model_validate({**geometry.model_dump(), "frozen": (True,)})


# --- outcomes are types --------------------------------------------------------------------------------------

ENGINE = EngineInfo(name="morse", model="m", code="liface", code_version="1", weights_sha256="00", trained_on="tests")
SETTINGS = CalculationSettings()
PROVENANCE = Provenance(campaign="c", case="x", calc_ids=("1",), liface_version="0", doi=())


def request_of(geometry: Geometry, engine=ENGINE, settings=SETTINGS, label="") -> CalculationRequest:
    return CalculationRequest(geometry=geometry, engine=engine, settings=settings, label=label)


def calculations() -> dict:
    cell = crystal(n=2)
    asked = request_of(cell)
    common = {
        "calc_id": asked.calc_id, "label": "x", "engine": ENGINE, "settings": SETTINGS, "initial": cell,
        "n_force_calls": 3, "wall_s": 0.5,
    }  # fmt: skip
    energies = {
        "final": cell, "energy_ev": -1.25, "fmax_ev_per_a": 0.01, "forces_ev_per_a": ((0.0, 0.0, 0.01),) * 2,
        "energies_ev": (-1.0, -1.25), "optimizer": "x",
    }  # fmt: skip
    return {
        "converged": ConvergedCalculation(**common, **energies),
        "unconverged": UnconvergedCalculation(**common, **energies, reason="limit of force calls"),
        "failed": FailedCalculation(**common, reason="exploded"),
    }


@pytest.mark.parametrize("status", ["converged", "unconverged", "failed"])
def test_calculations_are_told_apart_by_status(status):
    document = calculations()[status]
    assert document.status == status
    back = CALCULATION_ADAPTER.validate_json(document.model_dump_json())
    assert type(back) is type(document) and back == document


def test_a_failed_calculation_has_no_energy_and_others_must_have_one():
    failed = calculations()["failed"].model_dump()
    with pytest.raises(ValidationError, match="energy_ev"):
        CALCULATION_ADAPTER.validate_python({**failed, "energy_ev": -1.0})
    converged = calculations()["converged"].model_dump()
    with pytest.raises(ValidationError, match="energy_ev"):
        CALCULATION_ADAPTER.validate_python({name: v for name, v in converged.items() if name != "energy_ev"})
    with pytest.raises(ValidationError, match="reason"):
        CALCULATION_ADAPTER.validate_python({**converged, "status": "unconverged"})
    with pytest.raises(ValidationError, match="status"):
        CALCULATION_ADAPTER.validate_python({**converged, "status": "perhaps"})
    assert not hasattr(calculations()["failed"], "energy_ev")


def test_cases_are_told_apart_by_status():
    common = {"case_id": "1", "campaign": "c", "case": "x", "kind": "surface", "engine": ENGINE}
    for document in (
        FailedCase(**common, reason="no cell"),
        FinishedCase(**common, record_ids=("r",), calc_ids=("a", "b")),
    ):
        back = CASE_ADAPTER.validate_json(document.model_dump_json())
        assert type(back) is type(document) and back == document


def wetting(**changes) -> WettingResult:
    values = {
        "definition": "d", "engine": ENGINE, "converged": True, "provenance": PROVENANCE, "substrate": "W",
        "substrate_plane": "110", "film_plane": "100", "gamma_substrate_mev_per_a2": 200.0,
        "gamma_li_mev_per_a2": 30.0, "gamma_interface_mev_per_a2": 100.0, "work_of_adhesion_mev_per_a2": 130.0,
        "work_of_adhesion_j_per_m2": 2.08, "cos_theta": 3.3, "contact_angle_deg": 0.0,
    }  # fmt: skip
    return WettingResult(**{**values, **changes})


def test_results_are_told_apart_by_kind():
    growth = GrowthResult(
        definition="d", engine=ENGINE, converged=True, provenance=PROVENANCE, substrate="Cu", substrate_plane="111",
        mode="undecided", delta_e_ev_per_li={"0/4": 0.1}, evidence="e",
    )  # fmt: skip
    for document in (wetting(), growth):
        back = RESULT_ADAPTER.validate_json(document.model_dump_json())
        assert type(back) is type(document) and back == document
    kinds = {m.model_fields["kind"].default for m in (BulkResult, SurfaceResult, InterfaceResult, GrowthResult)}
    assert len(kinds) == 4


# --- identities of requests, engines and results -------------------------------------------------------------


def test_a_calculation_is_what_is_asked_of_whom():
    cell = crystal()
    base = request_of(cell).calc_id
    assert request_of(cell, label="another").calc_id == base
    assert request_of(permuted(cell, list(range(cell.n_atoms))[::-1])).calc_id == base
    others = [
        request_of(crystal(seed=1)),
        request_of(cell, engine=ENGINE.model_copy(update={"weights_sha256": "11"})),
        request_of(cell, engine=ENGINE.model_copy(update={"code_version": "2"})),
        request_of(cell, engine=ENGINE.model_copy(update={"options": {"modal": "PBE"}})),
        request_of(cell, settings=CalculationSettings(fmax_ev_per_a=0.01)),
        request_of(cell, settings=CalculationSettings(move="normal")),
        request_of(cell, settings=CalculationSettings.static()),
    ]
    assert len({base, *(other.calc_id for other in others)}) == 1 + len(others)


def test_words_about_an_engine_do_not_change_its_fingerprint():
    assert ENGINE.model_copy(update={"trained_on": "in other words"}).fingerprint == ENGINE.fingerprint


def test_a_result_is_its_numbers_not_where_they_came_from():
    elsewhere = PROVENANCE.model_copy(update={"campaign": "other"})
    assert wetting(provenance=elsewhere).record_id == wetting().record_id
    assert wetting(cos_theta=3.2).record_id != wetting().record_id
    assert wetting(flags=("polar",)).record_id != wetting().record_id


def test_hashes_are_of_content_and_refuse_what_is_no_number():
    assert content_hash({"b": 1, "a": 2.5}) == content_hash({"a": 2.5, "b": 1})
    assert content_hash({"a": 1}) != content_hash({"a": 2})
    assert len(content_hash({}, 16)) == 16
    with pytest.raises(ValueError, match="JSON"):
        content_hash({"a": float("nan")})
    assert json.loads(crystal().model_dump_json())["species"]
