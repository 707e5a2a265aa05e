"""The nouns as data are the nouns."""

from __future__ import annotations

import pytest

from liface.database.catalog import FILE, catalog_noun, schema_version
from liface.database.columns import NOUNS, noun_named
from liface.database.migrations import latest
from liface.errors import FilterError
from liface.testing.catalog import catalog_text


def test_the_file_is_what_the_documents_declare():
    assert FILE.read_text(encoding="utf-8") == catalog_text(), "run python -m liface.testing.catalog"


def test_the_schema_is_that_of_this_version():
    assert schema_version() == latest()


@pytest.mark.parametrize("name", NOUNS)
def test_every_noun_is_known_by_both_names(name):
    noun = NOUNS[name]
    for found in (catalog_noun(name), catalog_noun(noun.kind)):
        assert (found.name, found.kind, found.key, found.slot) == (noun.name, noun.kind, noun.key, noun.slot)
        assert found.natural_order == noun.natural_order and found.is_result == noun.is_result
        assert list(found.columns) == list(noun.columns)
        for column in found.columns.values():
            real = noun.columns[column.name]
            assert (column.type, column.unit, column.choices) == (real.type, real.unit, real.choices)
            assert column.required == real.required


def test_an_unknown_noun_is_refused_in_the_same_words():
    with pytest.raises(FilterError) as here:
        catalog_noun("nonsense")
    with pytest.raises(FilterError) as there:
        noun_named("nonsense")
    assert str(here.value) == str(there.value)
