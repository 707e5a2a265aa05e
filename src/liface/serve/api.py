"""The JSON under ``/api``: nouns, rows, records, structures, comparisons, campaigns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse

from liface import __version__
from liface.database.columns import noun_named
from liface.database.filters import MAX_LENGTH
from liface.documents import FLAGS
from liface.errors import InputError
from liface.serve import atoms, campaigns, records
from liface.serve.comparison import comparison
from liface.serve.plain import finite
from liface.serve.vocabulary import about_noun, all_nouns, engine_fields

if TYPE_CHECKING:
    from liface.database import Database

MOST_ROWS = 500
"""Rows of one page."""

MOST_DOWNLOADED = 200_000
"""Rows of one file."""

MOST_VALUES = 60
"""Values of one facet."""

Where = Annotated[str | None, Query(max_length=MAX_LENGTH, description="OPTIMADE filter.")]
Sort = Annotated[str | None, Query(max_length=2_000, description="Columns; a leading minus for falling order.")]


def build_router(database: Database, shown: Mapping[str, str]) -> APIRouter:
    """Return the routes; ``shown`` names the columns that a table of each noun begins with."""
    router = APIRouter(prefix="/api")
    _about(router, database, shown)
    _tables(router, database)
    _records(router, database)
    return router


def _about(router: APIRouter, database: Database, shown: Mapping[str, str]) -> None:
    @router.get("/nouns")
    def nouns() -> JSONResponse:
        """Return every noun with its columns, what flags mean, and versions."""
        return JSONResponse(
            {"nouns": all_nouns(shown), "flags": FLAGS, "engine": engine_fields(), "liface_version": __version__}
        )

    @router.get("/nouns/{noun}")
    def noun(noun: str) -> JSONResponse:
        """Return one noun with its columns."""
        return JSONResponse(about_noun(noun_named(noun), shown))

    @router.get("/overview")
    def overview() -> JSONResponse:
        """Return what the database holds: counts, engines, campaigns, size."""
        return JSONResponse(finite(database.info()))

    @router.get("/campaigns")
    def campaign_list() -> JSONResponse:
        """Return every campaign."""
        return JSONResponse({"campaigns": campaigns.campaign_list(database)})

    @router.get("/campaigns/{name:path}")
    def campaign(name: str) -> JSONResponse:
        """Return where a campaign stands."""
        return JSONResponse(campaigns.campaign_status(database, name))


def _tables(router: APIRouter, database: Database) -> None:
    @router.get("/rows/{noun}")
    def rows(
        noun: str,
        where: Where = None,
        sort: Sort = None,
        limit: Annotated[int, Query(ge=0, le=MOST_ROWS)] = 50,
        offset: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    ) -> JSONResponse:
        """Return one page of rows and how many match."""
        name = noun_named(noun).name
        found = database.query(name, where, sort, limit, offset) if limit else []
        total = database.count(name, where)
        return JSONResponse({"rows": finite(found), "total": total, "limit": limit, "offset": offset})

    @router.get("/values/{noun}")
    def values(
        noun: str, columns: Annotated[str, Query(max_length=1_000)], where: Where = None,
    ) -> JSONResponse:  # fmt: skip
        """Return the most frequent values of columns among the rows that match."""
        names = [name.strip() for name in columns.split(",") if name.strip()]
        counted = database.value_counts(noun_named(noun).name, names, where, MOST_VALUES)
        return JSONResponse(
            {name: [{"value": value, "count": n} for value, n in pairs] for name, pairs in counted.items()}
        )

    @router.get("/download/{noun}")
    def download(noun: str, where: Where = None, sort: Sort = None, format: Literal["csv", "json"] = "csv") -> Response:
        """Return every row that matches as a file."""
        table = noun_named(noun)
        total = database.count(table.name, where)
        if total > MOST_DOWNLOADED:
            raise InputError(
                f"{total} rows match, at most {MOST_DOWNLOADED} go into one file; narrow the filter, or use "
                "'liface database export'"
            )
        found = database.query(table.name, where, sort)
        headers = {"Content-Disposition": f'attachment; filename="liface-{table.name}.{format}"'}
        if format == "csv":
            return Response(database.rows_to_csv(found, table.name), media_type="text/csv", headers=headers)
        units = {c.name: {"type": c.type, "unit": c.unit} for c in table.columns.values()}
        content = {"liface_version": __version__, "where": where, table.name: {"columns": units, "rows": finite(found)}}
        return JSONResponse(content, headers=headers)


def _records(router: APIRouter, database: Database) -> None:
    @router.get("/records/{record_id}")
    def record(record_id: str) -> JSONResponse:
        """Return a result with its meaning, method and origin."""
        return JSONResponse(records.record(database, record_id))

    @router.get("/records/{record_id}/calculations")
    def calculations_of(record_id: str) -> JSONResponse:
        """Return the calculations that enter a result."""
        document = records.result_named(database, record_id)
        return JSONResponse({"rows": finite(database.rows_by_key("calculations", document.provenance.calc_ids))})

    @router.get("/calculations/{calc_id}")
    def calculation(calc_id: str) -> JSONResponse:
        """Return a calculation and the results that rest on it."""
        return JSONResponse(records.calculation(database, calc_id))

    @router.get("/cases/{case_id}")
    def case(case_id: str) -> JSONResponse:
        """Return a case with its results."""
        return JSONResponse(records.case(database, case_id))

    @router.get("/structures/{key}")
    def structure(
        key: str,
        which: Literal["", "initial", "final", "end"] = "",
        format: Annotated[str, Query(max_length=20)] = "json",
    ) -> Response:
        """Return the structure of a record or of a calculation, for the viewer or as a file."""
        geometry = records.structure(database, key, which)
        if format == "json":
            return JSONResponse(finite(atoms.for_viewer(geometry)))
        text = atoms.as_file(geometry, format)
        name = f"{geometry.formula}-{key[:8]}.{atoms.FORMATS[format]}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(text, media_type="text/plain; charset=utf-8", headers=headers)

    @router.get("/compare")
    def compare(a: Annotated[str, Query(max_length=80)], b: Annotated[str, Query(max_length=80)]) -> JSONResponse:
        """Return two records side by side."""
        return JSONResponse(comparison(database, a, b))
