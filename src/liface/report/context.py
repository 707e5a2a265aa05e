"""What every section of a report is given."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from liface.analysis.literature import Literature
from liface.documents import FLAGS, InterfaceResult
from liface.report.canvas import Plot
from liface.report.figures import styles
from liface.report.grouping import flag_badges, ranked_interfaces
from liface.report.html import Html
from liface.report.records import CampaignRecords

if TYPE_CHECKING:
    from liface.analysis.correlation import CorrelationReport


@dataclass
class Context:
    """Records, published values, and the figures drawn so far."""

    records: CampaignRecords
    literature: Literature
    correlations: Sequence[CorrelationReport] = ()
    manifest: Mapping[str, Any] = field(default_factory=dict)
    plots: list[Plot] = field(default_factory=list)
    slugs: set[str] = field(default_factory=set)
    made_of: str = ""
    """Hash of all that the page is made of, where it is to be known again."""
    _next: dict[str, int] = field(default_factory=dict)
    """The number that the next figure of a name gets, so that thousands of one name are not all looked up."""

    @property
    def engine_labels(self) -> list[str]:
        """Names of the engines, in order."""
        return list(self.records.labels.values())

    @property
    def look(self) -> dict[str, tuple[str, str]]:
        """Colour and marker of every engine, by name: the same in every figure."""
        return styles(self.engine_labels)

    def colour(self, fingerprint: str) -> str:
        """Colour of an engine."""
        return self.look[self.records.labels[fingerprint]][0]

    def interfaces(self) -> list[InterfaceResult]:
        """Interfaces as they are ranked, the engines of one beside each other; older values last."""
        order = list(self.records.labels)
        newest = [
            g.by_engine[engine]
            for g in ranked_interfaces(self.records.interfaces)
            for engine in sorted(g.by_engine, key=order.index)
        ]
        shown = {id(result) for result in newest}
        return newest + [r for r in self.records.interfaces if id(r) not in shown]

    def slug(self, *parts: object) -> str:
        """Make a file name that no other figure has; only ASCII letters, digits and hyphens."""
        text = "-".join(re.sub(r"[^A-Za-z0-9]+", "-", str(part)).strip("-").lower() for part in parts)[:80]
        candidate, number = text or "figure", self._next.get(text, 2)
        while candidate in self.slugs:
            candidate, number = f"{text}-{number}", number + 1
        self.slugs.add(candidate)
        self._next[text] = number
        return candidate

    def add(self, plot: Plot) -> Plot:
        """Keep a figure, so that it is written beside the page."""
        self.plots.append(plot)
        return plot

    def flags(self, flags: Sequence[str]) -> Html:
        """Write flags as labels with their meaning."""
        return flag_badges(flags, FLAGS)
