"""A pattern filled, executed and written out.

In: a Pattern and a random generator. Out: `Draft` (question pieces that operators may change), then
`finish`: prompt, plan, results and answer through mrkl.prompt. Copied arguments are taken from the
pieces as they stand after the operators, so they are always spans of the question.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from mrkl import prompt
from mrkl.experts.base import Failure, Result
from training.data import results as simulate
from training.data.adapt import Argument
from training.data.patterns import NUMERIC, Pattern
from training.data.results import CannotCall
from training.data.slots import Fill, Hints, fill

ENTITIES = {"country", "city", "capital", "element", "planet", "currency", "timezone_city", "continent",
            "language"}  # fmt: skip
_ATTEMPTS = 40
_TITLED = ENTITIES | {"person", "item", "items", "food", "animal", "place", "unit", "money"}


class Unfillable(Exception):
    """No values met the pattern's conditions."""


@dataclass(slots=True)
class Piece:
    """A run of the question. `start` is its place in the pattern (-1: added by an operator)."""

    text: str
    start: int = -1
    slot: str | None = None
    frozen: bool = False


@dataclass
class Draft:
    """A filled pattern on its way to a row."""

    pattern: Pattern
    fills: dict[str, Fill]
    pieces: list[Piece]
    cards: Sequence[str] = ()
    used: list[str] = field(default_factory=list[str])  # operators applied

    @property
    def question(self) -> str:
        return "".join([piece.text for piece in self.pieces])


@dataclass(frozen=True)
class Broken:
    """A run in which a call failed: what stands in the result lines, and what is said then."""

    shown: list[tuple[int, Result | Failure]]
    answer: str


def draw(pattern: Pattern, rng: random.Random) -> Draft:
    """Fill the slots until the conditions hold. Raises Unfillable."""
    for attempt in range(_ATTEMPTS):
        fills = {name: _fill(pattern, name, rng, attempt) for name in pattern.types}
        if _distinct(pattern, fills) and _holds(pattern, fills):
            pieces = [
                Piece(fills[slot].typed if slot else text, start, slot, frozen)
                for start, text, slot, frozen in pattern.pieces
            ]
            return Draft(pattern, fills, pieces)
    raise Unfillable(pattern.id)


def _fill(pattern: Pattern, name: str, rng: random.Random, attempt: int) -> Fill:
    known = pattern.hints.get(name, Hints())
    hints = replace(known, attempt=attempt if attempt % 3 else 0)
    return fill(pattern.types[name], rng, hints)


def _distinct(pattern: Pattern, fills: Mapping[str, Fill]) -> bool:
    seen: set[tuple[str, str]] = set()
    for name, kind in pattern.types.items():
        if kind in NUMERIC:
            continue
        key = (kind, fills[name].plain)
        if key in seen:
            return False
        seen.add(key)
    return True


def _holds(pattern: Pattern, fills: dict[str, Fill]) -> bool:
    for first, last in pattern.ordered:
        a, b = fills[first], fills[last]
        if a.number is None or b.number is None:
            return False
        if a.number > b.number:
            fills[first], fills[last] = b, a
    if not pattern.where:
        return True
    numbers = {name: f.number for name, f in fills.items() if f.number is not None}
    try:
        return all(condition(numbers) for condition in pattern.where)
    except (KeyError, ZeroDivisionError, OverflowError):
        return False


def span(pieces: Sequence[Piece], place: tuple[int, int]) -> str:
    """The final text of a protected span of the pattern."""
    start, end = place
    return "".join([p.text for p in pieces if start <= p.start < end])


def _value(argument: Argument, draft: Draft) -> str:
    if argument.mode == "copy" and argument.span:
        return span(draft.pieces, argument.span)
    if argument.mode == "currency" and argument.span:
        typed = span(draft.pieces, argument.span)
        name = argument.text.parts[0][0]
        wanted = draft.fills[name].copied or ""
        at = typed.lower().find(wanted.lower())
        return typed[at : at + len(wanted)]
    return argument.text.fill(lambda name: draft.fills[name].plain)


def written(argument: Argument, value: str) -> str:
    """`name=value` as the core writes it."""
    if argument.mode == "number":
        return f"{argument.name}={value}"
    return f"{argument.name}={json.dumps(value, ensure_ascii=False)}"


def arguments_of(draft: Draft) -> list[dict[str, str]]:
    """The argument values of each step, as text."""
    return [{a.name: _value(a, draft) for a in step.arguments} for step in draft.pattern.steps]


def execute(draft: Draft, calls: list[dict[str, str]], rng: random.Random) -> dict[int, Result]:
    """Results by step number. Raises CannotCall."""
    done: dict[int, Result] = {}
    for number, (step, args) in enumerate(zip(draft.pattern.steps, calls, strict=True), 1):
        done[number] = _call(step.expert, step.arguments, args, draft, done, rng)
    return done


def _call(
    expert: str,
    arguments: tuple[Argument, ...],
    args: dict[str, str],
    draft: Draft,
    done: dict[int, Result],
    rng: random.Random,
) -> Result:
    if expert == "calculator":
        return simulate.calculator(args["expression"], done)
    if expert == "units":
        return simulate.units(args["quantity"], args["to"], done, rng)
    if expert == "calendar":
        return simulate.calendar(args, draft.fills, rng)
    if expert == "weather":
        return simulate.weather(args["field"], rng)
    if expert == "currency":
        target = _named("target", arguments, draft)
        if target.startswith("#"):
            target = str(done[int(target[1:])].value)
        return simulate.currency(args["amount"], target, done, rng)
    if expert == "algebra":
        return simulate.algebra(args, draft.fills, done, rng)
    if expert == "encyclopedia":
        return Result(f"{args['topic'].capitalize()} is described in the encyclopedia.")
    entity = _named("entity", arguments, draft) if "entity" in args else None
    if entity and entity.startswith("#"):
        entity = str(done[int(entity[1:])].value)
    return simulate.knowledge(args, entity, rng)


def _named(name: str, arguments: tuple[Argument, ...], draft: Draft) -> str:
    """The canonical name behind a copied argument."""
    found = next(a for a in arguments if a.name == name)
    return found.text.fill(lambda slot: draft.fills[slot].plain)


def sane(pattern: Pattern, done: Mapping[int, Result]) -> tuple[bool, bool]:
    """(not negative where that would be odd, whole where things are counted)."""
    numbers = [r.value for r in done.values() if isinstance(r.value, int | float | Fraction)]
    positive = not pattern.positive or all(n >= 0 for n in numbers)
    whole = not pattern.whole or all(isinstance(n, int) for n in numbers)
    return positive, whole


def solved(pattern: Pattern, rng: random.Random) -> tuple[Draft, dict[int, Result]]:
    """A draft whose results make sense; the calls are made again after the operators."""
    kept: tuple[Draft, dict[int, Result]] | None = None
    for attempt in range(8):
        draft = draw(pattern, rng)
        try:
            done = execute(draft, arguments_of(draft), rng)
        except CannotCall:
            continue
        positive, whole = sane(pattern, done)
        if positive and (whole or attempt > 5):
            return draft, done
        kept = (draft, done) if positive else kept
    if kept is None:
        raise Unfillable(pattern.id)
    return kept


def say(draft: Draft, name: str) -> str:
    """A slot's text in an answer: numbers as they stand in the question, names properly."""
    if draft.pattern.types[name] in NUMERIC:
        for piece in draft.pieces:
            if piece.slot == name:
                return piece.text
    return draft.fills[name].said


def answer_text(draft: Draft) -> str:
    """The answer template with its slots filled, first letter in upper case if it is a name."""
    text = draft.pattern.answer.fill(lambda name: say(draft, name))
    parts = draft.pattern.answer.parts
    if parts and parts[0][1] and draft.pattern.types[parts[0][0]].partition(":")[0] in _TITLED:
        text = text[:1].upper() + text[1:]
    return text


def finish(draft: Draft, done: Mapping[int, Result], broken: Broken | None = None) -> prompt.Row:
    """The row in the core's own text format."""
    pattern, question = draft.pattern, draft.question
    if not pattern.steps:
        render = prompt.render_said if pattern.kind == "chitchat" else prompt.render_abstained
        return render(question, draft.cards, answer_text(draft))
    steps: list[prompt.StepText] = []
    for step, args in zip(pattern.steps, arguments_of(draft), strict=True):
        text = ", ".join([written(a, args[a.name]) for a in step.arguments])
        subquery = step.subquery.fill(lambda name: draft.fills[name].sub)
        steps.append(prompt.StepText(subquery, step.expert, text))
    if broken:
        return prompt.render_row(question, draft.cards, steps, broken.shown, broken.answer)
    shown = list(done.items())
    return prompt.render_row(question, draft.cards, steps, shown, answer_text(draft))
