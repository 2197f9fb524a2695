"""Rows that ask experts known only by their card.

In: the hand-written cards with questions (phrasings/expert_cards*.jsonl). Out: rows where one to
four cards are offered and the right one is called (subquery `@`), combined with the calculator,
or nothing fits. Values inside a question are changed where they stand verbatim, names and
parameter names are changed often, so that only reading card and question can help.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mrkl.experts.base import Card, Parameter, Result
from mrkl.prompt import StepText, render_abstained, render_arguments, render_row
from training.data.card_values import converted, redated, relisted, retold
from training.data.firewall import blocked
from training.data.numbers_as_words import in_words
from training.data.row import Row, from_prompt

FOLDER = Path(__file__).parent / "phrasings"
FAMILIES = (
    "loan_", "triangle_area_", "bmr_", "vat_", "truncate_", "depreciation_", "league_points_",
    "heat_index wind_chill dew_point", "add_stock remove_stock transfer_stock stock_level",
    "send_sms schedule_sms send_email push_notify", "geometric_mean harmonic_mean trimmed_mean",
    "working_days_between add_working_days nights_between",
    "max_heart_rate hr_target_karvonen hr_percent_of_max", "todo_", "library_", "vacuum_",
    "to_morse from_morse", "airport_code airport_from_code", "zodiac_sign chinese_zodiac",
    "to_binary hex_to_dec base_convert ascii_code", "word_count char_count count_letter",
    "reverse_text is_palindrome", "sort_lines shuffle_list dedupe list_diff frequency_table",
    "random_pick random_number coin_toss team_split", "print_dpi_check ink_pages_left",
    "median_of std_dev z_score outliers_iqr", "isbn_check iban_valid luhn_check ean13_check_digit",
    "ping_host mac_vendor wake_on_lan", "password_strength generate_password",
    "order_status return_label delivery_slots", "shoe_size_convert ring_size hat_size",
    "dof_total lens_crop_equivalent nd_filter_time",
)  # fmt: skip
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
ANSWERS = ("#1", "It is #1.", "That comes to #1.", "The answer is #1.", "That gives #1.", "#1.")
NO_EXPERT = (
    "None of the experts here can answer that.",
    "I have no expert that knows this.",
    "Nothing I can call answers that.",
    "I don't know, and no expert here does.",
)
THEN = (
    ("{q}, times {n}", "#1 times {n}", "#1 * {n}"),
    ("{q} and then double it", "double #1", "#1 * 2"),
    ("half of this: {q}", "half of #1", "#1 / 2"),
    ("{q}, plus {n}", "#1 plus {n}", "#1 + {n}"),
    ("take the answer to '{q}' and subtract {n}", "#1 minus {n}", "#1 - {n}"),
    ("{n} times the result of {q}", "{n} times #1", "{n} * #1"),
    ("{q} - and what is {n} percent of that", "{n} percent of #1", "{n} / 100 * #1"),
    ("{q}. square that number", "#1 squared", "#1^2"),
    ("{q}; divided by {n}?", "#1 divided by {n}", "#1 / {n}"),
)


# near misses that a built-in expert may well answer are no examples of "nothing fits"
_SERVED = re.compile(
    r"\b(fahrenheit|celsius|kelvin|inch(es)?|feet|miles|pounds|ounces|lit(re|er)s|gallons|convert|"
    r"weather|forecast|rain|sun(rise|set)|temperature in|what (day|date|time|weekday)|easter|"
    r"which (day|weekday)|how many (days|weeks|minutes|hours|months)|capital|population|percent|"
    r"plus|minus|times|divided|root|mean of|median|average|sum|total|euros?|dollars?|exchange|"
    r"holiday|leap|week number|time zone|how old|days between|multiply|factor|prime|area of|"
    r"volume of|perimeter|boils?|melts?|how far is .* from the sun|symbol of|who (was|is|wrote)|"
    r"what does .* (mean|stand for)|what is an? )\b|%",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Asked:
    """A hand-written card with what people ask of it."""

    card: Card
    family: str
    questions: tuple[tuple[str, dict[str, Any]], ...]
    near_misses: tuple[str, ...]


def family_of(name: str) -> str:
    """The name of the family that must stay together, or the card's own name."""
    for family in FAMILIES:
        if name in family.split() or (family.endswith("_") and name.startswith(family)):
            return family
    return name


@cache
def load(split: str) -> tuple[Asked, ...]:
    """Cards of one split; whole families are held out."""
    found: list[Asked] = []
    for path in sorted(FOLDER.glob("expert_cards*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            raw = json.loads(line)
            family = family_of(raw["name"])
            held = random.Random(f"cards {family}").random() < 0.12
            if held == (split == "heldout"):
                found.append(_asked(raw, family))
    return tuple(found)


def _asked(raw: dict[str, Any], family: str) -> Asked:
    parameters = tuple(
        Parameter(name, p["type"], p.get("description") or "", p["required"], p.get("default"))
        for name, p in raw["parameters"].items()
    )
    card = Card(raw["name"], raw["description"], parameters, raw.get("returns") or "")
    walled = blocked()
    asked = tuple((q["q"], q["arguments"]) for q in raw["questions"] if q["q"] not in walled)
    near = tuple(
        text
        for text in raw.get("near_misses", ())
        if text not in walled and not _SERVED.search(text) and len(re.findall(r"\d+", text)) < 2
    )
    return Asked(card, family, asked, near)


def renamed(card: Card, rng: random.Random) -> tuple[Card, dict[str, str]]:
    """The card with other names, and old → new parameter names."""
    style = rng.choice(("camel", "short", "tool", "verb", "plain", "letters"))
    parts = card.name.split("_")
    name = {
        "camel": parts[0] + "".join(part.title() for part in parts[1:]),
        "short": "_".join(part[: rng.randint(3, 5)] for part in parts),
        "tool": f"{rng.choice(('tool', 'fn', 'expert', 'service'))}_{rng.randint(1, 99)}",
        "verb": f"{rng.choice(('get', 'compute', 'find', 'calc', 'do'))}_{card.name}",
        "plain": card.name,
        "letters": "".join(part[0] for part in parts) + str(rng.randint(1, 9)),
    }[style]
    names: dict[str, str] = {}
    for i, parameter in enumerate(card.parameters):
        pieces = parameter.name.split("_")
        names[parameter.name] = {
            "camel": pieces[0] + "".join(piece.title() for piece in pieces[1:]),
            "short": "_".join(piece[:4] for piece in pieces),
            "tool": f"arg{i + 1}" if parameter.description else parameter.name,
            "letters": "".join(piece[0] for piece in pieces),
        }.get(style, parameter.name)
    if len(set(names.values())) < len(names):
        names = {key: key for key in names}
    changed = tuple(
        Parameter(names[p.name], p.type, p.description, p.required, p.default, p.copy)
        for p in card.parameters
    )
    return Card(name, card.description, changed, card.returns), names


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
            if words and len(value) > 2 and rng.random() < 0.5:
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


def _result(card: Card, rng: random.Random) -> Result:
    kind = card.returns.split(",")[0].strip()
    if kind.startswith("bool"):
        return Result(rng.random() < 0.5)
    if kind.startswith("int"):
        return Result(rng.randint(0, 500))
    if kind.startswith(("str", "list")):
        return Result(" ".join(rng.sample(WORDS, rng.randint(1, 3))))
    return Result(round(rng.uniform(0, 900), rng.randint(0, 3)))


def _offered(
    right: Asked | None, others: tuple[Asked, ...], rng: random.Random, avoid: str
) -> list[Card]:
    """Up to three other cards; siblings often when the right one is among the offered."""
    count = rng.choice((0, 1, 2, 3, 3)) if right else rng.choice((1, 2, 3, 4))
    pool = [o for o in others if o.family == avoid and (right is None or o.card != right.card)]
    chosen: list[Card] = []
    if right and pool and rng.random() < 0.6:
        chosen = [o.card for o in rng.sample(pool, min(len(pool), count))]
    while len(chosen) < count:
        other = rng.choice(others)
        if other.family != avoid and other.card not in chosen:
            chosen.append(other.card)
    return chosen


def rows(rng: random.Random, split: str) -> Iterator[Row]:
    """Endless rows of this kind."""
    from training.data.styles import restyle

    asked = load(split)
    others = load("train")
    while True:
        one = rng.choice(asked)
        if one.near_misses and rng.random() < 0.12:
            question = restyle(rng.choice(one.near_misses), (), rng)
            cards = [one.card, *_offered(None, others, rng, one.family)[:3]]
            rng.shuffle(cards)
            text = render_abstained(question, cards, rng.choice(NO_EXPERT))
            yield from_prompt(text, "card none", one.card.name)
            continue
        question, arguments = rng.choice(one.questions)
        question, arguments = varied(question, arguments, one.card, rng)
        keep = tuple(v for v in arguments.values() if isinstance(v, str) and v in question)
        question = restyle(question, keep, rng)
        card = one.card
        if rng.random() < 0.4:
            card, names = renamed(card, rng)
            arguments = {names[key]: value for key, value in arguments.items()}
        cards = [card, *_offered(one, others, rng, one.family)]
        rng.shuffle(cards)
        made = _row(question, card, arguments, cards, rng)
        if made is not None:
            yield from_prompt(made, "card", one.card.name)


def _row(
    question: str, card: Card, arguments: dict[str, Any], cards: list[Card], rng: random.Random
) -> Any:
    order = [p.name for p in card.parameters]
    arguments = {name: arguments[name] for name in order if name in arguments}
    call = render_arguments(arguments, card.parameters)
    if len({c.name for c in cards}) < len(cards):
        return None
    result = _result(card, rng)
    number = isinstance(result.value, int | float) and not isinstance(result.value, bool)
    if number and rng.random() < 0.12 and "->" not in question:
        form, subquery, expression = rng.choice(THEN)
        n = rng.randint(2, 60)
        core = question.rstrip("?.! ")
        whole = form.format(q=core, n=n)
        steps = [
            StepText(core, card.name, call),
            StepText(subquery.format(n=n), "calculator", f'expression="{expression.format(n=n)}"'),
        ]
        results = [(1, result), (2, Result(round(rng.uniform(1, 900), 2)))]
        return render_row(whole, cards, steps, results, rng.choice(ANSWERS).replace("#1", "#2"))
    step = StepText("@", card.name, call)
    return render_row(question, cards, [step], [(1, result)], rng.choice(ANSWERS))
