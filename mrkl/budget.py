"""What one question may cost: expert calls, seconds and tokens of the language model.

`Budget` is what the user sets; `Meter` counts one question's spending against it, from any thread.
It stops nothing by itself: whoever spends asks first and passes the deadline on.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from threading import Lock


class BudgetExceeded(Exception):
    """A part of the budget is used up; `part` is calls, seconds or tokens."""

    def __init__(self, part: str, limit: float) -> None:
        super().__init__(f"the budget of {limit:g} {part} is used up")
        self.part = part
        self.limit = limit


@dataclass(frozen=True)
class Budget:
    """Limits for one question. Raises ValueError where one is not above zero."""

    calls: int = 16
    seconds: float = 60.0
    tokens: int = 600

    def __post_init__(self) -> None:
        for name in ("calls", "seconds", "tokens"):
            value: float = getattr(self, name)
            if not value > 0 or math.isnan(value):
                raise ValueError(f"Budget({name}={value}): must be above 0")


class Meter:
    """Counts what one question spends; starts its clock when made."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.started = time.monotonic()
        self.deadline = self.started + budget.seconds  # a time.monotonic() value
        self.calls = 0
        self.tokens = 0
        self._lock = Lock()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def check(self) -> None:
        """Raise BudgetExceeded when the time is up."""
        if time.monotonic() >= self.deadline:
            raise BudgetExceeded("seconds", self.budget.seconds)

    def spend_call(self) -> None:
        """Count one expert call before it is made; raises BudgetExceeded."""
        self.check()
        with self._lock:
            if self.calls >= self.budget.calls:
                raise BudgetExceeded("calls", self.budget.calls)
            self.calls += 1

    def spend_tokens(self, count: int = 1) -> None:
        """Count tokens written by a model; raises BudgetExceeded."""
        self.check()
        with self._lock:
            self.tokens += count
            if self.tokens > self.budget.tokens:
                raise BudgetExceeded("tokens", self.budget.tokens)
