"""A published value as a record: one figure of one source, as printed and in the unit that the program reports."""

from __future__ import annotations

import math
import re
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from liface.documents.base import Document, Moment, content_hash, now
from liface.documents.base import quantity as in_unit
from liface.documents.quantities import QUANTITIES, Quantity, QuantityName, spelled

Qualifier = Literal["=", "≈", ">=", ">", "<=", "<"]
QUALIFIERS: tuple[str, ...] = get_args(Qualifier)
"""``≈`` is read as an exact value by the statistics; the others but ``=`` are bounds."""

ALSO_WRITTEN = {"≥": ">=", "≤": "<=", "~": "≈", "==": "="}

UncertaintyKind = Literal["standard error", "standard deviation", "stated", "range"]
"""``stated``: ± as the source or its reader says, of no stated distribution; ``range``: half of one."""

DOI_PATTERN = r"^10\.\d{4,9}/[-._;()/:a-z0-9<>+&\[\]#]+$"
"""What the registration agencies give out, in lower case: DOI names do not tell cases apart."""

CONTENT = (
    "quantity", "material", "plane", "film", "film_plane", "n_li", "arrangement", "monolayers", "value", "unit",
    "uncertainty", "uncertainty_kind", "qualifier", "method", "protocol", "label", "doi", "where",
)  # fmt: skip
"""Fields that make a value what it is; remarks, citation, and who entered it when are not among them."""


def bare_doi(text: str) -> str:
    """Return a DOI without the address of a resolver, in lower case."""
    return re.sub(r"^(https?://(dx\.)?doi\.org/|doi:\s*)", "", text.strip(), flags=re.IGNORECASE).lower()


def _checked_doi(text: str) -> str:
    if text and not re.match(DOI_PATTERN, text):
        raise ValueError("no DOI; write 10.xxxx/..., or leave it out and give a citation")
    return text


def _bare_plane(text: str | None) -> str | None:
    plane = re.sub(r"[\s()]", "", text or "")
    if plane and not re.fullmatch(r"(-?\d){3,4}|-?\d{1,2}(,-?\d{1,2}){2,3}", plane):
        raise ValueError("Miller indices such as 110, 1-10 or 0001 are needed")
    return plane or None


def _qualifier(sign: object) -> object:
    text = sign.strip() if isinstance(sign, str) else sign
    return ALSO_WRITTEN.get(text, text) if isinstance(text, str) else text


Plane = Annotated[str | None, AfterValidator(_bare_plane)]
"""Miller indices without brackets; None where the source names no plane."""
Doi = Annotated[str, AfterValidator(bare_doi), AfterValidator(_checked_doi)]


class LiteratureValue(Document):
    """One published value; a bound stays a bound."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, str_strip_whitespace=True)

    quantity: QuantityName = Field(description="What was computed or measured.")
    material: str = Field(min_length=1, description="Library name of the substrate, or of the material itself.")
    plane: Plane = Field(
        default=None, description="Its plane; None where the source does not name it, which matches every plane."
    )
    film: str = Field(default="Li", min_length=1, description="The other material of an interface or an adhesion.")
    film_plane: Plane = Field(default=None, description="Plane of the film; None where the source does not name it.")
    n_li: int | None = in_unit("1", "Adsorbed Li atoms.", default=None, ge=1, le=10**6)
    arrangement: Literal["dispersed", "cluster"] | None = None
    monolayers: int | None = in_unit("1", "Li monolayers below the adsorbate.", default=None, ge=0)
    value: float = in_unit("field: unit", "As published; the unit is a field of its own.")
    unit: Annotated[str, AfterValidator(spelled)] = Field(description="Unit of value and uncertainty.")
    uncertainty: float | None = in_unit("field: unit", "± as published; None where none is given.", default=None, gt=0)
    uncertainty_kind: UncertaintyKind | None = Field(default=None, description="What the uncertainty is.")
    qualifier: Annotated[Qualifier, BeforeValidator(_qualifier)] = Field(
        default="=", description=">= and > are lower bounds, <= and < upper ones."
    )
    method: str = Field(min_length=1, description="Functional, or experiment.")
    protocol: str = Field(default="", description="How it was measured or computed.")
    label: str = Field(default="", description="The sample as its source names it.")
    doi: Doi = Field(default="", description="Empty where there is none; then a citation says where it is from.")
    where: str = Field(default="", description="Table, figure or text.")
    note: str = ""
    citation: str = Field(default="", description="In words, where a DOI does not say it.")
    bibtex_key: str = Field(default="", description="Key of the source in a BibTeX file.")
    licence: str = Field(default="", description="Under which the value may be handed on, where it is a data set.")
    entered_by: str = ""
    created_at: Moment = Field(default_factory=now, description="When it was entered.")

    @field_validator("value", "uncertainty", "n_li", "monolayers", mode="before")
    @classmethod
    def _no_yes_or_no(cls, value: object) -> object:
        """Refuse ``yes``, which YAML reads as TRUE, and Python takes for 1."""
        if isinstance(value, bool):
            raise ValueError(f"{'yes' if value else 'no'} is no number")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name, text in self:
            if isinstance(text, str) and "\x00" in text:
                raise ValueError(f"{name}: {text[:60]!r} holds a character that is no text")
        kind = self.about
        if self.unit not in kind.units:
            raise ValueError(f"unit: {self.unit!r}; {self.quantity} is given in {', '.join(kind.units)}")
        if not kind.low - 1e-9 <= self.house_value <= kind.high + 1e-9:
            raise ValueError(
                f"value: {self.value:g} {self.unit}; {self.quantity} lies between {kind.low:g} and {kind.high:g} "
                f"{kind.unit}"
            )
        if (self.uncertainty is None) != (self.uncertainty_kind is None):
            raise ValueError("uncertainty_kind: uncertainty and uncertainty_kind go together; give both or none")
        if not self.doi and not self.citation:
            raise ValueError("doi: neither doi nor citation; one of them says where the value is from")
        return self

    @property
    def about(self) -> Quantity:
        """The quantity, with its units."""
        return QUANTITIES[self.quantity]

    @property
    def house_unit(self) -> str:
        """The unit that the program reports this quantity in."""
        return self.about.unit

    @property
    def house_value(self) -> float:
        """The value in that unit; one that is published in it comes back digit by digit."""
        return self.value * self.about.factor(self.unit)

    @property
    def house_uncertainty(self) -> float | None:
        """The uncertainty in that unit."""
        return None if self.uncertainty is None else self.uncertainty * self.about.factor(self.unit)

    @property
    def is_bound(self) -> bool:
        """Whether only a limit is published."""
        return self.qualifier not in ("=", "≈")

    @property
    def literature_id(self) -> str:
        """Content identity: the same statement of the same source has the same, whoever entered it."""
        return content_hash(self.model_dump(mode="json", include=set(CONTENT)))

    @property
    def text(self) -> str:
        """The value as published with qualifier, uncertainty and unit, for people."""
        sign = "" if self.qualifier == "=" else f"{self.qualifier} "
        error = "" if self.uncertainty is None else f" ± {self.uncertainty:g}"
        return f"{sign}{self.value:g}{error} {self.unit}"

    def allows(self, computed: float) -> bool:
        """Tell whether a value in the reported unit is on the right side of a bound; True where it is no bound."""
        limit = self.house_value
        margin = 1e-9 * max(1.0, math.fabs(limit))
        return {
            ">=": computed >= limit - margin, ">": computed > limit + margin,
            "<=": computed <= limit + margin, "<": computed < limit - margin,
        }.get(self.qualifier, True)  # fmt: skip
