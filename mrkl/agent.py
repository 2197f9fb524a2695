"""The agent: one question from the first word to the answer. The file to read first.

In: questions. Out: `Answer`. The language module decomposes, the router decides, the experts
answer, the composer fills in. What each of them does is in its own file; here is the order, what
may be called, when to abstain and what a failure becomes.
"""

from __future__ import annotations

import contextlib
import copy
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar, cast, overload

from mrkl.answer import Answer
from mrkl.approval import Approve
from mrkl.breaker import Breakers
from mrkl.budget import Budget, BudgetExceeded, Meter
from mrkl.calls import Caller, Run
from mrkl.confidence import needed, threshold
from mrkl.ending import NOT_SURE, Ending
from mrkl.experts.base import Effects, Expert, Failure
from mrkl.experts.run import call
from mrkl.experts.world import World
from mrkl.language import (
    Draft,
    Language,
    ModelError,
    Offer,
    Outcomes,
    RouterLike,
    RoutingLike,
    Turn,
)
from mrkl.parts import experts_of, is_named, load_language, log_of, model_of, world_of
from mrkl.plan import Step, given_plan
from mrkl.prompt import clean
from mrkl.scheduler import run_plan
from mrkl.second_opinion import close_calls, hoped, weighed
from mrkl.stand_in import applied, stand_ins
from mrkl.trace import Event, Trace

if TYPE_CHECKING:
    from mrkl.run_log import Entry, RunLog
    from mrkl.structured import Shape

T = TypeVar("T")
History: TypeAlias = "Sequence[Turn | Answer]"
Only: TypeAlias = "Sequence[str] | None"

MAX_QUESTION = 2_000  # characters; longer ones are not read
DEFAULT_ALLOWED: tuple[Effects, ...] = ("none", "read", "network")


class Agent:
    """Answers questions with experts.

    `experts`: Experts or typed functions; None means the built-in and the installed ones. `model`:
    None (the embedded core), a checkpoint folder or hub name, `openai:URL`, or a language module.
    `world` fixes clock, rates and weather: a World, a path or its parsed content. `allow` names
    the effects that calls may have; others are refused, but calls that write are put to `approve`,
    if there is one. `log`: a RunLog or its path. Plans less sure than `least_confidence` (0 to 1;
    None: the measured thresholds of mrkl.confidence) are not run. Models load when first needed.
    """

    def __init__(
        self,
        experts: Iterable[Expert | Callable[..., Any]] | None = None,
        model: str | Path | Language | None = None,
        budget: Budget | None = None,
        world: World | str | Path | Mapping[str, Any] | None = None,
        *,
        router: RouterLike | None = None,
        allow: Iterable[Effects] = DEFAULT_ALLOWED,
        approve: Approve | None = None,
        log: RunLog | str | Path | None = None,
        least_confidence: float | None = None,
    ) -> None:
        self.least_confidence = threshold(least_confidence)
        self.budget = budget or Budget()
        self.world = world_of(world)
        self.allow = frozenset(allow)
        self.approve = approve
        self.breakers = Breakers()
        self.log = log_of(log)
        self._experts, self._known = experts_of(experts)
        self._model = model_of(model)
        self._router = router
        self._language: Language | None
        self._language = None if is_named(self._model) else cast(Language, self._model)
        self._loading = threading.Lock()
        self._call: Caller = call

    @property
    def experts(self) -> list[Expert]:
        """The experts on offer."""
        return list(self._experts.values())

    @overload
    def ask(self, question: str, *, history: History = ..., only: Only = ...) -> Answer: ...
    @overload
    def ask(
        self, question: str, *, returns: type[T], history: History = ..., only: Only = ...
    ) -> T: ...
    def ask(
        self, question: str, *, returns: Any = None, history: History = (), only: Only = None
    ) -> Any:
        """Answer a question. `history` holds earlier answers, or (question, answer) pairs.

        With `returns` (a type, or a pydantic model) the value comes back in that shape, and
        NoAnswer is raised where there is none. `only` names the experts that may be used. Works
        inside a running event loop, which it blocks.
        """
        return self._asked(question, returns, history, only, threading.Event())

    def _asked(
        self, question: str, returns: Any, history: History, only: Only, stop: threading.Event
    ) -> Any:
        work = partial(self._answer, question, history, only, stop)
        if returns is None:
            return _outside_loop(work)
        from mrkl.structured import Shape

        shape: Shape = Shape(returns)  # a shape that cannot work fails before any call
        return shape.fill(_outside_loop(work))

    @overload
    async def aask(self, question: str, *, history: History = ..., only: Only = ...) -> Answer: ...
    @overload
    async def aask(
        self, question: str, *, returns: type[T], history: History = ..., only: Only = ...
    ) -> T: ...
    async def aask(
        self, question: str, *, returns: Any = None, history: History = (), only: Only = None
    ) -> Any:
        """`ask` without blocking the event loop (asyncio or trio).

        Where the task is cancelled, calls under way are ended and no further one is made.
        """
        from anyio import to_thread

        stop = threading.Event()
        ask = partial(self._asked, question, returns, history, only, stop)
        try:
            return await to_thread.run_sync(ask, abandon_on_cancel=True)
        finally:
            stop.set()

    def stream(self, question: str, *, history: History = ()) -> Iterator[Event | Answer]:
        """What happens, as it happens; the last item is the Answer. Leaving early cancels."""
        from mrkl.streaming import follow

        stop = threading.Event()
        return follow(lambda tell: self._answer(question, history, None, stop, tell), stop)

    def execute(
        self,
        question: str,
        calls: Iterable[Mapping[str, Any]],
        finished: Outcomes | None = None,
    ) -> Answer:
        """Run a plan that is given, without language module or router.

        Each call has `expert` (or `module`), `arguments` (or `args`) and perhaps a `subquery`.
        `finished` holds outcomes by step number that are known already: those are not called.
        Raises PlanError where a call does not fit its expert.
        """
        steps = [
            (
                str(call.get("subquery", "@")),
                str(call.get("expert", call.get("module"))),
                call.get("arguments", call.get("args", {})),
            )
            for call in calls
        ]
        plan = given_plan(steps, {name: item.card for name, item in self._experts.items()})
        meter, trace = Meter(self.budget), Trace()
        asked = clean(question)
        entry = self._entry(asked)
        outcomes = run_plan(plan, self._run(asked, meter, trace, entry, finished))
        answer = Ending(asked, meter, trace).answered(Draft("plan", plan), outcomes, "")
        return entry.ended(answer) if entry else answer

    def route(self, question: str) -> RoutingLike:
        """How the router sees a question: probabilities by expert, `none` included."""
        return self.router.route(clean(question), self.experts)

    def in_world(self, world: World) -> Agent:
        """The same agent, model and log included, in another world."""
        if is_named(self._model):
            with contextlib.suppress(ModelError):
                self.load()  # once, not again in every copy
        other = copy.copy(self)
        other.world = world
        return other

    def with_calls(self, caller: Caller, world: World) -> Agent:
        """The same agent in another world, its calls made by `caller`; it logs nothing."""
        other = self.in_world(world)
        other.log, other.breakers, other._call = None, Breakers(), caller
        return other

    def load(self) -> Agent:
        """Load model and router now instead of at the first question."""
        _ = self.language, self.router
        return self

    def close(self) -> None:
        """Let go of what the language module holds open."""
        close = getattr(self._language, "close", None)
        if close is not None:
            close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def language(self) -> Language:
        """The language module; loads it. Raises ModelError."""
        if self._language is None:
            with self._loading:
                if self._language is None:
                    self._language = load_language(self._model)
        return self._language

    @property
    def router(self) -> RouterLike:
        """The router; loads it."""
        if self._router is None:
            with self._loading:
                if self._router is None:
                    from mrkl.router import Router

                    self._router = cast(RouterLike, Router.load())
        return self._router

    def _answer(
        self,
        question: str,
        history: History,
        only: Only,
        stop: threading.Event,
        listener: Callable[[Event], None] | None = None,
    ) -> Answer:
        """The way of one question, written down where there is a log."""
        # far too long ones are not even cleaned: their beginning is too long already
        most = 4 * MAX_QUESTION
        asked = clean(question) if len(question) <= most else question[: MAX_QUESTION + 1]
        entry = self._entry(asked)
        meter, trace = Meter(self.budget, stop), Trace(listener)
        try:
            answer = self._on_the_way(asked, history, only, meter, trace, entry)
        except BaseException:
            stop.set()  # an interruption: what runs side by side is not wanted any more
            raise
        return entry.ended(answer) if entry else answer

    def _on_the_way(
        self,
        asked: str,
        history: History,
        only: Only,
        meter: Meter,
        trace: Trace,
        entry: Entry | None,
    ) -> Answer:
        trace.add("question", text=asked)
        ending = Ending(asked, meter, trace)
        if not asked or len(asked) > MAX_QUESTION:
            limit = f"The question is longer than {MAX_QUESTION} characters."
            return ending.abstained(limit if asked else "There is no question.")
        try:
            language = self.language
            # a module that needs the router takes it from the offer; the others never load it
            offer = Offer(self._experts, self._known, _Late(self))
            if only is not None:
                offer = offer.limited_to([name for name in only if name in self._experts])
            draft = language.draft(asked, offer, meter, trace, _turns(history))
            if draft.kind == "say":
                return ending.said(draft)
            if draft.kind == "abstain":
                return ending.abstained(draft.text or NOT_SURE, draft.confidence)
            run = self._run(asked, meter, trace, entry, draft=draft)
            least = needed(draft.plan.experts(), self._known, self.least_confidence)
            if hoped(draft, run.close) < least:
                return ending.abstained(NOT_SURE, draft.confidence, draft)
            outcomes = run_plan(draft.plan, run)
            if run.opinions:
                draft = replace(draft, confidence=weighed(draft, run.opinions))
            draft = applied(draft, run.stood_in)
            if draft.confidence < least:
                return ending.undecided(draft, outcomes, run.opinions)
            if draft.instead is not None and _lost(outcomes):
                return ending.abstained(draft.instead or NOT_SURE, draft.confidence)
            template = self._template(language, asked, draft, outcomes, meter, trace)
            return ending.answered(draft, outcomes, template, run.opinions)
        except BudgetExceeded as error:
            return ending.failed(Failure("budget", str(error)))
        except ModelError as error:
            return ending.failed(Failure(error.kind, str(error)))

    def _template(
        self,
        language: Language,
        question: str,
        draft: Draft,
        outcomes: Outcomes,
        meter: Meter,
        trace: Trace,
    ) -> str:
        """The answer's wording; none where a step failed or the module cannot word it in time."""
        if _lost(outcomes):
            return ""
        try:
            return language.word(question, draft, outcomes, meter)
        except (BudgetExceeded, ModelError) as error:
            trace.add("note", text=f"plain values, because {error}")
            return ""

    def _entry(self, asked: str) -> Entry | None:
        return self.log.begin(asked) if self.log else None

    def _run(
        self,
        asked: str,
        meter: Meter,
        trace: Trace,
        entry: Entry | None,
        finished: Outcomes | None = None,
        draft: Draft | None = None,
    ) -> Run:
        second = stand_ins(draft, self._experts) if draft else {}
        return Run(
            self._experts,
            self.world,
            meter,
            trace,
            self._refusal,
            asked,
            "write" in self.allow,
            self.approve,
            self.breakers,
            entry,
            finished or {},
            self._call,
            second,
            close=close_calls(draft, second) if draft else {},
        )

    def _refusal(self, expert: Expert, step: Step) -> str | None:
        if expert.effects in self.allow or (expert.effects == "write" and self.approve):
            return None
        return f"{expert.name} has the effect {expert.effects!r}, which is not allowed here"


class _Late:
    """The agent's router, loaded when the first text is routed."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def route(self, text: str, experts: Sequence[Expert]) -> RoutingLike:
        return self._agent.router.route(text, experts)


def _lost(outcomes: Outcomes) -> bool:
    """Whether a step has failed."""
    return any(isinstance(outcome, Failure) for outcome in outcomes.values())


def _turns(history: History) -> list[Turn]:
    return [(h.question, h.text) if isinstance(h, Answer) else h for h in history]


def _outside_loop(work: Callable[[], T]) -> T:
    """Run in this thread, or beside it where an event loop is running in it.

    An expert may be a coroutine function, which needs a thread without a loop.
    """
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return work()
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()
