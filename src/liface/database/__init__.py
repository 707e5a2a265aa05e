"""The results database: SQLAlchemy tables of documents, asked with the OPTIMADE filter grammar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from liface.database.store import Database
    from liface.database.verify import Problem

__all__ = ["Database", "Problem"]


def __getattr__(name: str) -> Any:
    """Import what is asked for: the modules below this one that are light stay so."""
    if name == "Database":
        from liface.database.store import Database

        return Database
    if name == "Problem":
        from liface.database.verify import Problem

        return Problem
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
