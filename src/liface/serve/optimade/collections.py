"""Structures and references of a results database as entry collections of optimade-python-tools."""

from __future__ import annotations

import warnings
from typing import Any

from optimade.exceptions import BadRequest, NotImplementedResponse
from optimade.models import ReferenceResource, StructureResource
from optimade.server.entry_collections.entry_collections import EntryCollection
from optimade.server.mappers import ReferenceMapper, StructureMapper
from optimade.server.query_params import EntryListingQueryParams, SingleEntryQueryParams
from optimade.warnings import UnknownProviderProperty

from liface.database import Database
from liface.database.optimade_info import flat
from liface.database.structure_entries import Entries
from liface.errors import FilterError, UnsupportedFilterError
from liface.serve.optimade.configuration import Configuration


class _AsText:
    """Parser and transformer that hand a filter on as it is: the database reads it itself."""

    def parse(self, text: str) -> str:
        return text

    def transform(self, text: str) -> str:
        return text


class SqlCollection(EntryCollection):
    """Entries that a results database reads with SQL; read-only.

    Parameters
    ----------
    entries
        Structures or references of the database.
    """

    def __init__(self, entries: Entries, resource_cls: Any, resource_mapper: Any, config: Configuration):
        super().__init__(resource_cls, resource_mapper, _AsText(), config)
        self.parser = _AsText()
        self.entries = entries

    def __len__(self) -> int:
        return self.entries.count()

    def insert(self, data: Any) -> None:
        """Refuse: entries follow from the documents of the database."""
        raise NotImplementedResponse("this server is read-only")

    def count(self, **kwargs: Any) -> int:
        """Return how many entries match ``filter``."""
        return self.entries.count(kwargs.get("filter") or None)

    def handle_query_params(self, params: EntryListingQueryParams | SingleEntryQueryParams) -> dict[str, Any]:
        """Turn the parameters of a request into what to read.

        Raises
        ------
        BadRequest
            If they do not fit together.
        """
        criteria = super().handle_query_params(params)
        if getattr(params, "page_limit", None) == 0:
            raise BadRequest("page_limit is 0; give a whole number from 1 on")
        if "page_above" in criteria and criteria.get("sort"):
            raise BadRequest("page_above follows the order of id; leave out sort, or page with page_offset")
        return {**criteria, "wanted": criteria["fields"]}

    def parse_sort_params(self, sort_params: str) -> str:
        """Hand the order on as it is."""
        return sort_params

    def get_next_query_params(self, params: EntryListingQueryParams, results: Any) -> dict[str, list[str]]:
        """Return what changes in the address of the next page, in the way of paging that was used."""
        if params.page_above is not None:
            return {"page_above": [str(results[-1]["id"])]}
        if params.page_number is not None and not params.page_offset:
            return {"page_number": [str(max(params.page_number, 1) + 1)]}
        return super().get_next_query_params(params, results)

    def _run_db_query(
        self, criteria: dict[str, Any], single_entry: bool = False
    ) -> tuple[list[dict[str, Any]], int | None, bool]:
        try:
            page = self.entries.page(
                criteria["filter"] or None,
                criteria.get("sort"),
                criteria["limit"],
                criteria.get("skip", 0),
                fields=criteria["wanted"],
                above=criteria.get("page_above"),
            )
        except UnsupportedFilterError as error:
            raise NotImplementedResponse(str(error)) from error
        except FilterError as error:
            raise BadRequest(str(error)) from error
        for name in page.unknown:
            if name.split("_")[1] not in self.resource_mapper.KNOWN_PROVIDER_PREFIXES:
                warnings.warn(
                    UnknownProviderProperty(f"{name} is a property of another database; it was treated as unknown"),
                    stacklevel=2,
                )
        return [flat(entry) for entry in page.entries], page.number, page.more


def structures_collection(database: Database, config: Configuration) -> SqlCollection:
    """Return the structures of a database."""
    return SqlCollection(database.structures, StructureResource, StructureMapper(config), config)


def references_collection(database: Database, config: Configuration) -> SqlCollection:
    """Return the papers its structures rest on."""
    return SqlCollection(database.references, ReferenceResource, ReferenceMapper(config), config)
