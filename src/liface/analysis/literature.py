"""Published figures beside which computed values are shown, each with its DOI."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from importlib.resources import files
from typing import Literal

import yaml

from liface.analysis.responses import MeasuredPoint, measured
from liface.documents import LiteratureValue
from liface.errors import InputError

Origin = Literal["shipped", "database"]

BY = "shipped with liface"
PLACE = ("plane", "film", "film_plane", "n_li", "arrangement", "monolayers")
"""What tells values of one quantity and material apart; a value that leaves one open fits every one."""


def published(quantity: str) -> tuple[LiteratureValue, ...]:
    """Return the shipped figures of one quantity; measured responses answer to their names too.

    Raises
    ------
    InputError
        For an unknown quantity; the message lists the known ones.
    """
    chosen = tuple(value for value in shipped() if value.quantity == quantity)
    if not chosen:
        known = ", ".join(sorted({value.quantity for value in shipped()}))
        raise InputError(f"no published values of {quantity!r}; known: {known}")
    return chosen


@cache
def shipped() -> tuple[LiteratureValue, ...]:
    """Return every value that comes with the package."""
    source = files("liface.analysis") / "data" / "literature.yaml"
    rows = yaml.safe_load(source.read_text("utf-8"))
    return (*(LiteratureValue(entered_by=BY, **row) for row in rows), *(_from_point(point) for point in measured()))


class Literature:
    """The shipped values and those of a person's own, asked together; none takes the place of another."""

    def __init__(
        self, own: Iterable[LiteratureValue] = (), same_plane: Callable[[str, str, str], bool] = lambda _, a, b: a == b
    ):
        """Take in values of a person's own; ``same_plane`` tells whether two planes of a material are equivalent."""
        self._same_plane = same_plane
        mine = {value.literature_id: value for value in own}
        coming = {value.literature_id: value for value in shipped()}
        self._from_package = frozenset(coming)
        self.values: tuple[LiteratureValue, ...] = tuple((coming | mine).values())

    def origin(self, value: LiteratureValue) -> Origin:
        """Say whether a value comes with the package or from the database."""
        return "shipped" if value.literature_id in self._from_package else "database"

    def of(self, quantity: str, material: str, **place: object) -> tuple[LiteratureValue, ...]:
        """Return every value of a quantity that fits a place, the closest first.

        ``place`` names planes, film, number and arrangement of Li, and monolayers. The more of them a value names,
        the closer it is; then values come before bounds, computed ones before measured ones, a person's own first.
        """
        fitting = [
            value
            for value in self.values
            if value.quantity == quantity
            and value.material == material
            and all(self._fits(value, key, wanted) for key, wanted in place.items())
        ]
        return tuple(sorted(fitting, key=lambda value: self._distance(value, place)))

    def closest(self, quantity: str, material: str, **place: object) -> tuple[LiteratureValue, ...]:
        """Return what fits a place with one rule more: of each source only what comes closest.

        So a bound that holds on every plane does not stand beside the value of the plane that was asked for.
        """
        found = self.of(quantity, material, **place)
        best: dict[str, int] = {}
        for value in found:
            best.setdefault(value.doi or value.citation, _named(value, place))
        return tuple(value for value in found if _named(value, place) == best[value.doi or value.citation])

    def _fits(self, value: LiteratureValue, key: str, wanted: object) -> bool:
        said = getattr(value, key)
        if said is None or said == wanted:
            return True
        if not key.endswith("plane") or not isinstance(wanted, str):
            return False
        return self._same_plane(value.film if key == "film_plane" else value.material, said, wanted)

    def _distance(self, value: LiteratureValue, place: dict[str, object]) -> tuple[int, bool, bool, bool]:
        measured_one = value.method == "experiment"
        return -_named(value, place), value.is_bound, measured_one, self.origin(value) == "shipped"


def _named(value: LiteratureValue, place: dict[str, object]) -> int:
    return sum(getattr(value, key) is not None for key in place)


def _from_point(point: MeasuredPoint) -> LiteratureValue:
    return LiteratureValue.model_validate(
        {
            "quantity": point.response,
            "material": point.material,
            "value": point.value,
            "unit": point.unit,
            "qualifier": point.qualifier,
            "method": "experiment",
            "protocol": point.protocol_text,
            "label": point.label,
            "doi": point.doi,
            "where": point.where,
            "entered_by": BY,
        }
    )
