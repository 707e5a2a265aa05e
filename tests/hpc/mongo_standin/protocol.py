"""Messages on the wire: OP_MSG, and the OP_QUERY that older and pooled clients greet with."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Protocol

import bson
from bson.codec_options import CodecOptions

OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013
CHECKSUM_PRESENT, MORE_TO_COME = 1, 2
MAX_MESSAGE_BYTES = 48_000_000
MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
_OPTIONS: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=False)


class ProtocolError(Exception):
    """A message that cannot be understood; the connection is closed."""


class Socket(Protocol):
    """The part of a socket that is used."""

    def recv(self, size: int, /) -> bytes:
        """Give up to so many bytes, none at the end."""

    def sendall(self, data: bytes, /) -> None:
        """Send all the bytes."""


@dataclass(frozen=True)
class Request:
    """One command of a client."""

    id: int
    opcode: int
    database: str
    command: dict[str, Any]
    wants_reply: bool = True

    @property
    def name(self) -> str:
        """The command's name, its first key."""
        return next(iter(self.command))


def read_request(socket: Socket) -> Request | None:
    """Read one request; None once the client has left."""
    header = _read(socket, 16)
    if header is None:
        return None
    length, request_id, _, opcode = struct.unpack("<iiii", header)
    if not 16 < length <= MAX_MESSAGE_BYTES:
        raise ProtocolError(f"message of {length} bytes")
    body = _read(socket, length - 16)
    if body is None:
        return None
    try:
        if opcode == OP_MSG:
            return _parse_msg(request_id, body)
        if opcode == OP_QUERY:
            return _parse_query(request_id, body)
    except (bson.errors.BSONError, struct.error, ValueError, IndexError) as error:
        raise ProtocolError(f"malformed message: {error}") from error
    raise ProtocolError(f"opcode {opcode} is not spoken here")


def send_reply(socket: Socket, request: Request, reply: dict[str, Any]) -> None:
    """Answer a request in the form it came in."""
    document = bson.encode(reply)
    if request.opcode == OP_MSG:
        opcode, body = OP_MSG, struct.pack("<IB", 0, 0) + document
    else:
        opcode, body = OP_REPLY, struct.pack("<iqii", 8, 0, 0, 1) + document
    socket.sendall(struct.pack("<iiii", 16 + len(body), 0, request.id, opcode) + body)


def _read(socket: Socket, size: int) -> bytes | None:
    parts = []
    while size:
        part = socket.recv(min(size, 1 << 20))
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _parse_msg(request_id: int, body: bytes) -> Request:
    (flags,) = struct.unpack_from("<I", body)
    end = len(body) - (4 if flags & CHECKSUM_PRESENT else 0)
    at, command, sequences = 4, None, {}
    while at < end:
        kind, (size,) = body[at], struct.unpack_from("<i", body, at + 1)
        section = body[at + 1 : at + 1 + size]
        at += 1 + size
        if kind == 0:
            command = bson.decode(section, _OPTIONS)
        elif kind == 1:
            name_end = section.index(b"\0", 4)
            sequences[section[4:name_end].decode()] = bson.decode_all(section[name_end + 1 :], _OPTIONS)
        else:
            raise ProtocolError(f"section of kind {kind}")
    database = command.pop("$db", "admin") if command else ""
    if not command:
        raise ProtocolError("OP_MSG without a command")
    return Request(request_id, OP_MSG, database, command | sequences, not flags & MORE_TO_COME)


def _parse_query(request_id: int, body: bytes) -> Request:
    name_end = body.index(b"\0", 4)
    database, _, collection = body[4:name_end].decode().partition(".")
    if collection != "$cmd":
        raise ProtocolError("OP_QUERY is spoken for the greeting only")
    at = name_end + 1 + 8
    (size,) = struct.unpack_from("<i", body, at)
    return Request(request_id, OP_QUERY, database, bson.decode(body[at : at + size], _OPTIONS))
