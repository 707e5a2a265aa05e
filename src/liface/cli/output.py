"""What commands write: tables, JSON and plain facts on stdout, talk on stderr."""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

GAP = "  "
UNKNOWN = "-"
SHORTEST = 10
"""No column is cut below this width on a terminal."""

Row = Mapping[str, Any]


def talk(message: str) -> None:
    """Say something to the person; never part of the result."""
    _echo(message, sys.stderr)


def _echo(text: str, stream: TextIO | None = None) -> None:
    """Write a line; what depends on the terminal is left to Typer, which takes a while to import."""
    to = stream or sys.stdout
    if "\x1b" in text or os.name != "posix" or (to.encoding or "utf-8").lower() not in ("utf-8", "utf8"):
        import typer

        typer.echo(text, file=to)
        return
    to.write(text + "\n")
    to.flush()


def plural(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def write_json(value: Any) -> None:
    """Write valid JSON: numbers that are not finite become null."""
    unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    _echo(json.dumps(_plain(value), ensure_ascii=not unicode, indent=1, allow_nan=False))


def write_text(text: str) -> None:
    """Write text as it is; one newline ends it."""
    _echo(text.removesuffix("\n"))


def write_table(rows: Sequence[Row], units: Mapping[str, str] | None = None, columns: Sequence[str] = ()) -> None:
    """Write rows under a header with units; on a terminal, no wider than the terminal."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    text, hidden = table(rows, units, columns, width)
    _echo(text)
    if hidden:
        talk(f"{len(hidden)} columns did not fit: {', '.join(hidden)}; choose with --columns, or use --json")


def write_facts(facts: Row) -> None:
    """Write name and value, one per line."""
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        if isinstance(value, list | tuple) and value and isinstance(value[0], Mapping):
            _echo(f"{name}:")
            _echo("\n".join(f"  {line}" for line in table(value)[0].splitlines()))
        else:
            _echo(f"{name:<{width}}  {_text(value)}".rstrip())


def table(
    rows: Sequence[Row], units: Mapping[str, str] | None = None, columns: Sequence[str] = (), width: int | None = None
) -> tuple[str, tuple[str, ...]]:
    """Lay rows out as text.

    Returns
    -------
    tuple
        The text, and the columns that ``width`` characters had no room for.
    """
    names = list(columns) or list(dict.fromkeys(name for row in rows for name in row))
    laid = [_column(name, [row.get(name) for row in rows], (units or {}).get(name, "")) for name in names]
    laid, hidden = _fitted(laid, width)
    lines = [GAP.join(cells).rstrip() for cells in zip(*laid, strict=True)]
    if lines:
        lines.insert(1, GAP.join("-" * len(cells[0]) for cells in laid))
    return "\n".join(lines), tuple(names[len(names) - hidden :]) if hidden else ()


def _column(name: str, values: Sequence[Any], unit: str) -> list[str]:
    """Return the padded cells of a column, its heading first."""
    numeric = any(map(_is_number, values)) and all(value is None or _is_number(value) for value in values)
    decimals = _decimals([value for value in values if isinstance(value, float)])
    bare = unit in ("", "1", "UTC") or unit.startswith("field:") or _tells(name, unit)
    heading = name if bare else f"{name} [{unit}]"
    cells = [heading, *(_text(value, decimals) for value in values)]
    width = max(map(len, cells))
    return [cell.rjust(width) if numeric else cell.ljust(width) for cell in cells]


def _tells(name: str, unit: str) -> bool:
    """Tell whether a column name says its unit already."""
    spelled = unit.lower().replace("å", "a").replace("²", "2").replace("³", "3").replace("/", "_per_")
    return name.endswith("_percent") or (name != spelled and f"_{spelled}_" in f"{name}_")


def _fitted(columns: list[list[str]], width: int | None) -> tuple[list[list[str]], int]:
    """Cut the widest text columns, then leave out the last ones, until a line fits; return how many were left out."""
    if width is None:
        return columns, 0
    total = lambda: sum(len(c[0]) for c in columns) + len(GAP) * (len(columns) - 1)  # noqa: E731
    while columns and total() > width:
        widest = max(range(len(columns)), key=lambda i: len(columns[i][0]))
        room = max(len(columns[widest][0].strip()), SHORTEST, len(columns[widest][0]) - (total() - width))
        if room >= len(columns[widest][0]):
            break
        columns = [[_cut(c, room) for c in cells] if i == widest else cells for i, cells in enumerate(columns)]
    kept = list(columns)
    while len(kept) > 1 and sum(len(c[0]) for c in kept) + len(GAP) * (len(kept) - 1) > width:
        kept.pop()
    return kept, len(columns) - len(kept)


def _cut(cell: str, room: int) -> str:
    if len(cell.rstrip()) <= room:
        return cell[:room] if not cell.startswith(" ") else cell[len(cell) - room :]
    return cell[: room - 1] + "…"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _decimals(values: Sequence[float]) -> int | None:
    """Decimals that give the largest number of a column four figures; None where that would hide the smallest."""
    sizes = [abs(value) for value in values if math.isfinite(value) and value]
    if not sizes or max(sizes) >= 1e7:
        return None
    decimals = min(max(3 - math.floor(math.log10(max(sizes))), 0), 6)
    return decimals if min(sizes) >= 0.5 * 10.0**-decimals else None


def _text(value: Any, decimals: int | None = None) -> str:
    if value is None or value == "":
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        if not math.isfinite(value):
            return UNKNOWN
        return f"{value:.{decimals}f}" if decimals is not None else f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_text(item)}" for key, item in value.items()) or UNKNOWN
    if isinstance(value, list | tuple):
        if value and all(isinstance(item, list | tuple) for item in value):
            return "; ".join(" ".join(_text(number) for number in item) for item in value)
        return ", ".join(_text(item) for item in value) or UNKNOWN
    return "".join(c for c in " ".join(str(value).split()) if c.isprintable())


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
