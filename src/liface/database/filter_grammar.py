"""From the syntax tree of an OPTIMADE filter to SQLAlchemy; imported only when a filter is used."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

from lark import Token, Transformer
from sqlalchemy import ColumnElement, and_, false, func, literal, not_, or_, true

from liface.database.columns import Column
from liface.database.filter_sources import FilterSource, Items, Match, StoredItems, nothing_known
from liface.database.literals import Taken
from liface.database.prefixes import begins
from liface.errors import FilterError, UnsupportedFilterError

MAX_COMPARISONS = 200
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
MIRRORED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

Condition = Callable[[Column], ColumnElement[bool]]
"""The right side of a comparison, waiting for its column."""
Wanted = tuple[str, Any]
"""An operator and the value that an item of a list is compared with."""


class FilterTransformer(Transformer[Token, Any]):
    """One method per rule of the grammar; a right side becomes a condition on the column before it."""

    def __init__(self, source: FilterSource, taken: Taken):
        super().__init__()
        self.source = source
        self.taken = taken
        self._comparisons = 0

    def filter(self, children: list[Any]) -> ColumnElement[bool]:
        """Return the only expression; nothing at all matches every row."""
        if len(children) > 1:
            raise FilterError("filter: two comparisons without AND or OR between them")
        return children[0] if children else true()

    def expression(self, children: list[Any]) -> ColumnElement[bool]:
        """Join by OR."""
        return or_(*children) if len(children) > 1 else children[0]

    def expression_clause(self, children: list[Any]) -> ColumnElement[bool]:
        """Join by AND."""
        return and_(*children) if len(children) > 1 else children[0]

    def expression_phrase(self, children: list[Any]) -> ColumnElement[bool]:
        """Negate if NOT stands before."""
        return not_(children[1]) if len(children) == 2 else children[0]

    def comparison(self, children: list[Any]) -> ColumnElement[bool]:
        """Count the comparisons, which the database limits."""
        self._count(1)
        return children[0]

    def property_first_comparison(self, children: list[Any]) -> ColumnElement[bool]:
        """Give the condition its column."""
        column, condition = children
        return condition(column)

    def constant_first_comparison(self, children: list[Any]) -> ColumnElement[bool]:
        """Turn ``5 < n_li`` round."""
        value, sign, column = children
        if not isinstance(column, Column):
            raise UnsupportedFilterError(f"filter: {value!r} {sign} {column!r} names no column")
        return self._compare(column, MIRRORED[str(sign)], value)

    def value_op_rhs(self, children: list[Any]) -> Condition:
        """Compare with a value or another column."""
        sign, value = children
        return lambda column: self._compare(column, str(sign), value)

    def known_op_rhs(self, children: list[Any]) -> Condition:
        """Ask whether a value is known."""
        wanted = str(children[1]) == "KNOWN"

        def condition(column: Column) -> ColumnElement[bool]:
            if column.type in ("list", "unknown"):  # a list is always known, if only to be empty
                return true() if wanted == (column.type == "list") else false()
            cell = self.source.cell(column)
            return cell.is_not(None) if wanted else cell.is_(None)

        return condition

    def fuzzy_string_op_rhs(self, children: list[Any]) -> Condition:
        """Look for a part of a text."""
        sign, value = str(children[0]), children[-1]

        def condition(column: Column) -> ColumnElement[bool]:
            if column.type == "unknown":
                return nothing_known()
            if column.type != "string":
                raise UnsupportedFilterError(f"filter: {sign} needs a text column; {_described(column)}")
            if not isinstance(value, str):
                raise UnsupportedFilterError(f'filter: {column.name} {sign} needs text in double quotes, e.g. "W"')
            return _FUZZY[sign](self.source.cell(column), value)

        return condition

    def set_op_rhs(self, children: list[Any]) -> Condition:
        """Look into a list."""
        words = [str(child) for child in children if isinstance(child, Token)]
        how = next((word for word in words if word in ("ALL", "ANY", "ONLY")), "ALL")
        sign = next((word for word in words if word in OPERATORS), "=")
        last = children[-1]
        values = last if isinstance(last, list) else [(sign, last)]
        return lambda column: self._has([column], how, [(value,) for value in values])

    def set_zip_op_rhs(self, children: list[Any]) -> Condition:
        """Look into several lists side by side, ``elements:elements_ratios HAS "Li":>0.5``."""
        others, *rest = children
        how = next((str(word) for word in rest if str(word) in ("ALL", "ANY", "ONLY")), "ALL")
        rows = rest[-1] if isinstance(rest[-1], list) else [rest[-1]]
        return lambda column: self._has([column, *others], how, rows)

    def property_zip_addon(self, children: list[Any]) -> tuple[Column, ...]:
        """Return the lists after the first."""
        return tuple(child for child in children if isinstance(child, Column))

    def length_op_rhs(self, children: list[Any]) -> Condition:
        """Compare the length of a list."""
        sign = str(children[1]) if len(children) == 3 else "="

        def condition(column: Column) -> ColumnElement[bool]:
            if column.type == "unknown":
                return nothing_known()
            return OPERATORS[sign](self._items(column, "LENGTH").length(), children[-1])

        return condition

    def property(self, children: list[Token]) -> Column:
        """Look the column up."""
        return self.source.column(".".join(children))

    def string(self, children: list[Token]) -> str | bool:
        """Take off quotes and escapes."""
        boolean = self.taken.boolean(str(children[0]))
        return _unescaped(self.taken.written(str(children[0]))[1:-1]) if boolean is None else boolean

    def number(self, children: list[Token]) -> float:
        """Read a finite number."""
        return _number(self.taken.written(str(children[0])))

    def signed_int(self, children: list[Token]) -> float:
        """Read a length."""
        return _number(self.taken.written(str(children[0])))

    def value_list(self, children: list[Any]) -> list[Wanted]:
        """Return values, each with the operator before it."""
        return list(_signed(children))

    def value_zip(self, children: list[Any]) -> tuple[Wanted, ...]:
        """Return the values for lists side by side."""
        return tuple(_signed(children))

    def value_zip_list(self, children: list[Any]) -> list[tuple[Wanted, ...]]:
        """Return several of them."""
        return [child for child in children if isinstance(child, tuple)]

    def _first(self, children: list[Any]) -> Any:
        return children[0]

    constant = value = non_string_value = not_implemented_string = _first

    def _count(self, more: int) -> None:
        self._comparisons += more
        if self._comparisons > MAX_COMPARISONS:
            raise FilterError(f"filter: more than {MAX_COMPARISONS} comparisons; split it into several")

    def _compare(self, column: Column, sign: str, value: Any) -> ColumnElement[bool]:
        if column.type == "unknown" or (isinstance(value, Column) and value.type == "unknown"):
            return nothing_known()
        if column.type in ("list", "dictionary"):
            use = f'write {column.name} HAS "..."' if column.type == "list" else "it can only be IS KNOWN"
            raise UnsupportedFilterError(f"filter: {_described(column)} and cannot be compared with {sign}; {use}")
        cell = self.source.cell(column)
        if isinstance(value, Column):
            if not _comparable(column, value):
                raise UnsupportedFilterError(
                    f"filter: {_described(column)}, {_described(value)}; they cannot be compared"
                )
            return OPERATORS[sign](cell, self.source.cell(value))
        typed = _typed(column, value)
        if column.type == "boolean" and sign not in ("=", "!="):
            raise UnsupportedFilterError(f"filter: {_described(column)}; only = and != apply")
        return OPERATORS[sign](cell, literal(typed, cell.type if column.type == "timestamp" else None))

    def _items(self, column: Column, sign: str) -> Items:
        if column.type != "list":
            raise UnsupportedFilterError(f"filter: {sign} needs a list column such as flags; {_described(column)}")
        return self.source.items(column)

    def _has(self, columns: list[Column], how: str, rows: list[tuple[Wanted, ...]]) -> ColumnElement[bool]:
        """Tell which lists have the wanted items; each row of values holds one for each list."""
        if any(column.type == "unknown" for column in columns):
            return nothing_known()
        lists = [self._items(column, "HAS") for column in columns]
        if any(len(row) != len(columns) for row in rows):
            raise FilterError(f"filter: {':'.join(c.name for c in columns)} HAS needs {len(columns)} values each")
        self._count(sum(len(row) for row in rows))
        wanted = [
            [_item_match(column, items, *value) for column, items, value in zip(columns, lists, row, strict=True)]
            for row in rows
        ]
        if len(columns) == 1 and all(sign == "=" for ((sign, _),) in rows):
            quick = lists[0].has(how, [value for ((_, value),) in rows])
            if quick is not None:
                return quick
        if how == "ONLY":
            return not_(_some(columns, lists, wanted, negated=True))
        if how == "ANY":
            return _some(columns, lists, wanted)
        return and_(*(_some(columns, lists, [row]) for row in wanted))


def _signed(children: list[Any]) -> Iterator[Wanted]:
    """Yield values with the operators before them; without one, they are to be equal."""
    sign = "="
    for child in children:
        if isinstance(child, Token):
            sign = str(child)
        else:
            yield sign, child
            sign = "="


def _some(
    columns: list[Column], lists: list[Items], rows: list[list[Match]], negated: bool = False
) -> ColumnElement[bool]:
    """Whether an item matches one of the rows, or with ``negated`` none of them; several lists match together."""

    def matches(cells: list[tuple[Any, ...]]) -> ColumnElement[bool]:
        found = or_(*(and_(*(match(cell) for match, cell in zip(row, cells, strict=True))) for row in rows))
        return not_(found) if negated else found

    if len(lists) == 1:
        return lists[0].some(lambda cells: matches([cells]))
    stored = [items for items in lists if isinstance(items, StoredItems)]
    if len(stored) < len(lists) or len({items.key.table.name for items in stored}) > 1:
        names = ":".join(column.name for column in columns)
        raise UnsupportedFilterError(f"filter: {names} cannot be looked into side by side")
    return stored[0].some_row(matches([items.cells for items in stored]))


def _item_match(column: Column, items: Items, sign: str, value: Any) -> Match:
    """Return the comparison of one item, its value checked against the type of the items."""
    if items.type == "dictionary":
        raise UnsupportedFilterError(f"filter: the items of {column.name} cannot be compared; only LENGTH applies")
    text = isinstance(value, str)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if items.type == "string" and not text:
        raise UnsupportedFilterError(f"filter: {column.name} HAS needs text in double quotes, not {_shown(value)}")
    if items.type != "string" and not number:
        raise UnsupportedFilterError(f"filter: {column.name} HAS needs a number without quotes, not {_shown(value)}")
    if sign == "=":
        return lambda cells: or_(*(cell == value for cell in cells))
    return lambda cells: OPERATORS[sign](cells[-1], value)


def _ends(cell: Any, text: str) -> ColumnElement[bool]:
    start = func.length(cell) - len(text) + 1
    return and_(func.length(cell) >= len(text), func.substr(cell, start, len(text)) == text)


def _contains(cell: Any, text: str) -> ColumnElement[bool]:
    # replace() instead of LIKE: no wildcards to escape, and case counts in every database
    return cell.is_not(None) if not text else func.replace(cell, text, "") != cell


_FUZZY: dict[str, Callable[[Any, str], ColumnElement[bool]]] = {
    "STARTS": begins, "ENDS": _ends, "CONTAINS": _contains,
}  # fmt: skip


def _typed(column: Column, value: Any) -> Any:
    """Check a value against the type of its column."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if column.type == "boolean":
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        if isinstance(value, bool):
            return value
        raise UnsupportedFilterError(f"filter: {_described(column)}; write {column.name}=TRUE, not {_shown(value)}")
    if column.type in ("integer", "float"):
        if number:
            return float(value) if column.type == "float" else _of_whole(value)
        unit = f" in {column.unit}" if column.unit not in ("", "1") else ""
        raise UnsupportedFilterError(
            f"filter: {_described(column)}; write a number{unit} without quotes, not {_shown(value)}"
        )
    if not isinstance(value, str):
        raise UnsupportedFilterError(
            f'filter: {_described(column)}; write text in double quotes, {column.name}="{_bare(value)}"'
        )
    if column.type == "timestamp":
        return _moment(column, value)
    if column.choices and value not in column.choices:
        near = get_close_matches(value, column.choices, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise FilterError(f"filter: {column.name} is never {_cut(value)!r}; {hint}values: {', '.join(column.choices)}")
    return value


def _moment(column: Column, value: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise FilterError(
            f'filter: {_described(column)}; write e.g. {column.name} >= "2026-03-01T00:00:00Z", not {_cut(value)!r}'
        ) from error


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise FilterError(f"filter: {text[:20]} is too large for a number")
    whole = text.lstrip("+-").isdigit() and abs(value) < 2**62
    return int(text) if whole else value


def _of_whole(value: float) -> float:
    """Return what a column of whole numbers is compared with, so that no database rounds or overflows."""
    if value != int(value):
        return value
    return int(value) if -(2**63) <= int(value) < 2**63 else math.copysign(2.0**70, value)


def _comparable(a: Column, b: Column) -> bool:
    numbers = {"integer", "float"}
    return a.type == b.type or {a.type, b.type} <= numbers


def _unescaped(text: str) -> str:
    return text.replace("\\\\", "\x02").replace('\\"', '"').replace("\x02", "\\")


def _described(column: Column) -> str:
    kinds = {"string": "text", "integer": "a whole number", "float": "a number", "boolean": "TRUE or FALSE",
             "timestamp": "a moment", "list": "a list", "dictionary": "a table", "unknown": "unknown here"}  # fmt: skip
    return f"{column.name} is {kinds[column.type]}"


def _shown(value: Any) -> str:
    if isinstance(value, Column):
        return f"the column {value.name}"
    return repr(_cut(value)) if isinstance(value, str) else _bare(value)


def _cut(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def _bare(value: Any) -> str:
    if isinstance(value, Column):
        return value.name
    return str(value).upper() if isinstance(value, bool) else str(value)
