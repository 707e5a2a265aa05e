"""Store what follows from the results of a campaign."""

from __future__ import annotations

from liface.database import Database
from liface.documents import ResultDocument
from liface.workflows.campaign import Campaign
from liface.workflows.steps.derived import growth_results, wetting_results


def derive(campaign: Campaign, database: Database) -> tuple[ResultDocument, ...]:
    """Derive wetting and growth modes from the stored results of a campaign and store them beside these."""
    mine = f'campaign="{campaign.name}"'  # the pattern of names in a campaign file has no quotes
    derived: tuple[ResultDocument, ...] = growth_results(database.results("binding", where=mine))
    if campaign.file.wetting:
        derived += wetting_results(database.results("surface", where=mine), database.results("interface", where=mine))
    database.put_derived(campaign.name, ("growth", "wetting"), derived)
    return derived
