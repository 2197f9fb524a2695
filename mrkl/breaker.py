"""A circuit breaker per expert: one that keeps failing is left alone for a while.

In: the outcomes of calls. Out: whether the next call may be made. Closed: calls pass. Open, after
five failures in a row: none pass. Half-open, after a rest: one call tries. Answers of "I do not
know" and refusals are no failures. It lives as long as its Agent and is shared by its questions.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from threading import Lock
from typing import Literal, TypeAlias

from mrkl.experts.base import Failure, Result

State: TypeAlias = Literal["closed", "open", "half-open"]

FAILURES = 5  # in a row
REST = 30.0  # seconds
_FAULTS = ("crashed", "timeout", "offline", "contract", "budget")


class Breaker:
    """The breaker of one expert; safe to use from many threads."""

    def __init__(self, failures: int = FAILURES, rest: float = REST) -> None:
        self._most = failures
        self._rest = rest
        self._lock = Lock()
        self._failed = 0
        self._opened: float | None = None
        self._trying = False

    @property
    def state(self) -> State:
        """closed, open or half-open."""
        if self._opened is None:
            return "closed"
        return "open" if self.rests > 0 else "half-open"

    @property
    def rests(self) -> float:
        """Seconds until an open breaker lets a call try."""
        opened = self._opened
        return 0.0 if opened is None else max(0.0, opened + self._rest - time.monotonic())

    def admits(self) -> bool:
        """Whether a call may be made now; half-open, only one at a time."""
        if self._opened is None:  # the common case
            return True
        with self._lock:
            if self.rests > 0 or self._trying:
                return False
            self._trying = True
            return True

    def record(self, outcome: Result | Failure) -> None:
        """Count an outcome of an admitted call."""
        fault = isinstance(outcome, Failure) and outcome.kind in _FAULTS
        if not fault and not self._failed:
            return
        with self._lock:
            self._trying = False
            self._failed = self._failed + 1 if fault else 0
            self._opened = time.monotonic() if self._failed >= self._most else None


class Breakers:
    """The breakers of an agent, by expert; iterating gives those that are not closed."""

    def __init__(self) -> None:
        self._known: dict[str, Breaker] = {}

    def __getitem__(self, expert: str) -> Breaker:
        found = self._known.get(expert)
        return found if found is not None else self._known.setdefault(expert, Breaker())

    def __iter__(self) -> Iterator[tuple[str, State]]:
        return ((name, b.state) for name, b in list(self._known.items()) if b.state != "closed")
