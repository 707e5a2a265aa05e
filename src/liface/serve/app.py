"""The application: the page's files, its JSON, and what becomes of errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from importlib.resources import files
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from liface import __version__
from liface.errors import DatabaseError, InputError, LifaceError
from liface.serve.api import build_router
from liface.serve.guard import Guard, said
from liface.serve.optimade import optimade_app
from liface.serve.records import NotStoredError

if TYPE_CHECKING:
    from liface.database import Database

VIEWS = ("/", "/table/{rest:path}", "/record/{rest:path}", "/calculation/{rest:path}", "/case/{rest:path}",
         "/compare", "/campaigns", "/campaign/{rest:path}", "/storage")  # fmt: skip
"""Addresses that the page itself reads; each gets the same document."""


def page_app(
    database: Database, shown: Mapping[str, str], *, names: Collection[str] = (), debug: bool = False
) -> FastAPI:
    """Return the application over a database that is open for reading; OPTIMADE is answered below ``/optimade``.

    Parameters
    ----------
    database
        Read at every request, so that what others add is seen.
    shown
        Columns that the table of each noun begins with, separated by spaces.
    names
        Host names besides addresses and ``localhost`` under which it may be asked for.
    debug
        Log the traceback of a defect.
    """
    app = FastAPI(title="liface", version=__version__, docs_url=None, redoc_url=None, openapi_url="/api/openapi.json")
    app.include_router(build_router(database, shown))
    _answer_errors(app)
    static = files("liface.serve") / "static"
    report = files("liface.report") / "style.css"

    @app.get("/static/report.css", include_in_schema=False)
    def report_style() -> FileResponse:
        return FileResponse(str(report), media_type="text/css")

    app.mount("/static", StaticFiles(directory=str(static)))
    for view in VIEWS:
        app.add_api_route(view, _page(str(static / "index.html")), include_in_schema=False)
    app.mount("/optimade", optimade_app(database))
    app.add_middleware(Guard, names=names, debug=debug)
    return app


def _page(path: str) -> Callable[[], FileResponse]:
    def page() -> FileResponse:
        return FileResponse(path, media_type="text/html", headers={"Cache-Control": "no-cache"})

    return page


def _answer_errors(app: FastAPI) -> None:
    """Say what is wrong in one line, with the status that fits."""

    async def ours(request: Request, error: Exception) -> JSONResponse:
        if isinstance(error, NotStoredError):
            return said(404, str(error))
        return said(
            400 if isinstance(error, InputError) else 503 if isinstance(error, DatabaseError) else 500, str(error)
        )

    async def malformed(request: Request, error: Exception) -> JSONResponse:
        first = error.errors()[0] if isinstance(error, RequestValidationError) and error.errors() else {}
        where = ".".join(str(part) for part in first.get("loc", ("request",))[1:]) or "request"
        return said(400, f"{where}: {first.get('msg', 'cannot be read')}")

    async def other(request: Request, error: Exception) -> JSONResponse:
        status = error.status_code if isinstance(error, HTTPException) else 500
        what = "nothing is at" if status == 404 else "not possible:"
        return said(status, f"{what} {request.url.path[:200]}")

    handlers: dict[type[Exception], Callable[[Request, Exception], Awaitable[JSONResponse]]] = {
        LifaceError: ours,
        RequestValidationError: malformed,
        HTTPException: other,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)
