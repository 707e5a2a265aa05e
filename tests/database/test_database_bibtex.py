"""BibTeX of what records cite: read back by a parser, nothing lost, nothing made up."""

from __future__ import annotations

import bibtexparser
import pytest
from database_factories import EVERY_KIND

from liface.documents import LiteratureValue
from liface.documents.bibtex import ENGINES, PHONOPY, PROGRAMS, bibtex, cited

VALUE = LiteratureValue(
    quantity="surface", material="W", value=3.23, unit="J/m²", method="PBE", doi="10.1038/sdata.2016.80"
)


def entries(documents):
    return {entry["ID"]: entry for entry in bibtexparser.loads(bibtex(documents)).entries}


def test_a_known_paper_has_its_metadata_once():
    found = entries([VALUE, VALUE.model_copy(update={"value": 3.0})])
    assert list(found) == ["tran2016"]
    assert found["tran2016"]["journal"] == "Scientific Data" and found["tran2016"]["doi"] == VALUE.doi


def test_an_unknown_doi_becomes_an_entry_with_its_address():
    own = VALUE.model_copy(update={"doi": "10.1000/182"})
    assert entries([own])["doi-10.1000-182"]["url"] == "https://doi.org/10.1000/182"
    assert list(entries([own.model_copy(update={"bibtex_key": "mine2020"})])) == ["mine2020"]


def test_a_citation_in_words_is_escaped():
    own = VALUE.model_copy(update={"doi": "", "citation": "A & B, 100 % of_it {x}"})
    (entry,) = entries([own]).values()
    assert entry["note"] == r"A \& B, 100 \% of\_it \{x\}"


def test_every_known_source_has_what_a_reader_needs():
    dois = {*PROGRAMS, *ENGINES.values(), PHONOPY, VALUE.doi}
    found = entries([VALUE.model_copy(update={"doi": doi}) for doi in dois])
    assert {entry["doi"] for entry in found.values()} == dois
    assert all({"author", "journal", "year"} <= entry.keys() for entry in found.values())


def test_nothing_cites_nothing():
    assert entries([]) == {}


@pytest.mark.parametrize("factory", EVERY_KIND)
def test_a_result_cites_its_definition_its_engine_and_the_programs(factory):
    document = factory()
    found = set(cited([document]))
    assert {doi.lower() for doi in document.provenance.doi} <= found
    assert document.engine is None or set(PROGRAMS) <= found
