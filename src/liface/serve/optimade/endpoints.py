"""The endpoints of OPTIMADE: /info, /structures, /references, /links, and /versions without a version."""

from __future__ import annotations

import re
import urllib.parse
import warnings
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from optimade.exceptions import BadRequest, NotFound, NotImplementedResponse
from optimade.server.middleware import EnsureQueryParamIntegrity, HandleApiHint
from optimade.server.query_params import EntryListingQueryParams, SingleEntryQueryParams
from optimade.server.routers.utils import BASE_URL_PREFIXES, JSONAPIResponse, handle_response_fields
from optimade.warnings import QueryParamNotUsed
from starlette.responses import RedirectResponse, Response

from liface.database.filters import quoted
from liface.database.optimade_info import ENTRY_TYPES, base_info, entry_info, provider, resource
from liface.database.structure_entries import reference_entry
from liface.serve.optimade.collections import SqlCollection
from liface.serve.optimade.responses import answer, base_url, meta, path_below

READ = ["GET", "HEAD"]

Listing = Annotated[EntryListingQueryParams, Depends()]
Single = Annotated[SingleEntryQueryParams, Depends()]


def check_query(request: Request) -> None:
    """Refuse parameters without a value, and hints at versions that are not spoken."""
    EnsureQueryParamIntegrity.check_url(request.url.query)
    hints = request.query_params.getlist("api_hint")
    if hints and re.match(r"/v\d", path_below(request)):
        warnings.warn(QueryParamNotUsed("api_hint says nothing where the address names a version"), stacklevel=2)
    elif hints:
        HandleApiHint.handle_api_hint(hints)


router = APIRouter(dependencies=[Depends(check_query)])
unversioned = APIRouter(dependencies=[Depends(check_query)])


@unversioned.api_route("/versions", methods=READ)
def versions() -> Response:
    """Return the major versions that are spoken, as CSV."""
    major = BASE_URL_PREFIXES["major"].removeprefix("/v")
    return Response(f"version\n{major}\n", media_type="text/csv; header=present")


@unversioned.api_route("/", methods=READ, include_in_schema=False)
def start(request: Request) -> Response:
    """Lead to what the database says of itself."""
    return RedirectResponse(f"{base_url(request)}{BASE_URL_PREFIXES['major']}/info")


@router.api_route("/info", methods=READ)
def info(request: Request) -> JSONAPIResponse:
    """Return what the database says of itself."""
    return answer({"data": base_info(base_url(request)), "meta": meta(request, 1, 1)})


@router.api_route("/info/{entry_type}", methods=READ)
def info_of_entries(request: Request, entry_type: str) -> JSONAPIResponse:
    """Return the definitions of the properties of structures or references, with their units."""
    if entry_type not in ENTRY_TYPES:
        raise NotFound(f"there are no {entry_type[:80]!r} here; entry types: {', '.join(ENTRY_TYPES)}")
    return answer({"data": entry_info(entry_type), "meta": meta(request, 1, 1)})


@router.api_route("/links", methods=READ)
def links(request: Request, params: Listing) -> JSONAPIResponse:
    """Return the only link: this database itself."""
    params.check_params(request.query_params, request.app.state.base_resource_mapper)
    if params.filter or params.sort:
        raise NotImplementedResponse("links can neither be filtered nor sorted; there is one")
    about = provider()
    own = {
        "id": about["prefix"],
        "type": "links",
        "attributes": {
            "name": about["name"],
            "description": about["description"],
            "base_url": base_url(request),
            "homepage": None,
            "link_type": "root",
        },
    }
    return answer({"data": [own], "meta": meta(request, 1, 1), "links": {"next": None}})


@router.api_route("/structures", methods=READ)
def structures(request: Request, params: Listing) -> JSONAPIResponse:
    """Return structures, page by page."""
    return _page(request, "structures", params)


@router.api_route("/structures/{entry_id:path}", methods=READ)
def structure(request: Request, entry_id: str, params: Single) -> JSONAPIResponse:
    """Return one structure."""
    return _single(request, "structures", entry_id, params)


@router.api_route("/references", methods=READ)
def references(request: Request, params: Listing) -> JSONAPIResponse:
    """Return the papers that structures rest on, page by page."""
    return _page(request, "references", params)


@router.api_route("/references/{entry_id:path}", methods=READ)
def reference(request: Request, entry_id: str, params: Single) -> JSONAPIResponse:
    """Return one paper."""
    return _single(request, "references", entry_id, params)


def _page(request: Request, entry_type: str, params: EntryListingQueryParams) -> JSONAPIResponse:
    params.check_params(request.query_params, request.app.state.base_resource_mapper)
    if "page_limit" not in request.query_params:
        params.page_limit = request.app.state.config.page_limit
    collection: SqlCollection = request.app.state.entry_collections[entry_type]
    found, number, more, excluded, included = collection.find(params)
    entries = found if isinstance(found, list) else []
    following = _next_page(request, collection.get_next_query_params(params, entries)) if more and entries else None
    related = _included(request, params.include, entries)
    return answer(
        {
            "links": {"next": following},
            "data": handle_response_fields(list(entries), excluded, included),
            "meta": meta(request, number, len(collection), more),
            "included": related,
        }
    )


def _single(request: Request, entry_type: str, entry_id: str, params: SingleEntryQueryParams) -> JSONAPIResponse:
    params.check_params(request.query_params, request.app.state.base_resource_mapper)
    params.filter = f"id={quoted(entry_id)}"
    collection: SqlCollection = request.app.state.entry_collections[entry_type]
    found, _, _, excluded, included = collection.find(params)
    if not isinstance(found, dict):
        raise NotFound(f"no entry {entry_id[:80]!r} in {entry_type}")
    related = _included(request, params.include, [found])
    (entry,) = handle_response_fields([found], excluded, included)
    return answer(
        {
            "links": {"next": None},
            "data": entry,
            "meta": meta(request, 1, len(collection)),
            "included": related,
        }
    )


def _next_page(request: Request, changes: dict[str, list[str]]) -> str:
    """Return the address of the next page: that of this one, with what changes."""
    query = urllib.parse.parse_qs(request.url.query, keep_blank_values=True) | changes
    return f"{base_url(request)}{path_below(request)}?{urllib.parse.urlencode(query, doseq=True)}"


def _included(request: Request, asked: str, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the entries that these are related to, as far as ``include`` asks for them."""
    wanted = {name for name in asked.split(",") if name}
    if unknown := sorted(wanted - set(ENTRY_TYPES)):
        raise BadRequest(f"include: no related {', '.join(unknown)[:80]} here; there are references")
    if "references" not in wanted:
        return []
    cited = {
        each["id"] for entry in entries for each in entry.get("relationships", {}).get("references", {}).get("data", [])
    }
    return [resource("references", reference_entry(doi)) for doi in sorted(cited)]
