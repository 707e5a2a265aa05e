"""Measured responses (current densities, overpotentials, efficiencies) with qualifier, protocol and DOI."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field

from liface.documents import QUALIFIERS, Document, Qualifier, quantity
from liface.documents.literature import ALSO_WRITTEN
from liface.errors import ResponseDataError

REQUIRED = ("response", "material", "value", "unit", "qualifier", "protocol")
OPTIONAL = ("label", "protocol_text", "doi", "where", "conditions")


class MeasuredPoint(Document):
    """One measured value; a bound stays a bound."""

    response: str = Field(description="What was measured, e.g. ccd.")
    material: str = Field(description="Library name of the layer that Li meets: joins the point with a descriptor.")
    label: str = Field(description="The sample as its source names it.")
    value: float = quantity("field: unit", "The unit differs between responses and is a field of its own.")
    unit: str
    qualifier: Qualifier = Field(description=">= and >: right-censored; <= and <: left-censored.")
    protocol: str = Field(description="Points of different protocols are never pooled.")
    protocol_text: str = ""
    doi: str = Field(default="", description="Empty for a person's own unpublished measurement.")
    where: str = Field(default="", description="Table, figure or text.")
    conditions: dict[str, str | float] = Field(default_factory=dict)

    @property
    def text(self) -> str:
        """The value with its qualifier and unit, for people."""
        sign = "" if self.qualifier == "=" else f"{self.qualifier} "
        return f"{sign}{self.value:g} {self.unit}"


def measured(response: str | None = None, extra_file: Path | None = None) -> tuple[MeasuredPoint, ...]:
    """Return the shipped points, and those of a YAML or CSV file after them.

    A YAML file holds a list of points, or a mapping with ``points`` and ``protocols`` (id: text); a CSV
    file one point per row under a header of the same keys, with conditions as ``key=value; key=value``.

    Raises
    ------
    ResponseDataError
        For an unknown response, and for a file that cannot be read or does not hold together; the message
        names file, row and key, and what is allowed.
    """
    points = _shipped()
    if extra_file is not None:
        points = points + _read_points(Path(extra_file), points)
    if response is None:
        return points
    chosen = tuple(p for p in points if p.response == response)
    if not chosen:
        known = ", ".join(sorted({p.response for p in points}))
        raise ResponseDataError(f"no measured points of response {response!r}; known: {known}")
    return chosen


@cache
def _shipped() -> tuple[MeasuredPoint, ...]:
    source = files("liface.analysis") / "data" / "responses.yaml"
    return _check(yaml.safe_load(source.read_text("utf-8")), "responses.yaml", ())


def _read_points(path: Path, known: tuple[MeasuredPoint, ...]) -> tuple[MeasuredPoint, ...]:
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ResponseDataError(f"{path}: cannot be read as text ({error}); give a YAML or CSV file") from error
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return _check(_csv_rows(text, path.name), path.name, known)
    if suffix not in (".yaml", ".yml"):
        raise ResponseDataError(f"{path}: ending {suffix or '(none)'}; .yaml, .yml and .csv are read")
    try:
        return _check(yaml.safe_load(text), path.name, known)
    except yaml.YAMLError as error:
        raise ResponseDataError(f"{path}: not valid YAML ({error})") from error


def _csv_rows(text: str, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for number, row in enumerate(csv.DictReader(text.splitlines(), skipinitialspace=True), 1):
        if None in row or None in row.values():
            raise ResponseDataError(f"{name}, row {number}: not as many cells as the header; quote cells with commas")
        cells = {key.strip(): value.strip() for key, value in row.items() if value.strip()}
        if "conditions" in cells:
            cells["conditions"] = _conditions(cells["conditions"], f"{name}, row {number}")
        rows.append(cells)
    return rows


def _conditions(text: str, where: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in text.split(";") if part.strip()]
    if any(not sign for _, sign, _ in pairs):
        raise ResponseDataError(f"{where}, key 'conditions': {text!r}; write key=value; key=value")
    return {key.strip(): value.strip() for key, _, value in pairs}


def _check(content: Any, name: str, known: tuple[MeasuredPoint, ...]) -> tuple[MeasuredPoint, ...]:
    protocols = {p.protocol: p.protocol_text for p in known}
    rows = content
    if isinstance(content, dict):
        if unknown := sorted(map(str, content.keys() - {"points", "protocols"})):
            raise ResponseDataError(f"{name}: unknown key {', '.join(unknown)}; allowed: points, protocols")
        own, rows = content.get("protocols") or {}, content.get("points")
        if not isinstance(own, dict):
            raise ResponseDataError(f"{name}, key 'protocols': a mapping of id to text is needed")
        protocols |= {str(key): str(text) for key, text in own.items()}
    if not isinstance(rows, list) or not rows:
        raise ResponseDataError(f"{name}: no points; a list of points, or a mapping with 'points', is needed")
    units = {p.response: p.unit for p in known}
    seen = {_identity(p) for p in known}
    points = []
    for number, row in enumerate(rows, 1):
        point = _point(row, protocols, f"{name}, row {number}")
        unit = units.setdefault(point.response, point.unit)
        if point.unit != unit:
            raise ResponseDataError(
                f"{name}, row {number}, key 'unit': {point.unit!r}; {point.response} is given in {unit}"
            )
        if _identity(point) in seen:
            raise ResponseDataError(
                f"{name}, row {number}: {point.label} of protocol {point.protocol} is there already; "
                "give the sample another label or the protocol another id"
            )
        seen.add(_identity(point))
        points.append(point)
    return tuple(points)


def _identity(point: MeasuredPoint) -> tuple[str, ...]:
    return point.response, point.protocol, point.material, point.label


def _point(row: Any, protocols: Mapping[str, str], where: str) -> MeasuredPoint:
    if not isinstance(row, dict):
        raise ResponseDataError(f"{where}: {row!r} is no point; keys needed: {', '.join(REQUIRED)}")
    _check_keys(row, where)
    qualifier = str(row["qualifier"]).strip()
    qualifier = ALSO_WRITTEN.get(qualifier, qualifier)
    if qualifier not in QUALIFIERS:
        raise ResponseDataError(f"{where}, key 'qualifier': {qualifier!r}; allowed: {' '.join(QUALIFIERS)}")
    texts = {key: _text(row[key], key, where) for key in ("response", "material", "unit", "protocol")}
    conditions = row.get("conditions") or {}
    if not isinstance(conditions, dict):
        raise ResponseDataError(f"{where}, key 'conditions': {conditions!r}; a mapping is needed")
    return MeasuredPoint(
        **texts,
        label=str(row.get("label") or texts["material"]),
        value=_number(row["value"], where),
        qualifier=qualifier,
        protocol_text=str(row.get("protocol_text") or protocols.get(texts["protocol"], "")),
        doi=_doi(row.get("doi"), where),
        where=str(row.get("where") or ""),
        conditions={str(k): v if isinstance(v, int | float) else str(v) for k, v in conditions.items()},
    )


def _check_keys(row: Mapping[Any, Any], where: str) -> None:
    if missing := [key for key in REQUIRED if row.get(key) in (None, "")]:
        raise ResponseDataError(f"{where}: key {', '.join(missing)} is missing; needed: {', '.join(REQUIRED)}")
    if unknown := [str(key) for key in row if key not in (*REQUIRED, *OPTIONAL)]:
        raise ResponseDataError(f"{where}: unknown key {', '.join(unknown)}; allowed: {_listed(REQUIRED, OPTIONAL)}")


def _listed(*groups: Iterable[str]) -> str:
    return ", ".join(key for group in groups for key in group)


def _text(value: Any, key: str, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        hint = "; quote it (YAML reads No, Yes and numbers as something else)" if not isinstance(value, str) else ""
        raise ResponseDataError(f"{where}, key {key!r}: {value!r} is no text{hint}")
    return value.strip()


def _number(value: Any, where: str) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ResponseDataError(f"{where}, key 'value': {value!r} is no finite number; a bound goes into 'qualifier'")
    return number


def _doi(value: Any, where: str) -> str:
    doi = str(value or "").strip().removeprefix("https://doi.org/").removeprefix("doi:")
    if doi and not (doi.startswith("10.") and "/" in doi):
        raise ResponseDataError(f"{where}, key 'doi': {doi!r} is no DOI; write 10.xxxx/..., or leave it out")
    return doi
