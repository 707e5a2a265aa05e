"""``liface serve``: a page to look at the results database."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated

import typer

from liface.cli.asking import SHOWN
from liface.cli.options import DEFAULT_DATABASE, Db, open_to_read, shown
from liface.cli.output import talk
from liface.errors import InputError, MissingExtraError

LOOPBACK = "127.0.0.1"


def serve(
    db: Db = DEFAULT_DATABASE,
    host: Annotated[
        str,
        typer.Option(
            "--host", metavar="ADDRESS", help="Address to listen on; by default only this machine reaches the page."
        ),
    ] = LOOPBACK,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="Port; 8765 by default, or a free one if taken.")
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option("--name", metavar="HOST", help="Name under which browsers ask for the page; repeat it."),
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Serve a page to look at the results database; it only reads. Ctrl-C ends it."""
    _need_extra()
    from liface.cli.app import debugging
    from liface.serve.app import page_app
    from liface.serve.guard import is_loopback
    from liface.serve.server import address_of, listen, run

    if not host.strip():
        raise InputError("--host is empty; give an address of this machine, e.g. 127.0.0.1")
    with open_to_read(db) as database, listen(host, port) as listening:
        if not is_loopback(host):
            talk(
                f"warning: everybody who reaches {host} can read {shown(db)}; there is no password and no encryption. "
                f"Without --host only this machine reaches it"
            )
        app = page_app(database, SHOWN, names=[*(name or []), *_own_names(host)], debug=debugging())
        typer.echo(address_of(listening))
        talk(f"{shown(db)}, only for reading; OPTIMADE at {address_of(listening)}optimade/v1/info; Ctrl-C ends it")
        run(app, listening, open_browser=open_)
    talk("stopped")


def _need_extra() -> None:
    for package in ("fastapi", "uvicorn"):
        if find_spec(package) is None:
            raise MissingExtraError(package, "serve")


def _own_names(host: str) -> list[str]:
    """Names of this machine, where others reach it."""
    import socket

    from liface.serve.guard import is_loopback

    return [] if is_loopback(host) else [host, socket.gethostname(), socket.getfqdn()]
