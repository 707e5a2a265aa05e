"""Published values of the package and of the database, and stored results held against them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from liface.analysis.comparison import Comparison, compared
from liface.analysis.computed import quantities_of
from liface.analysis.literature import Literature
from liface.database import Database
from liface.database.columns import RESULT_NOUNS, noun_named
from liface.documents import LiteratureValue
from liface.errors import InputError
from liface.structures.library import MaterialsLibrary
from liface.workflows.case_specs import canonical_surface


def literature_of(database: Database | None) -> Literature:
    """Return the shipped values together with those of a database, if there is one."""
    return Literature(database.literature() if database is not None else ())


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
    MillerIndexError
        A plane that the crystal cannot have.
    """
    known = library or MaterialsLibrary()
    named: dict[tuple[str, str | None], tuple[str, str | None]] = {}

    def surface(material: str, plane: str | None) -> tuple[str, str | None]:
        if (material, plane) not in named:
            named[material, plane] = canonical_surface(known, material, plane)
        return named[material, plane]

    found, unknown = [], set()
    for value in values:
        material, plane = surface(value.material, value.plane)
        film, film_plane = surface(value.film, value.film_plane)
        unknown |= {name for name in (material, film) if name not in known.names()}
        changes = {"material": material, "plane": plane, "film": film, "film_plane": film_plane}
        found.append(value.model_copy(update=changes))
    return Prepared(tuple(found), tuple(sorted(unknown)))


def comparable_kinds() -> tuple[str, ...]:
    """Return the nouns whose rows published values are held against."""
    return tuple(noun.name for kind, noun in RESULT_NOUNS.items() if quantities_of(kind))


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
        name = noun_named(noun).name
        if name not in kinds:
            raise InputError(f"{noun!r} is not held against published values; kinds: {', '.join(kinds)}")
        kinds = (name,)
    known = literature or literature_of(database)
    return tuple(row for kind in kinds for row in compared(database.results(kind, where=where), known))
