"""Published values of a person's own, from a YAML or CSV file: every row is checked, and named if it does not hold."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import ValidationError

from liface.documents import QUANTITIES, LiteratureValue, Quantity
from liface.errors import LiteratureFileError

COLUMNS = tuple(name for name in LiteratureValue.model_fields if name != "created_at")
"""Keys of a row, in the order of the template."""

MOST_TOLD = 10
"""Problems that a message lists; the others are counted."""

TEXT_IN_YAML = ("plane", "film_plane", "material", "film", "bibtex_key")


def values_of(path: Path) -> tuple[LiteratureValue, ...]:
    """Read a file.

    A YAML file holds a list of rows, or a mapping with ``values`` and ``defaults`` (keys that every row has); a CSV
    file one row per line under a header of the same keys.

    Raises
    ------
    LiteratureFileError
        The file cannot be read, or rows do not hold together; the message names row, column, value and what is
        allowed there, of all rows.
    """
    rows = _csv_rows(path) if path.suffix.lower() == ".csv" else _yaml_rows(path)
    values: list[LiteratureValue] = []
    problems: list[str] = []
    first: dict[str, int] = {}
    for number, row in rows:
        try:
            value = _value(row)
        except ValidationError as error:
            problems += [f"row {number}, {problem}" for problem in _problems(error)]
            continue
        except ValueError as error:
            problems.append(f"row {number}, {error}")
            continue
        earlier = first.setdefault(value.literature_id, number)
        if earlier != number:
            problems.append(f"row {number}: says the same as row {earlier}; take one of them out")
        values.append(value)
    if problems:
        raise LiteratureFileError(_told(path, problems))
    if not values:
        raise LiteratureFileError(f"{path}: no values; 'liface literature template' prints a file to fill in")
    return tuple(values)


def _told(path: Path, problems: list[str]) -> str:
    more = f"\n  and {len(problems) - MOST_TOLD} more" if len(problems) > MOST_TOLD else ""
    lines = "".join(f"\n  {problem}" for problem in problems[:MOST_TOLD])
    count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
    return f"{path}: {count}, nothing was stored{lines}{more}"


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise LiteratureFileError(f"{path}: cannot be read as text ({reason}); give a YAML or CSV file") from error


def _csv_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(io.StringIO(_text(path), newline=""), skipinitialspace=True, strict=True)
    try:
        rows = list(reader)
    except csv.Error as error:
        raise LiteratureFileError(f"{path}: no valid CSV ({error})") from error
    for number, row in enumerate(rows, 1):
        if None in row or None in row.values():
            raise LiteratureFileError(
                f"{path}: row {number} has not as many cells as the header; quote cells with commas"
            )
        yield number, {(key or "").strip(): cell.strip() for key, cell in row.items() if cell.strip()}


def _yaml_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    if path.suffix.lower() not in (".yaml", ".yml"):
        raise LiteratureFileError(f"{path}: ending {path.suffix or '(none)'}; .yaml, .yml and .csv are read")
    try:
        content = yaml.safe_load(_text(path))
    except (yaml.YAMLError, RecursionError) as error:
        raise LiteratureFileError(f"{path}: no valid YAML ({' '.join(str(error).split())[:200]})") from error
    defaults: Any = {}
    if isinstance(content, dict):
        if unknown := sorted(map(str, content.keys() - {"values", "defaults"})):
            raise LiteratureFileError(f"{path}: unknown key {', '.join(unknown)}; allowed: values, defaults")
        defaults, content = content.get("defaults") or {}, content.get("values")
    if not isinstance(content, list) or not isinstance(defaults, dict):
        raise LiteratureFileError(f"{path}: a list of values, or a mapping with 'values' and 'defaults', is needed")
    for number, row in enumerate(content, 1):
        if not isinstance(row, dict):
            raise LiteratureFileError(f"{path}: row {number} is {str(row)[:60]!r}; a mapping of keys is needed")
        yield number, {str(key): cell for key, cell in (defaults | row).items() if cell is not None}


def _value(row: dict[str, Any]) -> LiteratureValue:
    for name in TEXT_IN_YAML:
        cell = row.get(name)
        if cell is not None and not isinstance(cell, str):
            if name.endswith("plane") and isinstance(cell, int) and not isinstance(cell, bool) and cell >= 100:
                row = row | {name: str(cell)}
            else:
                raise ValueError(f"column {name!r}: {cell!r} is no text; quote it (YAML reads 0001 and No otherwise)")
    return LiteratureValue.model_validate(row)


def _problems(error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_url=False):
        message = problem["msg"].removeprefix("Value error, ")
        if not problem["loc"]:  # of the whole row; its message begins with the column
            column, _, rest = message.partition(": ")
            yield f"column {column!r}: {rest}"
            continue
        column, given = str(problem["loc"][0]), problem["input"]
        if problem["type"] == "missing":
            yield f"column {column!r}: missing; {_allowed(column)}"
        elif problem["type"] == "extra_forbidden":
            yield f"column {column!r}: unknown; known: {', '.join(COLUMNS)}"
        else:
            yield f"column {column!r}: {str(given)[:60]!r}; {_allowed(column) or message}"


def _allowed(column: str) -> str:
    """Say what a column takes, where the reason alone does not."""
    annotation = LiteratureValue.model_fields[column].annotation
    choices = next((get_args(a) for a in (annotation, *get_args(annotation)) if _is_choice(a)), ())
    if choices:
        return f"allowed: {' '.join(choices) if column == 'qualifier' else ', '.join(choices)}"
    if column in ("value", "uncertainty"):
        return "a finite number is needed" + ("" if column == "value" else " above zero") + "; bounds go to 'qualifier'"
    return {
        "n_li": "a whole number from 1 on is needed",
        "monolayers": "a whole number from 0 on is needed",
        "doi": "no DOI; write 10.xxxx/..., or leave it out and give a 'citation'",
        "method": "needed: the functional, e.g. PBE, or experiment",
        "unit": "needed: the unit of the value as published",
        "material": "needed: the library name, e.g. W or Li2S",
    }.get(column, "")


def _is_choice(annotation: Any) -> bool:
    return getattr(annotation, "__origin__", None) is Literal


def template() -> str:
    """Return a YAML file to fill in; its examples are read as they stand."""
    lines = [f"#   {name:26} {_units(q):38} {q.description}" for name, q in QUANTITIES.items()]
    return _TEMPLATE.replace("QUANTITIES", "\n".join(lines))


def _units(quantity: Quantity) -> str:
    return ", ".join((quantity.unit, *(unit for unit in quantity.units if unit != quantity.unit)))


_TEMPLATE = """\
# Published values of your own; read with: liface literature import FILE
# Needed in every row: quantity, material, value, unit, method, and doi (or citation, where there is no DOI).
#
# quantity and the units it is given in (kept as published, and converted to the first the program reports):
QUANTITIES
#
# material     library name ('liface materials list'), or that of your campaign file
# plane        Miller indices in quotes: "110", "1-10", "0001"; leave out what the source does not name: it fits all
# film_plane   plane of Li (or of 'film', the other material of an adhesion; Li where none is given)
# n_li, arrangement (dispersed, cluster), monolayers     for binding and barrier
# qualifier    = (default), ≈, >=, >, <=, <       a bound stays a bound
# uncertainty and uncertainty_kind    ± in the unit of the value; standard error, standard deviation, stated, range
# method       the functional (PBE, r2SCAN, ...), or experiment; protocol: how, in words; label: the sample
# doi, where (figure, table, text, page), citation, bibtex_key, note, licence, entered_by
defaults:            # keys that every row has, unless it says otherwise
  method: PBE
  entered_by: ""
values:              # two examples, no real values: replace them
  - quantity: surface
    material: W
    plane: "110"
    value: 200
    unit: meV/Å²
    qualifier: "≈"
    uncertainty: 5
    uncertainty_kind: stated
    doi: 10.1000/182
    where: Table 1
    note: an example
  - {quantity: barrier, material: Li, plane: "110", monolayers: 0, value: 20, unit: meV, qualifier: ">",
     citation: an example}
"""

__all__ = ["COLUMNS", "template", "values_of"]
