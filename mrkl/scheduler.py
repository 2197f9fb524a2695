"""Runs a plan: steps whose references are known are called at once, side by side.

In: a plan, the experts by name, the world and the question's meter and trace. Out: an outcome for
every step. A failed step fails those that need it and no others. Deadlines and isolation are kept
by `mrkl.experts.run.call`; what may be called at all is the plan's and the budget's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TypeAlias

from mrkl.budget import BudgetExceeded, Meter
from mrkl.experts.base import Context, Expert, Failure, Result
from mrkl.experts.run import call
from mrkl.experts.world import World
from mrkl.plan import Plan, Step
from mrkl.references import ReferenceFault, fill, shown
from mrkl.trace import Trace

Outcome: TypeAlias = "Result | Failure"
Allowed: TypeAlias = "Callable[[Expert, Step], str | None]"  # a reason to refuse, or None

_SIDE_BY_SIDE = 6


@dataclass(frozen=True)
class Run:
    """What all calls of one question share."""

    experts: Mapping[str, Expert]
    world: World
    meter: Meter
    trace: Trace
    allowed: Allowed | None = None


def run_plan(plan: Plan, run: Run) -> dict[int, Outcome]:
    """Call every step once all it needs is there; the outcomes by step number."""
    outcomes: dict[int, Outcome] = {}
    waiting = {step.id: step for step in plan}
    while waiting:
        for step in _blocked(waiting.values(), outcomes):
            outcomes[step.id] = _unmet(step, outcomes, run.trace)
            del waiting[step.id]
        ready = [s for s in waiting.values() if all(k in outcomes for k in s.depends_on)]
        if len(ready) > 1:
            _run_together(waiting, outcomes, run)
        elif ready:  # the common case, without the cost of a thread
            step = ready[0]
            outcomes[step.id] = _run_step(step, outcomes, run)
            del waiting[step.id]
    return outcomes


def _run_together(waiting: dict[int, Step], outcomes: dict[int, Outcome], run: Run) -> None:
    """Call all that is ready, and start what becomes ready meanwhile without a pause."""
    running: dict[Future[Outcome], int] = {}
    pool = ThreadPoolExecutor(_SIDE_BY_SIDE, thread_name_prefix="mrkl-step")
    try:
        while True:
            for step in [s for s in waiting.values() if _usable(s, outcomes)]:
                known = {k: outcomes[k] for k in step.depends_on}
                running[pool.submit(_run_step, step, known, run)] = step.id
                del waiting[step.id]
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                outcomes[running.pop(future)] = future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _usable(step: Step, outcomes: Mapping[int, Outcome]) -> bool:
    return all(isinstance(outcomes.get(k), Result) for k in step.depends_on)


def _blocked(steps: Iterable[Step], outcomes: Mapping[int, Outcome]) -> list[Step]:
    """The steps that can never run, because one they need has failed."""
    return [s for s in steps if any(isinstance(outcomes.get(k), Failure) for k in s.depends_on)]


def _unmet(step: Step, outcomes: Mapping[int, Outcome], trace: Trace) -> Failure:
    number = next(k for k in step.depends_on if isinstance(outcomes.get(k), Failure))
    failure = Failure("no_answer", f"step {number} gave no result")
    trace.add("failure", step=step.id, error=failure.kind, message=failure.message)
    return failure


def _run_step(step: Step, outcomes: Mapping[int, Outcome], run: Run) -> Outcome:
    """Fill in the references, ask the budget, call."""
    expert = run.experts[step.expert]
    results = {k: out for k, out in outcomes.items() if isinstance(out, Result)}
    outcome: Outcome
    refusal = run.allowed(expert, step) if run.allowed else None
    try:
        if refusal is not None:
            outcome = Failure("refused", refusal)
        else:
            arguments = fill(step, expert.card, results, run.world)
            run.meter.spend_call()
            run.trace.add("call", step=step.id, expert=expert.name, arguments=shown(arguments))
            outcome = call(expert, arguments, Context(run.world, run.meter.deadline))
    except ReferenceFault as error:
        outcome = Failure("bad_arguments", str(error))
    except BudgetExceeded as error:
        outcome = Failure("budget", str(error))
    if isinstance(outcome, Result):
        run.trace.add("result", step=step.id, value=outcome.line(), source=outcome.source)
    else:
        run.trace.add("failure", step=step.id, error=outcome.kind, message=outcome.message)
    return outcome
