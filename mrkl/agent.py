"""The agent: one question from the first word to the answer. The file to read first.

In: questions. Out: `Answer`. The language module decomposes, the router decides, the experts
answer, the composer fills in. What each of them does is in its own file; here is the order, what
may be called, when to abstain and what a failure becomes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar, cast, overload

from mrkl import compose
from mrkl.answer import Answer, Status, StepRecord
from mrkl.budget import Budget, BudgetExceeded, Meter
from mrkl.experts.base import Effects, Expert, Failure, Result
from mrkl.experts.world import World
from mrkl.language import (
    Draft,
    Language,
    LanguageError,
    Offer,
    Outcomes,
    RouterLike,
    RoutingLike,
    Turn,
)
from mrkl.plan import Step
from mrkl.prompt import clean
from mrkl.scheduler import Run, run_plan
from mrkl.trace import Event, Trace

if TYPE_CHECKING:
    from mrkl.structured import Shape

T = TypeVar("T")
History: TypeAlias = "Sequence[Turn | Answer]"

MAX_QUESTION = 2_000  # characters; longer ones are not read
MIN_CONFIDENCE = (
    0.3  # below it the agent abstains; a placeholder until it is fitted on held-out data
)
DEFAULT_ALLOWED: tuple[Effects, ...] = ("none", "read", "network")
_NOT_SURE = "I am not sure enough to answer that."


class Agent:
    """Answers questions with experts.

    `experts`: Experts or typed functions; None means the built-in ones. `model`: None (the
    embedded core), a checkpoint folder or hub name, `openai:URL`, or a language module. `world`
    fixes clock, rates and weather: a World, a path or its parsed content. `allow` names the
    effects that calls may have; others are refused. Models load when first needed.
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
    ) -> None:
        self.budget = budget or Budget()
        self.world = _world(world)
        self.allow = frozenset(allow)
        self.experts, self._known = _experts(experts)
        self._model = model
        self._router = router
        self._language: Language | None = None if _named(model) else cast(Language, model)
        self._loading = threading.Lock()

    @overload
    def ask(self, question: str, *, history: History = ()) -> Answer: ...
    @overload
    def ask(self, question: str, *, history: History = (), returns: type[T]) -> T: ...
    def ask(self, question: str, *, history: History = (), returns: Any = None) -> Any:
        """Answer a question. `history` holds earlier answers, or (question, answer) pairs.

        With `returns` (a type, or a pydantic model) the value comes back in that shape, and
        NoAnswer is raised where there is none. Works inside a running event loop, which it blocks.
        """
        if returns is None:
            return _outside_loop(partial(self._answer, question, history))
        from mrkl.structured import Shape

        shape: Shape = Shape(returns)  # a shape that cannot work fails before any call
        return shape.fill(_outside_loop(partial(self._answer, question, history)))

    @overload
    async def aask(self, question: str, *, history: History = ()) -> Answer: ...
    @overload
    async def aask(self, question: str, *, history: History = (), returns: type[T]) -> T: ...
    async def aask(self, question: str, *, history: History = (), returns: Any = None) -> Any:
        """`ask` without blocking the event loop (asyncio or trio)."""
        from anyio import to_thread

        ask: Callable[[], Any] = partial(cast(Any, self.ask), question, history=history)
        if returns is not None:
            ask = partial(ask, returns=returns)
        return await to_thread.run_sync(ask, abandon_on_cancel=True)

    def stream(self, question: str, *, history: History = ()) -> Iterator[Event | Answer]:
        """What happens, as it happens; the last item is the Answer."""
        from mrkl.streaming import follow

        return follow(lambda listener: self._answer(question, history, listener))

    def route(self, question: str) -> RoutingLike:
        """How the router sees a question: probabilities by expert, `none` included."""
        return self.router.route(clean(question), list(self.experts.values()))

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
        """The language module; loads it. Raises LanguageError."""
        if self._language is None:
            with self._loading:
                if self._language is None:
                    self._language = _load_language(self._model)
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
        history: History = (),
        listener: Callable[[Event], None] | None = None,
    ) -> Answer:
        """The way of one question."""
        meter, trace = Meter(self.budget), Trace(listener)
        asked = clean(question)
        trace.add("question", text=asked)
        ending = _Ending(asked, meter, trace)
        if not asked or len(asked) > MAX_QUESTION:
            limit = f"The question is longer than {MAX_QUESTION} characters."
            return ending.abstained(limit if asked else "There is no question.")
        try:
            language = self.language
            # a module that needs the router takes it from the offer; the others never load it
            offer = Offer(self.experts, self._known, _Late(self))
            draft = language.draft(asked, offer, meter, trace, _turns(history))
            if draft.kind == "say":
                return ending.said(draft)
            if draft.kind == "abstain":
                return ending.abstained(draft.text or _NOT_SURE, draft.confidence)
            if draft.confidence < MIN_CONFIDENCE:
                return ending.abstained(_NOT_SURE, draft.confidence, draft)
            run = Run(self.experts, self.world, meter, trace, self._refusal)
            outcomes = run_plan(draft.plan, run)
            template = self._template(language, asked, draft, outcomes, meter, trace)
            return ending.answered(draft, outcomes, template)
        except BudgetExceeded as error:
            return ending.failed(Failure("budget", str(error)))
        except LanguageError as error:
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
        if any(isinstance(outcome, Failure) for outcome in outcomes.values()):
            return ""
        try:
            return language.word(question, draft, outcomes, meter)
        except (BudgetExceeded, LanguageError) as error:
            trace.add("note", text=f"plain values, because {error}")
            return ""

    def _refusal(self, expert: Expert, step: Step) -> str | None:
        if expert.effects in self.allow:
            return None
        return f"{expert.name} has the effect {expert.effects!r}, which is not allowed here"


class _Late:
    """The agent's router, loaded when the first text is routed."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def route(self, text: str, experts: Sequence[Expert]) -> RoutingLike:
        return self._agent.router.route(text, experts)


class _Ending:
    """Makes the Answer in which a question ends."""

    def __init__(self, question: str, meter: Meter, trace: Trace) -> None:
        self.question = question
        self.meter = meter
        self.trace = trace

    def said(self, draft: Draft) -> Answer:
        """The module's own words, if they hold no number of its own making."""
        words = compose.said(draft.text, self.question)
        if not words.kept or not words.text:
            return self.abstained(_NOT_SURE, draft.confidence)
        return self._end(
            words.text, Status.ANSWERED, confidence=draft.confidence, spans=words.spans
        )

    def abstained(self, why: str, confidence: float = 0.0, draft: Draft | None = None) -> Answer:
        """No answer, and why."""
        steps = () if draft is None else _records(draft, {})
        return self._end(why, Status.ABSTAINED, confidence=confidence, steps=steps)

    def failed(self, failure: Failure) -> Answer:
        """Something broke before any value was there."""
        return self._end(f"No answer: {failure.message}.", Status.FAILED, error=failure)

    def answered(self, draft: Draft, outcomes: Outcomes, template: str) -> Answer:
        """Values, or what is left of them."""
        composed = compose.compose(template, draft.plan, outcomes, self.question)
        value, unit = compose.output_value(draft.plan, outcomes)
        error = next((out for out in outcomes.values() if isinstance(out, Failure)), None)
        status = _STATUS.get(error.kind, Status.FAILED) if error else Status.ANSWERED
        return self._end(
            composed.text,
            status,
            value=None if error else value,
            unit=None if error else unit,
            confidence=draft.confidence if not error else 0.0,
            steps=_records(draft, outcomes),
            spans=composed.spans,
            error=error,
        )

    def _end(self, text: str, status: Status, **parts: Any) -> Answer:
        self.trace.add("answer", status=str(status), text=text)
        seconds = self.meter.seconds
        return Answer(self.question, text, status, seconds=seconds, trace=self.trace, **parts)


# an expert that knows no answer is no fault of anything
_STATUS = {"refused": Status.REFUSED, "no_answer": Status.ABSTAINED}


def _records(draft: Draft, outcomes: Outcomes) -> tuple[StepRecord, ...]:
    records: list[StepRecord] = []
    for step in draft.plan:
        outcome = outcomes.get(step.id)
        choice = draft.choices.get(step.id)
        records.append(
            StepRecord(
                step.id,
                step.subquery,
                step.expert,
                step.as_written(),
                step.depends_on,
                outcome if isinstance(outcome, Result) else None,
                outcome if isinstance(outcome, Failure) else None,
                choice.probability if choice else None,
                outcome.seconds if outcome else 0.0,
            )
        )
    return tuple(records)


def _turns(history: History) -> list[Turn]:
    return [(h.question, h.text) if isinstance(h, Answer) else h for h in history]


def _world(given: World | str | Path | Mapping[str, Any] | None) -> World:
    if given is None or isinstance(given, World):
        return given or World()
    if isinstance(given, str | Path):
        return World.from_file(given)
    return World.from_dict(dict(given))


def _experts(
    given: Iterable[Expert | Callable[..., Any]] | None,
) -> tuple[dict[str, Expert], frozenset[str]]:
    """Experts by name, and the names of those that the core knows without a card."""
    from mrkl.experts.decorator import expert as decorate
    from mrkl.experts.registry import builtin_experts

    builtin = {expert.name: expert for expert in builtin_experts()}
    if given is None:
        return builtin, frozenset(builtin)
    found: dict[str, Expert] = {}
    for item in given:
        expert = item if isinstance(item, Expert) else decorate(item)
        if expert.name in found:
            raise ValueError(f"two experts are named {expert.name!r}")
        found[expert.name] = expert
    known = [n for n, e in found.items() if n in builtin and builtin[n].card == e.card]
    return found, frozenset(known)


def _named(model: object) -> bool:
    return model is None or isinstance(model, str | Path)


def _load_language(model: Any) -> Language:
    if isinstance(model, str) and model.startswith("openai:"):
        from mrkl.openai_compatible import OpenAICompatible

        return OpenAICompatible.from_name(model)
    from mrkl.embedded import EmbeddedJamba

    return EmbeddedJamba.load(model)


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
