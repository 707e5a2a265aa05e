"""The MongoDB that tests use: a real one where the environment names it, a stand-in otherwise."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

from pymongo import MongoClient
from pymongo.uri_parser import parse_uri

REAL = "LIFACE_TEST_MONGODB"
"""Environment variable with the URI of a MongoDB on which tests may create and drop databases of their own."""


@dataclass
class MongoSite:
    """Where a MongoDB listens, and the names of the databases taken on it."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    auth_source: str = "admin"
    _names: list[str] = field(default_factory=list)

    @classmethod
    def from_environment(cls) -> MongoSite | None:
        """Give the real MongoDB that the environment names, if any."""
        if not os.environ.get(REAL):
            return None
        parsed = parse_uri(os.environ[REAL])
        host, port = parsed["nodelist"][0]
        source = parsed["options"].get("authsource") or parsed["database"] or "admin"
        return cls(host, port or 27017, parsed["username"], parsed["password"], source)

    @property
    def uri(self) -> str:
        """The URI, with the credentials."""
        if self.username is None:
            return f"mongodb://{self.host}:{self.port}/"
        who = f"{quote_plus(self.username)}:{quote_plus(self.password or '')}"
        return f"mongodb://{who}@{self.host}:{self.port}/?authSource={self.auth_source}"

    def new_database_name(self) -> str:
        """Take a name nobody else has; the database is dropped when the test has ended."""
        name = f"liface_test_{uuid.uuid4().hex[:12]}"
        self._names.append(name)
        return name

    def client(self, **options: Any) -> MongoClient[dict[str, Any]]:
        """Connect; the caller closes the client."""
        return MongoClient(self.uri, serverSelectionTimeoutMS=5000, **options)

    def drop_databases(self) -> None:
        """Drop all databases whose names were taken."""
        if self._names:
            with self.client() as client:
                for name in self._names:
                    client.drop_database(name)
            self._names.clear()

    def store(self, database: str, collection: str, kind: str = "MongoStore", **extra: Any) -> dict[str, Any]:
        """Describe a maggma store here, as jobflow's and jobflow-remote's files have it (`type:` form)."""
        said = {"type": kind, "host": self.host, "port": self.port, "database": database, "collection_name": collection}
        if self.username is not None:
            said |= {"username": self.username, "password": self.password, "auth_source": self.auth_source}
        return said | extra
