"""The agent: one question from the first word to the answer. The file to read first.

In: questions. Out: `Answer`. The language module decomposes, the router decides, the experts
answer, the composer fills in. What each of them does is in its own file; here is the order, what
may be called, when to abstain and what a failure becomes.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar, cast, overload

from mrkl.answer import Answer
from mrkl.budget import Budget, BudgetExceeded, Meter
from mrkl.ending import NOT_SURE, Ending
from mrkl.experts.base import Effects, Expert, Failure
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
from mrkl.plan import Step, given_plan
from mrkl.prompt import clean
from mrkl.scheduler import Run, run_plan
from mrkl.trace import Event, Trace

if TYPE_CHECKING:
    from mrkl.structured import Shape

T = TypeVar("T")
History: TypeAlias = "Sequence[Turn | Answer]"
Only: TypeAlias = "Sequence[str] | None"

MAX_QUESTION = 2_000  # characters; longer ones are not read
# below it the agent abstains; chosen on questions_dev.jsonl for at most 10 % wrong but sure
MIN_CONFIDENCE = 0.7
# the same for plans with experts known only by their card, where the core is less sure even when
# right: of held-out cards' calls above it two in three were right (training/log.md)
MIN_CONFIDENCE_UNSEEN = 0.5
DEFAULT_ALLOWED: tuple[Effects, ...] = ("none", "read", "network")


class Agent:
    """Answers questions with experts.

    `experts`: Experts or typed functions; None means the built-in and the installed ones. `model`:
    None (the embedded core), a checkpoint folder or hub name, `openai:URL`, or a language module.
    `world` fixes clock, rates and weather: a World, a path or its parsed content. `allow` names
    the effects that calls may have; others are refused. Models load when first needed.
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
        self._experts, self._known = _experts(experts)
        self._model = _checked_model(model)
        self._router = router
        self._language: Language | None
        self._language = None if _named(self._model) else cast(Language, self._model)
        self._loading = threading.Lock()

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
        work = partial(self._answer, question, history, only)
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
    async def aask(self, question: str, **options: Any) -> Any:
        """`ask` without blocking the event loop (asyncio or trio)."""
        from anyio import to_thread

        ask: Callable[[], Any] = partial(cast(Any, self.ask), question, **options)
        return await to_thread.run_sync(ask, abandon_on_cancel=True)

    def stream(self, question: str, *, history: History = ()) -> Iterator[Event | Answer]:
        """What happens, as it happens; the last item is the Answer."""
        from mrkl.streaming import follow

        return follow(lambda listener: self._answer(question, history, None, listener))

    def execute(self, question: str, calls: Iterable[Mapping[str, Any]]) -> Answer:
        """Run a plan that is given, without language module or router.

        Each call has `expert` (or `module`), `arguments` (or `args`) and perhaps a `subquery`.
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
        run = Run(self._experts, self.world, meter, trace, self._refusal)
        ending = Ending(clean(question), meter, trace)
        return ending.answered(Draft("plan", plan), run_plan(plan, run), "")

    def route(self, question: str) -> RoutingLike:
        """How the router sees a question: probabilities by expert, `none` included."""
        return self.router.route(clean(question), self.experts)

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
        only: Only = None,
        listener: Callable[[Event], None] | None = None,
    ) -> Answer:
        """The way of one question."""
        meter, trace = Meter(self.budget), Trace(listener)
        asked = clean(question)
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
            if draft.confidence < self._least_confidence(draft):
                return ending.abstained(NOT_SURE, draft.confidence, draft)
            run = Run(self._experts, self.world, meter, trace, self._refusal)
            outcomes = run_plan(draft.plan, run)
            template = self._template(language, asked, draft, outcomes, meter, trace)
            return ending.answered(draft, outcomes, template)
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
        if any(isinstance(outcome, Failure) for outcome in outcomes.values()):
            return ""
        try:
            return language.word(question, draft, outcomes, meter)
        except (BudgetExceeded, ModelError) as error:
            trace.add("note", text=f"plain values, because {error}")
            return ""

    def _least_confidence(self, draft: Draft) -> float:
        unseen = any(step.expert not in self._known for step in draft.plan)
        return MIN_CONFIDENCE_UNSEEN if unseen else MIN_CONFIDENCE

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
    from mrkl.experts.registry import BUILTINS, builtin_experts, default_experts

    if given is None:
        default, problems = default_experts()
        for problem in problems:
            warnings.warn(problem, RuntimeWarning, stacklevel=3)
        return {item.name: item for item in default}, frozenset(BUILTINS)
    builtin = {expert.name: expert for expert in builtin_experts()}
    found: dict[str, Expert] = {}
    for item in given:
        expert = item if isinstance(item, Expert) else decorate(item)
        if expert.name in found:
            raise ValueError(f"two experts are named {expert.name!r}")
        found[expert.name] = expert
    known = [n for n, e in found.items() if n in builtin and builtin[n].card == e.card]
    return found, frozenset(known)


def _checked_model(model: Any) -> Any:
    """The model as given; raises ModelError for a name that cannot be one."""
    if isinstance(model, str) and model.startswith("openai:"):
        from mrkl.openai_compatible import OpenAICompatible

        return OpenAICompatible.from_name(model)
    return model


def _named(model: object) -> bool:
    return model is None or isinstance(model, str | Path)


def _load_language(model: Any) -> Language:
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
