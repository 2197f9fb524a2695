"""One call of a step, with all that stands around it: leave, budget, breaker, log, retries.

In: a step with filled arguments and what its question shares. Out: a Result or a Failure, or
BudgetExceeded. A call that was made before in the same question is not made again. What a single
attempt may do is kept by `mrkl.experts.run.call`.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from mrkl.approval import Approve, refusal, write_request
from mrkl.breaker import Breakers
from mrkl.budget import BudgetExceeded, Meter
from mrkl.experts.base import Context, Expert, Failure, Result
from mrkl.experts.run import call
from mrkl.experts.world import World
from mrkl.plan import Plan, Step
from mrkl.references import shown
from mrkl.second_opinion import Opinion
from mrkl.trace import Trace

Outcome: TypeAlias = "Result | Failure"
Allowed: TypeAlias = "Callable[[Expert, Step], str | None]"  # a reason to refuse, or None
Caller: TypeAlias = Callable[[Expert, Mapping[str, Any], Context], Outcome]

ATTEMPTS = 3
_PAUSE = 0.1  # seconds; the longest pause before the second attempt, doubled for the third


class Log(Protocol):
    """Where a question is written down as it goes (mrkl.run_log)."""

    def planned(self, plan: Plan) -> None: ...
    def started(self, step: Step, arguments: str, idempotent: bool) -> None: ...
    def finished(self, step: Step, arguments: str, idempotent: bool, outcome: Outcome) -> None: ...


@dataclass(frozen=True)
class Run:
    """What all calls of one question share.

    `writes`: calls that write need no leave. `finished` holds outcomes that are known before.
    `stand_ins` names who may answer a step whose expert breaks, `stood_in` who did; `close` names
    the second expert of a step where two are close, with its probability, `opinions` holds what it said.
    """

    experts: Mapping[str, Expert]
    world: World
    meter: Meter
    trace: Trace
    allowed: Allowed | None = None
    question: str = ""
    writes: bool = True
    approve: Approve | None = None
    breakers: Breakers = field(default_factory=Breakers)
    log: Log | None = None
    finished: Mapping[int, Outcome] = field(default_factory=dict[int, Outcome])
    call: Caller = call
    stand_ins: Mapping[int, str] = field(default_factory=dict[int, str])
    stood_in: dict[int, str] = field(default_factory=dict[int, str])
    close: Mapping[int, tuple[str, float]] = field(default_factory=dict[int, tuple[str, float]])
    opinions: dict[int, Opinion] = field(default_factory=dict[int, Opinion])
    _made: dict[tuple[str, str], tuple[int, Future[Outcome]]] = field(
        default_factory=dict[tuple[str, str], tuple[int, Future[Outcome]]]
    )
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def outcome(self, plan: Plan, step: Step, arguments: dict[str, Any]) -> Outcome:
        """The outcome of the call, made now unless it was made before."""
        expert = self.experts[step.expert]
        text = shown(arguments)
        mine: Future[Outcome] = Future()
        with self._lock:
            number, made = self._made.setdefault((expert.name, text), (step.id, mine))
        if made is not mine:
            return self._again(expert, number, made)
        try:
            outcome = self._leave(plan, expert, step, arguments) or self._guarded(
                expert, step, arguments, text
            )
        except BaseException as error:
            mine.set_exception(error)
            raise
        mine.set_result(outcome)
        return outcome

    def _again(self, expert: Expert, number: int, made: Future[Outcome]) -> Outcome:
        """What becomes of a call that step `number` makes already."""
        if not expert.idempotent:
            return Failure("refused", f"{expert.name} was already called so in step {number}")
        self.trace.add("note", text=f"the same call as in step {number}; its result is used")
        try:
            return made.result(max(0.0, self.meter.deadline - time.monotonic()))
        except TimeoutError:
            return Failure("timeout", f"{expert.name} took too long")

    def _leave(
        self, plan: Plan, expert: Expert, step: Step, arguments: dict[str, Any]
    ) -> Failure | None:
        if expert.effects != "write":
            return None
        request = write_request(plan, step, arguments, self.experts, self.question)
        reason = refusal(request, self.writes, self.approve)
        return None if reason is None else Failure("refused", reason)

    def _guarded(self, expert: Expert, step: Step, arguments: dict[str, Any], text: str) -> Outcome:
        breaker = self.breakers[expert.name]
        if not breaker.admits():
            wait = f"it is left alone for {breaker.rests:.0f} s"
            return Failure("offline", f"{expert.name} failed several times in a row; {wait}")
        self.meter.spend_call(expert.name)
        self.trace.add("call", step=step.id, expert=expert.name, arguments=text)
        if self.log:
            self.log.started(step, text, expert.idempotent)
        outcome = self._attempts(expert, arguments)
        breaker.record(outcome)
        if outcome.memory:
            self.meter.spend_memory(outcome.memory)
        if self.log:
            self.log.finished(step, text, expert.idempotent, outcome)
        return outcome

    def _attempts(self, expert: Expert, arguments: dict[str, Any]) -> Outcome:
        """Call; again after a pause of random length where it could not be reached."""
        meter = self.meter
        context = Context(self.world, meter.deadline, meter.budget.memory, meter.stop.is_set)
        outcome = self.call(expert, arguments, context)
        for attempt in range(1, ATTEMPTS):
            lost = isinstance(outcome, Failure) and outcome.kind == "offline"
            # full jitter: many that failed together do not come back together
            pause = random.uniform(0, _PAUSE * 2 ** (attempt - 1))
            if not lost or not expert.idempotent or pause >= context.remaining():
                break
            time.sleep(pause)
            try:
                self.meter.spend_call(expert.name)
            except BudgetExceeded:
                break
            self.trace.add("note", text=f"{expert.name} could not be reached; tried again")
            outcome = self.call(expert, arguments, context)
        return outcome
