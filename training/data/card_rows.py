"""Rows that ask experts known only by their card.

In: the hand-written cards with questions (card_files). Out: rows where one to four cards are
offered and the right one is called (subquery `@`), combined with calculator, units or another
card, or where nothing fits. Values inside a question are changed where they stand, cards get
another surface, hard neighbours stand beside them, so that only reading card and question helps.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any

from mrkl.experts.base import Card, Parameter
from mrkl.prompt import StepText, render_abstained, render_row
from training.data import card_steps
from training.data.card_files import SERVED, Asked, Question, load
from training.data.card_offers import bare, beside, strangers
from training.data.card_redraw import redrawn
from training.data.card_steps import Planned
from training.data.card_surface import dressed
from training.data.card_values import converted, redated, relisted, retold
from training.data.numbers_as_words import in_words
from training.data.row import Row, from_prompt
from training.data.styles import restyle

ANSWERS = ("#1", "It is #1.", "That comes to #1.", "The answer is #1.", "That gives #1.", "#1.")
NO_EXPERT = (
    "None of the experts here can answer that.",
    "I have no expert that knows this.",
    "Nothing I can call answers that.",
    "I don't know, and no expert here does.",
)


def varied(
    question: str, arguments: dict[str, Any], card: Card, rng: random.Random
) -> tuple[str, dict[str, Any]]:
    """Other values in the places where the written ones stand verbatim in the question."""
    arguments = dict(arguments)
    for parameter in card.parameters:
        value = arguments.get(parameter.name)
        if isinstance(value, bool) or parameter.choices or rng.random() < 0.25:
            continue
        if isinstance(value, str) and parameter.type == "date":
            question, arguments[parameter.name] = redated(question, value, rng) or (question, value)
        elif isinstance(value, list) and value and isinstance(value[0], int | float):
            question, arguments[parameter.name] = relisted(question, value, rng) or (
                question,
                value,
            )
        elif isinstance(value, int | float):
            question, arguments[parameter.name] = _number(question, value, parameter, rng)
        elif isinstance(value, str) and parameter.type == "str" and question.count(value) == 1:
            words = re.fullmatch(r"[A-Za-z' ]+", value)  # codes, times, addresses keep their form
            if words and len(value) > 2 and not value.isupper() and rng.random() < 0.5:
                new = retold(value, rng)
                question = question.replace(value, new)
                arguments[parameter.name] = new
    return question, arguments


def _number(
    question: str, value: float, parameter: Parameter, rng: random.Random
) -> tuple[str, Any]:
    shown = str(int(value)) if float(value).is_integer() else str(value)
    places = list(re.finditer(rf"(?<![\w.,#:/-]){re.escape(shown)}(?![\w:/-]|[.,]\d)", question))
    if len(places) != 1:
        return question, value
    scale = max(3.0, abs(value) * 2)
    if isinstance(value, int) or parameter.type == "int" or float(value).is_integer():
        new: int | float = rng.randint(1 if scale < 20 else 2, int(scale))
    else:
        new = round(rng.uniform(0.1, scale), len(shown.split(".")[1]))
    typed = str(new)
    argument: Any = new
    after = question[places[0].end() :]
    other = converted(
        after, f"{parameter.name} {parameter.description}", parameter.type == "int", rng
    )
    if other is not None and rng.random() < 0.4:
        typed, argument, after = other
    elif isinstance(new, int) and new >= 1000 and rng.random() < 0.5:
        typed = f"{new:,}"
    elif isinstance(new, int) and 2 <= new <= 99 and rng.random() < 0.2:
        typed = in_words(new)
    return question[: places[0].start()] + typed + after, argument


def rows(rng: random.Random, split: str) -> Iterator[Row]:
    """Endless rows of this kind."""
    asked = load(split)
    while True:
        one = rng.choice(asked)
        row = _abstained(one, rng) if rng.random() < 0.14 else _called(one, asked, rng)
        if row is not None:
            yield row


def _abstained(one: Asked, rng: random.Random) -> Row | None:
    """A near miss beside its card, or a question whose card is not on offer."""
    if one.near_misses and rng.random() < 0.75:
        question = restyle(rng.choice(one.near_misses), (), rng)
        cards = [one.card, *strangers(question, one.family, rng)[:3]]
    elif _only_this(one.card):
        asked = rng.choice(one.questions)
        if SERVED.search(asked.text):
            return None
        question = restyle(asked.text, (), rng)
        cards = strangers(question, one.family, rng)
    else:
        return None
    rng.shuffle(cards)
    text = render_abstained(question, cards, rng.choice(NO_EXPERT))
    return from_prompt(text, "card none", one.card.name)


def _only_this(card: Card) -> bool:
    """Whether no built-in expert could do the card's work: it acts, or deals with texts."""
    return not card_steps.numeric(card) and any(p.type == "str" for p in card.parameters)


def _called(one: Asked, asked: tuple[Asked, ...], rng: random.Random) -> Row | None:
    question = _drawn(rng.choice(one.questions), one.card, rng)
    card, names = dressed(one.card, rng) if rng.random() < 0.6 else (one.card, {})
    question = _named(question, names)
    plan = planned(question, card, one, asked, rng)
    if plan is None:
        return None
    cards = [card, *beside(question.text, one, rng)]
    if len(plan.steps) == 2 and plan.last != "#2":
        cards = [card, *_second(plan, asked), *cards[1:3]]
    return written(plan, cards, "card", one.card.name, rng)


def written(
    plan: Planned, cards: list[Card], source: str, name: str, rng: random.Random
) -> Row | None:
    """The row of a plan among the cards on offer, None where two have one name."""
    rng.shuffle(cards)
    if len({card.name for card in cards}) < len(cards):
        return None
    answer = rng.choice(ANSWERS).replace("#1", plan.last)
    made = render_row(plan.question, cards, plan.steps, plan.results, answer)
    return from_prompt(made, source if len(plan.steps) == 1 else f"{source} two steps", name)


def _second(planned: Planned, asked: tuple[Asked, ...]) -> list[Card]:
    """The card that the second step calls."""
    return [o.card for o in asked if o.card.name == planned.steps[1].expert]


def _drawn(question: Question, card: Card, rng: random.Random) -> Question:
    """The question with other values."""
    if question.at:
        return redrawn(question, card, rng)
    text, arguments = varied(question.text, question.arguments, card, rng)
    return Question(text, arguments)


def _named(question: Question, names: dict[str, str]) -> Question:
    if not names:
        return question
    return Question(
        question.text,
        {names[key]: value for key, value in question.arguments.items()},
        {names[key]: place for key, place in question.at.items()},
    )


def planned(
    question: Question, card: Card, one: Asked, asked: tuple[Asked, ...], rng: random.Random
) -> Planned | None:
    """One step, or one of the forms of two.

    A question that holds the core's own arrow can only be asked whole.
    """
    roll = 1.0 if "->" in question.text else rng.random()
    if roll < 0.07 and question.at:
        return card_steps.first_worked_out(question, card, rng)
    text, arguments = styled(question, card, rng)
    if roll < 0.17 and card_steps.numeric(card):
        further = card_steps.then_converted if rng.random() < 0.45 else card_steps.then_calculated
        return further(text, card, arguments, rng)
    if roll < 0.2 and len(text) < 110 and not bare(text, one.card):
        other = rng.choice(asked)
        if other.family == one.family:
            return None
        second = _drawn(rng.choice(other.questions), other.card, rng)
        if len(second.text) > 110 or "->" in second.text or bare(second.text, other.card):
            return None
        told = (second.text, other.card, second.arguments)
        return card_steps.two_cards((text, card, arguments), told, rng)
    if rng.random() < 0.05:
        text = card_steps.told_beside(rng) + text
    step = StepText("@", card.name, card_steps.call(card, arguments))
    return Planned(text, [step], [(1, card_steps.invented(card, rng))], "#1")


def styled(question: Question, card: Card, rng: random.Random) -> tuple[str, dict[str, Any]]:
    """Typed by somebody else; sometimes all in lower case, copied names too."""
    keep: list[str] = []
    for parameter in card.parameters:
        value = question.arguments.get(parameter.name)
        if not parameter.choices:
            texts = value if isinstance(value, list) else [value]
            keep += [v for v in texts if isinstance(v, str) and v in question.text]
    keep += [question.text[start:end] for start, end in question.at.values()]
    text = restyle(question.text, tuple(keep), rng)
    arguments = question.arguments
    if rng.random() < 0.12 and '"' not in text and all(v.lower() in text.lower() for v in keep):
        text = text.lower()
        arguments = {
            p.name: _lower(arguments[p.name], p) for p in card.parameters if p.name in arguments
        }
    return text, arguments


def _lower(value: Any, parameter: Parameter) -> Any:
    if isinstance(value, list):
        return [item.lower() if isinstance(item, str) else item for item in value]
    copied = isinstance(value, str) and parameter.type in ("str", "date")
    return value.lower() if copied else value
