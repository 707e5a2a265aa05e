"""How far a run is: one line that rewrites itself on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

if TYPE_CHECKING:
    from liface.dispatch.run import RunState

TERMINAL_EVERY_S = 0.5
ELSEWHERE_EVERY_S = 10.0
ERASE = "\r\x1b[K"


class ProgressLine:
    """Shows the latest state in the words of a function; safe to call from several threads.

    On a terminal the line is redrawn twice a second, so that the clock moves while a long relaxation runs. What a
    state has among its ``notices`` is written at once, each on a line of its own that stays.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        every_s: float | None = None,
        words: Callable[[Any], str] | None = None,
    ):
        self._stream = stream or sys.stderr
        self._words = words or describe
        self._terminal = self._stream.isatty()
        self._every_s = every_s if every_s is not None else TERMINAL_EVERY_S if self._terminal else ELSEWHERE_EVERY_S
        self._state: Any = None
        self._told: set[str] = set()
        self._shown_at = time.monotonic()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._clock = threading.Thread(target=self._tick, daemon=True, name="liface-progress")

    def __enter__(self) -> Self:
        if self._terminal:
            self._clock.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._clock.is_alive():
            self._clock.join()
        with self._lock:
            if self._terminal and self._state is not None:
                self._write(ERASE)

    def __call__(self, state: Any) -> None:
        """Take a new state, by default one of a campaign; draw it if the last drawing is long ago."""
        with self._lock:
            self._state = state
            self._tell(getattr(state, "notices", ()))
            if not self._over.is_set() and time.monotonic() - self._shown_at >= self._every_s:
                self._show()

    def _tell(self, notices: Sequence[str]) -> None:
        for notice in notices:
            if notice not in self._told:
                self._told.add(notice)
                self._write(f"{ERASE}{notice}\n" if self._terminal else f"{notice}\n")

    def _tick(self) -> None:
        while not self._over.wait(self._every_s):
            with self._lock:
                if self._state is not None:
                    self._show()

    def _show(self) -> None:
        assert self._state is not None
        self._shown_at = time.monotonic()
        line = self._words(self._state)
        self._write(f"{ERASE}{line}" if self._terminal else f"{line}\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def describe(state: RunState) -> str:
    """Say in one line what is done and what is left."""
    done = len(state.done) + len(state.skipped)
    left = state.seconds_left
    parts = [state.phase] if state.phase else []
    parts += [
        f"cases {done}/{state.n_cases}",
        f"calculations {state.computed} computed, {state.reused} reused, {state.failed} failed",
        clock(state.seconds),
    ]
    if left is not None and done < state.n_cases:
        parts.append(f"about {clock(left)} left")
    return " | ".join(parts)


def clock(seconds: float) -> str:
    """Write a duration for people."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours < 48 else f"{hours / 24:.1f} days"
