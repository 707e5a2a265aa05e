"""Warnings of OPTIMADE, kept for the answer to the request in which they came up.

optimade-python-tools tells what it passes over with :func:`warnings.warn`. Requests run side by side in threads, so
each has its own list, in a context variable; warnings of others go where they went before.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

from optimade.warnings import LocalOptimadeWarning, OptimadeWarning

_found: ContextVar[list[dict[str, str]] | None] = ContextVar("liface_optimade_warnings", default=None)
_installing = threading.Lock()


class KeepWarnings:
    """ASGI middleware that opens a list of warnings for every request."""

    def __init__(self, app: Callable[..., Awaitable[None]]):
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer the request with a list of its own."""
        _listen()
        token = _found.set([])
        try:
            await self.app(scope, receive, send)
        finally:
            _found.reset(token)


def found() -> list[dict[str, str]]:
    """Return the warnings of this request, each once."""
    return list({(each["title"], each["detail"]): each for each in _found.get() or []}.values())


def _listen() -> None:
    """Route warnings of OPTIMADE to their requests; anew where something has put the old route back."""
    with _installing:
        if getattr(warnings.showwarning, "keeps_optimade", False):
            return
        before = warnings.showwarning

        def show(message: Any, category: Any, *args: Any, **kwargs: Any) -> None:
            kept = _found.get()
            if kept is None or not isinstance(message, OptimadeWarning):
                before(message, category, *args, **kwargs)
            elif not isinstance(message, LocalOptimadeWarning):
                kept.append({"type": "warning", "title": str(message.title), "detail": str(message.detail)})

        show.keeps_optimade = True  # type: ignore[attr-defined]
        warnings.showwarning = show
        warnings.simplefilter("always", OptimadeWarning)
