"""Published values of the package and of the database, and stored results held against them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from liface.analysis.comparison import Comparison, beside, compared
from liface.analysis.computed import computed_values, quantities_of
from liface.analysis.literature import Literature
from liface.database import Database
from liface.database.columns import NOUNS, RESULT_NOUNS
from liface.database.filters import quoted
from liface.documents import LiteratureValue, ResultDocument
from liface.errors import InputError, LifaceError, LiteratureFileError, MillerIndexError
from liface.structures.library import MaterialsLibrary
from liface.workflows.case_specs import canonical_surface


def literature_of(database: Database | None) -> Literature:
    """Return the shipped values together with those of a database, if there is one."""
    return Literature(database.literature() if database is not None else (), same_plane)


def same_plane(material: str, plane: str, other: str) -> bool:
    """Tell whether two planes of a material of the library are the same up to its symmetry, as (011) and (110) of W.

    Of materials that the library does not know, planes are the same where their labels are.
    """
    return plane == other or _family(material, plane) == _family(material, other)


@lru_cache(maxsize=4096)
def _family(material: str, plane: str) -> str:
    from liface.structures.crystal import plane_family

    library = MaterialsLibrary()
    if material not in library.names():
        return plane
    try:
        return plane_family(library.get(material).structure(), plane)
    except LifaceError:  # no plane of this crystal: it equals nothing but itself
        return plane


@dataclass(frozen=True)
class Prepared:
    """Values as they are stored, and names in them that the library does not know."""

    values: tuple[LiteratureValue, ...]
    unknown: tuple[str, ...]


def prepared(values: Iterable[LiteratureValue], library: MaterialsLibrary | None = None) -> Prepared:
    """Give materials and planes the names that results have, so that both are found together.

    Materials that the library does not know stay as they are: a campaign file may bring them.

    Raises
    ------
    LiteratureFileError
        A plane that the crystal cannot have, or a value that is there twice under two names of one material; the
        message names the rows.
    """
    known = library or MaterialsLibrary()
    named: dict[tuple[str, str | None], tuple[str, str | None]] = {}

    def surface(material: str, plane: str | None) -> tuple[str, str | None]:
        if (material, plane) not in named:
            named[material, plane] = canonical_surface(known, material, plane)
        return named[material, plane]

    found, unknown, problems = [], set(), []
    first: dict[str, int] = {}
    for row, value in enumerate(values, 1):
        try:
            material, plane = surface(value.material, value.plane)
            film, film_plane = surface(value.film, value.film_plane)
        except MillerIndexError as error:
            problems.append(f"row {row}: {error}")
            continue
        unknown |= {name for name in (material, film) if name not in known.names()}
        changes = {"material": material, "plane": plane, "film": film, "film_plane": film_plane}
        renamed = value.model_copy(update=changes)
        earlier = first.setdefault(renamed.literature_id, row)
        if earlier != row:
            problems.append(f"row {row}: says the same as row {earlier}, of {material}({plane}); take one of them out")
        found.append(renamed)
    if problems:
        raise LiteratureFileError("nothing was stored\n  " + "\n  ".join(problems))
    return Prepared(tuple(found), tuple(sorted(unknown)))


def comparable_kinds() -> tuple[str, ...]:
    """Return the nouns whose rows published values are held against."""
    return tuple(noun.name for kind, noun in RESULT_NOUNS.items() if quantities_of(kind))


def check_comparable(noun: str) -> str:
    """Return the plural name of a kind of which values are published.

    Raises
    ------
    InputError
        The message lists the kinds.
    """
    for kind in comparable_kinds():
        if noun in (kind, NOUNS[kind].kind):
            return kind
    raise InputError(f"{noun!r} is not held against published values; kinds: {', '.join(comparable_kinds())}")


def compare_stored(
    database: Database, noun: str | None = None, where: str | None = None, literature: Literature | None = None
) -> tuple[Comparison, ...]:
    """Hold the current results of a kind, or of every kind, against the published values of the same thing.

    Raises
    ------
    InputError
        Nothing is published of that kind; the message lists the kinds.
    FilterError
        The filter does not fit the columns of a kind.
    """
    kinds = comparable_kinds()
    if noun is not None:
        kinds = (check_comparable(noun),)
    known = literature or literature_of(database)
    return tuple(row for kind in kinds for row in compared(database.results(kind, where=where), known))


def sources(database: Database, campaign: str | None = None) -> list[Any]:
    """Return what the results of a campaign rest on, or those of all: results, and published values beside them.

    Without a campaign every stored published value is among them.

    Raises
    ------
    InputError
        The campaign has no results.
    """
    where = None if campaign is None else f"campaign={quoted(campaign)}"
    known = literature_of(database)
    results = [result for kind in RESULT_NOUNS for result in database.results(kind, where=where)]
    if campaign is not None and not results:
        raise InputError(f"no results of campaign {campaign!r} are stored; see liface database info")
    shown = {
        value.literature_id: value
        for result in results
        for computed in computed_values(result)
        for value in beside(computed, known)
    }
    own = {} if campaign is not None else {value.literature_id: value for value in database.literature()}
    return [*results, *(shown | own).values()]


def published_beside(database: Database, noun: str, where: str | None = None) -> dict[str, str]:
    """Return what is published of the results of a kind, as text, by record id; the closest of each source.

    Raises
    ------
    InputError
        Nothing is published of that kind; the message lists the kinds.
    """
    check_comparable(noun)
    known = literature_of(database)
    return {result.record_id: told(result, known) for result in database.results(noun, where=where)}


def told(result: ResultDocument, known: Literature) -> str:
    """Return what is published of a result in words: values in the unit that is reported, with their sources."""
    found = [
        f"{computed.quantity}: {in_house(value)}"
        for computed in computed_values(result)
        for value in beside(computed, known, closest=True)
    ]
    several = len({line.partition(":")[0] for line in found}) > 1
    return "; ".join(line if several else line.partition(": ")[2] for line in found)


def in_house(value: LiteratureValue) -> str:
    """Return a published value in the unit that is reported, with qualifier and source."""
    sign = "" if value.qualifier == "=" else f"{value.qualifier} "
    return f"{sign}{value.house_value:.4g} {value.house_unit} ({value.doi or value.citation})"
