"""Runs a plan: steps whose references are known are called at once, side by side.

In: a plan, the experts by name, the world and the question's meter and trace. Out: an outcome for
every step. A failed step fails those that need it and no others. What stands around a single call
(leave, budget, breaker, log, retries) is in mrkl.calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeAlias

from mrkl.budget import BudgetExceeded
from mrkl.calls import Outcome, Run
from mrkl.experts.base import Failure, Result
from mrkl.plan import Plan, Step
from mrkl.references import ReferenceFault, fill
from mrkl.second_opinion import Opinion, agree
from mrkl.stand_in import FAULTS
from mrkl.trace import Trace

_SIDE_BY_SIDE = 6
_Reported: TypeAlias = "tuple[int, Outcome | BaseException]"


def run_plan(plan: Plan, run: Run) -> dict[int, Outcome]:
    """Call every step once all it needs is there; the outcomes by step number."""
    outcomes: dict[int, Outcome] = dict(run.finished)
    waiting = {step.id: step for step in plan if step.id not in outcomes}
    if run.log:
        run.log.planned(plan)
    while waiting:
        while blocked := _blocked(waiting.values(), outcomes):  # one may block the next
            for step in blocked:
                outcomes[step.id] = _unmet(step, outcomes, run.trace)
                del waiting[step.id]
        ready = [step for step in waiting.values() if _usable(step, outcomes)]
        if len(ready) > 1:
            _run_together(plan, waiting, outcomes, run)
        elif ready:  # the common case, without the cost of a thread
            step = ready[0]
            outcomes[step.id] = _run_step(plan, step, outcomes, run)
            del waiting[step.id]
    return outcomes


def _run_together(
    plan: Plan, waiting: dict[int, Step], outcomes: dict[int, Outcome], run: Run
) -> None:
    """Call all that is ready, and start what becomes ready meanwhile without a pause."""
    done: SimpleQueue[_Reported] = SimpleQueue()
    running = 0
    while True:
        ready = [s for s in waiting.values() if _usable(s, outcomes)]
        for step in ready[: _SIDE_BY_SIDE - running]:
            known = {k: outcomes[k] for k in step.depends_on}
            # a daemon: nobody waits for a call that hangs when the program is interrupted
            Thread(target=_report, args=(plan, step, known, run, done), daemon=True).start()
            del waiting[step.id]
            running += 1
        if not running:
            return
        number, outcome = _next(done)
        running -= 1
        if isinstance(outcome, BaseException):
            raise outcome
        outcomes[number] = outcome


def _next(done: SimpleQueue[_Reported]) -> _Reported:
    """The next outcome. In short waits: a Ctrl-C that meets another thread wakes no long one."""
    while True:
        try:
            return done.get(timeout=0.1)
        except Empty:
            continue


def _report(
    plan: Plan,
    step: Step,
    known: Mapping[int, Outcome],
    run: Run,
    done: SimpleQueue[_Reported],
) -> None:
    try:
        done.put((step.id, _run_step(plan, step, known, run)))
    except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
        done.put((step.id, error))


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


def _run_step(plan: Plan, step: Step, outcomes: Mapping[int, Outcome], run: Run) -> Outcome:
    """Call the step's expert; where it breaks, the one that may stand in for it."""
    outcome = _called(plan, step, outcomes, run)
    other = run.stand_ins.get(step.id)
    if other is not None and isinstance(outcome, Failure) and outcome.kind in FAULTS:
        run.trace.add("note", text=f"{outcome.message}; {other} is asked instead")
        second = _called(plan, replace(step, expert=other), outcomes, run)
        if isinstance(second, Result):
            outcome, run.stood_in[step.id] = second, other
    elif isinstance(outcome, Result) and step.id in run.close:
        _ask_another(plan, step, outcome, outcomes, run)
    if isinstance(outcome, Result):
        cut = {"truncated": True} if outcome.truncated else {}
        run.trace.add("result", step=step.id, value=outcome.line(), source=outcome.source, **cut)
    else:
        run.trace.add("failure", step=step.id, error=outcome.kind, message=outcome.message)
    return outcome


def _ask_another(
    plan: Plan, step: Step, outcome: Result, outcomes: Mapping[int, Outcome], run: Run
) -> None:
    """The second opinion on a result. The log holds one call a step: the first."""
    other, share = run.close[step.id]
    aside = replace(run, log=None)
    second = _called(plan, replace(step, expert=other), outcomes, aside)
    if isinstance(second, Result):
        agrees = agree(outcome, second)
        run.opinions[step.id] = Opinion(other, share, second, agrees)
        says = "says the same" if agrees else f"says {second.line()}"
        run.trace.add("note", text=f"{other} was nearly as likely and {says}")


def _called(plan: Plan, step: Step, outcomes: Mapping[int, Outcome], run: Run) -> Outcome:
    """Fill in the references and call, if it may be called."""
    expert = run.experts[step.expert]
    results = {k: out for k, out in outcomes.items() if isinstance(out, Result)}
    refused = run.allowed(expert, step) if run.allowed else None
    try:
        if refused is not None:
            return Failure("refused", refused)
        return run.outcome(plan, step, fill(step, expert.card, results, run.world))
    except ReferenceFault as error:
        return Failure("bad_arguments", str(error))
    except BudgetExceeded as error:
        return Failure("budget", str(error))
