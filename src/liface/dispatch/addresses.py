"""Which run a person means: a campaign, a lock, a recorded run, or what is stored of a campaign and an engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from liface.database import Database
from liface.documents import RunDocument
from liface.errors import InputError
from liface.workflows.campaign import Campaign
from liface.workflows.campaign_file import SHIPPED


def run_of(name: str, database: Database, engines: Sequence[str] | None = None) -> RunDocument:
    """Return the run of a campaign: recorded, or made of what the database holds now.

    Raises
    ------
    InputError
        There is neither a campaign file nor a recorded run of that name, or nothing is stored of it.
    """
    from liface.dispatch.manifest import manifest_of, same_as

    if name not in SHIPPED and not Path(name).is_file():
        recorded = database.runs(name)
        if not recorded:
            raise InputError(
                f"{name} is no campaign file, and no run of a campaign of this name is recorded; "
                f"recorded: {', '.join(sorted({run.campaign for run in database.runs()})) or 'none'}"
            )
        return recorded[-1]
    campaign = Campaign.load(name, tuple(engines or ()))
    run = manifest_of(campaign, database)
    if not run.cases:
        raise InputError(f"nothing is stored of {campaign.name}; liface campaign run {name} computes it")
    return same_as(run, database) or run
