"""The language module inside the package: a small Jamba that decomposes, extracts and words.

In: a question and the experts on offer. Out: a draft, then the answer's wording, written from one
state under grammars (mrkl.plan_grammar). At every arrow the router and the core together choose
the expert. It calls no expert and checks no answer.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, cast

from mrkl.budget import Meter
from mrkl.decoding import Pen, Unfinished
from mrkl.language import Choice, Draft, ModelError, Offer, Outcomes, Turn
from mrkl.plan import Plan, PlanError, Step, make_step
from mrkl.plan_grammar import answer_grammar, arguments_grammar, said_grammar, start_grammar
from mrkl.prompt import (
    ABSTAIN,
    ARROW,
    END,
    RESULTS,
    SAY,
    SPECIAL_TOKENS,
    WHOLE_QUESTION,
    clean,
    render_prefix,
    render_prompt,
    render_results,
)
from mrkl.trace import Trace

if TYPE_CHECKING:
    from mrkl.experts.base import Card, Expert
    from mrkl.jamba_core.model import Jamba
    from mrkl.jamba_core.session import Session

MAX_CARDS = 4  # cards shown to the core, docs/contracts.md
PLAN_TOKENS = 200  # of a whole plan
ANSWER_TOKENS = 64
SAID_TOKENS = 80
PREFIXES_KEPT = 16  # sessions after a prefix of cards

# How the expert of a step is chosen: weights of the two log-probabilities. Placeholders until
# they are fitted on held-out plans.
ROUTER_WEIGHT = 1.0
CORE_WEIGHT = 1.0
# Neither opinion is ever taken as certain; the core's least of all where it has only seen a card.
ROUTER_FLOOR = 0.001
CORE_FLOOR = 0.01
CARD_FLOOR = 0.05
# Whether a question needs an expert at all: weight of the router's *none* beside the core's own
# opinion. A placeholder like the others.
START_WEIGHT = 0.5
# How sure a plan is: a logistic over its token log-probabilities. Fitted on the 55 plans that
# questions_dev.jsonl brought about (training/log.md), for want of a better held-out set.
CONFIDENCE_BIAS = 1.65
CONFIDENCE_MEAN = 25.4
CONFIDENCE_LEAST = 1.46
CONFIDENCE_ROUTE = 0.0  # said nothing about right and wrong (AUROC 0.58)
_FLOOR = 1e-6  # a router's zero is not taken as certain
_LEAST = -8.0  # log-probabilities below it are all the same to the confidence

_NO_PLAN = "I could not make a plan for that question."


class EmbeddedJamba:
    """Plans and words with one Jamba; one question at a time, from any thread."""

    def __init__(self, jamba: Jamba, name: str = "embedded") -> None:
        self.jamba = jamba
        self.name = name
        self._prefixes: OrderedDict[str, Session] = OrderedDict()
        self._lock = Lock()

    @classmethod
    def load(cls, model: str | Path | None = None) -> EmbeddedJamba:
        """The core that ships with the package, or one from a folder or the hub.

        Raises ModelError where there is none, or where it was not taught to plan.
        """
        folder = _folder(model)
        try:
            from mrkl.jamba_core.model import Jamba

            jamba = Jamba.from_pretrained(folder)
            known = jamba.tokenizer.special
        except (OSError, ValueError, RuntimeError) as error:
            raise ModelError(f"the language core in {folder} cannot be loaded: {error}") from None
        missing = next((token for token in SPECIAL_TOKENS if token not in known), None)
        if missing is not None:
            raise ModelError(
                f"the model in {folder} was not taught to plan (it has no {missing}); serve it "
                "and name it as openai:URL"
            )
        return cls(jamba, "embedded" if model is None else str(model))

    def draft(
        self, question: str, offer: Offer, meter: Meter, trace: Trace, history: Sequence[Turn] = ()
    ) -> Draft:
        """Decompose, route and extract; a question that says too little is read after the last."""
        with self._lock:
            first = _Drafting(self, question, offer, meter, trace).draft()
            if not history or first.kind != "abstain":
                return first
            asked, answered = history[-1]
            together = clean(f"{asked} {answered} {question}")
            trace.add("note", text=f"read with the turn before: {together}")
            second = _Drafting(self, together, offer, meter, trace).draft()
            return first if second.kind == "abstain" else second

    def word(self, question: str, draft: Draft, outcomes: Outcomes, meter: Meter) -> str:
        """Go on from the plan's state, with the results, to the answer's template."""
        with self._lock:
            pen: Pen = draft.state
            pen.meter = meter
            fed = render_results(sorted(outcomes.items())).removeprefix(RESULTS)
            pen.read(fed)
            try:
                grammar = answer_grammar(question, len(draft.plan))
                return pen.write(grammar, ANSWER_TOKENS).text.removesuffix(END)
            except Unfinished:
                return ""  # the plain values stand in

    def after_prefix(self, cards: Sequence[Card]) -> Session:
        """A session that has read what all questions with these cards begin with."""
        from mrkl.jamba_core.session import Session

        prefix = render_prefix(cards)
        found = self._prefixes.get(prefix)
        if found is None:
            found = self._prefixes[prefix] = Session(self.jamba)
            found.feed(self.jamba.tokenizer.encode(prefix, special=True))
            if len(self._prefixes) > PREFIXES_KEPT:
                self._prefixes.popitem(last=False)
        self._prefixes.move_to_end(prefix)
        return found.fork()


class _Drafting:
    """The writing of one draft."""

    def __init__(
        self, module: EmbeddedJamba, question: str, offer: Offer, meter: Meter, trace: Trace
    ) -> None:
        self.question = question
        self.trace = trace
        self.meter = meter
        self.shown = _shown(question, offer)
        names = [name for name in offer.experts if name in offer.known or name in self.shown]
        self.offer = offer.limited_to(names)
        cards = [offer.experts[name].card for name in self.shown]
        self.pen = Pen(module.after_prefix(cards), meter)
        self.pen.read(render_prompt(question, cards).removeprefix(render_prefix(cards)))
        self.left = PLAN_TOKENS
        self.logprobs: list[float] = []
        self.choices: dict[int, Choice] = {}
        self.routings: dict[str, dict[str, float]] = {}

    def draft(self) -> Draft:
        """Steps until the core says that there are enough, or something else than steps."""
        steps: list[Step] = []
        try:
            planned: bool | None = self._needs_experts()
            while True:
                number = len(steps) + 1
                before = self.pen.fork()
                start = self._write(start_grammar(number, planned))
                if start == RESULTS:
                    return self._plan(steps)
                if start in (SAY, ABSTAIN):
                    return self._alone("say" if start == SAY else "abstain")
                step = self._step(number, start)
                if any(_same_call(step, earlier) for earlier in steps):
                    self.trace.add("note", text=f"step {number} repeats an earlier one: plan ends")
                    self.pen = before
                    self.pen.read(RESULTS)
                    return self._plan(steps)
                steps.append(step)
                planned = None
        except (Unfinished, PlanError, ValueError) as error:
            self.trace.add("note", text=f"no plan: {error}")
            return Draft("abstain", text=_NO_PLAN)

    def _needs_experts(self) -> bool:
        """Whether to plan or to answer alone, by the core's first word and the router's *none*."""
        step, say, abstain = (math.exp(p) for p in self.pen.likelihoods(["#1", SAY, ABSTAIN]))
        plan, alone = max(step, _FLOOR), max(say + abstain, _FLOOR)
        odds = math.log(plan / alone)
        none = None
        routed = self._routed(self.question)
        if routed:
            none = min(max(routed.get("none", 0.0), _FLOOR), 1 - _FLOOR)
            odds += START_WEIGHT * math.log((1 - none) / none)
        self.trace.add("start", step=step, say=say, abstain=abstain, none=none, planned=odds >= 0)
        return odds >= 0

    def _write(self, grammar: str) -> str:
        before = self.meter.tokens
        written = self.pen.write(grammar, self.left)
        self.left -= self.meter.tokens - before
        self.logprobs += written.choices
        return written.text

    def _step(self, number: int, start: str) -> Step:
        """Route a finished subquery, then write the arguments for the chosen expert."""
        subquery = start.removeprefix(f"#{number} ").removesuffix(ARROW).strip()
        choice = self._route(self.question if subquery == WHOLE_QUESTION else subquery)
        self.choices[number] = choice
        self.pen.read(f" {choice.expert}(")
        card = self.offer.experts[choice.expert].card
        arguments = self._write(arguments_grammar(self.question, card, number))
        step = make_step(
            number, subquery, choice.expert, arguments.removesuffix(")\n"), self.offer.cards
        )
        self.trace.add(
            "step", id=number, subquery=subquery, expert=step.expert, arguments=step.as_written()
        )
        return step

    def _routed(self, text: str) -> dict[str, float]:
        """The router's probabilities for a text; none without a router."""
        if self.offer.router is None:
            return {}
        if text not in self.routings:
            routing = self.offer.router.route(text, list(self.offer.experts.values()))
            self.routings[text] = dict(routing.probabilities)
        return self.routings[text]

    def _route(self, text: str) -> Choice:
        """Weigh the router's opinion with the core's."""
        names = list(self.offer.experts)
        if not names:
            raise PlanError("no experts are on offer")
        core = _shares(self.pen.likelihoods([f" {name}(" for name in names]))
        router = self._routed(text)
        floor = CARD_FLOOR if self.shown else CORE_FLOOR
        scores = [
            CORE_WEIGHT * math.log(max(share, floor if router else _FLOOR))
            + ROUTER_WEIGHT * math.log(max(router.get(name, 0.0), ROUTER_FLOOR))
            for name, share in zip(names, core, strict=True)
        ]
        combined = _shares(scores)
        best = max(range(len(names)), key=lambda index: combined[index])
        by_core = dict(zip(names, core, strict=True))
        choice = Choice(names[best], combined[best], router, by_core)
        self.trace.add(
            "route",
            text=text,
            expert=choice.expert,
            probability=choice.probability,
            router=_top(router),
            core=_top(by_core),
        )
        return choice

    def _plan(self, steps: list[Step]) -> Draft:
        confidence = self._confidence()
        self.trace.add("note", text=f"confidence {confidence:.3f}", **self._features())
        return Draft("plan", Plan(tuple(steps)), "", confidence, self.choices, self.pen)

    def _alone(self, kind: Literal["say", "abstain"]) -> Draft:
        """What the core says without experts."""
        try:
            written = self.pen.write(said_grammar(self.question), SAID_TOKENS)
            text = written.text.removesuffix(END).strip()
        except Unfinished as error:
            text = _whole_sentences(error.text)
        self.trace.add(kind, text=text)
        return Draft(kind, text=text, confidence=self._confidence())

    def _features(self) -> dict[str, float]:
        """What the confidence is made of: for the trace, and for fitting it."""
        logprobs = self.logprobs or [0.0]
        least = min((choice.probability for choice in self.choices.values()), default=1.0)
        return {
            "mean": max(_LEAST, sum(logprobs) / len(logprobs)),
            "least": max(_LEAST, min(logprobs)),
            "route": max(_LEAST, math.log(max(least, _FLOOR))),
        }

    def _confidence(self) -> float:
        features = self._features()
        score = (
            CONFIDENCE_BIAS
            + CONFIDENCE_MEAN * features["mean"]
            + CONFIDENCE_LEAST * features["least"]
            + CONFIDENCE_ROUTE * features["route"]
        )
        return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, score))))


def _same_call(one: Step, other: Step) -> bool:
    return one.expert == other.expert and one.arguments == other.arguments


def _shown(question: str, offer: Offer) -> list[str]:
    """The experts whose cards the core gets to see: all it does not know, or the best of them."""
    unknown = [name for name in offer.experts if name not in offer.known]
    if len(unknown) <= MAX_CARDS or offer.router is None:
        return unknown[:MAX_CARDS]
    experts: list[Expert] = [offer.experts[name] for name in unknown]
    best = list(offer.router.route(question, experts).candidates)[:MAX_CARDS]
    return [name for name in unknown if name in best]


def _shares(scores: Sequence[float]) -> list[float]:
    """Softmax."""
    top = max(scores)
    weights = [math.exp(score - top) for score in scores]
    total = sum(weights)
    return [weight / total for weight in weights]


def _top(probabilities: dict[str, float]) -> dict[str, float]:
    ranked = sorted(probabilities.items(), key=lambda item: -item[1])[:3]
    return {name: round(share, 4) for name, share in ranked}


def _whole_sentences(text: str) -> str:
    """A text that was cut short, up to its last full sentence."""
    end = max(text.rfind(mark) for mark in ".!?")
    return text[: end + 1] if end > 0 else f"{text.rstrip()} …"


def _folder(model: str | Path | None) -> Path:
    """Where the checkpoint lies; fetched from the hub for a name that is no folder."""
    if model is None:
        from mrkl import jamba_core

        return Path(next(iter(jamba_core.__path__))) / "data"
    folder = Path(model)
    if folder.is_dir():
        return folder
    if folder.is_absolute() or str(model).startswith(".") or str(model).count("/") != 1:
        raise ModelError(f"there is no folder {model}", "bad_arguments")
    try:
        import huggingface_hub
    except ImportError:
        raise ModelError(
            f"there is no folder {model}; to fetch it from the hub: pip install 'mrkl[hub]'"
        ) from None
    try:
        return Path(cast(Any, huggingface_hub).snapshot_download(str(model)))
    except Exception as error:  # noqa: BLE001 - the hub's client raises many kinds
        raise ModelError(f"{model} cannot be fetched from the hub: {error}", "offline") from None
