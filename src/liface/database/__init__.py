"""The results database: SQLAlchemy tables of documents, asked with the OPTIMADE filter grammar."""

from liface.database.store import Database
from liface.database.verify import Problem

__all__ = ["Database", "Problem"]
