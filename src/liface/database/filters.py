"""Filters in the OPTIMADE grammar, turned into typed SQLAlchemy expressions.

The text is parsed by optimade-python-tools and never becomes part of an SQL statement: columns are looked up by
name, values are checked against the type of their column and bound as parameters.

Unknown values (a failed calculation has no energy) match only ``IS UNKNOWN``: neither a comparison nor its NOT.
Text is compared exactly; CONTAINS, STARTS WITH and ENDS WITH know no wildcards and heed upper and lower case.
"""

from __future__ import annotations

import re
import threading
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from liface.database.codec import is_text
from liface.database.columns import Noun
from liface.database.literals import MARK, STRING, Taken, taken_out
from liface.database.names import column_named, quoted, short, within_campaign
from liface.errors import FilterError

if TYPE_CHECKING:
    from lark import Tree
    from optimade.filterparser import LarkParser
    from sqlalchemy import ColumnElement

    from liface.database.filter_sources import FilterSource

__all__ = ["MAX_LENGTH", "column_named", "filter_expression", "quoted", "within_campaign"]

MAX_LENGTH = 4_000
"""Characters of a filter; one that is meant to be slow takes the parser up to two seconds at this length."""

MAX_DEPTH = 50
KEPT_TREES = 256
"""Filters, by everything but their values, whose syntax trees are kept: parsing takes milliseconds."""

_parsing = threading.Lock()


def filter_expression(noun: Noun | FilterSource, where: str) -> ColumnElement[bool]:
    """Turn a filter into a condition on the table of a noun, or on what a source finds elsewhere.

    Raises
    ------
    FilterError
        If the text does not parse, names an unknown column, or compares a column with a value of another type.
    """
    _check_size(where)
    from lark.exceptions import VisitError

    from liface.database.filter_grammar import FilterTransformer
    from liface.database.filter_sources import FilterSource

    source = FilterSource(noun) if isinstance(noun, Noun) else noun
    try:
        taken, tree = _parse(where, source.example)
        return FilterTransformer(source, taken).transform(tree)
    except VisitError as error:
        if isinstance(error.orig_exc, FilterError):
            raise error.orig_exc from None
        raise FilterError(f"filter: {short(where)} cannot be read ({error.orig_exc})") from error
    except RecursionError as error:
        raise FilterError(f"filter: {short(where)} is nested too deeply; split it into several") from error


def _check_size(where: str) -> None:
    if len(where) > MAX_LENGTH:
        raise FilterError(f"filter: {len(where)} characters; at most {MAX_LENGTH} are read")
    if not where.isprintable() and (MARK in where or not is_text(where)):
        raise FilterError("filter: holds characters that are no text; remove them")
    depth = deepest = 0
    for character in STRING.sub("", where):
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        raise FilterError(f"filter: {deepest} nested parentheses; at most {MAX_DEPTH} are read")


@cache
def _parser() -> LarkParser:
    from optimade.filterparser import LarkParser

    return LarkParser(version=(1, 2, 0))


@lru_cache(maxsize=KEPT_TREES)
def _tree(text: str) -> Tree:
    with _parsing:
        return _parser().parse(text)


def _parse(where: str, example: str) -> tuple[Taken, Tree]:
    from optimade.exceptions import BadRequest

    taken = taken_out(where)
    try:
        return taken, _tree(taken.text)
    except BadRequest:
        taken = taken_out(where, numbers=False)  # says where reading stopped in the numbers of the person
    try:
        return taken, _tree(taken.text)
    except BadRequest as error:
        why = f"{_place(error, taken)}{_advice(where, example)}"
        raise FilterError(f"filter: {short(where)} does not parse{why}") from error


def _place(error: BaseException, taken: Taken) -> str:
    """Say where reading stopped, if the parser knows."""
    position = getattr(error.__cause__, "pos_in_stream", None)
    if not isinstance(position, int) or not 0 <= position < len(taken.text):
        return "; it ends too early"
    return f"; reading stopped at {short(taken.restored(taken.text[position:]))}"


def _advice(where: str, example: str) -> str:
    bare = STRING.sub('""', where)
    if "'" in bare:
        return "; text goes in double quotes"
    if "==" in bare:
        return "; equality is a single ="
    if re.search(r"\bHAS\s+NONE\b", bare):
        return '; write NOT (flags HAS ANY "a","b")'
    if re.search(r"\b(and|or|not|contains|has|is|known|unknown|like|in)\b", bare):
        return "; words such as AND, OR, NOT, CONTAINS, HAS are in capitals"
    if re.search(r"\bNOT\s+NOT\b", bare):
        return "; write NOT (NOT ...)"
    return f"; write e.g. {example}"
