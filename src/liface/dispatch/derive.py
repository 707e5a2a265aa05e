"""Store what follows from the results of a campaign."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from liface.database import Database
from liface.database.filters import within_campaign
from liface.dispatch.models import KINDS, models_of
from liface.documents import ResultDocument
from liface.workflows.campaign import Campaign
from liface.workflows.steps.derived import growth_results, wetting_results


@dataclass(frozen=True)
class Derived:
    """What was stored, and what could not be derived, each with its reason."""

    documents: tuple[ResultDocument, ...]
    problems: tuple[str, ...] = ()


def derive(campaign: Campaign, database: Database, told: Callable[[str], None] = lambda _: None) -> Derived:
    """Derive wetting, growth modes and what models say from the results of a campaign, and store it beside these.

    ``told`` hears of growth runs, which take seconds to minutes; those that are stored are not run again.
    """
    mine = within_campaign(None, campaign.name)
    derived: tuple[ResultDocument, ...] = growth_results(database.results("binding", where=mine))
    if campaign.file.wetting:
        derived += wetting_results(database.results("surface", where=mine), database.results("interface", where=mine))
    database.put_derived(campaign.name, ("growth", "wetting"), derived)
    models = models_of(campaign, database, told)
    database.put_derived(campaign.name, KINDS, models.documents)
    return Derived((*derived, *models.documents), tuple(models.problems))
