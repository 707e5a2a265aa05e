"""Users and passwords: the server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode
from typing import Any

from pymongo.saslprep import saslprep

from .errors import CommandError

MECHANISM = "SCRAM-SHA-256"
ITERATIONS = 4096
DATABASE = "admin"
"""Where the users live: clients must name it as their authentication source."""


class Users:
    """The users of a server; none of them: everybody may do everything."""

    def __init__(self, passwords: dict[str, str]):
        self.salt = secrets.token_bytes(28)
        self.keys = {name: self._salted(password) for name, password in passwords.items()}

    def _salted(self, password: str) -> bytes:
        return hashlib.pbkdf2_hmac("sha256", saslprep(password).encode(), self.salt, ITERATIONS)


class Conversation:
    """What one connection has said about who it is."""

    def __init__(self, users: Users):
        self.users = users
        self.user: str | None = None
        self._key, self._name, self._nonce = b"", "", ""
        self._messages: list[bytes] = []
        self._skip_empty = False

    @property
    def trusted(self) -> bool:
        """Whether commands that need a user may run."""
        return not self.users.keys or self.user is not None

    def start(self, database: str, command: dict[str, Any]) -> dict[str, Any]:
        """Answer the client's first message with the salt and a nonce."""
        payload = bytes(command["payload"])
        bare = payload.split(b",", 2)[2]
        fields = _fields(bare)
        name = fields["n"].replace("=2C", ",").replace("=3D", "=")
        if command["mechanism"] != MECHANISM or database != DATABASE or name not in self.users.keys:
            raise CommandError(18, "Authentication failed.")
        self.user, self._key = None, self.users.keys[name]
        self._skip_empty = bool(command.get("options", {}).get("skipEmptyExchange"))
        nonce = fields["r"] + secrets.token_urlsafe(24)
        first = f"r={nonce},s={b64encode(self.users.salt).decode()},i={ITERATIONS}".encode()
        self._name, self._nonce, self._messages = name, nonce, [bare, first]
        return {"conversationId": 1, "done": False, "payload": first}

    def go_on(self, command: dict[str, Any]) -> dict[str, Any]:
        """Check the client's proof and give the server's signature."""
        payload = bytes(command["payload"])
        if self.user is not None and not payload:  # the empty last message of clients that do not skip it
            return {"conversationId": 1, "done": True, "payload": b""}
        without_proof, _, proof = payload.rpartition(b",p=")
        exchange = b",".join([*self._messages, without_proof])
        self._messages = []
        client_key = _sign(self._key, b"Client Key")
        stored_key = hashlib.sha256(client_key).digest()
        signature = _sign(stored_key, exchange)
        expected = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        same_nonce = _fields(without_proof).get("r") == self._nonce
        if not self._key or not same_nonce or not hmac.compare_digest(expected, b64decode(proof)):
            raise CommandError(18, "Authentication failed.")
        self.user = self._name
        answer = b"v=" + b64encode(_sign(_sign(self._key, b"Server Key"), exchange))
        return {"conversationId": 1, "done": self._skip_empty, "payload": answer}


def _fields(message: bytes) -> dict[str, str]:
    return dict(part.split("=", 1) for part in message.decode().split(",") if "=" in part)


def _sign(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")
