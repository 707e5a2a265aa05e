"""Documents as JSON that every browser reads."""

from __future__ import annotations

import math
from typing import Any

from pydantic import BaseModel


def finite(value: Any) -> Any:
    """Replace numbers that JSON does not know (NaN, infinities) by null, deep down."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value


def as_json(document: BaseModel) -> dict[str, Any]:
    """Return a document as plain values."""
    return finite(document.model_dump(mode="json"))
