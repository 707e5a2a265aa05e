"""The sources of a selection of records as BibTeX: papers of the numbers, of the methods and of the programs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

from liface.documents.literature import LiteratureValue, bare_doi

PROGRAMS = ("10.1088/1361-648x/aa680e", "10.1016/j.commatsci.2012.10.028", "10.21105/joss.05995")
"""ASE, pymatgen and jobflow: behind every computed result."""

ENGINES = {
    "sevennet": "10.1021/acs.jctc.4c00190",
    "chgnet": "10.1038/s42256-023-00716-3",
    "emt": "10.1016/0039-6028(96)00816-3",
    "vasp": "10.1103/physrevb.54.11169",
    "gpaw": "10.1063/5.0182685",
    "atomate2": "10.1039/d5dd00019j",
}
"""DOI of the paper behind an engine, by its name."""

PHONOPY = "10.1088/1361-648x/acd831"
WITH_PHONONS = ("phonon", "vibration")

_ESCAPED = re.compile(r"([&%$#_{}])")


def cited(documents: Iterable[Any]) -> tuple[str, ...]:
    """Return the DOIs that results, calculations and published values rest on, without repetition, sorted.

    A result brings the papers of its definition, of its engine and of the programs that every result needs.
    """
    found: set[str] = set()
    for document in documents:
        if isinstance(document, LiteratureValue):
            found.update([document.doi] if document.doi else [])
            continue
        found.update(bare_doi(doi) for doi in getattr(getattr(document, "provenance", None), "doi", ()))
        engine = getattr(document, "engine", None)
        if engine is not None:
            found.update(PROGRAMS)
            found.update([ENGINES[engine.name]] if engine.name in ENGINES else [])
        if getattr(document, "kind", "") in WITH_PHONONS:
            found.add(PHONOPY)
    return tuple(sorted(found))


def bibtex(documents: Iterable[Any], also: Iterable[str] = ()) -> str:
    """Return BibTeX of everything that some documents cite, and of other DOIs; in the order of their keys.

    A DOI whose paper is not known here becomes a ``@misc`` with the DOI and its address; a published value without a
    DOI one with its citation in words. Keys of a person's own are kept.
    """
    import bibtexparser
    from bibtexparser.bwriter import BibTexWriter

    documents = list(documents)
    values = [document for document in documents if isinstance(document, LiteratureValue)]
    keys = {value.doi: value.bibtex_key for value in values if value.doi and value.bibtex_key}
    dois = sorted({*cited(documents), *map(bare_doi, also)})
    entries = [_known().get(doi) or _minimal(doi, keys.get(doi, "")) for doi in dois]
    entries += _in_words(value for value in values if not value.doi)
    database = bibtexparser.bibdatabase.BibDatabase()
    database.entries = sorted((dict(entry) for entry in entries), key=lambda entry: entry["ID"])
    writer = BibTexWriter()
    writer.order_entries_by = None
    writer.indent = "  "
    return str(writer.write(database))


@cache
def _known() -> dict[str, dict[str, str]]:
    import bibtexparser

    text = (files("liface.documents") / "data" / "sources.bib").read_text("utf-8")
    return {entry["doi"]: entry for entry in bibtexparser.loads(text).entries}


def _minimal(doi: str, key: str) -> dict[str, str]:
    name = key or "doi-" + re.sub(r"[^a-z0-9.]+", "-", doi)
    return {"ENTRYTYPE": "misc", "ID": name, "doi": doi, "url": f"https://doi.org/{doi}"}


def _in_words(values: Iterable[LiteratureValue]) -> list[dict[str, str]]:
    found = {value.citation: value for value in values}
    return [
        {
            "ENTRYTYPE": "misc",
            "ID": value.bibtex_key or f"source-{value.literature_id[:8]}",
            "note": _ESCAPED.sub(r"\\\1", citation),
        }
        for citation, value in found.items()
    ]
