"""Settings of the server: given by the program alone, not by files and variables of other OPTIMADE servers."""

from __future__ import annotations

from typing import Any

from optimade.models import Implementation, Provider
from optimade.server.config import ServerConfig

from liface.database.optimade_info import implementation, own_properties, provider

PAGE_LIMIT = 50
PAGE_LIMIT_MAX = 500


class Configuration(ServerConfig):
    """Settings that come from their arguments only."""

    @classmethod
    def settings_customise_sources(cls, settings_cls: Any, init_settings: Any, *_: Any, **__: Any) -> Any:
        """Leave out environment, ``~/.optimade.json`` and secrets."""
        return (init_settings,)


def configuration(base_url: str | None = None) -> Configuration:
    """Return the settings of a server.

    Parameters
    ----------
    base_url
        Address others reach it at, where that is not the one requests name (behind a proxy).
    """
    return Configuration(
        base_url=base_url,
        page_limit=PAGE_LIMIT,
        page_limit_max=PAGE_LIMIT_MAX,
        provider=Provider(**provider()),
        implementation=Implementation(**implementation()),
        provider_fields={"structures": own_properties()},
        insert_test_data=False,
    )
