"""The values of a filter taken out of its text, so that filters which differ in values alone are parsed once."""

from __future__ import annotations

import re
from dataclasses import dataclass

MARK = "\x01"
"""Stands before the number of a value in the text that is parsed; no filter may hold it."""

STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)

_VALUE = re.compile(
    r'(?P<string>"(?:[^"\\]|\\.)*")'
    r"|\b(?P<boolean>TRUE|FALSE)\b"
    r"|(?<![\w.+-])(?P<number>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(?![\w.])",
    re.DOTALL,
)
_MARKED = re.compile(f'"{MARK}([0-9]+)"')
_NAME = re.compile(r"[a-z_][a-z_0-9]*")


@dataclass(frozen=True)
class Taken:
    """A filter without its values."""

    text: str
    values: tuple[str, ...]
    """Each as it was written, text with its quotes."""
    with_numbers: bool
    """Whether numbers were taken out too, or stand in the text as they were written."""

    def boolean(self, token: str) -> bool | None:
        """Return the TRUE or FALSE behind a mark; None for text."""
        value = self.written(token)
        return None if value.startswith('"') else value == "TRUE"

    def written(self, token: str) -> str:
        """Return the value that a token of the parsed text stands for."""
        if token.startswith('"'):
            return self.values[int(token[2:-1])]
        return self.values[int(float(token))] if self.with_numbers else token

    def restored(self, text: str) -> str:
        """Put text and booleans back into a part of the parsed text, for messages."""
        return _MARKED.sub(lambda mark: self.values[int(mark[1])], text)


def taken_out(where: str, numbers: bool = True) -> Taken:
    """Take the values out of a filter.

    TRUE and FALSE become text on the way: the parser of the grammar 1.2.0 drops which of the two it read. Numbers
    stay in their places if any of them stands in an unusual one, such as ``5AND``.
    """
    numbers = numbers and not any(c.isdigit() for c in _NAME.sub("", _VALUE.sub(" ", where)))
    values: list[str] = []

    def mark(found: re.Match[str]) -> str:
        if found["number"] and not numbers:
            return found[0]
        values.append(found[0])
        place = len(values) - 1
        if found["number"]:
            return str(place) if found[0].lstrip("+-").isdigit() else f"{place}.0"
        return f'"{MARK}{place}"'

    return Taken(_VALUE.sub(mark, where), tuple(values), numbers)
