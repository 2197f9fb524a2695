"""Other values in a card's question, in the question and in the call together.

In: a `Question` whose values' places are known, its card. Out: a question with new numbers, names,
texts, codes, clock times, dates, lists and enum words in those places. Places are replaced one by
one and the later ones move along; what cannot be redrawn stays as written.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import Any

from mrkl.experts.base import Card, Parameter
from training.data import words
from training.data.card_files import Question
from training.data.card_values import converted, retold
from training.data.moments import RELATIVE, random_date, typed_date, typed_time
from training.data.numbers_as_words import in_words, value_of

_CLOCK = re.compile(r"\d{1,2}:\d{2}( ?[ap]m)?|\d{1,2} ?[ap]m|noon|midnight", re.IGNORECASE)
_LITERAL = re.compile(r"\d+(?:\.\d+)?")
_JOINERS = ((", ", " and "), (", ", ", and "), (", ", ", "), (" and ", " and "), (" ", " "))
# numbers that arithmetic needs but that nobody counts
_FIXED = {"60", "24", "7", "12", "365", "1000", "100", "10", "30"}


@dataclass(frozen=True)
class Redrawn:
    """What now stands in a place, what the call says, and whether the unit after it is eaten."""

    typed: str
    argument: Any
    after: str | None = None  # what follows the place, where that changed too


def redrawn(question: Question, card: Card, rng: random.Random) -> Question:
    """The question with other values, arguments and places to match."""
    text, arguments, at = question.text, dict(question.arguments), dict(question.at)
    for parameter in card.parameters:
        place = at.get(parameter.name)
        if place is None or rng.random() < 0.2:
            continue
        start, end = place
        if any(s < end and start < e for n, (s, e) in at.items() if n != parameter.name):
            continue
        new = _value(text, place, arguments[parameter.name], parameter, rng)
        if new is None:
            continue
        after = text[end:] if new.after is None else new.after
        shift = len(new.typed) - (end - start)
        cut = shift + len(after) - len(text[end:])
        text = text[:start] + new.typed + after
        arguments[parameter.name] = new.argument
        at[parameter.name] = (start, start + len(new.typed))
        for name, (s, e) in at.items():
            if name != parameter.name and s >= end:
                at[name] = (s + cut, e + cut)
    return Question(text, arguments, at)


def _value(
    text: str, place: tuple[int, int], value: Any, parameter: Parameter, rng: random.Random
) -> Redrawn | None:
    typed = text[place[0] : place[1]]
    if isinstance(value, bool):
        return None
    if isinstance(value, list):
        return _listed(typed, value, rng)
    if isinstance(value, int | float):
        alone = not text[: place[0]][-1:].isalnum()
        return _number(typed, value, parameter, text[place[1] :], alone, rng)
    if parameter.choices:
        return _choice(typed, str(value), parameter, rng)
    if parameter.type in ("int", "float", "number"):
        return _arithmetic(typed, str(value), rng)
    if typed != value:
        return None
    if parameter.type == "date":
        return _day(typed, rng)
    quoted = text[place[0] - 1 : place[0]] == '"'
    return _text(typed, quoted, rng)


def _number(
    typed: str, value: float, parameter: Parameter, after: str, alone: bool, rng: random.Random
) -> Redrawn | None:
    """`alone`: nothing is glued to its front, as in `18x24`."""
    if value_of(typed) is None:  # `three of us`: the number word inside the place
        return _arithmetic(typed, str(value), rng)
    told = f"{parameter.name} {parameter.description}"
    other = converted(after, told, parameter.type == "int", rng) if rng.random() < 0.3 else None
    if other is not None:
        return Redrawn(*other)
    new = fresh(value, rng)
    spelled = alone and not after[:1].isalnum()  # never `thirtyx`
    return Redrawn(_typed(new, spelled, rng), new)


def fresh(value: float, rng: random.Random) -> int | float:
    """A number of the same size and fineness."""
    sign = -1 if value < 0 else 1
    size = abs(value)
    if float(value).is_integer():
        if size < 13:
            return sign * rng.randint(1 if size else 0, max(4, int(size * 2)))
        new = sign * rng.randint(max(2, int(size * 0.4)), int(size * 1.9))
        round_to = 100 if size % 100 == 0 else 10 if size % 10 == 0 else 1
        return new - new % round_to if round_to < abs(new) and rng.random() < 0.6 else new
    digits = len(str(value).split(".")[1])
    return sign * round(rng.uniform(0.4, 1.9) * size + 10**-digits, digits)


def _typed(new: float, spelled: bool, rng: random.Random) -> str:
    if isinstance(new, int) and new >= 1000 and rng.random() < 0.45:
        return f"{new:,}"
    if spelled and isinstance(new, int) and 2 <= new <= 99 and rng.random() < 0.2:
        return in_words(new)
    return str(new)


def _arithmetic(typed: str, value: str, rng: random.Random) -> Redrawn | None:
    """New numbers in `me and my two kids` / `1+2`, `1h45` / `1*60+45`: each where it stands."""
    changed = False
    for literal in dict.fromkeys(_LITERAL.findall(value)):
        if "." in literal or len(re.findall(rf"(?<![\d.]){literal}(?![\d.])", value)) != 1:
            continue
        shown = [literal] if literal in _FIXED else [literal, in_words(int(literal))]
        for form in shown:
            places = list(re.finditer(rf"(?<![\w.]){form}(?!\d|\.\d)", typed))
            if len(places) != 1 or typed[places[0].end() :].startswith("-"):
                continue
            new = rng.randint(2, max(6, min(int(literal) * 2, 59)))
            start, end = places[0].span()
            typed = typed[:start] + (in_words(new) if form != literal else str(new)) + typed[end:]
            value = re.sub(rf"(?<![\d.]){literal}(?![\d.])", str(new), value)
            changed = True
            break
    if not changed:
        return None
    return Redrawn(typed, int(value) if value.isdecimal() else value)


def _choice(typed: str, value: str, parameter: Parameter, rng: random.Random) -> Redrawn | None:
    """Another value of the enum, where the question names it outright."""
    if typed.lower() != value.lower() or rng.random() < 0.4:
        return None
    others = [c for c in parameter.choices if re.fullmatch(r"[a-zA-Z]+", c) and c != value]
    if not others:
        return None
    new = rng.choice(others)
    return Redrawn(new.capitalize() if typed[:1].isupper() and new.islower() else new, new)


def _day(typed: str, rng: random.Random) -> Redrawn:
    if not re.search(r"\d", typed) and rng.random() < 0.7:
        new = rng.choice(RELATIVE)
    else:
        new = typed_date(random_date(rng), rng)
    if typed.islower() and rng.random() < 0.7:
        new = new.lower()
    return Redrawn(new, new)


def _text(typed: str, quoted: bool, rng: random.Random) -> Redrawn | None:
    if _CLOCK.fullmatch(typed):
        new = typed_time(rng)[0]
    elif "@" in typed or "/" in typed or "." in typed.rstrip("."):
        new = _code(typed, rng) if re.search(r"\d", typed) else typed
    elif re.search(r"\d", typed):
        new = _code(typed, rng)
    elif not re.fullmatch(r"[\w' -]+", typed) or len(typed) < 3 or typed.isupper():
        return None
    elif quoted and len(typed.split()) > 2:
        new = rng.choice(words.SENTENCES)
        new = new[:1].upper() + new[1:] if typed[:1].isupper() else new
    else:
        new = retold(typed, rng)
    return Redrawn(new, new) if new != typed else None


def _code(typed: str, rng: random.Random) -> str:
    """The same shape with other digits, and other capitals in short codes."""
    letters = len(typed) < 12

    def other(match: re.Match[str]) -> str:
        c = match[0]
        if c.isdigit():
            return rng.choice("123456789" if c != "0" else "0123456789")
        return rng.choice("ABCDEFGHJKLMNPQRSTUVWXYZ") if letters else c

    return re.sub(r"\d|[A-Z](?![a-z])", other, typed)


def _listed(typed: str, values: list[Any], rng: random.Random) -> Redrawn | None:
    """A list of the same kind, sometimes one longer or shorter, joined in some way."""
    count = max(2, len(values) + rng.choice((-1, 0, 0, 1, 2)))
    if isinstance(values[0], int | float):
        new: list[Any] = [fresh(rng.choice(values), rng) for _ in range(count)]
        shown = [str(item) for item in new]
    elif all(re.fullmatch(r"[A-Z][a-z]+", str(item)) for item in values):
        new = rng.sample([name for name in words.PERSONS if name.isalpha()], count)
        shown = new
    elif all(re.fullmatch(r"[a-z]+( [a-z]+)?", str(item)) for item in values):
        pool = rng.choice((words.WORDS, words.FOODS, words.SINGLE_ITEMS, words.ANIMALS))
        new = rng.sample(pool, count)
        if rng.random() < 0.3 and all(name.isalpha() for name in new):
            new = [n.lower() for n in rng.sample([p for p in words.PERSONS if p.isalpha()], count)]
        shown = new
    else:
        return None
    comma, last = rng.choice(_JOINERS[:4] if any(" " in item for item in shown) else _JOINERS)
    return Redrawn(comma.join(shown[:-1]) + last + shown[-1], new)
