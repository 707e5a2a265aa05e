"""Listening: the socket, the server, and its end."""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
import webbrowser
from collections.abc import Callable
from typing import TYPE_CHECKING

import uvicorn

from liface.errors import InputError

if TYPE_CHECKING:
    from fastapi import FastAPI

DEFAULT_PORT = 8765
IDLE_S = 20
"""A connection on which nothing happens is closed after this time."""

MOST_AT_ONCE = 64
"""Requests worked on at the same time; more are turned away."""

GRACE_S = 3
"""Time for answers that are under way when the server is told to stop."""

LONGEST_HEAD = 32_768
"""Bytes of request line and headers."""


def listen(host: str, port: int | None) -> socket.socket:
    """Return a listening socket: on the port asked for; else on the usual one, or any that is free.

    Raises
    ------
    InputError
        The host is none of this machine, or the port is taken.
    """
    ports = (DEFAULT_PORT, 0) if port is None else (port,)
    for i, wanted in enumerate(ports):
        try:
            return _bound(host, wanted)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and i + 1 < len(ports):
                continue
            raise InputError(f"cannot listen on {host} port {wanted}: {_why(error)}") from error
    raise AssertionError("port 0 is never in use")


def _bound(host: str, port: int) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(
        host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(128)
    except OSError:
        found.close()
        raise
    return found


def _why(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return f"no such host ({error.strerror}); give --host an address of this machine"
    if error.errno == errno.EADDRINUSE:
        return "another program listens there; give another --port, or leave it out for a free one"
    if error.errno == errno.EACCES:
        return "ports below 1024 are not for everybody; give a higher --port"
    if error.errno == errno.EADDRNOTAVAIL:
        return "that is no address of this machine; give --host one that is"
    return f"{error.strerror}; give another --host or --port"


def address_of(listening: socket.socket) -> str:
    """Return the address to type into a browser on this machine."""
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1" if host == "0.0.0.0" else "::1"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def server_of(app: FastAPI) -> uvicorn.Server:
    """Return the server with its limits; nothing listens yet."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            ws="none",
            lifespan="off",
            http="h11",
            limit_concurrency=MOST_AT_ONCE,
            timeout_keep_alive=IDLE_S,
            timeout_graceful_shutdown=GRACE_S,
            h11_max_incomplete_event_size=LONGEST_HEAD,
        )
    )


def run(app: FastAPI, listening: socket.socket, *, open_browser: bool = False) -> None:
    """Answer requests until the process is told to stop."""
    if open_browser:
        _later(lambda: webbrowser.open(address_of(listening)))
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn ends in order, then passes the signal on
        server_of(app).run(sockets=[listening])


def _later(action: Callable[[], object]) -> None:
    timer = threading.Timer(0.5, action)
    timer.daemon = True
    timer.start()
