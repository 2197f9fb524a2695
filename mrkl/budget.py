"""What one question may cost: expert calls, seconds, memory, tokens of the language model.

`Budget` is what the user sets; `Meter` counts one question's spending against it, from any thread.
It stops nothing by itself: whoever spends asks first and passes the deadline on.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event, Lock

from mrkl.tools.limits import MEMORY_LIMIT, highest_resident, resident


class BudgetExceeded(Exception):
    """A part of the budget is used up: calls, calls of one expert, seconds, tokens, memory."""

    def __init__(self, part: str, limit: float) -> None:
        amount = f"{limit / (1 << 20):,.4g} MB of" if part == "memory" else f"{limit:g}"
        super().__init__(f"the budget of {amount} {part} is used up")
        self.part = part
        self.limit = limit


class Cancelled(BudgetExceeded):
    """Nobody waits for the answer any more."""

    def __init__(self) -> None:
        Exception.__init__(self, "the question was cancelled")
        self.part, self.limit = "cancelled", 0.0


@dataclass(frozen=True)
class Budget:
    """Limits for one question. Raises ValueError where one is not above zero.

    `per_expert` limits the calls of each expert, or of the experts that it names. `memory` is in
    bytes: what each call may allocate that has a process of its own, and what this process may
    grow by during the calls; all its threads count.
    """

    calls: int = 16
    seconds: float = 60.0
    tokens: int = 600
    per_expert: int | Mapping[str, int] | None = None
    memory: int = MEMORY_LIMIT

    def __post_init__(self) -> None:
        for name in ("calls", "seconds", "tokens", "memory"):
            value: float = getattr(self, name)
            if not value > 0 or math.isnan(value):
                raise ValueError(f"Budget({name}={value}): must be above 0")
        limits = self.per_expert if isinstance(self.per_expert, Mapping) else {"": self.per_expert}
        if any(limit is not None and limit < 0 for limit in limits.values()):
            raise ValueError(f"Budget(per_expert={self.per_expert}): must not be below 0")

    def calls_of(self, expert: str) -> float:
        """How often one expert may be called."""
        limit = self.per_expert
        if isinstance(limit, Mapping):
            limit = limit.get(expert)
        return math.inf if limit is None else limit


@dataclass(frozen=True)
class Used:
    """What a question has spent: calls (also by expert), tokens, seconds, bytes of memory.

    `memory` is the most that one call held, or what this process grew by, whichever is more.
    """

    calls: int = 0
    tokens: int = 0
    seconds: float = 0.0
    by_expert: Mapping[str, int] = field(default_factory=dict[str, int])
    memory: int = 0


class Meter:
    """Counts what one question spends; starts its clock when made.

    Once `stop` is set nothing more may be spent.
    """

    def __init__(self, budget: Budget, stop: Event | None = None) -> None:
        self.budget = budget
        self.stop = stop or Event()
        self.started = time.monotonic()
        self.deadline = self.started + budget.seconds  # a time.monotonic() value
        self.calls = 0
        self.tokens = 0
        self._memory = 0  # the most bytes that a call held in its own process
        self._before: tuple[int, int] | None = None  # this process before the first call
        self._by_expert: Counter[str] = Counter()
        self._lock = Lock()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def check(self) -> None:
        """Raise BudgetExceeded when the time is up, Cancelled when nobody waits."""
        if self.stop.is_set():
            raise Cancelled
        if time.monotonic() >= self.deadline:
            raise BudgetExceeded("seconds", self.budget.seconds)

    def used(self) -> Used:
        """What has been spent so far."""
        with self._lock:
            memory = max(self._memory, self._grown())
            return Used(self.calls, self.tokens, self.seconds, dict(self._by_expert), memory)

    def spend_call(self, expert: str = "") -> None:
        """Count one call of an expert before it is made; raises BudgetExceeded."""
        self.check()
        with self._lock:
            if self.calls >= self.budget.calls:
                raise BudgetExceeded("calls", self.budget.calls)
            most = self.budget.calls_of(expert)
            if self._by_expert[expert] >= most:
                raise BudgetExceeded(f"calls of {expert}", most)
            if self._before is None:  # models have loaded by now, which are no call's memory
                self._before = resident(), highest_resident()
            if self._grown() > self.budget.memory:
                raise BudgetExceeded("memory", self.budget.memory)
            self.calls += 1
            self._by_expert[expert] += 1

    def spend_tokens(self, count: int = 1) -> None:
        """Count tokens written by a model; raises BudgetExceeded."""
        self.check()
        with self._lock:
            self.tokens += count
            if self.tokens > self.budget.tokens:
                raise BudgetExceeded("tokens", self.budget.tokens)

    def spend_memory(self, count: int) -> None:
        """Note the bytes that a call held in a process of its own."""
        with self._lock:
            self._memory = max(self._memory, count)

    def _grown(self) -> int:
        """Bytes by which this process has grown since the first call."""
        if self._before is None:
            return 0
        held, highest = self._before
        return max(0, resident() - held, highest_resident() - highest)
