"""``python -m liface.testing.catalog`` writes ``catalog.json``, the nouns of the database as data."""

from __future__ import annotations

import json
from typing import Any

from liface.database.catalog import FILE
from liface.database.columns import NOUNS, Noun
from liface.database.migrations import latest


def catalog_text() -> str:
    """Return what the file must hold: one line per column."""
    nouns = ",\n".join(f"  {json.dumps(noun.name)}: {_entry(noun)}" for noun in NOUNS.values())
    return f'{{\n "schema_version": {latest()},\n "nouns": {{\n{nouns}\n }}\n}}\n'


def _entry(noun: Noun) -> str:
    facts = {
        "kind": noun.kind,
        "key": noun.key,
        "slot": list(noun.slot),
        "natural_order": list(noun.natural_order),
    }
    head = ",\n".join(f"   {_line(name)}: {_line(value)}" for name, value in facts.items())
    rows = ",\n".join(
        f"    {_line([c.name, c.type, c.unit, list(c.choices), c.required])}" for c in noun.columns.values()
    )
    return f'{{\n{head},\n   "columns": [\n{rows}\n   ]\n  }}'


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    FILE.write_text(catalog_text(), encoding="utf-8")
