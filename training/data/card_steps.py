"""Plans of two steps with a card: its result used further, or something worked out for it first.

In: a question with its card and arguments. Out: `Planned` rows: the whole question, steps and
results. Results of cards are invented, those of calculator and units are right.
"""

from __future__ import annotations

import math
import random
import re
from dataclasses import dataclass
from typing import Any

from mrkl.experts.base import Card, Result
from mrkl.prompt import StepText, render_arguments
from training.data.card_files import Question
from training.data.units_table import convert
from training.data.words import ITEMS, TOPICS

WORDS = [
    "banana",
    "window",
    "Lisbon",
    "harbour",
    "Margaret",
    "copper",
    "seventeen",
    "lantern",
    "oak",
    "Bjorn",
    "quiet",
    "river",
    "plum",
    "velvet",
    "October",
    "signal",
    "Tanaka",
    "marble",
    "spoon",
    "Priya",
    "winter",
    "anchor",
    "basil",
    "Omar",
    "comet",
    "ladder",
]
THEN = (
    ("{q}, times {n}", "#1 times {n}", "#1 * {n}"),
    ("{q} and then double it", "double #1", "#1 * 2"),
    ("half of this: {q}", "half of #1", "#1 / 2"),
    ("twice what this gives: {q}", "twice #1", "#1 * 2"),
    ("{q}, plus {n}", "#1 plus {n}", "#1 + {n}"),
    ("take the answer to '{q}' and subtract {n}", "#1 minus {n}", "#1 - {n}"),
    ("{n} times the result of {q}", "{n} times #1", "{n} * #1"),
    ("{q} - and what is {n} percent of that", "{n} percent of #1", "{n} / 100 * #1"),
    ("{q}. square that number", "#1 squared", "#1^2"),
    ("{q}; divided by {n}?", "#1 divided by {n}", "#1 / {n}"),
    ("{q}? I need that {n} times over", "{n} times #1", "{n} * #1"),
    ("{q}, then add {n} to it", "#1 plus {n}", "#1 + {n}"),
    ("{q}, shared among {n}", "#1 divided by {n}", "#1 / {n}"),
    ("what is a third of the following: {q}", "#1 divided by 3", "#1 / 3"),
    ("{q}, and the square root of that", "square root of #1", "sqrt(#1)"),
)
# (how the return value names its unit, that unit, units to ask for)
_RETURNED = (
    (r"\b(cm|centimet\w+)\b", "cm", ("inches", "feet", "millimeters")),
    (r"\b(mm|millimet\w+)\b", "mm", ("inches", "centimeters")),
    (r"\b(km|kilomet\w+)\b(?!/)", "km", ("miles", "meters")),
    (r"\b(m|met(re|er)s?)\b(?!/)", "m", ("feet", "yards", "inches")),
    (r"\b(kg|kilograms?|kilos)\b", "kg", ("pounds", "stone", "grams")),
    (r"\b(g|grams?)\b", "g", ("ounces", "kilograms")),
    (r"\bmg\b", "mg", ("grams",)),
    (r"\b(l|lit(re|er)s?)\b", "liters", ("gallons", "pints", "milliliters")),
    (r"\b(ml|millilit\w+)\b", "ml", ("fluid ounces", "teaspoons", "liters")),
    (r"\bhours?\b", "hours", ("minutes", "days")),
    (r"\bminutes?\b(?! past)", "minutes", ("hours", "seconds")),
    (r"\bdays\b", "days", ("weeks", "hours")),
)
_INTO = ("{q}, in {u}", "{q}? in {u} please", "{q} (give it in {u})", "in {u}: {q}", "{q} - as {u}")
# (what follows the number, the parameter says so, units to type instead)
_FOREIGN = (
    (r" ?(cm|centimet\w+)\b", r"cm|centi", "centimeters", ("inches", "feet")),
    (r" ?(mm|millimet\w+)\b", r"mm|milli", "millimeters", ("inches",)),
    (r" ?(m|metres?|meters?)\b", r"_m\b|\bm\b|metre|meter", "meters", ("feet", "yards")),
    (r" ?(km|kilomet\w+)\b", r"km|kilomet", "kilometers", ("miles", "nautical miles")),
    (r" ?(kg|kilos|kilograms?)\b", r"kg|kilo", "kilograms", ("pounds", "stone")),
    (r" ?(g|grams?)\b", r"gram|_g\b|\bg\b", "grams", ("ounces", "pounds")),
    (r" ?(l|lit(re|er)s?)\b", r"lit(re|er)|_l\b|\bl\b", "liters", ("gallons", "pints")),
    (r" ?(ml|millilit\w+)\b", r"_?ml\b|millilit", "milliliters", ("fluid ounces", "cups")),
)
_JOIN = (" and also: ", "; and ", ", plus one more thing: ", ". Then ", " - oh and ", "? And ")


@dataclass(frozen=True)
class Planned:
    """A question with the steps that answer it, their results, and the answer's wording."""

    question: str
    steps: list[StepText]
    results: list[tuple[int, Result]]
    last: str  # slots of the answer


def invented(card: Card, rng: random.Random) -> Result:
    """A result of the kind the card promises."""
    kind = card.returns.split(",")[0].strip()
    if kind.startswith("bool"):
        return Result(rng.random() < 0.5)
    if kind.startswith("int"):
        return Result(rng.randint(0, 500))
    if kind.startswith(("float", "number")):
        return Result(round(rng.uniform(0, 900), rng.randint(0, 3)))
    return Result(" ".join(rng.sample(WORDS, rng.randint(1, 3))))


def numeric(card: Card) -> bool:
    """Whether the card returns one number."""
    return bool(re.match(r"(int|float|number)\b", card.returns))


def call(card: Card, arguments: dict[str, Any]) -> str:
    """The arguments as the core writes them."""
    return render_arguments(arguments, card.parameters)


def then_calculated(
    question: str, card: Card, arguments: dict[str, Any], rng: random.Random
) -> Planned:
    """The calculator goes on with the card's number."""
    form, subquery, expression = rng.choice(THEN)
    n = rng.randint(2, 60)
    core = question.rstrip("?.! ")
    result = invented(card, rng)
    steps = [
        StepText(core, card.name, call(card, arguments)),
        StepText(subquery.format(n=n), "calculator", f'expression="{expression.format(n=n)}"'),
    ]
    results = [(1, result), (2, Result(round(rng.uniform(1, 900), 2)))]
    return Planned(form.format(q=core, n=n), steps, results, "#2")


def then_converted(
    question: str, card: Card, arguments: dict[str, Any], rng: random.Random
) -> Planned | None:
    """The card's measure in another unit."""
    _, _, said = card.returns.partition(" ")
    found = next((row for row in _RETURNED if re.search(row[0], said)), None)
    if found is None:
        return None
    _, unit, targets = found
    target = rng.choice(targets)
    core = question.rstrip("?.! ")
    result = invented(card, rng)
    done = convert(float(str(result.value)), unit, target)
    if done is None:
        return None
    steps = [
        StepText(core, card.name, call(card, arguments)),
        StepText(f"#1 {unit} in {target}", "units", f'quantity="#1 {unit}", to="{target}"'),
    ]
    results = [(1, result), (2, Result(float(f"{done[0]:.6g}"), done[1]))]
    return Planned(rng.choice(_INTO).format(q=core, u=target), steps, results, "#2")


def _worked_out(rng: random.Random) -> tuple[str, str, int | float]:
    """(as typed, expression, value) of something only the calculator can do."""
    a, b = rng.randint(2, 15), rng.randint(2, 40)
    c = rng.randint(41, 90)
    return rng.choice(
        (
            (f"the square root of {a * a}", f"sqrt({a * a})", a),
            (f"{a} squared", f"{a}^2", a * a),
            (f"the lcm of {a} and {b}", f"lcm({a}, {b})", math.lcm(a, b)),
            (f"the average of {b} and {c}", f"mean({b}, {c})", (b + c) / 2),
            (f"{a * 5} percent of {b * 20}", f"{a * 5} / 100 * {b * 20}", a * b),
            (f"the larger of {b} and {c}", f"max({b}, {c})", c),
            (f"{a} to the power of 3", f"{a}^3", a**3),
            (f"{c} mod {a}", f"mod({c}, {a})", c % a),
        )
    )


def first_worked_out(question: Question, card: Card, rng: random.Random) -> Planned | None:
    """A number of the question replaced by a sum that the calculator does first."""
    numbers = [
        p
        for p in card.parameters
        if p.type in ("int", "float", "number")
        and p.name in question.at
        and isinstance(question.arguments[p.name], int | float)
        and re.fullmatch(r"[\d.,]+", question.text[slice(*question.at[p.name])])
    ]
    if not numbers:
        return None
    parameter = rng.choice(numbers)
    start, end = question.at[parameter.name]
    foreign = _foreign(question.text[end:], f"{parameter.name} {parameter.description}", rng)
    if foreign is not None and rng.random() < 0.75:
        typed, step, result, follows = foreign
        rest = question.text[end + follows :]
    else:
        typed, expression, value = _worked_out(rng)
        if parameter.type == "int" and not float(value).is_integer():
            return None
        step = StepText(typed, "calculator", f'expression="{expression}"')
        result = Result(value)
        rest = question.text[end:]
    before = question.text[:start]
    if (before and before[-1] not in " (") or rest[:1] not in ("", *" ,.?;:)"):
        return None  # `$40`, `25mm`: a phrase does not fit in there
    arguments = {**question.arguments, parameter.name: "#1"}
    second = StepText(f"{before}#1{rest}".rstrip("?.! "), card.name, call(card, arguments))
    results = [(1, result), (2, invented(card, rng))]
    return Planned(before + typed + rest, [step, second], results, "#2")


def _foreign(after: str, told: str, rng: random.Random) -> tuple[str, StepText, Result, int] | None:
    for follows, named, unit, others in _FOREIGN:
        match = re.match(follows, after)
        if match is None or not re.search(named, told):
            continue
        n, other = rng.randint(2, 90), rng.choice(others)
        done = convert(n, other, unit)
        if done is None:
            return None
        step = StepText(f"{n} {other} in {unit}", "units", f'quantity="{n} {other}", to="{unit}"')
        return f"{n} {other}", step, Result(float(f"{done[0]:.6g}"), done[1]), match.end()
    return None


def two_cards(
    first: tuple[str, Card, dict[str, Any]],
    second: tuple[str, Card, dict[str, Any]],
    rng: random.Random,
) -> Planned:
    """Two questions in one, each for its own card."""
    one, two = first[0].rstrip("?.! "), second[0].rstrip("?.! ")
    steps = [
        StepText(text, card.name, call(card, arguments))
        for text, (_, card, arguments) in ((one, first), (two, second))
    ]
    results = [(1, invented(first[1], rng)), (2, invented(second[1], rng))]
    return Planned(one + rng.choice(_JOIN) + two, steps, results, "#1 and #2")


def told_beside(rng: random.Random) -> str:
    """A clause with a number or a name that the question does not need."""
    n = rng.randint(2, 60)
    return rng.choice(
        (
            f"I have {n} {rng.choice(ITEMS)} here. ", f"Page {n}: ", f"I'm {n}. ",
            f"My friend talks about {rng.choice(TOPICS)} all day. ", f"({n} minutes left) ",
            f"After {n} emails about it: ", f"Row {n} of my list says: ",
        )
    )  # fmt: skip
