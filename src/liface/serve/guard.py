"""What stands before every answer: reading only, known hosts only, no bodies, and headers that keep others out."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Collection
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOG = logging.getLogger(__name__)
METHODS = ("GET", "HEAD")
LONGEST_QUERY = 24_000
"""Bytes of a query string; a filter of the longest length that is read fits in, percent signs and all."""

LONGEST_HEADERS = 16_000
"""Bytes of all headers."""

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""Content-Security-Policy: nothing inline, nothing from elsewhere, in no frame of another page."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Guard:
    """Refuses what a reader never sends, and lets no error out as a traceback.

    Parameters
    ----------
    app
        What answers.
    names
        Host names under which the page may be asked for. Addresses and ``localhost`` always pass: a page of
        somebody else that turns its own name to this machine (DNS rebinding) comes with that name.
    debug
        Log the traceback of a defect.
    """

    def __init__(self, app: ASGIApp, names: Collection[str] = (), debug: bool = False):
        self.app = app
        self.names = {name.lower().rstrip(".") for name in names} | {"localhost"}
        self.debug = debug

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # no web sockets here
        begun = False

        async def guarded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(scope)
        if scope["method"] == "HEAD":  # answered like GET; the server leaves the body out
            scope = {**scope, "method": "GET"}
        try:
            await (refusal or self.app)(scope, receive, guarded)
        except Exception as error:
            what = f"{type(error).__name__}: {error}".splitlines()[0][:300]
            LOG.error("internal error (%s) at %r", what, scope["path"][:200], exc_info=error if self.debug else None)
            if begun:
                raise
            await said(500, f"internal error ({what})")(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get("host", "")
        if not self._is_ours(host):
            return said(
                421, f"this server does not answer to the name {host[:100]!r}; ask for its address, or start it with "
                "--name for that name"
            )  # fmt: skip
        if scope["method"] not in METHODS:
            return said(405, f"{scope['method']}: this page only reads; use GET", {"Allow": ", ".join(METHODS)})
        if headers.get("content-length", "0").strip() != "0" or "transfer-encoding" in headers:
            return said(413, "a request to read has no body", {"Connection": "close"})
        size = sum(len(name) + len(value) for name, value in scope["headers"])
        if size > LONGEST_HEADERS:
            return said(431, f"{size} bytes of headers; at most {LONGEST_HEADERS} are read")
        if len(scope["query_string"]) > LONGEST_QUERY:
            return said(414, f"{len(scope['query_string'])} bytes of query; at most {LONGEST_QUERY} are read")
        return None

    def _is_ours(self, host: str) -> bool:
        name = host_of(host)
        return name in self.names or _is_address(name)


def said(status: int, message: str, headers: dict[str, str] | None = None, **more: Any) -> JSONResponse:
    """Return an answer that says in one line what is wrong."""
    return JSONResponse({"error": message, **more}, status, headers)


def host_of(header: str) -> str:
    """Return the name or address in a Host header, without port and brackets."""
    header = header.strip().lower()
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0].rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches what listens there."""
    name = host.strip("[]").lower()
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
