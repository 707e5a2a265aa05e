"""What a check finds, and how checks that rest on each other are run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from liface.errors import LifaceError

State = Literal["ok", "failed", "skipped"]


@dataclass(frozen=True)
class Finding:
    """One link of a site, and whether it holds."""

    state: State
    message: str
    advice: str = ""
    """What to do where it does not."""
    check: str = ""
    """Name of the link."""

    def as_dict(self) -> dict[str, str]:
        """Return it as a row of a table."""
        return {"check": self.check, "state": self.state, "message": self.message, "advice": self.advice}


def ok(message: str) -> Finding:
    """Return that a link holds."""
    return Finding("ok", message)


def failed(message: str, advice: str) -> Finding:
    """Return that a link does not hold, and what to do."""
    return Finding("failed", message, advice)


def skipped(message: str) -> Finding:
    """Return that a link was not looked at, and why."""
    return Finding("skipped", message)


@dataclass(frozen=True)
class Check:
    """A small function that looks at one link or several, and the links it rests on.

    A :class:`~liface.errors.LifaceError` that it raises is what it found.
    """

    name: str
    look: Callable[[], Finding | Iterable[Finding]]
    needs: tuple[str, ...] = ()


def run_checks(checks: Iterable[Check]) -> Iterator[Finding]:
    """Yield what each check finds, in turn; one that rests on a link that does not hold is skipped."""
    broken: set[str] = set()
    for check in checks:
        if missing := [name for name in check.needs if name in broken]:
            found: list[Finding] = [skipped(f"it rests on: {missing[0]}")]
        else:
            found = list(_looked(check))
        states = {finding.state for finding in found}
        if "failed" in states or states == {"skipped"}:
            broken.add(check.name)
        yield from (replace(finding, check=finding.check or check.name) for finding in found)


def _looked(check: Check) -> Iterator[Finding]:
    try:
        found = check.look()
        yield from [found] if isinstance(found, Finding) else found
    except LifaceError as error:
        what, _, advice = str(error).partition("; ")
        yield failed(what, advice)
