"""From a request to its reply: greeting, authentication, and the commands by name."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from mongomock_ng import SERVER_VERSION

from . import catalog, reading, writing
from .errors import CommandError, describe
from .protocol import MAX_DOCUMENT_BYTES, MAX_MESSAGE_BYTES, Request
from .scram import MECHANISM, Conversation, Users
from .storage import Document, Storage

WIRE_VERSION = 21  # that of MongoDB 7.0
OPEN_TO_ALL = {"hello", "ismaster", "saslstart", "saslcontinue", "ping", "buildinfo", "endsessions", "logout"}
"""Commands that need no user, in lower case."""
_log = logging.getLogger(__name__)
_HANDLERS: dict[str, Callable[[Storage, str, Document], Document]] = {
    **reading.COMMANDS,
    **writing.COMMANDS,
    **catalog.COMMANDS,
}


class Commands:
    """Answers requests one at a time, so that every command is atomic."""

    def __init__(self, users: Users):
        self.users = users
        self.storage = Storage()
        self.connections = 0
        self._lock = threading.Lock()
        self._since = time.monotonic()

    def answer(self, request: Request, who: Conversation) -> Document:
        """Give the reply to a request; whatever goes wrong becomes an error the client raises."""
        try:
            self._admit(request, who)
            with self._lock:
                return self._run(request, who) | {"ok": 1.0}
        except Exception as error:
            said = describe(error)
            if said["code"] == 8:
                _log.exception("%s failed: %s", request.name, request.command)
            return {"ok": 0.0, **said}

    def _admit(self, request: Request, who: Conversation) -> None:
        if request.name.lower() not in OPEN_TO_ALL and not who.trusted:
            raise CommandError(13, f"Command {request.name} requires authentication")
        if "startTransaction" in request.command or "autocommit" in request.command:
            raise CommandError(20, "Transaction numbers are only allowed on a replica set member or mongos")

    def _run(self, request: Request, who: Conversation) -> Document:
        name, command = request.name, request.command
        if name in _HANDLERS:
            return _HANDLERS[name](self.storage, request.database, command)
        if name in ("hello", "isMaster", "ismaster"):
            return self._hello(command)
        if name == "saslStart":
            return who.start(request.database, command)
        if name == "saslContinue":
            return who.go_on(command)
        if name in ("ping", "endSessions", "logout", "compact"):
            return {}
        if name in ("buildInfo", "buildinfo"):
            return self._build()
        if name == "serverStatus":
            return self._status()
        raise CommandError(59, f"no such command: '{name}'")

    def _hello(self, command: Document) -> Document:
        primary = "isWritablePrimary" if "hello" in command else "ismaster"
        said: dict[str, Any] = {
            "helloOk": True,
            primary: True,
            "maxBsonObjectSize": MAX_DOCUMENT_BYTES,
            "maxMessageSizeBytes": MAX_MESSAGE_BYTES,
            "maxWriteBatchSize": 100_000,
            "localTime": datetime.now(UTC),
            "logicalSessionTimeoutMinutes": 30,
            "connectionId": self.connections,
            "minWireVersion": 0,
            "maxWireVersion": WIRE_VERSION,
            "readOnly": False,
        }
        return said | ({"saslSupportedMechs": [MECHANISM]} if "saslSupportedMechs" in command else {})

    def _build(self) -> Document:
        numbers = [int(part) for part in SERVER_VERSION.split(".")]
        return {
            "version": SERVER_VERSION,
            "versionArray": [*numbers, 0][:4],
            "modules": ["stand-in for tests"],
            "bits": 64,
            "maxBsonObjectSize": MAX_DOCUMENT_BYTES,
        }

    def _status(self) -> Document:
        return {
            "host": "localhost",
            "version": SERVER_VERSION,
            "process": "mongo_standin",
            "pid": os.getpid(),
            "uptime": time.monotonic() - self._since,
            "connections": {"current": self.connections},
            "localTime": datetime.now(UTC),
        }
