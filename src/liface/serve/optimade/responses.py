"""What every answer has: meta, and errors as JSON without anything of the inside."""

from __future__ import annotations

import logging
import re
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from optimade.exceptions import OptimadeHTTPException
from optimade.server.routers.utils import BASE_URL_PREFIXES, JSONAPIResponse, meta_values
from starlette.exceptions import HTTPException

from liface.documents import now
from liface.errors import DatabaseError
from liface.serve.optimade.request_warnings import found

_log = logging.getLogger(__name__)

VERSION_NOT_SUPPORTED = 553
_VERSION = re.compile(r"/v\d[^/]*(?=/|$)")


def base_url(request: Request) -> str:
    """Return the address of the server without version, also where it is mounted below another."""
    given = request.app.state.config.base_url
    if given:
        return str(given).rstrip("/")
    return f"{request.url.scheme}://{request.url.netloc}{root_path(request)}"


def root_path(request: Request) -> str:
    """Return the path the server is mounted at; empty where it stands alone."""
    return str(request.scope.get("root_path", "")).rstrip("/")


def path_below(request: Request) -> str:
    """Return the path of a request below the mount, with its version."""
    return request.url.path.removeprefix(root_path(request))


def meta(request: Request, returned: int | None, available: int | None, more: bool = False) -> dict[str, Any]:
    """Return the member ``meta`` of an answer; the warnings of the request are in it."""
    config = request.app.state.config
    asked = f"{_VERSION.sub('', path_below(request), count=1) or '/'}?{request.url.query}"
    values = meta_values(config, asked, returned, available or 0, more, schema=config.schema_url)
    content: dict[str, Any] = values.model_dump(mode="json", by_alias=True, exclude_none=True)
    content["query"] = {"representation": asked}
    content["time_stamp"] = now().isoformat().replace("+00:00", "Z")
    if kept := found():
        content["warnings"] = kept
    return content


def answer(content: dict[str, Any], status: int = 200) -> JSONAPIResponse:
    """Return JSON as JSON:API has it."""
    return JSONAPIResponse(content, status_code=status)


def failure(request: Request, status: int, title: str, detail: str) -> JSONAPIResponse:
    """Return an error as OPTIMADE has it."""
    error = {"status": str(status), "title": title, "detail": detail}
    return answer({"errors": [error], "meta": meta(request, 0, 0)}, status)


async def refused(request: Request, error: Exception) -> JSONAPIResponse:
    """Answer errors that OPTIMADE knows."""
    assert isinstance(error, OptimadeHTTPException)
    return failure(request, error.status_code, error.title, error.detail or error.title)


async def not_here(request: Request, error: Exception) -> JSONAPIResponse:
    """Answer addresses that are not there; versions of OPTIMADE that are not spoken are told apart."""
    assert isinstance(error, HTTPException)
    version = _VERSION.match(path_below(request))
    if error.status_code == HTTPStatus.NOT_FOUND and version and version[0] not in BASE_URL_PREFIXES.values():
        served = ", ".join(prefix.lstrip("/") for prefix in BASE_URL_PREFIXES.values())
        detail = f"{version[0].lstrip('/')[:20]} is not spoken here; versions: {served}"
        return failure(request, VERSION_NOT_SUPPORTED, "Version Not Supported", detail)
    return failure(request, error.status_code, HTTPStatus(error.status_code).phrase, str(error.detail))


async def wrong_parameters(request: Request, error: Exception) -> JSONAPIResponse:
    """Answer parameters that cannot be read."""
    assert isinstance(error, RequestValidationError)
    wrong = "; ".join(f"{each['loc'][-1]}: {each['msg']}" for each in error.errors())
    return failure(request, HTTPStatus.BAD_REQUEST, "Bad Request", wrong)


async def database_failed(request: Request, error: Exception) -> JSONAPIResponse:
    """Answer that the database cannot be read; why is for the log of the server alone."""
    assert isinstance(error, DatabaseError)
    _log.error("%s: %s", request.url.path, error)
    detail = "the database cannot be read now; its keeper finds the reason in the log of the server"
    return failure(request, HTTPStatus.SERVICE_UNAVAILABLE, "Service Unavailable", detail)


async def broken(request: Request, error: Exception) -> JSONAPIResponse:
    """Answer that the server is at fault; how is for its log alone."""
    detail = "the server failed at this request; its keeper finds the reason in the log of the server"
    return failure(request, HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error", detail)


HANDLERS: tuple[tuple[type[Exception], Any], ...] = (
    (OptimadeHTTPException, refused),
    (HTTPException, not_here),
    (RequestValidationError, wrong_parameters),
    (DatabaseError, database_failed),
    (Exception, broken),
)
"""How errors are answered."""
