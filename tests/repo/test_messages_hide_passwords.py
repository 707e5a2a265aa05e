"""Addresses of databases may hold passwords: the command line shows none of them as it was typed."""

import ast
from pathlib import Path

import pytest

import liface.cli

TYPED = {"db", "target", "source", "store"}
"""What parameters with an address are called."""


@pytest.mark.parametrize("path", sorted(Path(liface.cli.__file__).parent.glob("*.py")), ids=lambda path: path.stem)
def test_no_message_holds_an_address_as_it_was_typed(path):
    values = (
        node.value for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FormattedValue)
    )
    assert [ast.unparse(value) for value in values if isinstance(value, ast.Name) and value.id in TYPED] == []
