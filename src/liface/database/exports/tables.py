"""Rows as CSV, JSON, JSON lines and Parquet.

Column names carry their units, so the first line of a CSV file is its header and nothing else; JSON and Parquet also
list type and unit of every column. One CSV or Parquet file holds one noun: several nouns become several files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liface import __version__
from liface.database.columns import Column, Noun
from liface.database.exports.csv_text import csv_pieces
from liface.database.exports.files import whole_file
from liface.documents import now
from liface.errors import MissingExtraError

if TYPE_CHECKING:
    import pyarrow as pa

Row = Mapping[str, Any]
Tables = Mapping[Noun, Iterator[Row]]
"""Rows of every noun, read as they are written: they need not fit in memory."""

AT_ONCE = 10_000
"""Rows of one group of a Parquet file."""


def write_json(path: Path, tables: Tables, about: Mapping[str, Any]) -> list[Path]:
    """Write one JSON object with the rows, types and units of every noun."""
    facts = {"liface_version": __version__, "exported_at": now().isoformat(), **about}
    return _save(path, _object(facts, tables))


def _object(facts: Mapping[str, Any], tables: Tables) -> Iterator[str]:
    """Yield the text of an object, a row at a time, as one ``json.dumps`` with an indent of 1 would write it."""
    yield "{\n " + _json(facts, 0).removeprefix("{").removesuffix("}").strip()
    for noun, rows in tables.items():
        units = {c.name: {"type": c.type, "unit": c.unit} for c in noun.columns.values()}
        yield f',\n "{noun.name}": {{\n  "columns": {_json(units, 2)},\n  "rows": ['
        some = False
        for row in rows:
            yield f"{',' if some else ''}\n   {_json(row, 3)}"
            some = True
        yield "\n  ]\n }" if some else "]\n }"
    yield "\n}\n"


def _json(value: Any, depth: int) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False)
    return text.replace("\n", "\n" + " " * depth)


def write_json_lines(path: Path, tables: Tables, about: Mapping[str, Any]) -> list[Path]:
    """Write one JSON object per row, with its noun."""
    return _save(
        path,
        (
            json.dumps({"noun": noun.name, **row}, ensure_ascii=False, allow_nan=False) + "\n"
            for noun, rows in tables.items()
            for row in rows
        ),
    )


def write_csv(path: Path, tables: Tables, about: Mapping[str, Any]) -> list[Path]:
    """Write one CSV file per noun."""
    return _one_file_each(path, tables, lambda file, noun, rows: _save(file, csv_pieces(rows, noun)))


def write_parquet(path: Path, tables: Tables, about: Mapping[str, Any]) -> list[Path]:
    """Write one Parquet file per noun; unit and description of a column are metadata of its field.

    Raises
    ------
    MissingExtraError
        If pyarrow is not installed.
    """
    return _one_file_each(path, tables, lambda file, noun, rows: _save_parquet(file, noun, rows, about))


def _one_file_each(path: Path, tables: Tables, write: Callable[..., list[Path]]) -> list[Path]:
    """Write a file for each noun; of several, none for one without rows."""
    if len(tables) == 1:
        return [file for noun, rows in tables.items() for file in write(path, noun, rows)]
    files: list[Path] = []
    for noun, rows in tables.items():
        first = next(rows, None)
        if first is not None:
            own = path.with_name(f"{path.stem}-{noun.name}{path.suffix or '.csv'}")
            files += write(own, noun, chain([first], rows))
    return files


def _save(path: Path, pieces: Iterable[str]) -> list[Path]:
    with whole_file(path) as temporary, temporary.open("x", encoding="utf-8", newline="") as file:
        file.writelines(pieces)
    return [path]


# --- Parquet -------------------------------------------------------------------------------------------------------


def _save_parquet(path: Path, noun: Noun, rows: Iterator[Row], about: Mapping[str, Any]) -> list[Path]:
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
    with whole_file(path) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        while some := list(islice(rows, AT_ONCE)):
            cells = [
                pa.array([_arrow(column, row.get(column.name)) for row in some], type=field.type)
                for column, field in zip(columns, schema, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(cells, schema=schema))
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
