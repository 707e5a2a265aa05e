"""Rows as CSV, JSON, JSON lines and Parquet.

Column names carry their units, so the first line of a CSV file is its header and nothing else; JSON and Parquet also
list type and unit of every column. One CSV or Parquet file holds one noun: several nouns become several files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liface import __version__
from liface.database.columns import Column, Noun
from liface.database.exports.csv_text import csv_text
from liface.database.exports.files import whole_file
from liface.documents import now
from liface.errors import MissingExtraError

if TYPE_CHECKING:
    import pyarrow as pa

Tables = Mapping[Noun, Sequence[Mapping[str, Any]]]


def write_json(path: Path, tables: Tables, about: Mapping[str, Any]) -> list[Path]:
    """Write one JSON object with the rows, types and units of every noun."""
    content: dict[str, Any] = {"liface_version": __version__, "exported_at": now().isoformat(), **about}
    for noun, rows in tables.items():
        units = {c.name: {"type": c.type, "unit": c.unit} for c in noun.columns.values()}
        content[noun.name] = {"columns": units, "rows": list(rows)}
    return _save(path, json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def write_json_lines(path: Path, tables: Tables, about: Mapping[str, Any]) -> list[Path]:
    """Write one JSON object per row, with its noun."""
    lines: Iterable[str] = (
        json.dumps({"noun": noun.name, **row}, ensure_ascii=False, allow_nan=False)
        for noun, rows in tables.items()
        for row in rows
    )
    return _save(path, "".join(line + "\n" for line in lines))


def write_csv(path: Path, tables: Tables, about: Mapping[str, Any]) -> list[Path]:
    """Write one CSV file per noun."""
    return _one_file_each(path, tables, lambda file, noun, rows: _save(file, csv_text(rows, noun)))


def write_parquet(path: Path, tables: Tables, about: Mapping[str, Any]) -> list[Path]:
    """Write one Parquet file per noun; unit and description of a column are metadata of its field.

    Raises
    ------
    MissingExtraError
        If pyarrow is not installed.
    """
    return _one_file_each(path, tables, lambda file, noun, rows: _save_parquet(file, noun, rows, about))


def _one_file_each(path: Path, tables: Tables, write: Callable[..., list[Path]]) -> list[Path]:
    if len(tables) == 1:
        return [file for noun, rows in tables.items() for file in write(path, noun, rows)]
    return [
        file
        for noun, rows in tables.items()
        if rows
        for file in write(path.with_name(f"{path.stem}-{noun.name}{path.suffix or '.csv'}"), noun, rows)
    ]


def _save(path: Path, text: str) -> list[Path]:
    with whole_file(path) as temporary, temporary.open("x", encoding="utf-8", newline="") as file:
        file.write(text)
    return [path]


# --- Parquet -------------------------------------------------------------------------------------------------------


def _save_parquet(path: Path, noun: Noun, rows: Sequence[Mapping[str, Any]], about: Mapping[str, Any]) -> list[Path]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError("pyarrow", "parquet") from error
    columns = noun.columns.values()
    facts = {"noun": noun.name, "liface_version": __version__, "exported_at": now().isoformat(), **about}
    schema = pa.schema(
        [_field(column) for column in columns], metadata={name: str(value) for name, value in facts.items()}
    )
    cells = [
        pa.array([_arrow(column, row.get(column.name)) for row in rows], type=field.type)
        for column, field in zip(columns, schema, strict=True)
    ]
    with whole_file(path) as temporary:
        pq.write_table(pa.Table.from_arrays(cells, schema=schema), temporary)
    return [path]


def _field(column: Column) -> pa.Field:
    import pyarrow as pa

    types: dict[str, pa.DataType] = {
        "string": pa.string(),
        "integer": pa.int64(),
        "float": pa.float64(),
        "boolean": pa.bool_(),
        "timestamp": pa.timestamp("us", tz="UTC"),
        "list": pa.list_(pa.string()),
        "dictionary": pa.string(),
    }
    said = {"unit": column.unit, "description": column.description, "type": column.type}
    return pa.field(column.name, types[column.type], metadata={name: text for name, text in said.items() if text})


def _arrow(column: Column, value: Any) -> Any:
    if value is None:
        return None
    if column.type == "timestamp":
        return datetime.fromisoformat(value)
    if column.type == "dictionary":
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return value
