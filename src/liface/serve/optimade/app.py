"""The server as an ASGI application, to run by itself or to mount below another."""

from __future__ import annotations

import os
from collections.abc import Sequence

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from optimade.server.mappers import BaseResourceMapper
from optimade.server.routers.utils import BASE_URL_PREFIXES

from liface import __version__
from liface.database import Database
from liface.serve.optimade.collections import references_collection, structures_collection
from liface.serve.optimade.configuration import configuration
from liface.serve.optimade.endpoints import router, unversioned
from liface.serve.optimade.request_warnings import KeepWarnings
from liface.serve.optimade.responses import HANDLERS


def optimade_app(
    database: Database | str | os.PathLike[str], *, base_url: str | None = None, allow_origins: Sequence[str] = ()
) -> FastAPI:
    """Return an OPTIMADE server on a results database; it reads, and never writes.

    Mounted as in ``app.mount("/optimade", optimade_app(database))`` its addresses are those below the mount.

    Parameters
    ----------
    database
        An open database, or the file or address of one.
    base_url
        Address others reach it at, without version, where it is not the one their requests name.
    allow_origins
        Web pages of other origins that may ask, e.g. ``["*"]``; none by default.

    Raises
    ------
    DatabaseOpenError
        If the database is missing, unreadable or no results database.
    """
    opened = database if isinstance(database, Database) else Database(database, read_only=True, must_exist=True)
    config = configuration(base_url)
    app = FastAPI(
        title="liface", description="Li interfacial energetics in OPTIMADE.", version=__version__,
        docs_url=None, redoc_url=None, openapi_url=f"{BASE_URL_PREFIXES['major']}/extensions/openapi.json",
    )  # fmt: skip
    app.state.config = config
    app.state.base_resource_mapper = BaseResourceMapper(config)
    app.state.entry_collections = {
        "structures": structures_collection(opened, config),
        "references": references_collection(opened, config),
    }
    for kind, handler in HANDLERS:
        app.add_exception_handler(kind, handler)
    app.include_router(unversioned)
    for prefix in ("", *BASE_URL_PREFIXES.values()):
        app.include_router(router, prefix=prefix, include_in_schema=prefix == BASE_URL_PREFIXES["major"])
    if allow_origins:
        app.add_middleware(CORSMiddleware, allow_origins=list(allow_origins), allow_methods=["GET", "HEAD"])
    app.add_middleware(KeepWarnings)
    return app
