"""Published figures beside which computed values are shown, each with its DOI."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Literal

import yaml
from pydantic import Field

from liface.analysis.responses import MeasuredPoint, Qualifier, measured
from liface.documents import Document
from liface.documents import quantity as in_unit
from liface.errors import InputError


class PublishedValue(Document):
    """One published figure; a bound stays a bound."""

    quantity: str = Field(description="interface_gamma, binding, surface, contact_angle, or a measured response.")
    material: str = Field(description="Library name of the substrate.")
    value: float = in_unit("field: unit", "The unit differs between quantities and is a field of its own.")
    unit: str
    qualifier: Qualifier
    method: str = Field(description="Functional, or experiment.")
    doi: str
    where: str = Field(description="Table, figure or text.")
    plane: str | None = Field(default=None, description="Substrate plane; None where our source does not name it.")
    film_plane: str | None = Field(default=None, description="Li plane.")
    n_li: int | None = in_unit("1", "Adsorbed Li atoms.", default=None)
    arrangement: Literal["dispersed", "cluster"] | None = None
    monolayers: int | None = in_unit("1", "Li monolayers below the adsorbate.", default=None)

    note: str = ""


def published(quantity: str) -> tuple[PublishedValue, ...]:
    """Return the published figures of one quantity; measured responses answer to their names too.

    Raises
    ------
    InputError
        For an unknown quantity; the message lists the known ones.
    """
    chosen = tuple(value for value in _all() if value.quantity == quantity)
    if not chosen:
        known = ", ".join(sorted({value.quantity for value in _all()}))
        raise InputError(f"no published values of {quantity!r}; known: {known}")
    return chosen


@cache
def _all() -> tuple[PublishedValue, ...]:
    source = files("liface.analysis") / "data" / "literature.yaml"
    rows = yaml.safe_load(source.read_text("utf-8"))
    return (*(PublishedValue(**row) for row in rows), *(_from_point(point) for point in measured()))


def _from_point(point: MeasuredPoint) -> PublishedValue:
    return PublishedValue(
        quantity=point.response,
        material=point.material,
        value=point.value,
        unit=point.unit,
        qualifier=point.qualifier,
        method="experiment",
        doi=point.doi,
        where=point.where,
        note=f"{point.label}; {point.protocol_text}",
    )
