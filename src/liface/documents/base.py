"""What every stored document has: frozen fields, units as data, a content identity."""

from __future__ import annotations

import hashlib
import json
from copy import deepcopy
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def quantity(unit: str, description: str, **options: Any) -> Any:
    """Declare a numeric field with its unit as data; ``"1"`` is a pure number."""
    return Field(description=description, json_schema_extra={"unit": unit}, **options)


def now() -> datetime:
    """UTC time with whole seconds, for provenance fields."""
    return datetime.now(UTC).replace(microsecond=0)


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


Moment = Annotated[datetime, AfterValidator(_in_utc)]
"""A time in UTC, also after a store that keeps no time zone."""


def content_hash(payload: Any, length: int = 32) -> str:
    """Hex sha256 of the canonical JSON of ``payload``, cut to ``length`` characters."""
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


_SCHEMAS: dict[type[BaseModel], dict[str, Any]] = {}


class Document(BaseModel):
    """A frozen record that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the JSON schema; that with default arguments is made once, as jobflow asks for it with every job."""
        if args or kwargs:
            return super().model_json_schema(*args, **kwargs)
        if cls not in _SCHEMAS:
            _SCHEMAS[cls] = super().model_json_schema()
        return deepcopy(_SCHEMAS[cls])

    @classmethod
    def units(cls) -> dict[str, str]:
        """Return the unit of every numeric field, by field name."""
        return {
            name: str(field.json_schema_extra["unit"])
            for name, field in cls.model_fields.items()
            if isinstance(field.json_schema_extra, dict) and "unit" in field.json_schema_extra
        }

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a document written by ``model_dump_json``."""
        return cls.model_validate_json(text)
