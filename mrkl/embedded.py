"""The language module inside the package: a small Jamba that decomposes, extracts and words.

In: a question and the experts on offer. Out: a draft, then the answer's wording, written from one
state under grammars (mrkl.plan_grammar). At every arrow the router and the core together choose
the expert. It calls no expert and checks no answer.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Literal

from mrkl.assignment import other_ways
from mrkl.budget import Meter
from mrkl.confidence import FLOOR, Certainty
from mrkl.core_files import load_jamba
from mrkl.decoding import Pen, Unfinished
from mrkl.language import Choice, Draft, ModelError, Offer, Outcomes, Turn
from mrkl.numbers_in import repeated_numbers, unread_numbers
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
    render_arguments,
    render_prefix,
    render_prompt,
    render_results,
)
from mrkl.tools.number_words import in_digits
from mrkl.trace import Trace

if TYPE_CHECKING:
    from mrkl.experts.base import Card
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
# An expert known only by its card is the router's to recognise: at this probability for the whole
# question the core does not decompose, and below the other one it does not get to see the card.
TRUSTED = 0.5
SHOWN_SHARE = 0.05

# Mean log-probability of a token below which what the core says by itself is mostly nonsense (of 50
# such texts read on 2026-11-25: 12 of 13 below it, 11 of 37 above).
SECOND_THOUGHTS = 0.78  # confidence of a plan that is tried where the core would abstain
FLUENT = -0.3
NO_TALKER = "I am better at figures, facts, dates and units than at talk."

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
        return cls.of(load_jamba(model), "embedded" if model is None else str(model))

    @classmethod
    def of(cls, jamba: Jamba, name: str) -> EmbeddedJamba:
        """A loaded model as language module; raises ModelError where it was not taught to plan."""
        known = jamba.tokenizer.special
        missing = next((token for token in SPECIAL_TOKENS if token not in known), None)
        if missing is not None:
            raise ModelError(
                f"the model in {jamba.folder} was neither taught to plan (it has no {missing}) nor "
                "to chat as Jamba 1.5 does; serve it and name it as openai:URL"
            )
        return cls(jamba, name)

    def draft(
        self, question: str, offer: Offer, meter: Meter, trace: Trace, history: Sequence[Turn] = ()
    ) -> Draft:
        """Decompose, route and extract; a question that says too little is read after the last."""
        question = in_digits(question)
        with self._lock:
            first = _Drafting(self, question, offer, meter, trace).draft()
            if first.kind == "abstain":
                first = self._second_thoughts(first, question, offer, meter, trace)
            if not history or first.kind != "abstain":
                return first
            asked, answered = history[-1]
            together = clean(f"{asked} {answered} {question}")
            trace.add("note", text=f"read with the turn before: {together}")
            second = _Drafting(self, together, offer, meter, trace).draft()
            return first if second.kind == "abstain" else second

    def _second_thoughts(
        self, first: Draft, question: str, offer: Offer, meter: Meter, trace: Trace
    ) -> Draft:
        """The plan it would make if it had to: taken where it is as sure as plans get.

        The plainest questions are missing from what the core was taught, since evaluations are full
        of them, so it takes some for unanswerable. Where the plan fails (what is not there is not
        found) the first thought stands, as `instead`.
        """
        if not first.chosen:
            return first
        second = _Drafting(self, question, offer, meter, trace, must=True).draft()
        experts = [offer.experts[name] for name in second.plan.experts()]
        here = all(e.name in offer.known and e.effects in ("none", "read") for e in experts)
        if second.kind != "plan" or second.confidence < SECOND_THOUGHTS or not here:
            return first
        trace.add("note", text="not left unanswered: the plan is sure enough to be tried")
        return replace(second, instead=first.text)

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
        self,
        module: EmbeddedJamba,
        question: str,
        offer: Offer,
        meter: Meter,
        trace: Trace,
        must: bool = False,
    ) -> None:
        self.question, self.must = question, must
        self.trace = trace
        self.meter = meter
        self.routings: dict[str, dict[str, float]] = {}
        self.offer = offer
        odds = self._routed(question) if _unknown(offer) else {}
        self.shown = shown_cards(odds, offer)
        self.whole = [name for name in self.shown if odds.get(name, 0.0) >= TRUSTED]
        names = [name for name in offer.experts if name in offer.known or name in self.shown]
        self.offer = offer.limited_to(names)
        cards = [offer.experts[name].card for name in self.shown]
        self.pen = Pen(module.after_prefix(cards), meter)
        self.pen.read(render_prompt(question, cards).removeprefix(render_prefix(cards)))
        self.left = PLAN_TOKENS
        self.certainty = Certainty()
        self.choices: dict[int, Choice] = {}

    def draft(self) -> Draft:
        """Steps until the core says that there are enough, or something else than steps."""
        steps: list[Step] = []
        try:
            planned: bool | None = True if self.whole or self.must else self._needs_experts()
            while True:
                number = len(steps) + 1
                before = self.pen.fork()
                whole = number == 1 and bool(self.whole)
                start = self._write(start_grammar(number, planned, whole))
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
        plan, alone = max(step, FLOOR), max(say + abstain, FLOOR)
        odds = math.log(plan / alone)
        none = None
        routed = self._routed(self.question)
        if routed:
            none = min(max(routed.get("none", 0.0), FLOOR), 1 - FLOOR)
            odds += START_WEIGHT * math.log((1 - none) / none)
        self.trace.add("start", step=step, say=say, abstain=abstain, none=none, planned=odds >= 0)
        return odds >= 0

    def _write(self, grammar: str) -> str:
        before = self.meter.tokens
        written = self.pen.write(grammar, self.left)
        self.left -= self.meter.tokens - before
        self.certainty.alone += written.choices
        self.certainty.among += written.among
        return written.text

    def _step(self, number: int, start: str) -> Step:
        """Route a finished subquery, then write the arguments for the chosen expert."""
        subquery = start.removeprefix(f"#{number} ").removesuffix(ARROW).strip()
        choice = self._route(self.question if subquery == WHOLE_QUESTION else subquery)
        self.choices[number] = choice
        self.certainty.routed.append(choice.probability)
        self.certainty.unseen |= choice.expert not in self.offer.known
        self.pen.read(f" {choice.expert}(")
        before = self.pen.fork()
        card = self.offer.experts[choice.expert].card
        arguments = self._write(arguments_grammar(self.question, card, number))
        step = self._made(number, subquery, choice.expert, arguments)
        if choice.expert not in self.offer.known:
            step = self._dealt_anew(step, before)
        self.trace.add(
            "step", id=number, subquery=subquery, expert=step.expert, arguments=step.as_written()
        )
        return step

    def _made(self, number: int, subquery: str, expert: str, arguments: str) -> Step:
        return make_step(number, subquery, expert, arguments.removesuffix(")\n"), self.offer.cards)

    def _dealt_anew(self, step: Step, before: Pen) -> Step:
        """The step with its numbers given to other parameters, where one was used twice."""
        text = self.question if step.subquery == WHOLE_QUESTION else step.subquery
        card = self.offer.experts[step.expert].card
        ways = other_ways(text, card, step.as_written())
        texts = [f"{render_arguments(way, card.parameters)})\n" for way in ways]
        if not texts:
            return step
        tokenizer = before.session.tokenizer
        scores = before.session.score([tokenizer.encode(each) for each in texts])
        best = texts[max(range(len(texts)), key=scores.__getitem__)]
        self.trace.add("note", text=f"numbers used twice; written again: {best.strip()}")
        before.read(best)
        self.pen = before
        return self._made(step.id, step.subquery, step.expert, best)

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
            CORE_WEIGHT * math.log(max(share, floor if router else FLOOR))
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
        calls = [str(value) for step in steps for value in step.as_written().values()]
        self.certainty.unread = unread_numbers(self.question, calls)
        self.certainty.repeated = repeated_numbers(self.question, calls)
        self.certainty.words = len(self.question.split())
        confidence = self.certainty.probability()
        features = self.certainty.features()
        self.trace.add("note", text=f"confidence {confidence:.3f}", **features)
        return Draft("plan", Plan(tuple(steps)), "", confidence, self.choices, self.pen)

    def _alone(self, kind: Literal["say", "abstain"]) -> Draft:
        """What the core says without experts."""
        try:
            written = self.pen.write(said_grammar(self.question), SAID_TOKENS)
            text = written.text.removesuffix(END).strip()
            if sum(written.choices) < FLUENT * len(written.choices):
                self.trace.add("note", text=f"not said, too unsure: {text}")
                text = "" if kind == "abstain" else NO_TALKER
        except Unfinished as error:
            text = _whole_sentences(error.text)
        self.trace.add(kind, text=text)
        confidence = self.certainty.probability()
        return Draft(kind, text=text, confidence=confidence, chosen=kind == "abstain")


def _same_call(one: Step, other: Step) -> bool:
    return one.expert == other.expert and one.arguments == other.arguments


def _unknown(offer: Offer) -> list[str]:
    """The experts that the core can know only by their cards."""
    return [name for name in offer.experts if name not in offer.known]


def shown_cards(odds: Mapping[str, float], offer: Offer) -> list[str]:
    """The experts whose cards the core gets to see: the router's best of those it does not know."""
    unknown = _unknown(offer)
    if not odds:
        return unknown[:MAX_CARDS]
    best = sorted(unknown, key=lambda name: -odds.get(name, 0.0))[:MAX_CARDS]
    near = [name for name in best[1:] if odds.get(name, 0.0) >= SHOWN_SHARE]
    return [name for name in unknown if name in (*best[:1], *near)]


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
