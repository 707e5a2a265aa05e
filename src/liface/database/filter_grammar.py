"""From the syntax tree of an OPTIMADE filter to SQLAlchemy; imported only when a filter is used."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

from lark import Token, Transformer
from sqlalchemy import ColumnElement, and_, exists, false, func, literal, not_, or_, select, true

from liface.database.columns import Column, Noun
from liface.database.filters import column_named
from liface.database.literals import Taken
from liface.database.prefixes import begins
from liface.database.schema import FLAG_TABLES, TABLES
from liface.errors import FilterError

MAX_COMPARISONS = 200
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
MIRRORED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

Condition = Callable[[Column], ColumnElement[bool]]
"""The right side of a comparison, waiting for its column."""


class FilterTransformer(Transformer[Token, Any]):
    """One method per rule of the grammar; a right side becomes a condition on the column before it."""

    def __init__(self, noun: Noun, taken: Taken):
        super().__init__()
        self.noun = noun
        self.taken = taken
        self.table = TABLES[noun.name]
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
            raise FilterError(f"filter: {value!r} {sign} {column!r} names no column")
        return self._compare(column, MIRRORED[str(sign)], value)

    def value_op_rhs(self, children: list[Any]) -> Condition:
        """Compare with a value or another column."""
        sign, value = children
        return lambda column: self._compare(column, str(sign), value)

    def known_op_rhs(self, children: list[Any]) -> Condition:
        """Ask whether a value is known."""
        wanted = str(children[1]) == "KNOWN"

        def condition(column: Column) -> ColumnElement[bool]:
            if column.type == "list":  # a list is always known, if only to be empty
                return true() if wanted else false()
            cell = self.table.c[column.name]
            return cell.is_not(None) if wanted else cell.is_(None)

        return condition

    def fuzzy_string_op_rhs(self, children: list[Any]) -> Condition:
        """Look for a part of a text."""
        sign, value = str(children[0]), children[-1]

        def condition(column: Column) -> ColumnElement[bool]:
            if column.type != "string":
                raise FilterError(f"filter: {sign} needs a text column; {_described(column)}")
            if not isinstance(value, str):
                raise FilterError(f'filter: {column.name} {sign} needs text in double quotes, e.g. "W"')
            return _FUZZY[sign](self.table.c[column.name], value)

        return condition

    def set_op_rhs(self, children: list[Any]) -> Condition:
        """Look into a list."""
        words = [str(child) for child in children if isinstance(child, Token)]
        if len(words) > 1 and words[1] in OPERATORS:
            raise FilterError(f"filter: HAS {words[1]} is not supported; write HAS and the flag")
        how = words[1] if len(words) > 1 else "ALL"
        values = children[-1] if isinstance(children[-1], list) else [children[-1]]
        return lambda column: self._has(column, how, values)

    def length_op_rhs(self, children: list[Any]) -> Condition:
        """Compare the length of a list."""
        sign = str(children[1]) if len(children) == 3 else "="

        def condition(column: Column) -> ColumnElement[bool]:
            flags = self._side_table(column, "LENGTH")
            size = select(func.count()).select_from(flags).where(self._mine(flags)).scalar_subquery()
            return OPERATORS[sign](size, children[-1])

        return condition

    def set_zip_op_rhs(self, children: list[Any]) -> Condition:
        """Refuse lists side by side; no noun has such columns."""
        raise FilterError("filter: comparing several lists at once (a:b HAS ...) is not supported")

    def property(self, children: list[Token]) -> Column:
        """Look the column up."""
        return column_named(self.noun, ".".join(children))

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

    def value_list(self, children: list[Any]) -> list[Any]:
        """Return plain values."""
        if any(isinstance(child, Token) for child in children):
            raise FilterError("filter: operators inside a list of values are not supported")
        return list(children)

    def _first(self, children: list[Any]) -> Any:
        return children[0]

    constant = value = non_string_value = not_implemented_string = _first

    def _count(self, more: int) -> None:
        self._comparisons += more
        if self._comparisons > MAX_COMPARISONS:
            raise FilterError(f"filter: more than {MAX_COMPARISONS} comparisons; split it into several")

    def _compare(self, column: Column, sign: str, value: Any) -> ColumnElement[bool]:
        if column.type in ("list", "dictionary"):
            use = f'write {column.name} HAS "..."' if column.type == "list" else "it can only be IS KNOWN"
            raise FilterError(f"filter: {_described(column)} and cannot be compared with {sign}; {use}")
        cell = self.table.c[column.name]
        if isinstance(value, Column):
            if not _comparable(column, value):
                raise FilterError(f"filter: {_described(column)}, {_described(value)}; they cannot be compared")
            return OPERATORS[sign](cell, self.table.c[value.name])
        typed = _typed(column, value)
        if column.type == "boolean" and sign not in ("=", "!="):
            raise FilterError(f"filter: {_described(column)}; only = and != apply")
        return OPERATORS[sign](cell, literal(typed, cell.type if column.type == "timestamp" else None))

    def _side_table(self, column: Column, sign: str) -> Any:
        if column.type != "list":
            raise FilterError(f"filter: {sign} needs a list column such as flags; {_described(column)}")
        return FLAG_TABLES[self.noun.name]

    def _mine(self, flags: Any) -> ColumnElement[bool]:
        return flags.c.entry_id == self.table.c.entry_id

    def _has(self, column: Column, how: str, values: list[Any]) -> ColumnElement[bool]:
        flags = self._side_table(column, "HAS")
        wrong = [value for value in values if not isinstance(value, str)]
        if wrong:
            raise FilterError(f"filter: {column.name} HAS needs text in double quotes, not {_shown(wrong[0])}")
        self._count(len(values))
        if how == "ONLY":
            return not_(exists().where(self._mine(flags), not_(_is_any(flags, values))))
        groups = [values] if how == "ANY" else [[value] for value in values]
        return and_(*(exists().where(self._mine(flags), _is_any(flags, group)) for group in groups))


def _is_any(flags: Any, values: list[str]) -> ColumnElement[bool]:
    """Whether a flag is one of these, by its slug or by its whole text."""
    bound = [literal(value) for value in values]  # each in a place of its own: the statement is made once
    return or_(flags.c.slug.in_(bound), flags.c.flag.in_(bound))


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
        raise FilterError(f"filter: {_described(column)}; write {column.name}=TRUE, not {_shown(value)}")
    if column.type in ("integer", "float"):
        if number:
            return value
        unit = f" in {column.unit}" if column.unit not in ("", "1") else ""
        raise FilterError(f"filter: {_described(column)}; write a number{unit} without quotes, not {_shown(value)}")
    if not isinstance(value, str):
        raise FilterError(f'filter: {_described(column)}; write text in double quotes, {column.name}="{_bare(value)}"')
    if column.type == "timestamp":
        return _moment(column, value)
    if column.choices and value not in column.choices:
        near = get_close_matches(value, column.choices, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise FilterError(f"filter: {column.name} is never {value!r}; {hint}values: {', '.join(column.choices)}")
    return value


def _moment(column: Column, value: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise FilterError(
            f'filter: {_described(column)}; write e.g. {column.name} >= "2026-03-01T00:00:00Z", not {value!r}'
        ) from error


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise FilterError(f"filter: {text[:20]} is too large for a number")
    whole = text.lstrip("+-").isdigit() and abs(value) < 2**62
    return int(text) if whole else value


def _comparable(a: Column, b: Column) -> bool:
    numbers = {"integer", "float"}
    return a.type == b.type or {a.type, b.type} <= numbers


def _unescaped(text: str) -> str:
    return text.replace("\\\\", "\x02").replace('\\"', '"').replace("\x02", "\\")


def _described(column: Column) -> str:
    kinds = {"string": "text", "integer": "a whole number", "float": "a number", "boolean": "TRUE or FALSE",
             "timestamp": "a moment", "list": "a list", "dictionary": "a table"}  # fmt: skip
    return f"{column.name} is {kinds[column.type]}"


def _shown(value: Any) -> str:
    if isinstance(value, Column):
        return f"the column {value.name}"
    return repr(value) if isinstance(value, str) else _bare(value)


def _bare(value: Any) -> str:
    if isinstance(value, Column):
        return value.name
    return str(value).upper() if isinstance(value, bool) else str(value)
