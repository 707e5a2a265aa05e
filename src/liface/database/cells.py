"""From what a database keeps, as its driver gives it, to plain values. Needs neither SQLAlchemy nor the documents."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any


def plain_moment(moment: datetime | str) -> str:
    """Return a stored moment as ISO text; one without a zone is in UTC, as SQLite keeps all.

    Raises
    ------
    ValueError
        If what is stored is no moment.
    """
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    return (moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)).isoformat() + "Z"


def plain_dictionary(value: Any) -> Any:
    """Return a stored dictionary, which SQLite keeps as text."""
    return json.loads(value) if isinstance(value, str) else value


def plain(value: Any) -> Any:
    """Turn a moment into ISO text in UTC; anything else stays as it is."""
    return plain_moment(value) if isinstance(value, datetime) else value


PLAIN: dict[str, Callable[[Any], Any]] = {"boolean": bool, "timestamp": plain_moment, "dictionary": plain_dictionary}
"""What turns a cell that is known into a plain value, by the type of its column; others are plain."""
