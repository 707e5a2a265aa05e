"""What a campaign asks for that the database does not hold, and why; nothing is computed here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from liface.database import Database
from liface.database.columns import RESULT_NOUNS
from liface.database.filters import within_campaign
from liface.dispatch.phases import phase
from liface.documents import CaseDocument, FailedCase, FinishedCase
from liface.workflows.campaign import Campaign, PlannedCase

State = Literal["never run", "submitted", "another definition", "failed", "superseded", "unconverged", "to be screened"]


@dataclass(frozen=True)
class Missing:
    """One case of a campaign without a result, or with one that nothing can rest on."""

    planned: PlannedCase
    state: State
    reason: str
    stored: CaseDocument | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the row of a table."""
        return {
            "case": self.planned.spec.name,
            "kind": self.planned.spec.kind,
            "engine": self.planned.engine_label,
            "state": self.state,
            "reason": self.reason,
            "since": self.stored.created_at.isoformat().replace("+00:00", "Z") if self.stored else None,
            "case_id": self.planned.case_id,
        }


@dataclass
class _Known:
    """What the database holds of one campaign."""

    cases: dict[str, CaseDocument]
    converged: dict[str, bool]
    """Whether the results that are shown converged, by record."""
    submitted: dict[str, str]
    """Where a case was handed to and when, by case."""
    reasons: dict[str, str]
    """Why calculations are no results, by calculation."""

    @cached_property
    def named(self) -> dict[tuple[str, str, str], CaseDocument]:
        """The cases by name, kind and engine; a database holds one of each."""
        return {(case.case, case.kind, case.engine.fingerprint): case for case in self.cases.values()}

    def same(self, planned: PlannedCase) -> CaseDocument | None:
        """Return the case of this name, kind and engine that is stored, whatever it was asked to do."""
        return self.named.get((planned.spec.name, planned.spec.kind, planned.case.engine.fingerprint))


def missing(campaign: Campaign, database: Database | None) -> list[Missing]:
    """Return the cases of a campaign that have no result to rest on, in the order of the campaign.

    With a screening, the costly cases that are not chosen yet are to be screened; those that were not chosen are not
    asked for.

    Raises
    ------
    CampaignError
        A case cannot be built.
    """
    current = phase(campaign, database)
    known = _known(campaign, database)
    asked = current.cases if current.name != "chosen" else (*campaign.screening_cases(), *current.cases)
    found = [each for planned in asked if (each := _missing(planned, known)) is not None]
    if current.name == "screening":
        found += [Missing(planned, "to be screened", current.note) for planned in campaign.cases()]
    return found


def _missing(planned: PlannedCase, known: _Known) -> Missing | None:
    stored = known.cases.get(planned.case_id)
    if stored is None:
        return _not_stored(planned, known)
    if isinstance(stored, FailedCase):
        return Missing(planned, "failed", stored.reason, stored)
    return _not_good(planned, stored, known)


def _not_stored(planned: PlannedCase, known: _Known) -> Missing:
    if planned.case_id in known.submitted:
        return Missing(planned, "submitted", known.submitted[planned.case_id])
    other = known.same(planned)
    if other is None:
        return Missing(planned, "never run", "no case of this name and engine is stored")
    reason = "what is stored was asked for with another structure, protocol or start, or by an older flow"
    return Missing(planned, "another definition", reason, other)


def _not_good(planned: PlannedCase, stored: FinishedCase, known: _Known) -> Missing | None:
    hidden = [record for record in stored.record_ids if record not in known.converged]
    if hidden:
        reason = f"{len(hidden)} of its {len(stored.record_ids)} results were superseded by others of the same quantity"
        return Missing(planned, "superseded", reason, stored)
    rough = [record for record in stored.record_ids if not known.converged[record]]
    if not rough:
        return None
    why = list(dict.fromkeys(known.reasons[i] for i in stored.calc_ids if i in known.reasons))
    reason = f"{len(rough)} of its {len(stored.record_ids)} results rest on calculations that did not converge"
    return Missing(planned, "unconverged", f"{reason}: {'; '.join(why)}" if why else reason, stored)


def _known(campaign: Campaign, database: Database | None) -> _Known:
    if database is None:
        return _Known({}, {}, {}, {})
    cases = {case.case_id: case for case in database.cases(campaign=campaign.name)}
    where = within_campaign(None, campaign.name)
    converged = {
        row["record_id"]: row["converged"]
        for noun in RESULT_NOUNS
        for page in database.pages(noun, where, columns=["record_id", "converged"])
        for row in page
    }
    submitted = {
        case.case_id: f"handed to {document.queue} at {document.place} on {document.created_at:%Y-%m-%d}"
        for document in database.submissions(campaign.name)
        if not document.cancelled
        for case in document.cases
    }
    return _Known(cases, converged, submitted, _reasons(cases.values(), converged, database))


def _reasons(cases: Iterable[CaseDocument], converged: dict[str, bool], database: Database) -> dict[str, str]:
    """Return why calculations of cases with unconverged results are no results."""
    rough = [
        case
        for case in cases
        if isinstance(case, FinishedCase) and not all(converged.get(i, True) for i in case.record_ids)
    ]
    ids: Sequence[str] = list(dict.fromkeys(calc_id for case in rough for calc_id in case.calc_ids))
    unfinished = [calc_id for calc_id, status in database.status_of(ids).items() if status != "converged"]
    return {
        calc_id: f"{outcome.label}: {outcome.reason}"
        for calc_id, outcome in database.calculations(unfinished).items()
        if outcome.status != "converged"
    }
